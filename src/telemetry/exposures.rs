//! Metrics of exposures: the queue, the spool and the sinks.

use std::sync::Arc;
use std::time::SystemTime;

use prometheus::{Error, Registry};

use crate::exposure::{Counters, Dropped, SinkCounts, SpoolCounts};
use crate::server::metrics::{Declaration, Samples};

const EXPOSURES: Declaration = Declaration {
    name: "larder_exposures_total",
    help: "Slates offered to the exposure log, by outcome: written (to the spool, or without one to every sink), or \
           lost because the queue was full or they could not be written.",
    labels: &["outcome"],
};
const SENT: Declaration = Declaration {
    name: "larder_sink_sent_total",
    help: "Exposures that a sink has taken; after a crash some are taken twice.",
    labels: &["sink"],
};
const FAILED: Declaration = Declaration {
    name: "larder_sink_failed_total",
    help: "Exposures that a sink did not take, once for each attempt; for the lake, objects.",
    labels: &["sink"],
};
const LAG: Declaration = Declaration {
    name: "larder_sink_lag_seconds",
    help: "Age of the oldest exposure in the spool that waits for a sink; up to an hour for the lake, which gets whole \
           segments.",
    labels: &["sink"],
};
const BYTES: Declaration = Declaration {
    name: "larder_spool_bytes",
    help: "Bytes of exposures in the spool, delivered ones that are not deleted yet included.",
    labels: &[],
};
const DROPPED: Declaration = Declaration {
    name: "larder_spool_dropped_total",
    help: "Exposures that the spool did not take or keep, by reason: full (spool.max is reached), no_space (the file \
           system is full), io (it failed), too_large.",
    labels: &["reason"],
};
const CORRUPT: Declaration = Declaration {
    name: "larder_spool_corrupt_total",
    help: "Damaged stretches of the spool that were skipped; the log says where.",
    labels: &[],
};

pub(super) fn register(registry: &Registry, counters: Arc<Counters>) -> Result<(), Error> {
    let of_queue = Arc::clone(&counters);
    EXPOSURES.counter(registry, move |samples| {
        let counts = of_queue.counts();
        samples.add(&["written"], counts.written as f64);
        samples.add(&["lost"], counts.lost as f64);
    })?;
    SENT.counter(registry, of_sinks(&counters, |sink| sink.sent() as f64))?;
    FAILED.counter(registry, of_sinks(&counters, |sink| sink.failed() as f64))?;
    LAG.gauge(registry, of_sinks(&counters, |sink| sink.lag_ms(now_ms()) as f64 / 1000.0))?;
    match counters.spool() {
        Some(spool) => register_spool(registry, spool),
        None => Ok(()),
    }
}

fn register_spool(registry: &Registry, spool: &Arc<SpoolCounts>) -> Result<(), Error> {
    let of_spool = |read: fn(&SpoolCounts, &mut Samples)| {
        let spool = Arc::clone(spool);
        move |samples: &mut Samples| read(&spool, samples)
    };
    BYTES.gauge(registry, of_spool(|spool, samples| samples.add(&[], spool.bytes() as f64)))?;
    CORRUPT.counter(registry, of_spool(|spool, samples| samples.add(&[], spool.corrupt() as f64)))?;
    DROPPED.counter(
        registry,
        of_spool(|spool, samples| {
            for reason in Dropped::ALL {
                samples.add(&[reason.as_str()], spool.dropped(reason) as f64);
            }
        }),
    )
}

fn of_sinks(
    counters: &Arc<Counters>,
    read: fn(&SinkCounts) -> f64,
) -> impl Fn(&mut Samples) + Send + Sync + 'static {
    let counters = Arc::clone(counters);
    move |samples: &mut Samples| {
        for sink in counters.sinks() {
            samples.add(&[sink.name()], read(sink));
        }
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}
