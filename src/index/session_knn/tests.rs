//! The index against the same algorithm written slowly, on seeded random sessions, kind and hostile.

use std::collections::BTreeMap;

use super::recent::UNIT;
use super::*;
use crate::domain::ItemIdx;

type Sessions = Vec<(i64, Vec<u32>)>;

const ITEMS: usize = 40;

/// The same algorithm, written for the eye: no index, no early stop. Scores are exact: equal, not close. `weight` is
/// that of an item of the running session.
fn slow_twin(
    sessions: &Sessions,
    running: &[u32],
    weight: impl Fn(u32) -> f32,
    params: &SessionKnnParams,
    take: usize,
    mask: &ItemMask,
) -> Vec<(u32, f32)> {
    let mut order: Vec<usize> = (0..sessions.len()).collect();
    order.sort_by_key(|at| sessions[*at].0);
    let sets: Vec<Vec<u32>> = order.iter().map(|at| distinct(&sessions[*at].1)).collect();
    let mut newest: Vec<u32> = Vec::new();
    for item in running.iter().rev() {
        if !newest.contains(item) && newest.len() < params.max_items_in_session.min(64) {
            newest.push(*item);
        }
    }
    let recent = (0..sets.len()).rev().filter(|at| newest.iter().any(|item| sets[*at].contains(item)));
    let mut nearest: Vec<(f32, usize, usize)> = recent
        .take(params.m_most_recent_sessions)
        .map(|at| {
            let shared = newest.iter().enumerate().filter(|(_, item)| sets[at].contains(item));
            let similarity = shared
                .clone()
                .fold(0.0, |sum, (d, item)| sum + weight(*item) * params.decay.weight(d, newest.len()));
            (similarity, at, shared.map(|(d, _)| d).min().unwrap())
        })
        .collect();
    nearest.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    nearest.truncate(params.k_neighbors);
    let mut sums: BTreeMap<u32, u64> = BTreeMap::new();
    for (similarity, at, distance) in nearest {
        let weight = similarity * params.match_weight.weight(distance);
        for item in &sets[at] {
            *sums.entry(*item).or_default() += (weight / UNIT).round() as u64;
        }
    }
    let clicks = sets.iter().map(Vec::len).sum::<usize>() as f32;
    let total = sessions.len() as f32;
    let mut ranked: Vec<(u32, f32)> = sums
        .into_iter()
        .filter(|(item, sum)| *sum != 0 && mask.admits(ItemIdx(*item)))
        .map(|(item, sum)| {
            let holders = sets.iter().filter(|set| set.contains(&item)).count() as f32;
            let (idf, per_session) =
                (super::build::natural_log(total / holders), super::build::natural_log(clicks / total));
            (item, sum as f32 * UNIT * params.idf.rarity(idf, per_session, params.idf_weighting))
        })
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked.truncate(take);
    ranked
}

