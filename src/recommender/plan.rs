//! How much of the recipe there is time for, decided before the walk from what the last walks took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::domain::Cause;
use crate::pipeline::{Depth, Pipeline, Span, Spans};

/// How an answer is made, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// By the whole recipe.
    Full,
    /// Without re-rankers; a blend of the sources stands in for a trained model.
    NoRerank,
    /// From the slate in the result cache that anybody would get, without what this subject must not see.
    Cached,
    /// From the fallback ladder alone.
    Popular,
}

impl Plan {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Full, Self::NoRerank, Self::Cached, Self::Popular];

    /// The name used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Plan::Full => "full",
            Plan::NoRerank => "no_rerank",
            Plan::Cached => "cached",
            Plan::Popular => "popular",
        }
    }

    /// What the answer says of it.
    pub fn cause(self) -> Option<Cause> {
        match self {
            Plan::Full => None,
            Plan::NoRerank => Some(Cause::DeadlineNoRerank),
            Plan::Cached => Some(Cause::DeadlineCached),
            Plan::Popular => Some(Cause::DeadlinePopular),
        }
    }

    pub(super) fn depth(self) -> Depth {
        match self {
            Plan::Full => Depth::Full,
            Plan::NoRerank => Depth::NoRerank,
            Plan::Cached | Plan::Popular => Depth::Mask,
        }
    }
}

/// What there is time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// The whole recipe, going by the estimates.
    Full,
    /// It seems too little, and the whole recipe is tried all the same, to see whether the estimates still hold.
    Trial,
    /// All but what [`Depth::NoRerank`] leaves out.
    NoRerank,
    /// No retrieval.
    Little,
}

/// So often a placement tries the whole recipe although the estimates say that there is no time for it.
const TRIAL_EVERY: Duration = Duration::from_millis(100);

/// What counts as no time at all, in microseconds.
const NOTHING: f32 = 250.0;

/// What the walks of one placement took lately. Lock-free: of two updates at once, one may be lost.
#[derive(Debug)]
pub(super) struct LatencyEstimator {
    since: Instant,
    /// When a whole recipe last ended or was tried, in microseconds from `since`.
    whole_at: AtomicU64,
    retrieval: Estimate,
    scoring: Estimate,
    reranking: Estimate,
    ladder: Estimate,
}

impl LatencyEstimator {
    /// Nothing is known yet: there is time for everything.
    pub(super) fn unknown() -> Self {
        let [retrieval, scoring, reranking, ladder] = [(); 4].map(|()| Estimate::default());
        Self { since: Instant::now(), whole_at: AtomicU64::new(0), retrieval, scoring, reranking, ladder }
    }

    /// What there is time for until `due`. When the time is up already, that is for the walk to deal with.
    pub(super) fn room(&self, due: Instant, pipeline: &Pipeline) -> Room {
        let now = Instant::now();
        let left = micros(due.saturating_duration_since(now));
        let least = self.retrieval.upper() + self.ladder.upper();
        let (scoring, reranking) = (self.scoring.upper(), self.reranking.upper());
        if left <= 0.0 || least + scoring + reranking <= left {
            return Room::Full;
        }
        if self.is_time_for_a_trial(now) {
            return Room::Trial;
        }
        // A blend in the place of a trained ranker takes next to nothing.
        let (is_lighter, without_scorer) = pipeline.lighter();
        let scoring = if without_scorer { 0.0 } else { scoring };
        if is_lighter && least + scoring <= left { Room::NoRerank } else { Room::Little }
    }

    /// Takes in what one walk took that ended now.
    pub(super) fn learn(&self, room: Room, spans: &Spans) {
        let now = Instant::now();
        let groups = [
            (&self.retrieval, spans.retrieval),
            (&self.scoring, spans.scoring),
            (&self.reranking, spans.reranking),
            (&self.ladder, spans.ended.map(|ended| Span { took: now.duration_since(ended), whole: true })),
        ];
        for (estimate, span) in groups {
            span.into_iter().for_each(|span| estimate.learn(span, room));
        }
        if room == Room::Trial || spans.reranking.is_some_and(|span| span.whole) {
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
/// As TCP estimates the time of a round trip: Jacobson and Karels, "Congestion Avoidance and Control", 1988; RFC 6298, section 2.
#[derive(Debug, Default)]
struct Estimate(AtomicU64);

impl Estimate {
    /// Hardly ever exceeded: the mean and four deviations.
    fn upper(&self) -> f32 {
        let (mean, deviation) = self.read();
        mean + 4.0 * deviation
    }

    fn learn(&self, span: Span, room: Room) {
        let (mean, deviation) = self.read();
        let took = micros(span.took);
        if !span.whole && took <= mean {
            return; // it would have taken longer, and nobody knows how long
        }
        let took = match (mean, deviation) {
            (0.0, 0.0) => took,
            // One walk that was not let run, as on a throttled core, says little; several in a row are believed.
            _ => took.min(4.0 * (mean + 4.0 * deviation).max(NOTHING)),
        };
        // Trials are few: each counts for four, so that a slow moment is forgotten within a second or so.
        let weight = if room == Room::Trial { 4.0 } else { 1.0 };
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
