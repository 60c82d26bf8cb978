//! Notices in the answers that the server has swapped its snapshot, and what the swap did to latency.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::latency::Latencies;

/// Which snapshot answers, and when that changed.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    /// The version, and when its first answer came.
    current: Option<(String, Duration)>,
    pub(crate) changes: Vec<Change>,
}

/// The first answer from another snapshot than before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) at: Duration,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// One swap, as reported. Percentiles are of requests due in whole seconds around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Swap {
    /// Seconds after the warm-up.
    pub(crate) at_s: f64,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Of the seconds before the window, twice as many as it has on one side, without those near other swaps.
    pub(crate) p99_before_ms: Option<f64>,
    /// Of the window: the second of the swap, and some seconds on each side.
    pub(crate) p99_during_ms: Option<f64>,
    /// Of the seconds after the window, like those before it.
    pub(crate) p99_after_ms: Option<f64>,
    /// During over before.
    pub(crate) ratio: Option<f64>,
    /// Failed requests in the window.
    pub(crate) errors: u64,
}

/// All windows together against all other seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Windows {
    /// Seconds on each side of the swap's own.
    pub(crate) side_s: usize,
    pub(crate) p99_inside_ms: Option<f64>,
    pub(crate) p99_outside_ms: Option<f64>,
    /// Inside over outside.
    pub(crate) ratio: Option<f64>,
}

impl Versions {
    /// Takes note of an answer from the snapshot `version`, to a request with these moments.
    pub(crate) fn see(&mut self, version: &str, sent: Duration, done: Duration) {
        match &self.current {
            Some((current, _)) if current == version => return,
            // An answer of the old snapshot that was under way when the first one of the new snapshot came.
            Some((_, since)) if sent < *since => return,
            Some((current, _)) => {
                self.changes.push(Change { at: done, from: current.clone(), to: version.to_owned() });
            }
            None => {}
        }
        self.current = Some((version.to_owned(), done));
    }
}

/// Seconds on each side of a swap's own that count as its window. Raising it hides a short peak among quiet seconds.
// Loading takes less than one before the swap, and freeing the old snapshot about as long after it.
const SIDE: usize = 2;

/// Measures the changes that came after the warm-up. `seconds` are latencies and errors by second.
pub(crate) fn measure(
    changes: &[Change],
    warmup: Duration,
    seconds: &[(&Latencies, u64)],
) -> (Vec<Swap>, Windows) {
    let p99 = |chosen: &dyn Fn(usize) -> bool| {
        let mut chosen = seconds.iter().enumerate().filter(|(second, _)| chosen(*second));
        // Percentiles cannot be averaged, so the histograms are added up.
        let mut all: Latencies = chosen.next()?.1.0.clone();
        chosen.for_each(|(_, (latencies, _))| all.add(latencies));
        all.ms(0.99)
    };
    let after_warmup = |change: &Change| Some((change.at.checked_sub(warmup)?, change.clone()));
    let changes: Vec<(Duration, Change)> = changes.iter().filter_map(after_warmup).collect();
    let is_near =
        |second: usize| changes.iter().any(|(at, _)| second.abs_diff(at.as_secs() as usize) <= SIDE);
    let mut swaps = Vec::with_capacity(changes.len());
    for (at, change) in &changes {
        let own = at.as_secs() as usize;
        let during = |second: usize| second.abs_diff(own) <= SIDE;
        let beside = |second: usize| second.abs_diff(own) <= 3 * SIDE && !is_near(second);
        let p99_before_ms = p99(&|second| second < own && beside(second));
        let p99_during_ms = p99(&during);
        let in_window = seconds.iter().enumerate().filter(|(second, _)| during(*second));
        swaps.push(Swap {
            at_s: at.as_secs_f64(),
            from: change.from.clone(),
            to: change.to.clone(),
            p99_before_ms,
            p99_during_ms,
            p99_after_ms: p99(&|second| second > own && beside(second)),
            ratio: ratio(p99_during_ms, p99_before_ms),
            errors: in_window.map(|(_, (_, errors))| errors).sum(),
        });
    }
    let (p99_inside_ms, p99_outside_ms) = (p99(&is_near), p99(&|second| !is_near(second)));
    let ratio = ratio(p99_inside_ms, p99_outside_ms);
    (swaps, Windows { side_s: SIDE, p99_inside_ms, p99_outside_ms, ratio })
}

fn ratio(of: Option<f64>, to: Option<f64>) -> Option<f64> {
    to.filter(|to| *to > 0.0).and_then(|to| Some(of? / to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Swaps in a run of 30 s after 3 s of warm-up, whose seconds have one answer each; those in `slow` take 6 ms,
    /// others 4.
    fn measured(swaps_at: &[f64], slow: std::ops::RangeInclusive<u64>) -> (Vec<Swap>, Windows) {
        let mut seconds = vec![Latencies::new().unwrap(); 30];
        for (second, latencies) in (0..).zip(&mut seconds) {
            latencies.record(Duration::from_millis(if slow.contains(&second) { 6 } else { 4 }));
        }
        let seconds: Vec<(&Latencies, u64)> = seconds.iter().map(|latencies| (latencies, 1)).collect();
        let change = |at: &f64| Change { at: s(3.0 + at), from: "v1".into(), to: "v2".into() };
        measure(&swaps_at.iter().map(change).collect::<Vec<_>>(), s(3.0), &seconds)
    }

    #[test]
    fn late_answers_of_the_old_snapshot_are_no_swap_back_but_a_rollback_is() {
        let mut versions = Versions::default();
        versions.see("v1", s(0.0), s(1.0));
        versions.see("v2", s(2.0), s(3.0));
        versions.see("v1", s(2.0), s(4.0)); // under way when v2 came
        versions.see("v2", s(5.0), s(6.0));
        assert_eq!(versions.changes.len(), 1);
        versions.see("v1", s(7.0), s(8.0)); // rolled back
        assert_eq!(versions.changes[1], Change { at: s(8.0), from: "v2".into(), to: "v1".into() });
    }

    #[test]
    fn a_swap_is_compared_with_the_quiet_seconds_beside_it() {
        let (swaps, windows) = measured(&[10.5], 9..=11);
        assert_eq!((swaps[0].at_s, swaps[0].errors), (10.5, 5));
        assert!((swaps[0].ratio.unwrap() - 1.5).abs() < 0.01, "{swaps:?}");
        assert!((swaps[0].p99_after_ms.unwrap() - 4.0).abs() < 0.01, "{swaps:?}");
        assert!((windows.ratio.unwrap() - 1.5).abs() < 0.01, "{windows:?}");
        let (swaps, windows) = measured(&[-2.0], 9..=11); // during the warm-up
        assert_eq!((swaps, windows.p99_inside_ms), (Vec::new(), None));
    }

    #[test]
    fn swaps_close_together_do_not_count_as_each_others_quiet_time() {
        let (swaps, _) = measured(&[6.0, 12.0], 10..=14);
        assert!(swaps.iter().all(|swap| swap.p99_before_ms.unwrap() < 5.0), "{swaps:?}");
        assert!(swaps[0].p99_after_ms.unwrap() < 5.0 && swaps[1].ratio.unwrap() > 1.4, "{swaps:?}");
        let (swaps, windows) = measured(&[6.0, 10.0], 10..=14);
        assert_eq!((swaps[1].p99_before_ms, swaps[1].ratio), (None, None), "no quiet second between them");
        assert!(windows.ratio.is_some());
    }
}
