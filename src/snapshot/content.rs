//! One snapshot in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{IdTable, Manifest, UserFeatures};
use crate::domain::ItemIdx;
use crate::feature::{Features, Table};
use crate::index::{FoldIn, Lists, Popularity, SessionKnn, SessionKnnParams, VectorIndex, Vectors};
use crate::model::{CategoryValue, InputKind, Ranker};

/// Everything readable at one moment. Immutable; shared by all requests that pinned it.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) manifest: Manifest,
    pub(super) items: Arc<IdTable>,
    pub(super) catalog: Arc<Table>,
    pub(super) artifacts: BTreeMap<String, Arc<Artifact>>,
    pub(super) placements: String,
    pub(super) data_until_ms: Option<i64>,
}

/// A decoded artifact.
#[derive(Debug)]
pub enum Artifact {
    /// Items by popularity.
    Popularity(Popularity),
    /// Neighbours by item.
    Neighbors(Lists),
    /// Past sessions, with the parameters of the manifest.
    SessionKnn(SessionKnn, SessionKnnParams),
    /// A vector per item.
    ItemVectors(Box<ItemVectors>),
    /// A vector per user.
    UserVectors(Keyed<Vectors>),
    /// A list of items per user.
    UserItems(Keyed<Lists>),
    /// Features by item, one row an item of the catalogue.
    ItemFeatures(Features),
    /// Features by user.
    UserFeatures(UserFeatures),
    /// A model that scores candidates.
    Ranker(RankerModel),
}

/// A model and what it is to be fed with.
#[derive(Debug)]
pub struct RankerModel {
    /// The model.
    pub model: Ranker,
    /// The feature of each of its inputs, in their order.
    pub inputs: Vec<RankerInput>,
}

/// One input of a ranker.
#[derive(Debug, Clone, PartialEq)]
pub struct RankerInput {
    /// The feature's name, such as `item.price`.
    pub feature: String,
    /// What the model takes its numbers for.
    pub kind: InputKind,
    /// The value behind each code, code 0 first; empty where codes are not said.
    pub categories: Vec<CategoryValue>,
}

/// Vectors by item, and what is needed to make one for a new user.
#[derive(Debug)]
pub struct ItemVectors {
    /// One row an item, and how to find the best of them.
    pub index: VectorIndex,
    /// How to fold in a user the model has never seen.
    pub fold_in: FoldIn,
}

/// Rows by user id.
#[derive(Debug)]
pub struct Keyed<T> {
    /// User ids; a user's number is the row.
    pub users: IdTable,
    /// The rows.
    pub rows: T,
}

impl Artifact {
    /// The manifest's name for this kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Artifact::Popularity(_) => "popularity",
            Artifact::Neighbors(_) => "item_neighbors",
            Artifact::SessionKnn(..) => "session_knn",
            Artifact::ItemVectors(_) => "item_vectors",
            Artifact::UserVectors(_) => "user_vectors",
            Artifact::UserItems(_) => "user_items",
            Artifact::ItemFeatures(_) => "item_features",
            Artifact::UserFeatures(_) => "user_features",
            Artifact::Ranker(_) => "ranker",
        }
    }

    /// The bytes it occupies in memory, roughly.
    pub fn resident_bytes(&self) -> usize {
        match self {
            Artifact::Popularity(lists) => lists.resident_bytes(),
            Artifact::Neighbors(lists) => lists.resident_bytes(),
            Artifact::SessionKnn(index, _) => index.resident_bytes(),
            Artifact::ItemVectors(items) => items.index.resident_bytes() + items.fold_in.resident_bytes(),
            Artifact::UserVectors(users) => users.users.resident_bytes() + users.rows.resident_bytes(),
            Artifact::UserItems(users) => users.users.resident_bytes() + users.rows.resident_bytes(),
            Artifact::ItemFeatures(features) => features.resident_bytes(),
            Artifact::UserFeatures(users) => users.resident_bytes(),
            Artifact::Ranker(ranker) => ranker.model.resident_bytes(),
        }
    }
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

    /// The item ids.
    pub fn items(&self) -> &IdTable {
        &self.items
    }

    /// The number of an item id in this snapshot.
    pub fn item(&self, id: &str) -> Option<ItemIdx> {
        self.items.number(id).map(ItemIdx)
    }

    /// The id of an item of this snapshot.
    pub fn id(&self, item: ItemIdx) -> &str {
        self.items.text(item.0)
    }

    /// The catalogue's attributes, one row an item.
    pub fn catalog(&self) -> &Table {
        &self.catalog
    }

    /// An artifact by name. The share outlives the snapshot, so a stage can keep it.
    pub fn artifact(&self, name: &str) -> Option<&Arc<Artifact>> {
        self.artifacts.get(name)
    }

    /// All artifacts but the catalogue and the placements, by name.
    pub fn artifacts(&self) -> impl Iterator<Item = (&str, &Artifact)> {
        self.artifacts.iter().map(|(name, artifact)| (name.as_str(), artifact.as_ref()))
    }

    /// The catalogue, shared, so that a stage can keep it.
    pub fn catalog_share(&self) -> Arc<Table> {
        Arc::clone(&self.catalog)
    }

    /// The text of `placements.toml`; empty if there is none.
    pub fn placements(&self) -> &str {
        &self.placements
    }

    /// The bytes the snapshot occupies in memory, roughly.
    pub fn resident_bytes(&self) -> usize {
        let artifacts: usize = self.artifacts.values().map(|artifact| artifact.resident_bytes()).sum();
        artifacts + self.items.resident_bytes() + self.catalog.resident_bytes()
    }
}
