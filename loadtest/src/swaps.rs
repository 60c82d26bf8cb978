//! Notices from the answers that the server has swapped its snapshot, and what that did to latency.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::latency::Latencies;
use crate::tally::Counts;

/// Which snapshot answers, and when that changed.
#[derive(Debug, Default)]
pub(crate) struct Versions {
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
    /// Of the seconds before the window, twice as many as it has on one side, those near other swaps left out.
    pub(crate) p99_before_ms: Option<f64>,
    /// Of the window: so many seconds before the second of the swap, that second, and as many after it.
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
    /// An answer came from the snapshot `version`, to a request sent and done at these moments.
    pub(crate) fn see(&mut self, version: &str, sent: Duration, done: Duration) {
        match &self.current {
            Some((current, _)) if current == version => return,
            // A straggler of the old snapshot: sent before the first answer of the new one came.
            Some((_, since)) if sent < *since => return,
            Some((current, _)) => {
                self.changes.push(Change { at: done, from: current.clone(), to: version.to_owned() });
            }
            None => {}
        }
        self.current = Some((version.to_owned(), done));
    }
}

/// Judges the changes that came after the warm-up, with windows of `side` seconds on each side.
pub(crate) fn judge(
    changes: &[Change],
    warmup: Duration,
    seconds: &[Counts],
    side: usize,
) -> (Vec<Swap>, Windows) {
    let changes: Vec<(usize, f64, &Change)> = changes
        .iter()
        .filter_map(|change| {
            let at = change.at.checked_sub(warmup)?;
            Some((at.as_secs() as usize, at.as_secs_f64(), change))
        })
        .collect();
    let near = |second: usize| changes.iter().any(|(at, ..)| second.abs_diff(*at) <= side);
    let p99 = |wanted: &dyn Fn(usize) -> bool| {
        let mut wanted = seconds.iter().enumerate().filter(|(second, _)| wanted(*second));
        let mut all: Latencies = wanted.next()?.1.latencies.clone();
        wanted.for_each(|(_, counts)| all.add(&counts.latencies));
        all.ms(0.99)
    };
    let swaps = changes.iter().map(|(at, at_s, change)| {
        let during = |second: usize| second.abs_diff(*at) <= side;
        let beside = |second: usize| second.abs_diff(*at) <= 3 * side.max(1) && !near(second);
        let (before, after) =
            (p99(&|second| second < *at && beside(second)), p99(&|second| second > *at && beside(second)));
        let p99_during_ms = p99(&during);
        let inside = seconds.iter().enumerate().filter(|(second, _)| during(*second));
        Swap {
            at_s: *at_s,
            from: change.from.clone(),
            to: change.to.clone(),
            p99_before_ms: before,
            p99_during_ms,
            p99_after_ms: after,
            ratio: ratio(p99_during_ms, before),
            errors: inside.map(|(_, counts)| counts.errors).sum(),
        }
    });
    let swaps: Vec<Swap> = swaps.collect();
    let (inside, outside) = (p99(&near), p99(&|second| !near(second)));
    let windows = Windows {
        side_s: side,
        p99_inside_ms: inside,
        p99_outside_ms: outside,
        ratio: ratio(inside, outside),
    };
    (swaps, windows)
}

fn ratio(of: Option<f64>, to: Option<f64>) -> Option<f64> {
    to.filter(|to| *to > 0.0).and_then(|to| Some(of? / to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn steady(p99: impl Fn(u64) -> u64, seconds: u64) -> Vec<Counts> {
        let none = Latencies::new().unwrap();
        (0..seconds)
            .map(|second| {
                let mut counts = Counts::new(&none);
                counts.latencies.record(Duration::from_millis(p99(second)));
                counts
            })
            .collect()
    }

    #[test]
    fn stragglers_of_the_old_snapshot_are_not_a_swap_back_but_a_rollback_is() {
        let mut versions = Versions::default();
        versions.see("v1", s(0), s(1));
        versions.see("v2", s(2), s(3));
        versions.see("v1", s(2), s(4)); // on its way when v2 came
        versions.see("v2", s(5), s(6));
        assert_eq!(versions.changes.len(), 1);
        versions.see("v1", s(7), s(8)); // rolled back
        let change = |at, from: &str, to: &str| Change { at: s(at), from: from.into(), to: to.into() };
        assert_eq!(versions.changes, [change(3, "v1", "v2"), change(8, "v2", "v1")]);
    }

    #[test]
    fn a_swap_is_set_against_the_quiet_seconds_beside_it() {
        // Slow in seconds 9 to 11; the swap comes in second 10, 13 counted with the warm-up.
        let seconds = steady(|second| if (9..=11).contains(&second) { 6 } else { 4 }, 30);
        let change = Change { at: Duration::from_millis(13_500), from: "v1".into(), to: "v2".into() };
        let (swaps, windows) = judge(&[change], s(3), &seconds, 2);
        let [swap] = &swaps[..] else { panic!("{swaps:?}") };
        assert_eq!(swap.at_s, 10.5);
        assert!((swap.ratio.unwrap() - 1.5).abs() < 0.01, "{swap:?}");
        assert!((swap.p99_after_ms.unwrap() - 4.0).abs() < 0.01, "{swap:?}");
        assert!((windows.ratio.unwrap() - 1.5).abs() < 0.01, "{windows:?}");
    }

    #[test]
    fn swaps_close_together_do_not_count_as_each_others_quiet_time() {
        let change = |at| Change { at: s(at), from: "a".into(), to: "b".into() };
        let seconds = steady(|second| if (7..=9).contains(&second) { 9 } else { 1 }, 14);
        let (swaps, _) = judge(&[change(4), change(8)], s(0), &seconds, 1);
        assert!(swaps.iter().all(|swap| swap.p99_before_ms.unwrap() < 2.0), "{swaps:?}");
        assert!(swaps[0].p99_after_ms.unwrap() < 2.0 && swaps[1].ratio.unwrap() > 8.0, "{swaps:?}");

        let (swaps, windows) = judge(&[change(4), change(7)], s(0), &seconds, 1);
        assert_eq!((swaps[1].p99_before_ms, swaps[1].ratio), (None, None), "no quiet second between them");
        assert!(windows.ratio.is_some());
    }

    #[test]
    fn a_swap_during_the_warm_up_is_not_reported() {
        let change = Change { at: s(1), from: "a".into(), to: "b".into() };
        let (swaps, windows) = judge(&[change], s(3), &steady(|_| 1, 12), 1);
        assert_eq!((swaps, windows.p99_inside_ms), (Vec::new(), None));
        assert!(windows.p99_outside_ms.is_some());
    }
}
