//! Adds up what became of each request, while the run lasts.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::CreationError;
use larder_proto::v1::degradation::Level;
use serde::{Deserialize, Serialize};

use crate::latency::Latencies;
use crate::swaps::Versions;
use crate::target::answer::{Failure, Inspection};

/// One request. Moments are counted from the start of the run, its warm-up included.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Index into the mix's placements.
    pub(crate) placement: usize,
    /// When it should have been sent. Latency counts from here.
    // Otherwise a server that stalls would slow the test down and look fast ("coordinated omission").
    pub(crate) due: Duration,
    pub(crate) sent: Duration,
    /// When the whole answer had come, or it was certain that none would.
    pub(crate) done: Duration,
    pub(crate) outcome: Result<Inspection, Failure>,
}

/// What has been counted so far. Requests that are due during the warm-up do not count.
#[derive(Debug)]
pub(crate) struct Tally {
    warmup: Duration,
    /// Answers within it are in time. Without one all are.
    deadline: Option<Duration>,
    /// All seconds together.
    pub(crate) total: Counts,
    /// By the second in which the request was due.
    pub(crate) seconds: Vec<Counts>,
    /// By the placement's place in the mix.
    pub(crate) placements: Vec<Counts>,
    /// How long failed requests took to fail.
    pub(crate) failures: Latencies,
    /// How long `RESOURCE_EXHAUSTED` took, from the sending: how late the generator was is not the server's doing.
    pub(crate) refusals: Latencies,
    /// How late the generator sent; contained in the latencies.
    pub(crate) lag: Latencies,
    pub(crate) errors: BTreeMap<String, ErrorCount>,
    /// Degraded answers by level.
    pub(crate) levels: BTreeMap<&'static str, u64>,
    /// Degraded answers by cause; each may have several.
    pub(crate) causes: BTreeMap<String, u64>,
    pub(crate) versions: Versions,
}

/// Counts over a second, a placement or the run.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    pub(crate) offered: u64,
    pub(crate) errors: u64,
    pub(crate) degraded: u64,
    /// Answered within the deadline.
    pub(crate) in_time: u64,
    pub(crate) latencies: Latencies,
}

/// Errors of one code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ErrorCount {
    pub(crate) count: u64,
    /// The message of the first.
    pub(crate) example: String,
}

impl Tally {
    pub(crate) fn new(warmup: Duration, deadline: Option<Duration>) -> Result<Tally, CreationError> {
        let none = Latencies::new()?;
        Ok(Tally {
            warmup,
            deadline,
            total: Counts::new(&none),
            seconds: Vec::new(),
            placements: Vec::new(),
            failures: none.empty(),
            refusals: none.empty(),
            lag: none,
            errors: BTreeMap::new(),
            levels: BTreeMap::new(),
            causes: BTreeMap::new(),
            versions: Versions::default(),
        })
    }

    /// Counts a request as due, whatever becomes of it.
    pub(crate) fn count_due(&mut self, placement: usize, due: Duration) {
        let Some(second) = self.second(due) else { return };
        if placement >= self.placements.len() {
            self.placements.resize(placement + 1, Counts::new(&self.lag));
        }
        self.seconds[second].offered += 1;
        self.placements[placement].offered += 1;
        self.total.offered += 1;
    }

    /// Counts what became of a request that was due.
    pub(crate) fn record(&mut self, sample: Sample) {
        let Sample { placement, due, sent, done, outcome } = sample;
        // Before the warm-up is left out, so that its snapshot is not taken for a swap.
        if let Ok(answer) = &outcome {
            self.versions.see(&answer.snapshot, sent, done);
        }
        let Some(second) = self.second(due) else { return };
        self.lag.record(sent.saturating_sub(due));
        let latency = done.saturating_sub(due);
        let in_time = self.deadline.is_none_or(|deadline| latency <= deadline);
        let counts =
            [Some(&mut self.seconds[second]), self.placements.get_mut(placement), Some(&mut self.total)];
        match outcome {
            Ok(answer) => {
                let degraded = answer.level != Level::None;
                for counts in counts.into_iter().flatten() {
                    counts.latencies.record(latency);
                    counts.degraded += u64::from(degraded);
                    counts.in_time += u64::from(in_time);
                }
                if degraded {
                    *self.levels.entry(answer.level.as_str_name()).or_default() += 1;
                    for cause in answer.causes {
                        *self.causes.entry(cause).or_default() += 1;
                    }
                }
            }
            Err(failure) => {
                for counts in counts.into_iter().flatten() {
                    counts.errors += 1;
                }
                self.failures.record(latency);
                if failure.code == "RESOURCE_EXHAUSTED" {
                    self.refusals.record(done.saturating_sub(sent));
                }
                // The first message stands for all of its code: a run may have millions, each with its own text.
                let entry = self.errors.entry(failure.code.into_owned());
                entry.or_insert(ErrorCount { count: 0, example: failure.message }).count += 1;
            }
        }
    }

