//! Adds up what happened to each request, as it happens.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::CreationError;
use larder_proto::v1::degradation::Level;

use crate::latency::Latencies;
use crate::swaps::Versions;
use crate::target::{Failure, Glance};

/// One request. Moments are counted from the start of the run, its warm-up included.
#[derive(Debug)]
pub(crate) struct Sample {
    /// When it should have been sent. Latency counts from here.
    pub(crate) due: Duration,
    /// When it was sent.
    pub(crate) sent: Duration,
    /// When the whole answer was there, or no answer would come.
    pub(crate) done: Duration,
    pub(crate) outcome: Result<Glance, Failure>,
}

/// What has been counted so far. Nothing that is due during the warm-up counts.
#[derive(Debug)]
pub(crate) struct Tally {
    warmup: Duration,
    /// All seconds together.
    pub(crate) total: Counts,
    /// By the second in which the request was due.
    pub(crate) seconds: Vec<Counts>,
    /// How long it took to be told no, or to give up waiting.
    pub(crate) failures: Latencies,
    /// How late the generator itself was; contained in the latencies.
    pub(crate) lag: Latencies,
    pub(crate) errors: BTreeMap<String, ErrorCount>,
    pub(crate) levels: BTreeMap<&'static str, u64>,
    /// The snapshots that answered.
    pub(crate) versions: Versions,
}

/// Counts over some stretch of time.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    pub(crate) offered: u64,
    pub(crate) errors: u64,
    pub(crate) degraded: u64,
    /// Of what was answered.
    pub(crate) latencies: Latencies,
}

/// Errors of one code.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct ErrorCount {
    pub(crate) count: u64,
    /// The message of the first.
    pub(crate) example: String,
}

impl Tally {
    pub(crate) fn new(warmup: Duration) -> Result<Tally, CreationError> {
        let none = Latencies::new()?;
        Ok(Tally {
            warmup,
            total: Counts::new(&none),
            seconds: Vec::new(),
            failures: none.fresh(),
            lag: none,
            errors: BTreeMap::new(),
            levels: BTreeMap::new(),
            versions: Versions::default(),
        })
    }

    /// A request is due, whatever becomes of it.
    pub(crate) fn offer(&mut self, due: Duration) {
        let Some(second) = self.second(due) else { return };
        self.seconds[second].offered += 1;
        self.total.offered += 1;
    }

    /// What became of a request that was offered.
    pub(crate) fn record(&mut self, sample: Sample) {
        let Sample { due, sent, done, outcome } = sample;
        if let Ok(glance) = &outcome {
            self.versions.see(&glance.snapshot, sent, done);
        }
        let Some(second) = self.second(due) else { return };
        self.lag.record(sent.saturating_sub(due));
        let latency = done.saturating_sub(due);
        let both = [&mut self.seconds[second], &mut self.total];
        match outcome {
            Ok(glance) => {
                let degraded = glance.level != Level::None;
                for counts in both {
                    counts.latencies.record(latency);
                    counts.degraded += u64::from(degraded);
                }
                if degraded {
                    *self.levels.entry(glance.level.as_str_name()).or_default() += 1;
                }
            }
            Err(failure) => {
                both.into_iter().for_each(|counts| counts.errors += 1);
                self.failures.record(latency);
                let entry = self.errors.entry(failure.code.into_owned());
                entry.or_insert(ErrorCount { count: 0, example: failure.message }).count += 1;
            }
        }
    }

    /// The second of a request that counts.
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
    /// Nothing yet; `like` gives the histogram's make.
    pub(crate) fn new(like: &Latencies) -> Counts {
        Counts { offered: 0, errors: 0, degraded: 0, latencies: like.fresh() }
    }

    pub(crate) fn answered(&self) -> u64 {
        self.latencies.count()
    }

    pub(crate) fn add(&mut self, other: &Counts) {
        self.offered += other.offered;
        self.errors += other.errors;
        self.degraded += other.degraded;
        self.latencies.add(&other.latencies);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn answered(level: Level) -> Result<Glance, Failure> {
        Ok(Glance { level, snapshot: "v1".into() })
    }

    #[test]
    fn latency_counts_from_the_moment_a_request_was_due() {
        let mut tally = Tally::new(Duration::ZERO).unwrap();
        tally.offer(ms(10));
        tally.record(Sample { due: ms(10), sent: ms(310), done: ms(311), outcome: answered(Level::None) });
        let latency = tally.total.latencies.ms(0.99).unwrap();
        assert!((latency - 301.0).abs() < 1.0, "{latency}");
        assert!(tally.lag.ms(0.99).unwrap() > 299.0);
    }

    #[test]
    fn the_warm_up_does_not_count_and_every_request_counts_in_the_second_it_was_due() {
        let mut tally = Tally::new(ms(500)).unwrap();
        for due in (0..3000).step_by(100).map(ms) {
            tally.offer(due);
            let outcome = match due.as_millis() {
                2900 => Err(Failure::new("TIMEOUT", "late")),
                1200 => answered(Level::Backfilled),
                _ => answered(Level::None),
            };
            tally.record(Sample { due, sent: due, done: due + ms(5000), outcome });
        }
        let counts = |c: &Counts| (c.offered, c.answered(), c.errors, c.degraded);
        assert_eq!(counts(&tally.total), (25, 24, 1, 1));
        let seconds: Vec<_> = tally.seconds.iter().map(counts).collect();
        assert_eq!(seconds, [(10, 10, 0, 1), (10, 10, 0, 0), (5, 4, 1, 0)]);
        assert_eq!(tally.errors["TIMEOUT"], ErrorCount { count: 1, example: "late".into() });
        assert_eq!(tally.levels["BACKFILLED"], 1);
        assert_eq!((tally.failures.count(), tally.lag.count()), (1, 25));

        let mut sum = Counts::new(&tally.lag);
        tally.seconds.iter().for_each(|second| sum.add(second));
        assert_eq!(counts(&sum), counts(&tally.total));
    }
}
