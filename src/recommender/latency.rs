//! What the stages of a placement took lately, and how much of its recipe a budget allows by that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::pipeline::{Pipeline, Span, Spans};

/// What there is time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeBudget {
    /// The whole recipe, going by the estimates.
    Full,
    /// It seems too little, and the whole recipe is tried all the same, to see whether the estimates still hold.
    Trial,
    /// All but what [`Depth::NoRerank`](crate::pipeline::Depth::NoRerank) leaves out.
    NoRerank,
    /// No retrieval.
    NoRetrieval,
}

/// Time between two requests that try the whole recipe although the estimates forbid it. Without them a placement that
/// was slow once would never be measured again. Raising it makes fewer requests late on a slow machine, and leaves
/// answers degraded for longer after a slow moment.
const TRIAL_EVERY: Duration = Duration::from_millis(100);

/// Least upper bound, in microseconds, that an unusually long run is compared with. Stages of some microseconds would
/// otherwise never be believed to take a millisecond. Raising it lets one slow run weigh more.
const LEAST_UPPER: f32 = 250.0;

/// What the stages of one placement took lately. Lock-free: of two updates at once, one may be lost, which an average
/// of many does not notice.
#[derive(Debug)]
pub(super) struct LatencyEstimator {
    since: Instant,
    /// When a whole recipe last ended or was tried, in microseconds from `since`.
    whole_at: AtomicU64,
    retrieval: Estimate,
    scoring: Estimate,
    reranking: Estimate,
    fallback: Estimate,
}

impl LatencyEstimator {
    /// Nothing is known yet: there is time for everything.
    pub(super) fn unknown() -> Self {
        let [retrieval, scoring, reranking, fallback] = [(); 4].map(|()| Estimate::default());
        Self { since: Instant::now(), whole_at: AtomicU64::new(0), retrieval, scoring, reranking, fallback }
    }

    /// What there is time for until `due`. When the time is up already, that is for the runner to deal with.
    pub(super) fn budget(&self, due: Instant, pipeline: &Pipeline) -> TimeBudget {
        let now = Instant::now();
        let left = micros(due.saturating_duration_since(now));
        let least = self.retrieval.upper() + self.fallback.upper();
        let (scoring, reranking) = (self.scoring.upper(), self.reranking.upper());
        if left <= 0.0 || least + scoring + reranking <= left {
            return TimeBudget::Full;
        }
        if self.is_time_for_a_trial(now) {
            return TimeBudget::Trial;
        }
        // A blend in the place of a trained ranker takes next to nothing.
        let scoring = if pipeline.has_cheaper_scorer() { 0.0 } else { scoring };
        if pipeline.can_do_less() && least + scoring <= left {
            TimeBudget::NoRerank
        } else {
            TimeBudget::NoRetrieval
        }
    }

    /// Takes in what one request took that ended now.
    pub(super) fn learn(&self, budget: TimeBudget, spans: &Spans) {
        let now = Instant::now();
        let groups = [
            (&self.retrieval, spans.retrieval),
            (&self.scoring, spans.scoring),
            (&self.reranking, spans.reranking),
            (&self.fallback, spans.ended.map(|ended| Span { took: now.duration_since(ended), whole: true })),
        ];
        for (estimate, span) in groups {
            if let Some(span) = span {
                estimate.learn(span, budget);
            }
        }
        if budget == TimeBudget::Trial || spans.reranking.is_some_and(|span| span.whole) {
            self.whole_at.store(self.at(now), Ordering::Relaxed);
        }
    }

    fn is_time_for_a_trial(&self, now: Instant) -> bool {
        let (last, now) = (self.whole_at.load(Ordering::Relaxed), self.at(now));
        let is_time = u128::from(now.saturating_sub(last)) >= TRIAL_EVERY.as_micros();
        is_time && self.whole_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn at(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.since).as_micros()).unwrap_or(u64::MAX)
    }
}

/// A smoothed mean and mean deviation in microseconds, as two `f32` in one cell; 0 while nothing is known.
///
/// As TCP estimates the time of a round trip: Jacobson and Karels, "Congestion Avoidance and Control", 1988; RFC 6298,
/// section 2.
#[derive(Debug, Default)]
struct Estimate(AtomicU64);

impl Estimate {
    /// Hardly ever exceeded: the mean and four deviations.
    fn upper(&self) -> f32 {
        let (mean, deviation) = self.read();
        mean + 4.0 * deviation
    }

    fn learn(&self, span: Span, budget: TimeBudget) {
        let (mean, deviation) = self.read();
        let took = micros(span.took);
        if !span.whole && took <= mean {
            return; // it would have taken longer, and nobody knows how long
        }
        let took = match (mean, deviation) {
            (0.0, 0.0) => took,
            // One request that was kept from running, as on a throttled core, says little; several in a row are
            // believed.
            _ => took.min(4.0 * (mean + 4.0 * deviation).max(LEAST_UPPER)),
        };
        // Trials are few: each counts for four, so that a slow moment is forgotten within a second or so.
        let weight = if budget == TimeBudget::Trial { 4.0 } else { 1.0 };
        // The gains of RFC 6298: an eighth for the mean, a quarter for the deviation.
        let next = if (mean, deviation) == (0.0, 0.0) {
            (took, took / 2.0)
        } else {
            let off = (took - mean).abs() - deviation;
            (mean + weight / 8.0 * (took - mean), deviation + (weight / 4.0f32).min(0.5) * off)
        };
        let cell = u64::from(next.0.to_bits()) << 32 | u64::from(next.1.to_bits());
        self.0.store(cell, Ordering::Relaxed);
    }

    fn read(&self) -> (f32, f32) {
        let cell = self.0.load(Ordering::Relaxed);
        (f32::from_bits((cell >> 32) as u32), f32::from_bits(cell as u32))
    }
}

fn micros(time: Duration) -> f32 {
    time.as_secs_f32() * 1e6
}
