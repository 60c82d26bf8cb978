//! The cellar: what is readable at one moment, where it comes from, and how one moment follows the other.

mod build;
mod calibrate;
mod channel;
mod content;
mod decode;
mod error;
mod ids;
mod loader;
mod manifest;
mod memory;
mod options;
mod predict;
mod publish;
mod refresher;
mod registry;
mod users;

pub use build::{BuildArtifact, build_manifest, describe_directory, new_version, shard_tables};
pub use channel::{Channel, read_channel};
pub use content::{Artifact, ItemVectors, Keyed, RankerInput, RankerModel, Snapshot};
pub use error::SnapshotError;
pub use ids::IdTable;
pub use loader::{Files, Source, load, open_directory, predict_directory, predict_files};
pub use manifest::{ArtifactEntry, FORMAT_VERSION, GoldenQuery, MANIFEST, Manifest};
pub use options::{LoadOptions, RefreshOptions};
pub use predict::{Prediction, predict};
pub use publish::{Listed, Published, list, publish, rollback};
pub use refresher::{Failure, Health, Outcome, Prepare, Refresher};
pub use registry::Registry;
pub use users::{Lookup, Pending, Sharded, UserColumn, UserCounts, UserFeatures, UserRow, write_shards};
