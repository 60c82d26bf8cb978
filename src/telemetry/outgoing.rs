//! Metrics of what goes out: the queues, the spools and the sinks.

use std::sync::Arc;

use prometheus::{Error, Registry};

use crate::domain::now_ms;
use crate::exposure::{Counters, Dropped, SinkCounts, SpoolCounts, What};
use crate::server::metrics::{Declaration, Samples};

const EXPOSURES: Declaration = Declaration {
    name: "larder_exposures_total",
    help: "Slates offered to the exposure log, by outcome: written (to the spool, or without one to every sink), or \
           lost because the queue was full or they could not be written.",
    labels: &["outcome"],
};
const OUTGOING: Declaration = Declaration {
    name: "larder_outgoing_total",
    help: "Events that callers recorded (what: events) and dead letters (dead) that are to go to sinks, by outcome as \
           for exposures.",
    labels: &["what", "outcome"],
};
const SENT: Declaration = Declaration {
    name: "larder_sink_sent_total",
    help: "Records (exposures, events, dead letters) that a sink has taken; after a crash some are taken twice.",
    labels: &["what", "sink"],
};
const FAILED: Declaration = Declaration {
    name: "larder_sink_failed_total",
    help: "Records that a sink did not take, once for each attempt; for Parquet, objects.",
    labels: &["what", "sink"],
};
const REFUSED: Declaration = Declaration {
    name: "larder_sink_refused_total",
    help: "Records that a sink can never take and that were left out, by reason: too_large, or the service's own name \
           for it (MalformedDetail …).",
    labels: &["what", "sink", "reason"],
};
const LAG: Declaration = Declaration {
    name: "larder_sink_lag_seconds",
    help: "Age of the oldest record in the spool that waits for a sink; up to an hour for Parquet, which gets whole \
           segments.",
    labels: &["what", "sink"],
};
const BYTES: Declaration = Declaration {
    name: "larder_spool_bytes",
    help: "Bytes of records in the spool, delivered ones that are not deleted yet included.",
    labels: &["what"],
};
const DROPPED: Declaration = Declaration {
    name: "larder_spool_dropped_total",
    help: "Records that the spool did not take or keep, by reason: full (spool.max is reached), no_space (the file \
           system is full), io (it failed), too_large.",
    labels: &["what", "reason"],
};
const CORRUPT: Declaration = Declaration {
    name: "larder_spool_corrupt_total",
    help: "Damaged stretches of the spool that were skipped; the log says where.",
    labels: &["what"],
};

/// What becomes of each kind of records that goes anywhere.
type Outgoing = Arc<[(What, Arc<Counters>)]>;

pub(super) fn register(registry: &Registry, outgoing: Vec<(What, Arc<Counters>)>) -> Result<(), Error> {
    let outgoing: Outgoing = outgoing.into();
    if outgoing.is_empty() {
        return Ok(());
    }
    register_queues(registry, &outgoing)?;
    SENT.counter(registry, of_sinks(&outgoing, |sink| sink.sent() as f64))?;
    FAILED.counter(registry, of_sinks(&outgoing, |sink| sink.failed() as f64))?;
    let refusing = Arc::clone(&outgoing);
    REFUSED.counter(registry, move |samples| {
        for (what, counters) in refusing.iter() {
            for sink in counters.sinks() {
                for (reason, count) in sink.refused() {
                    samples.add(&[what.as_str(), sink.name(), &reason], count as f64);
                }
            }
        }
    })?;
    LAG.gauge(registry, of_sinks(&outgoing, |sink| sink.lag_ms(now_ms()) as f64 / 1000.0))?;
    if outgoing.iter().any(|(_, counters)| counters.spool().is_some()) {
        register_spools(registry, &outgoing)?;
    }
    Ok(())
}

fn register_queues(registry: &Registry, outgoing: &Outgoing) -> Result<(), Error> {
    let is_shown = |(what, _): &&(What, Arc<Counters>)| *what == What::Exposures;
    if let Some((_, exposures)) = outgoing.iter().find(is_shown) {
        let exposures = Arc::clone(exposures);
        EXPOSURES.counter(registry, move |samples| {
            let counts = exposures.counts();
            samples.add(&["written"], counts.written as f64);
            samples.add(&["lost"], counts.lost as f64);
        })?;
    }
    if outgoing.iter().all(|one| is_shown(&one)) {
        return Ok(());
    }
    let others = Arc::clone(outgoing);
    OUTGOING.counter(registry, move |samples| {
        for (what, counters) in others.iter().filter(|one| !is_shown(one)) {
            let counts = counters.counts();
            samples.add(&[what.as_str(), "written"], counts.written as f64);
            samples.add(&[what.as_str(), "lost"], counts.lost as f64);
        }
    })
}

fn register_spools(registry: &Registry, outgoing: &Outgoing) -> Result<(), Error> {
    let of_spools = |read: fn(&str, &SpoolCounts, &mut Samples)| {
        let outgoing = Arc::clone(outgoing);
        move |samples: &mut Samples| {
            for (what, counters) in outgoing.iter() {
                if let Some(spool) = counters.spool() {
                    read(what.as_str(), spool, samples);
                }
            }
        }
    };
    BYTES.gauge(registry, of_spools(|what, spool, samples| samples.add(&[what], spool.bytes() as f64)))?;
    CORRUPT
        .counter(registry, of_spools(|what, spool, samples| samples.add(&[what], spool.corrupt() as f64)))?;
    DROPPED.counter(
        registry,
        of_spools(|what, spool, samples| {
            for reason in Dropped::ALL {
                samples.add(&[what, reason.as_str()], spool.dropped(reason) as f64);
            }
        }),
    )
}

fn of_sinks(
    outgoing: &Outgoing,
    read: fn(&SinkCounts) -> f64,
) -> impl Fn(&mut Samples) + Send + Sync + 'static {
    let outgoing = Arc::clone(outgoing);
    move |samples: &mut Samples| {
        for (what, counters) in outgoing.iter() {
            for sink in counters.sinks() {
                samples.add(&[what.as_str(), sink.name()], read(sink));
            }
        }
    }
}
