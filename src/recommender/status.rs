//! What requests are answered from, as operators see it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Placement, View};
use crate::pipeline::Named;
use crate::snapshot::SnapshotStatus;

/// What there is to say about a view.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ViewStatus {
    /// Its snapshot.
    #[serde(flatten)]
    pub snapshot: SnapshotStatus,
    /// Its placements by name.
    pub placements: BTreeMap<String, PlacementStatus>,
}

/// A placement's recipe, by the labels of its stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlacementStatus {
    /// Items of a slate where the request does not say.
    pub page_size: usize,
    /// Candidate sources.
    pub sources: Vec<String>,
    /// Filters.
    pub filters: Vec<String>,
    /// Re-rankers.
    pub rerank: Vec<String>,
    /// Sources that are asked when the recipe is short.
    pub fallback: Vec<String>,
}

impl View {
    /// What there is to say about it.
    pub fn status(&self) -> ViewStatus {
        let placements = self.placements.iter().map(|(name, placement)| (name.clone(), placement.status()));
        ViewStatus { snapshot: self.snapshot.status(), placements: placements.collect() }
    }
}

impl Placement {
    fn status(&self) -> PlacementStatus {
        PlacementStatus {
            page_size: self.page_size,
            sources: labels(&self.pipeline.sources),
            filters: labels(&self.pipeline.filters),
            rerank: labels(&self.pipeline.rerankers),
            fallback: labels(&self.fallback),
        }
    }
}

fn labels<T: ?Sized>(stages: &[Named<T>]) -> Vec<String> {
    stages.iter().map(|stage| stage.label.to_string()).collect()
}
