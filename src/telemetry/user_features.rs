//! Metrics of users' features that are not all in memory.

use std::sync::Arc;

use prometheus::{Error, Registry};

use crate::recommender::View;
use crate::server::metrics::{Declaration, Samples};
use crate::snapshot::{Refresher, Registry as Views, UserCounts, UserFeatures};

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

pub(super) fn register(
    registry: &Registry,
    views: &Arc<Views<View>>,
    refresher: &Arc<Refresher<View>>,
) -> Result<(), Error> {
    let of_counts = |read: fn(UserCounts, &mut Samples)| {
        let refresher = Arc::clone(refresher);
        move |samples: &mut Samples| read(refresher.user_counts(), samples)
    };
    LOOKUPS.counter(
        registry,
        of_counts(|counts, samples| {
            samples.add(&["hit"], counts.hits as f64);
            samples.add(&["miss"], counts.misses as f64);
            samples.add(&["unknown"], counts.unknown as f64);
        }),
    )?;
    LATE.counter(registry, of_counts(|counts, samples| samples.add(&[], counts.late as f64)))?;
    FAILED.counter(registry, of_counts(|counts, samples| samples.add(&[], counts.failed as f64)))?;
    let views = Arc::clone(views);
    CACHED.gauge(registry, move |samples| {
        let Some(view) = views.current() else { return };
        for (name, users) in view.snapshot.of_kind::<UserFeatures>() {
            samples.add(&[name], users.cached_bytes() as f64);
        }
    })
}
