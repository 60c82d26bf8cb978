//! Candidate sources: where possible items come from.

mod arrivals;
mod likeness;
mod neighbors;
mod popular;
mod seeds;
mod session_knn;
mod user_items;
mod vectors;

use super::Stages;

pub use arrivals::Arrivals;
pub use neighbors::Neighbors;
pub use popular::Popular;
pub use session_knn::SessionKnnSource;
pub use user_items::UserItems;
pub use vectors::VectorSource;

/// The kinds that recipes may name.
pub(super) fn add_kinds(stages: Stages) -> Stages {
    stages
        .source("arrivals", Arrivals::make)
        .source("neighbors", Neighbors::make)
        .source("popular", Popular::make)
        .source("session_knn", SessionKnnSource::make)
        .source("user_items", UserItems::make)
        .source("vectors", VectorSource::make)
}
