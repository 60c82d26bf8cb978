//! What is readable at one moment: where it comes from, how it is decoded, and how one moment follows the other.

mod build;
mod channel;
mod content;
mod describe;
mod error;
mod kinds;
mod loader;
mod manifest;
mod memory;
mod open;
mod options;
mod predict;
mod prediction;
mod publish;
mod refresher;
mod registry;
mod status;
mod users;

pub use build::{BuildArtifact, build_manifest, new_version, rfc3339};
pub use channel::{Channel, ChannelError, read_channel};
pub use content::Snapshot;
pub use describe::{LeftOut, describe_directory, left_out};
pub use error::{DirectoryError, SnapshotError};
pub use kinds::*;
pub use loader::{Files, Source, load};
pub use manifest::{
    ArtifactEntry, FORMAT_VERSION, GoldenQuery, MANIFEST, Manifest, ManifestError, VersionError,
};
pub use open::{open_cache, open_directory, open_snapshot, predict_directory, predict_snapshot};
pub use options::{LoadOptions, RefreshOptions};
pub use predict::predict_files;
pub use prediction::Prediction;
pub use publish::{Listed, Published, list, publish, rollback};
pub use refresher::{Failure, Health, LookNow, Outcome, Prepare, Refresher};
pub use registry::{BringUp, Registry};
pub use status::{ArtifactStatus, SnapshotStatus};
pub use users::{Lookup, Pending, UserColumn, UserCounters, UserCounts, UserFeatures, UserRow, write_shards};
