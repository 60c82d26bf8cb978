//! Vector indexes are set by real queries before they serve: the users' vectors where the snapshot has them, the items' own else.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::content::Artifact;
use crate::index::Vectors;

/// Queries that an index is calibrated with.
const QUERIES: usize = 100;

/// Calibrates the indexes that nobody shares yet, and says what they reached.
pub(super) fn indexes(artifacts: &mut BTreeMap<String, Arc<Artifact>>) {
    let users: Vec<Arc<Artifact>> = artifacts
        .values()
        .filter(|artifact| matches!(artifact.as_ref(), Artifact::UserVectors(_)))
        .map(Arc::clone)
        .collect();
    for (name, artifact) in artifacts.iter_mut() {
        let Some(Artifact::ItemVectors(items)) = Arc::get_mut(artifact) else { continue };
        let width = items.index.vectors().width();
        let of_users = users.iter().find_map(|users| match users.as_ref() {
            Artifact::UserVectors(users) if users.rows.width() == width => Some(sample(&users.rows)),
            _ => None,
        });
        let queries =
            of_users.filter(|queries| !queries.is_empty()).unwrap_or_else(|| sample(items.index.vectors()));
        items.index.calibrate(&queries);
        let (way, recall) = (items.index.way(), items.index.recall());
        tracing::info!(artifact = name, way, recall, "vector index");
    }
}

/// Rows at equal distances.
fn sample(vectors: &Vectors) -> Vec<Vec<f32>> {
    let step = vectors.rows().div_ceil(QUERIES).max(1);
    (0..vectors.rows()).step_by(step).filter_map(|row| vectors.row(row).map(<[f32]>::to_vec)).collect()
}
