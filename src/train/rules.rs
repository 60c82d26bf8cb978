//! Item-to-item tables from sessions: what occurs together, and what follows what.
//!
//! "Association rules" and "sequential rules" of Ludewig & Jannach, "Evaluation of session-based recommendation
//! algorithms", UMUAI 2018, §3.1, with a half-life so that old sessions fade.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::sessions::Session;

/// What goes with one item, and how strongly.
type Row = Vec<(u32, f32)>;

const DAY_MS: f64 = 86_400_000.0;
/// Parts of the items that are counted in parallel. Fixed, so that the order of additions, and with it the last bits of
/// the sums, do not depend on the machine; more of them read the sessions more often.
const SHARDS: usize = 8;
/// The newest items of a session that are paired with each other. Pairs grow with the square: without a bound a few
/// crawlers would decide the time and the table.
const LONGEST: usize = 100;

/// Which pairs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleKind {
    /// Both in one session, in either order.
    Together,
    /// The second after the first.
    Sequence,
}

/// How pairs are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleOptions {
    /// Which pairs count.
    pub kind: RuleKind,
    /// The most steps between the two.
    pub window: usize,
    /// Whether a pair counts `1 / steps` rather than 1.
    pub by_distance: bool,
    /// After how many days a session counts half; `None`: never.
    pub half_life_days: Option<f64>,
    /// How many neighbours are kept per item.
    pub keep: usize,
    /// The neighbour's own weight to this power divides the score: 0 counts, 0.5 is cosine-like.
    pub popularity_exponent: f32,
}

/// For each item its neighbours with scores, best first. Scores are relative to the item's own weight.
pub fn rules(
    sessions: &[Session],
    items: usize,
    until_ms: i64,
    options: &RuleOptions,
) -> Vec<Vec<(u32, f32)>> {
    let mut weights = vec![0f32; items];
    let weighted: Vec<(f32, Vec<u32>)> = sessions
        .iter()
        .map(|session| {
            let age_days = (until_ms - session.end_ms()).max(0) as f64 / DAY_MS;
            let weight = options.half_life_days.map_or(1.0, |half_life| 0.5f64.powf(age_days / half_life));
            // The newest items: what a long session ended with says most about what follows.
            let all = session.items();
            (weight as f32, all[all.len().saturating_sub(LONGEST)..].to_vec())
        })
        .collect();
    for (weight, session) in &weighted {
        for item in session {
            weights[*item as usize] += weight;
        }
    }
    let shards: Vec<Vec<(u32, Row)>> = (0..SHARDS)
        // Each shard reads all sessions and counts for its own items: no lock, and no sums to merge.
        .into_par_iter()
        .map(|shard| {
            let mut counts: HashMap<u32, HashMap<u32, f32>> = HashMap::new();
            for (weight, session) in &weighted {
                for (at, item) in session.iter().enumerate() {
                    if *item as usize % SHARDS == shard {
                        count(session, at, *weight, options, counts.entry(*item).or_default());
                    }
                }
            }
            let rows = counts.into_iter();
            rows.map(|(item, row)| (item, strongest(row, weights[item as usize], &weights, options)))
                .collect()
        })
        .collect();
    let mut table = vec![Vec::new(); items];
    for (item, row) in shards.into_iter().flatten() {
        table[item as usize] = row;
    }
    table
}

/// Adds the pairs of one item of a session to the item's row.
fn count(session: &[u32], at: usize, weight: f32, options: &RuleOptions, row: &mut HashMap<u32, f32>) {
    let mut add = |other: usize| {
        let steps = at.abs_diff(other);
        // In a sequence an item may follow itself: people do look again.
        if session[other] != session[at] || (options.kind == RuleKind::Sequence && steps == 1) {
            let worth = if options.by_distance { weight / steps as f32 } else { weight };
            *row.entry(session[other]).or_default() += worth;
        }
    };
    // `usize::MAX` as a window means the whole session.
    let last = session.len().min(at.saturating_add(options.window).saturating_add(1));
    (at + 1..last).for_each(&mut add);
    if options.kind == RuleKind::Together {
        (at.saturating_sub(options.window)..at).for_each(&mut add);
    }
}

/// The best neighbours of an item, with scores relative to its own weight.
fn strongest(row: HashMap<u32, f32>, own: f32, weights: &[f32], options: &RuleOptions) -> Vec<(u32, f32)> {
    let scale =
        |item: u32| own.max(f32::MIN_POSITIVE) * weights[item as usize].powf(options.popularity_exponent);
    let mut row: Vec<(u32, f32)> = row.into_iter().map(|(item, sum)| (item, sum / scale(item))).collect();
    row.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    row.truncate(options.keep);
    row
}
