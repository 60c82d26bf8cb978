//! Metrics of how the recommender came to its answers, by placement.

use std::sync::Arc;

use prometheus::{Error, Registry};

use crate::recommender::{Plan, Recommender};
use crate::server::metrics::Declaration;

const CACHE: Declaration = Declaration {
    name: "larder_cache_requests_total",
    help: "Slates looked for in the result cache, by outcome: hit, miss, or uncacheable (not looked for).",
    labels: &["placement", "outcome"],
};
const PLANS: Declaration = Declaration {
    name: "larder_plans_total",
    help: "Slates that did not come from the result cache, by how much of the recipe there was time for: full, \
           no_rerank, cached, popular.",
    labels: &["placement", "plan"],
};

pub(super) fn register(registry: &Registry, recommender: &Arc<Recommender>) -> Result<(), Error> {
    let counted = Arc::clone(recommender);
    CACHE.counter(registry, move |samples| {
        for (placement, counts) in counted.counts() {
            samples.add(&[&placement, "hit"], counts.hits as f64);
            samples.add(&[&placement, "miss"], counts.misses as f64);
            samples.add(&[&placement, "uncacheable"], counts.uncacheable as f64);
        }
    })?;
    let counted = Arc::clone(recommender);
    PLANS.counter(registry, move |samples| {
        for (placement, counts) in counted.counts() {
            for (plan, count) in Plan::ALL.iter().zip(counts.plans) {
                samples.add(&[&placement, plan.as_str()], count as f64);
            }
        }
    })
}
