//! The index against the same algorithm written slowly, on seeded random sessions.

use std::collections::BTreeMap;

use super::*;

/// The same algorithm, written for the eye: no index, no early stop.
fn slow_twin(
    sessions: &[(i64, Vec<u32>)],
    running: &[u32],
    params: &SessionKnnParams,
    take: usize,
) -> Vec<(u32, f32)> {
    let mut order: Vec<usize> = (0..sessions.len()).collect();
    order.sort_by_key(|at| sessions[*at].0);
    let mut newest: Vec<u32> = Vec::new();
    for item in running.iter().rev() {
        if !newest.contains(item) && newest.len() < params.max_items_in_session {
            newest.push(*item);
        }
    }
    let has = |number: usize, item: u32| sessions[order[number]].1.contains(&item);
    let mut recent: Vec<usize> =
        (0..order.len()).filter(|number| newest.iter().any(|item| has(*number, *item))).collect();
    recent.reverse();
    recent.truncate(params.m_most_recent_sessions);
    let mut nearest: Vec<(f32, usize, usize)> = recent
        .into_iter()
        .map(|number| {
            let shared = newest.iter().enumerate().filter(|(_, item)| has(number, **item));
            let similarity = shared.clone().map(|(d, _)| params.decay.weight(d, newest.len())).sum();
            (similarity, number, shared.map(|(d, _)| d).min().unwrap_or(0))
        })
        .collect();
    nearest.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    nearest.truncate(params.k_neighbors);
    let mut sums: BTreeMap<u32, f32> = BTreeMap::new();
    for (similarity, number, distance) in nearest {
        let mut items = sessions[order[number]].1.clone();
        items.sort_unstable();
        items.dedup();
        for item in items {
            let holders = sessions.iter().filter(|s| s.1.contains(&item)).count();
            let rarity = match params.idf_weighting {
                0.0 => 1.0,
                weight => 1.0 + weight * (sessions.len() as f32 / holders as f32).ln(),
            };
            *sums.entry(item).or_default() += similarity * (1.0 - 0.1 * distance.min(10) as f32) * rarity;
        }
    }
    let mut ranked: Vec<(u32, f32)> = sums.into_iter().filter(|(_, sum)| *sum != 0.0).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked.truncate(take);
    ranked
}

#[test]
fn the_index_agrees_with_a_slow_twin() {
    let mut random = fastrand::Rng::with_seed(42);
    let mut scratch = SessionScratch::default();
    let mut mask = ItemMask::default();
    mask.reset(40);
    for round in 0..60 {
        let sessions: Vec<(i64, Vec<u32>)> = (0..random.usize(1..120))
            .map(|_| (random.i64(0..50), (0..random.usize(1..8)).map(|_| random.u32(0..40)).collect()))
            .collect();
        let index = SessionKnn::new(40, sessions.clone());
        let params = SessionKnnParams {
            m_most_recent_sessions: random.usize(1..60),
            k_neighbors: random.usize(1..30),
            max_items_in_session: random.usize(1..6),
            idf_weighting: if round % 2 == 0 { 1.0 } else { 0.0 },
            decay: [Decay::Linear, Decay::Harmonic, Decay::None][round % 3],
        };
        let running: Vec<u32> = (0..random.usize(1..9)).map(|_| random.u32(0..40)).collect();
        let expected = slow_twin(&sessions, &running, &params, 15);
        let found: Vec<(u32, f32)> = index
            .recommend(&running, &params, 15, &mask, &mut scratch)
            .iter()
            .map(|key| (score::item(*key).0, score::value(*key)))
            .collect();
        assert_eq!(found.len(), expected.len(), "round {round}");
        for (f, e) in found.iter().zip(&expected) {
            assert!((f.1 - e.1).abs() <= 1e-4 * e.1.abs(), "round {round}: {found:?} {expected:?}");
        }
    }
}

#[test]
fn unknown_items_and_empty_sessions_find_nothing() {
    let index = SessionKnn::new(3, vec![(0, vec![0, 1])]);
    let (mut scratch, mut mask) = (SessionScratch::default(), ItemMask::default());
    mask.reset(3);
    for session in [&[][..], &[2], &[99]] {
        assert!(index.recommend(session, &SessionKnnParams::default(), 5, &mask, &mut scratch).is_empty());
    }
}