    /// The second in which a request is due; none during the warm-up.
    fn second(&mut self, due: Duration) -> Option<usize> {
        let second = due.checked_sub(self.warmup)?.as_secs() as usize;
        if second >= self.seconds.len() {
            let empty = Counts::new(&self.lag);
            self.seconds.resize(second + 1, empty);
        }
        Some(second)
    }
}

impl Counts {
    /// Nothing yet; `like` has the histogram's layout.
    pub(crate) fn new(like: &Latencies) -> Counts {
        Counts { offered: 0, errors: 0, degraded: 0, in_time: 0, latencies: like.empty() }
    }

    pub(crate) fn answered(&self) -> u64 {
        self.latencies.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn answered(level: Level) -> Result<Inspection, Failure> {
        Ok(Inspection { level, causes: vec!["few_candidates".into()], snapshot: "v1".into() })
    }

    #[test]
    fn the_warm_up_does_not_count_and_every_request_counts_in_the_second_it_was_due() {
        let mut tally = Tally::new(ms(500), None).unwrap();
        for due in (0..3000).step_by(100).map(ms) {
            let placement = usize::from(due > ms(2000));
            tally.count_due(placement, due);
            let outcome = match due.as_millis() {
                2900 => Err(Failure::new("TIMEOUT", "late")),
                1200 => answered(Level::Backfilled),
                _ => answered(Level::None),
            };
            tally.record(Sample { placement, due, sent: due, done: due + ms(5000), outcome });
        }
        let counts = |c: &Counts| (c.offered, c.answered(), c.errors, c.degraded);
        assert_eq!(counts(&tally.total), (25, 24, 1, 1));
        let seconds: Vec<_> = tally.seconds.iter().map(counts).collect();
        assert_eq!(seconds, [(10, 10, 0, 1), (10, 10, 0, 0), (5, 4, 1, 0)]);
        let placements: Vec<_> = tally.placements.iter().map(counts).collect();
        assert_eq!(placements, [(16, 16, 0, 1), (9, 8, 1, 0)]);
        assert_eq!(tally.errors["TIMEOUT"], ErrorCount { count: 1, example: "late".into() });
        assert_eq!((tally.levels["BACKFILLED"], tally.causes["few_candidates"]), (1, 1));
    }

    #[test]
    fn latency_counts_from_the_schedule_and_a_refusal_from_its_sending() {
        let mut tally = Tally::new(Duration::ZERO, Some(ms(100))).unwrap();
        for (sent, done, outcome) in [
            (0, 99, answered(Level::None)),
            (300, 301, answered(Level::None)),
            (50, 51, Err(Failure::new("RESOURCE_EXHAUSTED", "full"))),
            (0, 1, Err(Failure::new("TIMEOUT", "late"))),
        ] {
            tally.count_due(0, ms(0));
            tally.record(Sample { placement: 0, due: ms(0), sent: ms(sent), done: ms(done), outcome });
        }
        assert_eq!((tally.total.answered(), tally.total.in_time, tally.total.errors), (2, 1, 2));
        assert!(tally.total.latencies.max_ms().unwrap() > 300.0 && tally.lag.max_ms().unwrap() > 299.0);
        assert_eq!((tally.refusals.count(), tally.refusals.max_ms()), (1, Some(1.0)));
    }
}
