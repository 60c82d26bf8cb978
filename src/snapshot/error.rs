//! Why a snapshot was refused.

use std::io;

use thiserror::Error;

use super::kinds::ArtifactError;
use super::{ChannelError, ManifestError};
use crate::artifact::{FetchError, StoreError};

/// A snapshot that cannot be loaded, built or published. Names the artifact at fault wherever there is one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The store did not answer as needed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory for downloads cannot be used.
    #[error("cache_dir: {0}")]
    Cache(#[from] FetchError),
    /// A manifest is not what it should be.
    #[error("{file}: {source}")]
    Manifest {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A channel is not what it should be.
    #[error("{file}: {source}")]
    Channel {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: ChannelError,
    },
    /// A store does not have the channel.
    #[error("{location} has no channel \"{channel}\"; publish a snapshot to it, or name another")]
    NoChannel {
        /// The store.
        location: String,
        /// The channel that was asked for.
        channel: String,
    },
    /// A server was pointed to a snapshot where it needs a store.
    #[error(
        "{location} is a snapshot's own directory, and a server follows the channel of a store: publish the snapshot \
         to one with `larder snapshot publish`, and serve that"
    )]
    NoStore {
        /// The directory.
        location: String,
    },
    /// A directory holds neither a snapshot nor a store.
    #[error(
        "{path} has neither manifest.json nor channels/{channel}.json: it is neither a snapshot nor a store"
    )]
    NoSnapshot {
        /// The directory.
        path: String,
        /// The channel that was looked for.
        channel: String,
    },
    /// There is nothing to go back to.
    #[error("channel \"{channel}\" names no previous snapshot; say which with --to")]
    NoPrevious {
        /// The channel.
        channel: String,
    },
    /// There is nothing to go back to, and nowhere to say what.
    #[error("there is no previous snapshot, neither in memory nor in the channel \"{channel}\"")]
    NoRollback {
        /// The channel.
        channel: String,
    },
    /// A directory cannot become a snapshot.
    #[error("{file}: {source}")]
    Directory {
        /// The directory, or the file in it.
        file: String,
        /// What is wrong with it.
        source: DirectoryError,
    },
    /// A version is to be published that the store has already, and the two differ.
    #[error(
        "{location} already has a snapshot {version} with other content; a snapshot never changes: build it again \
         under a new version"
    )]
    VersionTaken {
        /// The store.
        location: String,
        /// The version.
        version: String,
    },
    /// The threads that load cannot be started.
    #[error("the loader's threads cannot be started: {0}")]
    Threads(#[source] io::Error),
    /// A stage panicked.
    #[error("{version}: a stage panicked while the snapshot was prepared; the log says more")]
    Panicked {
        /// The snapshot.
        version: String,
    },
    /// An artifact is not the file that the manifest promises.
    #[error("artifact \"{artifact}\": {source}")]
    Fetch {
        /// The artifact.
        artifact: String,
        /// What is wrong with it.
        source: FetchError,
    },
    /// An artifact's file cannot be read, or its content makes no sense.
    #[error("artifact \"{artifact}\": {source}")]
    Artifact {
        /// The artifact.
        artifact: String,
        /// What is wrong with it; boxed, as results with this error are returned everywhere.
        source: Box<ArtifactError>,
    },
    /// The parts do not fit each other: a recipe that names what is not there, a golden query that fails.
    #[error("{part}: {reason}")]
    Refused {
        /// What holds the part: `placements` or `golden`.
        artifact: &'static str,
        /// `placements.toml, line 4`, or `golden query 3`.
        part: String,
        /// What does not fit.
        reason: String,
    },
    /// There is not enough memory for it beside what is served.
    #[error(
        "needs about {needs} bytes of memory, and of the budget of {budget} there are {left} left beside what is \
         served (largest: artifact \"{largest}\"); raise snapshot.memory_budget or the container's limit, or publish \
         less"
    )]
    Memory {
        /// Bytes it will take, and while it is decoded.
        needs: u64,
        /// Bytes there are for it.
        left: u64,
        /// Bytes there are for all.
        budget: u64,
        /// The artifact that needs most.
        largest: String,
    },
    /// It would have to be downloaded, and is to come from the cache alone.
    #[error("it is not, or not as a whole, in the cache")]
    NotCached,
    /// Nobody wants it any more.
    #[error("loading it was called off: it was withdrawn, or an operator rolled back")]
    Stopped,
    /// The process that tried a snapshot out refused it.
    #[error("{reason}")]
    Rejected {
        /// The artifact at fault, if one is.
        artifact: Option<String>,
        /// A short reason for a metric label.
        label: &'static str,
        /// Bytes that it needs, where there is not enough memory for it.
        needs: Option<u64>,
        /// What it said.
        reason: String,
    },
    /// The process that tried a snapshot out came to an end.
    #[error("{}the process that tried the snapshot out {how}", named(artifact.as_deref()))]
    Quarantined {
        /// The artifact that it was at.
        artifact: Option<String>,
        /// How it ended.
        how: String,
    },
    /// Processes died again and again while they loaded a snapshot.
    #[error(
        "{version}: {deaths} processes in a row died while they loaded it; it is tried again when the channel names \
         another, or a refresh is forced"
    )]
    Deadly {
        /// The snapshot.
        version: String,
        /// How many died.
        deaths: u32,
    },
    /// Two publishers met.
    #[error(
        "channel \"{channel}\" was switched by someone else at the same time; it now serves {now}. Look at it, then \
         publish again"
    )]
    LostRace {
        /// The channel.
        channel: String,
        /// What it names now.
        now: String,
    },
}

