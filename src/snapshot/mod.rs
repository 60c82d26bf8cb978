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
mod progress;
mod publish;
mod quarantine;
mod refresher;
mod registry;
mod signature;
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
pub use open::{try_out_directory, try_out_snapshot};
pub use options::{LoadOptions, RefreshOptions};
pub use predict::predict_files;
pub use prediction::Prediction;
pub use progress::Progress;
pub use publish::{Listed, Published, Sign, list, publish, publish_signed, rollback};
pub use quarantine::{Confinement, Quarantine, QuarantineError, Report, Soundness, Trial, confine, try_out};
pub use refresher::{Failure, Health, LookNow, Outcome, Prepare, Refresher};
pub use registry::{BringUp, Registry};
#[cfg(feature = "server")]
pub use signature::SigningKey;
pub use signature::{Keys, SIGNATURE, SignatureError, TrustedKey, TrustedKeys};
pub use status::{ArtifactStatus, SnapshotStatus};
pub use users::{Lookup, Pending, UserColumn, UserCounters, UserCounts, UserFeatures, UserRow, write_shards};
