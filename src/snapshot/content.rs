//! One snapshot in memory.

use std::sync::Arc;

use super::Manifest;
use super::kinds::{Artifact, ArtifactLookupError, Artifacts};
use super::kinds::{ArtifactKind, Catalog, Placements};
use crate::domain::ItemIdx;
use crate::feature::IdTable;
use crate::feature::Table;

/// Everything readable at one moment. Immutable; shared by all requests that pinned it.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) manifest: Manifest,
    pub(super) artifacts: Artifacts,
    /// One of the artifacts, held here as well: every request asks for it.
    pub(super) catalog: Arc<Catalog>,
    pub(super) data_until_ms: Option<i64>,
    pub(super) catalog_as_of_ms: Option<i64>,
}

impl Snapshot {
    /// The version, as in the manifest.
    pub fn version(&self) -> &str {
        &self.manifest.snapshot
    }

    /// The manifest it was made from.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The newest event its models know, in milliseconds since 1970-01-01 UTC.
    pub fn data_until_ms(&self) -> Option<i64> {
        self.data_until_ms
    }

    /// Until when its catalogue knows what happened, in milliseconds since 1970-01-01 UTC: as its manifest says, else
    /// the newest event that it was trained on, else when it was made.
    pub fn catalog_as_of_ms(&self) -> Option<i64> {
        self.catalog_as_of_ms
    }

    /// The item ids.
    pub fn items(&self) -> &IdTable {
        &self.catalog.items
    }

    /// The item ids, shared, so that live state can keep them.
    pub fn items_share(&self) -> Arc<IdTable> {
        Arc::clone(&self.catalog.items)
    }

    /// The number of an item id in this snapshot.
    pub fn item(&self, id: &str) -> Option<ItemIdx> {
        self.catalog.items.number(id).map(ItemIdx)
    }

    /// The id of an item of this snapshot.
    pub fn id(&self, item: ItemIdx) -> &str {
        self.catalog.items.text(item.0)
    }

    /// The catalogue's attributes, one row an item.
    pub fn catalog(&self) -> &Table {
        &self.catalog.attributes
    }

    /// The catalogue's attributes, shared, so that a stage can keep them.
    pub fn catalog_share(&self) -> Arc<Table> {
        Arc::clone(&self.catalog.attributes)
    }

    /// An artifact by name, whatever its kind.
    pub fn artifact(&self, name: &str) -> Option<&Arc<dyn Artifact>> {
        self.artifacts.named(name)
    }

    /// An artifact by name, as what its kind decodes to. The share outlives the snapshot, so a stage can keep it.
    ///
    /// # Errors
    /// No artifact of this name, or one of another kind.
    pub fn get<K: ArtifactKind>(&self, name: &str) -> Result<Arc<K>, ArtifactLookupError> {
        self.artifacts.get(name)
    }

    /// All artifacts, by name.
    pub fn artifacts(&self) -> impl Iterator<Item = (&str, &dyn Artifact)> {
        self.artifacts.iter()
    }

    /// The artifacts of one kind, by name.
    pub fn of_kind<K: ArtifactKind>(&self) -> impl Iterator<Item = (&str, &K)> {
        self.artifacts.of_kind()
    }

    /// Whether some artifact was trained on, or made for, this user.
    pub fn knows_user(&self, user: &str) -> bool {
        self.artifacts.iter().any(|(_, artifact)| artifact.knows_user(user))
    }

    /// The text of `placements.toml`; empty if there is none.
    pub fn placements(&self) -> &str {
        // A snapshot without recipes can be loaded and inspected; a server has nothing to answer with it.
        self.artifacts.of_kind::<Placements>().next().map_or("", |(_, placements)| &placements.text)
    }

    /// The bytes the snapshot occupies in memory, roughly.
    pub fn resident_bytes(&self) -> usize {
        self.artifacts.iter().map(|(_, artifact)| artifact.resident_bytes()).sum()
    }
}
