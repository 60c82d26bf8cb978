//! The metrics of admission.

use std::sync::Arc;

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use crate::server::edge::class::{self, CLASSES};
use crate::server::metrics::{Declaration, Histogram};

/// Why a request was not served, as a metric label.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reason {
    /// More requests arrived than can be served.
    Overloaded,
    /// Its deadline passed while it was queued.
    Deadline,
    /// Its caller went away while it was queued.
    Cancelled,
}

const REASONS: [Reason; 3] = [Reason::Overloaded, Reason::Deadline, Reason::Cancelled];

/// What is counted while requests come and go.
#[derive(Debug)]
pub(super) struct Metrics {
    /// By priority of the class, then by reason.
    refused: [[IntCounter; REASONS.len()]; CLASSES],
    pub(super) waited: Arc<Histogram>,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        // All combinations exist from the start, at zero: an alert on the rate sees the first refusal.
        let help = "Requests that were not served, by traffic class and reason: overloaded (more requests than can be \
                    answered), deadline (it passed before the request's turn), cancelled (the caller went away).";
        let refused = IntCounterVec::new(Opts::new("larder_refused_total", help), &["class", "reason"])?;
        registry.register(Box::new(refused.clone()))?;
        let waited = Arc::new(Histogram::default());
        let read = Arc::clone(&waited);
        let declaration = Declaration {
            name: "larder_waiting_seconds",
            help: "Time that requests were queued before they were served; those that had to wait only.",
            labels: &[],
        };
        declaration.histogram(registry, move |samples| samples.histogram(&[], &read))?;
        // Made now and kept: a lookup in the family takes a lock.
        let counters = class::BY_PRIORITY.map(|class| {
            REASONS.map(|reason| refused.with_label_values(&[class::label(class), reason.as_str()]))
        });
        Ok(Self { refused: counters, waited })
    }

    pub(super) fn refused(&self, priority: usize, reason: Reason) {
        if let Some(counter) = self.refused.get(priority).and_then(|class| class.get(reason as usize)) {
            counter.inc();
        }
    }

    /// Requests refused so far, by priority of the class, for whatever reason.
    pub(super) fn refused_so_far(&self) -> [u64; CLASSES] {
        self.refused.each_ref().map(|reasons| reasons.iter().map(IntCounter::get).sum())
    }
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Reason::Overloaded => "overloaded",
            Reason::Deadline => "deadline",
            Reason::Cancelled => "cancelled",
        }
    }
}
