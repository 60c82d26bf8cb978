//! The section `[snapshot]`: how often the channel is looked at, and how much memory what it names may take.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::users::UserCounters;
use super::{Keys, Progress, TrustedKeys};
use crate::artifact::Stop;
use crate::artifact::table::TableLimits;
use crate::setting::{
    As, AutoOr, NoneOr, SettingError, Size, Switch, Time, duration_within, number_within, size_within,
};

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// How the refresher works.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshOptions {
    /// The channel to follow.
    #[serde(skip)]
    pub channel: String,
    /// Time between two looks at the channel; each wait is jittered by up to a fifth.
    #[serde(with = "As::<Time>")]
    pub poll_interval: Duration,
    /// Whether the replaced snapshot stays in memory: always, never, or (`None`) if it fits half of what is free.
    #[serde(with = "As::<AutoOr<Switch>>")]
    pub keep_previous: Option<bool>,
    /// The most bytes that the served, the kept and the next snapshot may take together; `None`: as much as the
    /// container or the machine has left. A snapshot that would not fit is refused. `reserved_memory` is set aside from
    /// it.
    #[serde(with = "As::<AutoOr<Size>>")]
    pub memory_budget: Option<u64>,
    /// Bytes that something else may come to take, which are not there for snapshots.
    #[serde(skip)]
    pub reserved_memory: u64,
    /// Whether a snapshot is decoded by a process of its own first.
    #[serde(with = "As::<Switch>")]
    pub quarantine: bool,
    /// Limits of a load.
    #[serde(flatten)]
    pub load: LoadOptions,
}

impl Default for RefreshOptions {
    fn default() -> Self {
        Self {
            channel: "production".to_owned(),
            poll_interval: Duration::from_secs(10),
            keep_previous: None,
            memory_budget: None,
            reserved_memory: 0,
            quarantine: true,
            load: LoadOptions::default(),
        }
    }
}

impl RefreshOptions {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        let day = Duration::from_secs(86_400);
        // Twenty conditional reads a second are more than any publisher needs, and object stores charge for each.
        duration_within("poll_interval", self.poll_interval, Duration::from_millis(50)..=day)?;
        // In units of a size, because a budget of `2` is 2 GB to whoever wrote it.
        if let Some(budget) = self.memory_budget {
            size_within("memory_budget", budget, MIB..=64 * TIB)?;
        }
        self.load.check()
    }
}

/// Limits of a load, and what it counts into.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadOptions {
    /// Upper bound on the bytes of one artifact file.
    #[serde(rename = "max_artifact_size", with = "As::<Size>")]
    pub max_artifact_bytes: u64,
    /// Upper bounds on the rows and decompressed bytes that one artifact may declare.
    #[serde(flatten)]
    pub table: TableLimits,
    /// Ranged downloads under way at once. Raising it trades the network of requests for a shorter load.
    pub download_threads: usize,
    /// Bytes for one `user_features` artifact: one that fits is in memory whole, another is read by shard into a cache
    /// of this size.
    #[serde(with = "As::<Size>")]
    pub user_features_memory: u64,
    /// Ends a load soon after it is set.
    #[serde(skip)]
    pub stop: Stop,
    /// Bytes for what a catalogue's filters look up: an index of each attribute, those that take least first, as many
    /// as fit. 0 makes none. Raising it trades memory for CPU.
    #[serde(with = "As::<Size>")]
    pub filter_index_memory: u64,
    /// Keys of which one must have signed the manifest; `None`: nobody needs to.
    #[serde(with = "As::<NoneOr<Keys>>")]
    pub trusted_keys: Option<TrustedKeys>,
    /// Bytes that the load may take beside all that is in memory already; `None`: as much as the container or the
    /// machine has left. A refresher works it out from its budget.
    #[serde(skip)]
    pub memory: Option<u64>,
    /// Is told the artifact that the load is at.
    #[serde(skip)]
    pub progress: Progress,
    /// What tables that are read by shard count into. Clones of these options count into the same: so the counts go on
    /// from one snapshot to the next.
    #[serde(skip)]
    pub user_counters: Arc<UserCounters>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            max_artifact_bytes: 64 << 30,
            table: TableLimits::default(),
            download_threads: 4,
            user_features_memory: 256 << 20,
            stop: Stop::default(),
            filter_index_memory: 64 << 20,
            trusted_keys: None,
            memory: None,
            progress: Progress::default(),
            user_counters: Arc::default(),
        }
    }
}

impl LoadOptions {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        size_within("max_artifact_size", self.max_artifact_bytes, MIB..=16 * TIB)?;
        self.table.check()?;
        number_within("download_threads", self.download_threads, 1..=64)?;
        size_within("user_features_memory", self.user_features_memory, MIB..=TIB)?;
        size_within("filter_index_memory", self.filter_index_memory, 0..=TIB)
    }
}