fn distinct(items: &[u32]) -> Vec<u32> {
    let mut items: Vec<u32> = items.iter().filter(|item| (**item as usize) < ITEMS).copied().collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// Sessions with repeats, none or unknown items now and then, often at the same time.
fn random_sessions(random: &mut fastrand::Rng, longest: usize) -> Sessions {
    (0..random.usize(1..120))
        .map(|_| (random.i64(-20..20), (0..random.usize(0..longest)).map(|_| random.u32(0..42)).collect()))
        .collect()
}

fn random_params(random: &mut fastrand::Rng) -> SessionKnnParams {
    SessionKnnParams {
        m_most_recent_sessions: *random.choice(&[1, 2, 7, 30, 1_000_000]).unwrap(),
        k_neighbors: *random.choice(&[1, 3, 20, 1_000_000]).unwrap(),
        max_items_in_session: *random.choice(&[1, 2, 3, 6, 10, 11, 64, 1000]).unwrap(),
        idf_weighting: *random.choice(&[0.0, 1.0, 3.5]).unwrap(),
        idf: *random.choice(&[Idf::Sessions, Idf::Clicks]).unwrap(),
        decay: *random.choice(&[Decay::Linear, Decay::Harmonic, Decay::None]).unwrap(),
        match_weight: *random
            .choice(&[MatchWeight::Linear, MatchWeight::Shifted, MatchWeight::None])
            .unwrap(),
    }
}

fn answer(
    index: &SessionKnn,
    running: &[u32],
    params: &SessionKnnParams,
    take: usize,
    mask: &ItemMask,
    scratch: &mut SessionScratch,
) -> Vec<(u32, f32)> {
    let keys = index.recommend(running, params, take, mask, scratch);
    keys.iter().map(|key| (score::item(*key).0, score::value(*key))).collect()
}

fn open_mask() -> ItemMask {
    let mut mask = ItemMask::default();
    mask.reset(ITEMS);
    mask
}

#[test]
fn the_index_agrees_with_a_slow_twin() {
    let mut random = fastrand::Rng::with_seed(42);
    let mut scratch = SessionScratch::default();
    for round in 0..600 {
        let longest = if round % 3 == 0 { 60 } else { 8 };
        let sessions = random_sessions(&mut random, longest);
        let index = SessionKnn::new(ITEMS, sessions.clone());
        let params = random_params(&mut random);
        let running: Vec<u32> = (0..random.usize(0..90)).map(|_| random.u32(0..42)).collect();
        let running = &running[..running.len().min(random.usize(0..90))];
        let mut mask = open_mask();
        (0..random.u32(0..10)).for_each(|_| mask.exclude(ItemIdx(random.u32(0..40))));
        let take = random.usize(0..50);
        let expected = slow_twin(&sessions, running, |_| 1.0, &params, take, &mask);
        let found = answer(&index, running, &params, take, &mask, &mut scratch);
        assert_eq!(found, expected, "round {round}: {params:?}");

        let weight = |item: u32| (item % 5) as f32 / 4.0;
        let expected = slow_twin(&sessions, running, weight, &params, take, &mask);
        let mut weighted: Vec<(u32, f32)> = Vec::new();
        for item in running.iter().rev() {
            if !weighted.iter().any(|(known, _)| known == item) {
                weighted.push((*item, weight(*item)));
            }
        }
        let keys = index.recommend_weighted(&weighted, &params, take, &mask, &mut scratch);
        let found: Vec<(u32, f32)> =
            keys.iter().map(|key| (score::item(*key).0, score::value(*key))).collect();
        assert_eq!(found, expected, "weighted, round {round}: {params:?}");
    }
}

#[test]
fn rows_in_any_order_make_the_same_index() {
    let mut random = fastrand::Rng::with_seed(9);
    for round in 0..100 {
        let sessions = random_sessions(&mut random, 12);
        let expected = SessionKnn::new(ITEMS, sessions.clone());
        let mut rows: Vec<(u32, u32)> = Vec::new();
        for (number, (_, items)) in sessions.iter().enumerate() {
            rows.extend(items.iter().map(|item| (number as u32, *item)));
        }
        random.shuffle(&mut rows);
        let mut clicks =
            SessionClicks { newest: sessions.iter().map(|s| s.0).collect(), ..Default::default() };
        (clicks.session, clicks.item) = rows.into_iter().unzip();
        // A session without a time is left out.
        clicks.session.push(9999);
        clicks.item.push(0);
        let found = SessionKnn::from_clicks(ITEMS, clicks, SessionLimits::default());
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "round {round}");
    }
}

#[test]
fn many_sessions_are_built_in_parallel_as_in_one_piece() {
    let mut random = fastrand::Rng::with_seed(4);
    let items = |_| (0..random.usize(0..4)).map(|_| random.u32(0..50)).collect();
    let sessions: Vec<Vec<u32>> = (0..100_000).map(items).collect();
    let index = SessionKnn::new(ITEMS, (0..).zip(sessions.clone()).collect());
    let distinct: Vec<Vec<u32>> = sessions.iter().map(|session| distinct(session)).collect();
    assert_eq!(index.sessions(), 100_000);
    assert_eq!(index.clicks(), distinct.iter().map(Vec::len).sum::<usize>());
    for item in 0..ITEMS as u32 {
        let holders = distinct.iter().filter(|session| session.contains(&item)).count();
        assert_eq!(index.sessions_with(item), holders);
    }
    let params = SessionKnnParams { m_most_recent_sessions: 1, ..Default::default() };
    let (mask, mut scratch) = (open_mask(), SessionScratch::default());
    for item in 0..ITEMS as u32 {
        let newest = distinct.iter().rev().find(|session| session.contains(&item)).unwrap();
        let mut found: Vec<u32> =
            answer(&index, &[item], &params, ITEMS, &mask, &mut scratch).iter().map(|f| f.0).collect();
        found.sort_unstable();
        assert_eq!(found, *newest);
    }
}

