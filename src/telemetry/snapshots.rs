//! Metrics of the served snapshot, and of how it is kept up to date. Nothing is remembered: a snapshot that is not
//! served any more is in no sample.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prometheus::{Error, Registry};

use crate::recommender::View;
use crate::server::metrics::{Declaration, Samples};
use crate::snapshot::{Health, ItemVectors, Refresher, Registry as Views};

const INFO: Declaration = Declaration {
    name: "larder_snapshot_info",
    help: "1 for the version that is served.",
    labels: &["version"],
};
const AGE: Declaration = Declaration {
    name: "larder_snapshot_age_seconds",
    help: "Time since the served snapshot was swapped in.",
    labels: &[],
};
const DATA_AGE: Declaration = Declaration {
    name: "larder_data_age_seconds",
    help: "Time since the newest event that the served models know, if their snapshot says.",
    labels: &[],
};
const RESIDENT: Declaration = Declaration {
    name: "larder_artifact_resident_bytes",
    help: "Memory of each artifact of the served snapshot; that of the catalogue includes the ids.",
    labels: &["artifact"],
};
const RECALL: Declaration = Declaration {
    name: "larder_vector_index_recall",
    help: "Share of the exact best 100 that a vector index found for the queries it was calibrated with at load; 1 \
           where it looks at every vector.",
    labels: &["artifact"],
};
const SWAPS: Declaration = Declaration {
    name: "larder_snapshot_swaps_total",
    help: "Swaps of the served snapshot since the start, rollbacks included.",
    labels: &[],
};
const LOAD: Declaration =
    Declaration { name: "larder_snapshot_load_seconds", help: "Time that the last load took.", labels: &[] };
const LAST_CHECK: Declaration = Declaration {
    name: "larder_snapshot_last_check_timestamp_seconds",
    help: "When the channel was last read, in seconds since 1970-01-01 UTC; absent until then.",
    labels: &[],
};
const FAILURES: Declaration = Declaration {
    name: "larder_snapshot_failures_total",
    help: "Refreshes that failed, by artifact at fault (- where none is) and reason.",
    labels: &["artifact", "reason"],
};
const FAILING: Declaration = Declaration {
    name: "larder_snapshot_refresh_failing",
    help: "1 from a failed refresh until one succeeds, else 0.",
    labels: &[],
};

pub(super) fn register(
    registry: &Registry,
    views: &Arc<Views<View>>,
    refresher: &Arc<Refresher<View>>,
) -> Result<(), Error> {
    INFO.gauge(registry, of_view(views, |view, samples| samples.add(&[view.snapshot.version()], 1.0)))?;
    DATA_AGE.gauge(registry, of_view(views, read_data_age))?;
    RESIDENT.gauge(registry, of_view(views, read_resident_bytes))?;
    RECALL.gauge(registry, of_view(views, read_recall))?;
    let add_age = |health: Health, samples: &mut Samples| {
        // Absent until something is served: an age of 0 would look like a swap just now.
        if let Some(then) = health.swapped_at {
            samples.add(&[], seconds_since(then));
        }
    };
    AGE.gauge(registry, of_health(refresher, add_age))?;
    SWAPS.counter(registry, of_health(refresher, |health, samples| samples.add(&[], health.swaps as f64)))?;
    let add_load = |health: Health, samples: &mut Samples| samples.add(&[], health.last_load.as_secs_f64());
    LOAD.gauge(registry, of_health(refresher, add_load))?;
    let add_last_check = |health: Health, samples: &mut Samples| {
        let since = health.last_checked.and_then(|then| then.duration_since(SystemTime::UNIX_EPOCH).ok());
        if let Some(since) = since {
            samples.add(&[], since.as_secs_f64());
        }
    };
    LAST_CHECK.gauge(registry, of_health(refresher, add_last_check))?;
    let add_failing = |health: Health, samples: &mut Samples| {
        samples.add(&[], f64::from(u8::from(health.last_failure.is_some())));
    };
    FAILING.gauge(registry, of_health(refresher, add_failing))?;
    FAILURES.counter(registry, of_health(refresher, read_failures))
}

/// Reads from what is served, if something is.
fn of_view(
    views: &Arc<Views<View>>,
    read: impl Fn(&View, &mut Samples) + Send + Sync + 'static,
) -> impl Fn(&mut Samples) + Send + Sync + 'static {
    let views = Arc::clone(views);
    move |samples| {
        if let Some(view) = views.current() {
            read(&view, samples);
        }
    }
}

fn of_health(
    refresher: &Arc<Refresher<View>>,
    read: impl Fn(Health, &mut Samples) + Send + Sync + 'static,
) -> impl Fn(&mut Samples) + Send + Sync + 'static {
    let refresher = Arc::clone(refresher);
    move |samples| read(refresher.health(), samples)
}

fn read_data_age(view: &View, samples: &mut Samples) {
    // Absent, too, where the manifest does not say: alerts on absence and on age are different ones.
    let until = view.snapshot.data_until_ms().and_then(|ms| u64::try_from(ms).ok());
    if let Some(ms) = until {
        samples.add(&[], seconds_since(SystemTime::UNIX_EPOCH + Duration::from_millis(ms)));
    }
}

fn read_resident_bytes(view: &View, samples: &mut Samples) {
    for artifact in view.snapshot.status().artifacts {
        if let Some(bytes) = artifact.resident_bytes {
            samples.add(&[&artifact.name], bytes as f64);
        }
    }
}

fn read_recall(view: &View, samples: &mut Samples) {
    for (name, items) in view.snapshot.of_kind::<ItemVectors>() {
        samples.add(&[name], f64::from(items.index.recall()));
    }
}

fn read_failures(health: Health, samples: &mut Samples) {
    for ((artifact, reason), count) in &health.failures {
        samples.add(&[artifact, reason], *count as f64);
    }
}

fn seconds_since(then: SystemTime) -> f64 {
    SystemTime::now().duration_since(then).unwrap_or_default().as_secs_f64()
}
