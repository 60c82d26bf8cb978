//! Metrics of the exposure queue.

use std::sync::Arc;

use prometheus::{Error, Registry};

use crate::exposure::Counters;
use crate::server::metrics::Declaration;

const EXPOSURES: Declaration = Declaration {
    name: "larder_exposures_total",
    help: "Slates offered to the exposure log, by outcome: written, or lost because the queue was full or the file \
           failed.",
    labels: &["outcome"],
};

pub(super) fn register(registry: &Registry, counters: Arc<Counters>) -> Result<(), Error> {
    EXPOSURES.counter(registry, move |samples| {
        let counts = counters.counts();
        samples.add(&["written"], counts.written as f64);
        samples.add(&["lost"], counts.lost as f64);
    })
}