#[test]
fn unknown_items_and_empty_sessions_find_nothing() {
    let index = SessionKnn::new(3, vec![(0, vec![0, 1]), (1, vec![]), (2, vec![7])]);
    let (mut scratch, mut mask) = (SessionScratch::default(), ItemMask::default());
    mask.reset(3);
    let params = SessionKnnParams::default();
    for session in [&[][..], &[2], &[99], &[u32::MAX]] {
        assert!(index.recommend(session, &params, 5, &mask, &mut scratch).is_empty());
        assert!(SessionKnn::default().recommend(session, &params, 5, &mask, &mut scratch).is_empty());
        assert!(
            SessionKnn::new(0, vec![(0, vec![0])])
                .recommend(session, &params, 5, &mask, &mut scratch)
                .is_empty()
        );
    }
    assert_eq!((index.sessions(), index.clicks()), (3, 2));
}

#[test]
fn long_sessions_keep_their_last_items_and_popular_items_their_newest_sessions() {
    let sessions = (0..10).map(|time| (time, vec![0, 1, time as u32 + 10, 1, 3]));
    let mut clicks = SessionClicks { newest: (0..10).collect(), ..Default::default() };
    for (number, (_, items)) in sessions.enumerate() {
        clicks.session.extend(items.iter().map(|_| number as u32));
        clicks.item.extend(items);
    }
    let limits = SessionLimits { items_per_session: 3, sessions_per_item: 2 };
    let index = SessionKnn::from_clicks(ITEMS, clicks, limits);
    assert_eq!(index.clicks(), 30);
    assert_eq!([0, 1, 3, 19].map(|item| index.sessions_with(item)), [0, 2, 2, 1]);
    let found =
        answer(&index, &[3], &SessionKnnParams::default(), 5, &open_mask(), &mut SessionScratch::default());
    let mut items: Vec<u32> = found.iter().map(|(item, _)| *item).collect();
    items.sort_unstable();
    assert_eq!(items, [1, 3, 18, 19]);
}

#[test]
fn no_match_however_old_counts_against_an_item() {
    for distance in 0..64 {
        for weight in [MatchWeight::Linear, MatchWeight::Shifted, MatchWeight::None] {
            assert!((0.0..=1.0).contains(&weight.weight(distance)));
        }
        for decay in [Decay::Linear, Decay::Harmonic, Decay::None] {
            assert!(decay.weight(distance, 64) > 0.0);
        }
    }
}

#[test]
fn equally_good_items_go_by_their_number_whatever_the_order_of_the_sessions() {
    // Items 5 and 2 are held by sessions of the same weights, met in another order.
    let sessions = vec![(0, vec![0, 5]), (1, vec![0, 1, 2]), (2, vec![0, 1, 5]), (3, vec![0, 2])];
    let index = SessionKnn::new(ITEMS, sessions);
    let mut mask = open_mask();
    [0, 1].into_iter().for_each(|item| mask.exclude(ItemIdx(item)));
    let found =
        answer(&index, &[1, 0], &SessionKnnParams::default(), 5, &mask, &mut SessionScratch::default());
    assert_eq!(found.iter().map(|(item, _)| *item).collect::<Vec<_>>(), [2, 5]);
    assert_eq!(found[0].1, found[1].1);
}

#[test]
fn what_it_will_weigh_is_known_before() {
    let index = SessionKnn::new(ITEMS, (0..50).map(|at| (at, vec![at as u32 % 40, 3, 3, 9])).collect());
    assert_eq!(index.resident_bytes(), SessionKnn::predict_bytes(ITEMS, index.clicks()));
    assert!(SessionKnn::predict_bytes(usize::MAX, usize::MAX) > 0);
}
