//! How much faster are next items from similar sessions than in crate `serenade`, on the same sessions and queries?
//!
//! Sessions are generated with a fixed seed: Zipf items in random order, lengths shaped like those of a click log (2 to
//! 16, many short ones). Both indexes live in one process and answer the same queries in alternating batches; of five
//! rounds, a query's fastest counts. Prints a JSON row for each question; `--out FILE` also writes them as an array,
//! `--small` takes the smaller data only.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use larder::domain::{ItemIdx, ItemMask, score};
use larder::index::{
    Decay, Idf, MatchWeight, SessionClicks, SessionKnn, SessionKnnParams, SessionLimits, SessionScratch,
};
use serde_json::{Value, json};
use serenade::vmisknn::predict;
use serenade::vmisknn::vmis_index::VMISIndex;

const M: usize = 500;
const K: usize = 500;
const TAKE: usize = 20;
const QUERIES: usize = 10_000;
const ROUNDS: usize = 5;
const BATCH: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut out, mut small) = (None, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--small" => small = true,
            "--out" => out = Some(arguments.next().ok_or("--out needs a file")?),
            other => return Err(format!("{other}: expected --small or --out FILE").into()),
        }
    }
    let mut rows = compare("500k sessions", 500_000, 50_000)?;
    if !small {
        rows.extend(compare("2.4M sessions", 2_400_000, 200_000)?);
    }
    if let Some(out) = out {
        std::fs::write(&out, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

fn compare(name: &str, sessions: usize, items: usize) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut shop = Shop::new(items, 7);
    let history: Vec<Vec<u32>> = (0..sessions).map(|_| shop.session()).collect();
    let clicks: usize = history.iter().map(Vec::len).sum();

    let before = live_bytes();
    let began = Instant::now();
    let ours = SessionKnn::from_clicks(items, columns(&history), SessionLimits::default());
    let build_seconds = began.elapsed().as_secs_f64();
    let our_bytes = live_bytes() - before;
    let before = live_bytes();
    let theirs = serenade_index(&history)?;
    let their_bytes = live_bytes() - before;

    let mut rows = Vec::new();
    for last in [2, 7] {
        let queries: Vec<Vec<u32>> = (0..QUERIES).map(|_| tail(shop.session(), last)).collect();
        let Outcome { ours: our_times, theirs: their_times, same } = run(&ours, &theirs, items, &queries);
        let row = json!({
            "question": "session_knn/serenade",
            "data": format!("{name}, {clicks} clicks, {items} items, m={M} k={K} last={last}"),
            "ours": mean(&our_times), "theirs": mean(&their_times), "unit": "us",
            "ratio": mean(&their_times) / mean(&our_times),
            "ours_p50": at(&our_times, 0.5), "ours_p90": at(&our_times, 0.9), "ours_p99": at(&our_times, 0.99),
            "theirs_p50": at(&their_times, 0.5), "theirs_p99": at(&their_times, 0.99),
            "bytes_per_click": our_bytes as f64 / clicks as f64,
            "predicted_bytes_per_click": SessionKnn::predict_bytes(items, clicks) as f64 / clicks as f64,
            "theirs_bytes_per_click": their_bytes as f64 / clicks as f64,
            "same_top20": same, "build_seconds": build_seconds,
        });
        println!("{row}");
        rows.push(row);
    }
    Ok(rows)
}

struct Outcome {
    ours: Vec<f64>,
    theirs: Vec<f64>,
    same: f64,
}

fn run(ours: &SessionKnn, theirs: &VMISIndex, items: usize, queries: &[Vec<u32>]) -> Outcome {
    // The peer's own formula, in our words; like it, the newest item of the running session is not recommended.
    let params = SessionKnnParams {
        m_most_recent_sessions: M,
        k_neighbors: K,
        max_items_in_session: 64,
        idf_weighting: 1.0,
        idf: Idf::Clicks,
        decay: Decay::Linear,
        match_weight: MatchWeight::Shifted,
    };
    let (mut scratch, mut mask) = (SessionScratch::default(), ItemMask::default());
    let mut our_times = vec![f64::MAX; queries.len()];
    let mut their_times = our_times.clone();
    let mut same = 0;
    for round in 0..ROUNDS {
        for first in (0..queries.len()).step_by(BATCH) {
            let batch = first..(first + BATCH).min(queries.len());
            let mut answers = Vec::new();
            for at in batch.clone() {
                let query = &queries[at];
                let began = Instant::now();
                mask.reset(items);
                query.last().into_iter().for_each(|item| mask.exclude(ItemIdx(*item)));
                let slate = ours.recommend(query, &params, TAKE, &mask, &mut scratch);
                our_times[at] = our_times[at].min(began.elapsed().as_secs_f64() * 1e6);
                if round == 0 {
                    answers.push(
                        slate.iter().map(|key| (score::item(*key).0, score::value(*key))).collect::<Vec<_>>(),
                    );
                }
            }
            for at in batch {
                let query: Vec<u64> = queries[at].iter().map(|item| u64::from(*item)).collect();
                let began = Instant::now();
                let slate = predict(theirs, &query, K, M, TAKE, false);
                their_times[at] = their_times[at].min(began.elapsed().as_secs_f64() * 1e6);
                if round == 0 {
                    let slate = slate
                        .into_sorted_vec()
                        .into_iter()
                        .map(|found| (found.id as u32, found.score as f32));
                    same += usize::from(same_but_for_ties(&answers[at - first], &slate.collect::<Vec<_>>()));
                }
            }
        }
    }
    Outcome { ours: our_times, theirs: their_times, same: same as f64 / queries.len() as f64 }
}

/// Whether place for place the scores are the same, and items differ only among equal scores.
fn same_but_for_ties(ours: &[(u32, f32)], theirs: &[(u32, f32)]) -> bool {
    let close = |a: f32, b: f32| (a - b).abs() <= 1e-5 * b.abs();
    let last = theirs.last().map_or(0.0, |(_, score)| *score);
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(ours, theirs)| close(ours.1, theirs.1))
        && ours.iter().all(|(item, score)| match theirs.iter().find(|(other, _)| other == item) {
            Some((_, other)) => close(*score, *other),
            None => close(*score, last),
        })
}

