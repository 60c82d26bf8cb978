//! Metrics of users' features that are not all in memory.

use std::sync::Arc;

use prometheus::{Error, Registry};

use crate::recommender::View;
use crate::server::metrics::Declaration;
use crate::snapshot::{Registry as Views, UserCounts};

const LOOKUPS: Declaration = Declaration {
    name: "larder_user_features_lookups_total",
    help: "Lookups of users in sharded tables of features, by outcome: hit (the shard was in memory), miss (it was \
           read), unknown (no shard has the user, which is known without reading one).",
    labels: &["outcome"],
};
const LATE: Declaration = Declaration {
    name: "larder_user_features_late_total",
    help: "Slates made without the user's features because they were not in memory in time.",
    labels: &[],
};
const FAILED: Declaration = Declaration {
    name: "larder_user_features_failed_total",
    help: "Shards of users' features that could not be read; the log names the 1st, 2nd, 4th, 8th and so on.",
    labels: &[],
};
const CACHED: Declaration = Declaration {
    name: "larder_user_features_cached_bytes",
    help: "Shards of users' features in memory; larder_artifact_resident_bytes counts their cache as full.",
    labels: &["artifact"],
};

pub(super) fn register(registry: &Registry, views: &Arc<Views<View>>) -> Result<(), Error> {
    LOOKUPS.counter(registry, |samples| {
        let counts = UserCounts::now();
        samples.add(&["hit"], counts.hits as f64);
        samples.add(&["miss"], counts.misses as f64);
        samples.add(&["unknown"], counts.strangers as f64);
    })?;
    LATE.counter(registry, |samples| samples.add(&[], UserCounts::now().late as f64))?;
    FAILED.counter(registry, |samples| samples.add(&[], UserCounts::now().failed as f64))?;
    let views = Arc::clone(views);
    CACHED.gauge(registry, move |samples| {
        let Some(view) = views.current() else { return };
        for artifact in view.snapshot.status().artifacts {
            if let Some(bytes) = artifact.cached_bytes {
                samples.add(&[&artifact.name], bytes as f64);
            }
        }
    })
}