/// Why a directory cannot become a snapshot.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// It, or a file in it, cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// `params.toml` is no TOML.
    #[error(transparent)]
    Params(#[from] toml::de::Error),
    /// `params.toml` speaks of a file that is not there.
    #[error("[{name}] names neither {name}.parquet nor a model here")]
    UnusedParams {
        /// The table's name.
        name: String,
    },
    /// There is no catalogue.
    #[error("has no catalog.parquet; manifest.json was not written")]
    NoCatalog,
}

impl SnapshotError {
    /// An artifact and what is wrong with it.
    pub fn of_artifact(artifact: &str, source: impl Into<ArtifactError>) -> Self {
        Self::Artifact { artifact: artifact.to_owned(), source: Box::new(source.into()) }
    }

    /// What a process that tried a snapshot out said of it.
    pub(super) fn rejected(
        artifact: Option<String>,
        label: &str,
        needs: Option<u64>,
        reason: String,
    ) -> Self {
        const LABELS: [&str; 7] =
            ["table", "content", "memory", "refused", "document", "panicked", "threads"];
        // Labels are few, whatever another process says.
        let label = LABELS.into_iter().find(|known| *known == label).unwrap_or("content");
        Self::Rejected { artifact, label, needs, reason }
    }

    /// Bytes that the snapshot needs, where there is not enough memory for it.
    pub(super) fn needs(&self) -> Option<u64> {
        match self {
            Self::Memory { needs, .. } => Some(*needs),
            Self::Rejected { needs, .. } => *needs,
            _ => None,
        }
    }

    /// The artifact at fault, if one is.
    pub fn artifact(&self) -> Option<&str> {
        match self {
            Self::Fetch { artifact, .. } | Self::Artifact { artifact, .. } => Some(artifact),
            Self::Refused { artifact, .. } => Some(artifact),
            Self::Rejected { artifact, .. } | Self::Quarantined { artifact, .. } => artifact.as_deref(),
            _ => None,
        }
    }

    /// A short reason for a metric label.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Store(StoreError::NotFound { .. }) => "not_found",
            Self::Store(_) => "store",
            Self::Cache(_) => "cache",
            // Labels are part of what people alert on: several variants share one where the cure is the same.
            Self::Manifest { .. } | Self::Channel { .. } | Self::Directory { .. } => "document",
            Self::NoChannel { .. } | Self::NoSnapshot { .. } | Self::NoStore { .. } => "not_found",
            Self::NoPrevious { .. } | Self::NoRollback { .. } => "no_previous",
            Self::VersionTaken { .. } => "version_taken",
            Self::Threads(_) => "threads",
            Self::Panicked { .. } => "panicked",
            Self::Fetch { .. } => "fetch",
            Self::Artifact { source, .. } => source.label(),
            Self::Refused { .. } => "refused",
            Self::Rejected { label, .. } => label,
            Self::Quarantined { .. } | Self::Deadly { .. } => "quarantine",
            Self::Memory { .. } => "memory",
            Self::LostRace { .. } => "lost_race",
            Self::NotCached => "not_cached",
            Self::Stopped => "stopped",
        }
    }

    /// Whether trying again may help without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            // All others are about content, which a second look does not change.
            Self::Fetch { source, .. } => source.is_transient(),
            Self::NotCached | Self::Stopped => true,
            _ => false,
        }
    }
}

/// `artifact "name": `, or nothing.
fn named(artifact: Option<&str>) -> String {
    artifact.map(|artifact| format!("artifact \"{artifact}\": ")).unwrap_or_default()
}