/// A seeded source of sessions.
struct Shop {
    random: fastrand::Rng,
    popularity: Vec<f64>,
    names: Vec<u32>,
    lengths: Vec<f64>,
}

impl Shop {
    fn new(items: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut names: Vec<u32> = (0..items as u32).collect();
        random.shuffle(&mut names);
        let popularity = running_sums((0..items).map(|rank| 1.0 / (rank as f64 + 1.0)));
        let lengths = running_sums(
            (2..40).map(|length: u32| f64::from(length).powf(-0.8) * (-f64::from(length) / 5.0).exp()),
        );
        Self { random, popularity, names, lengths }
    }

    /// Distinct items, oldest first.
    fn session(&mut self) -> Vec<u32> {
        let drawn = self.random.f64();
        // More than one in a hundred are cut to 16, so that the peer, which drops sessions over its 99.5th percentile,
        // drops none.
        let length = (2 + self.lengths.partition_point(|sum| *sum < drawn)).min(16);
        let mut session = Vec::new();
        while session.len() < length {
            let drawn = self.random.f64();
            let rank = self.popularity.partition_point(|sum| *sum < drawn).min(self.names.len() - 1);
            if !session.contains(&self.names[rank]) {
                session.push(self.names[rank]);
            }
        }
        session
    }
}

fn running_sums(weights: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let total: f64 = weights.clone().sum();
    let mut sum = 0.0;
    weights
        .map(|weight| {
            sum += weight / total;
            sum
        })
        .collect()
}

fn tail(mut session: Vec<u32>, last: usize) -> Vec<u32> {
    session.drain(..session.len().saturating_sub(last));
    session
}

fn columns(history: &[Vec<u32>]) -> SessionClicks {
    SessionClicks {
        session: history
            .iter()
            .enumerate()
            .flat_map(|(at, items)| items.iter().map(move |_| at as u32))
            .collect(),
        item: history.concat(),
        newest: (0..history.len() as i64).collect(),
    }
}

/// The peer reads a file, and loses its last session.
fn serenade_index(history: &[Vec<u32>]) -> Result<VMISIndex, Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("peers-sessions-{}.tsv", std::process::id()));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    writeln!(file, "SessionId\tItemId\tTime")?;
    for (at, items) in history.iter().enumerate() {
        for item in items {
            writeln!(file, "{at}\t{item}\t{}", at + 1)?;
        }
    }
    writeln!(file, "{}\t0\t0", history.len())?;
    file.into_inner()?.sync_all()?;
    let index = VMISIndex::new_from_csv(&path.to_string_lossy(), M, 1.0);
    std::fs::remove_file(&path)?;
    Ok(index)
}

/// The bytes that the allocator has given out.
fn live_bytes() -> usize {
    // SAFETY: asks glibc for its counters, which takes nothing and returns numbers.
    let counters = unsafe { libc::mallinfo2() };
    counters.uordblks + counters.hblkhd
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn at(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}
