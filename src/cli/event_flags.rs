//! The flags that name files of events, and the files that they mean.

use clap::Args;

use super::CliError;
use super::terminal::Progress;
use crate::artifact::{Part, PartOptions, find_parts};
use crate::config::Config;
use crate::train::{EventOptions, EventTypes};

/// Which events are read, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct EventFlags {
    /// Events: files of Parquet, CSV or JSON lines, directories of them, patterns such as 'log/**/*.parquet', or
    /// s3://bucket/prefix; several of them may follow
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    events: Vec<String>,
    /// What an event type of the shop's own means, as KIND=TYPE such as purchase=order_placed; KIND is view, cart,
    /// purchase, undone, impression or ignore; repeatable
    #[arg(long = "event-type", value_name = "KIND=TYPE")]
    event_types: Vec<String>,
}

/// What of the files' paths becomes a column.
#[derive(Debug, Clone, Args)]
pub(super) struct PartitionFlags {
    /// A partition of the files' paths (dt for dt=2026-11-20) that becomes a column of the events; repeatable
    #[arg(long = "partition-column", value_name = "NAME")]
    partition_columns: Vec<String>,
}

impl EventFlags {
    /// What types of events mean.
    pub(super) fn types(&self) -> Result<EventTypes, CliError> {
        EventTypes::read(&self.event_types).map_err(|error| CliError::Usage(format!("--event-type {error}")))
    }

    /// How events are read for training.
    pub(super) fn options(&self, partitions: &PartitionFlags) -> Result<EventOptions, CliError> {
        let partition_columns = partitions.partition_columns.clone();
        Ok(EventOptions { types: self.types()?, partition_columns })
    }

    /// The files, on the local disk.
    pub(super) fn parts(&self, config: &Config, progress: &mut Progress) -> Result<Vec<Part>, CliError> {
        files("events", &self.events, config, progress)
    }

    /// What the files are called together, in messages.
    pub(super) fn name(&self) -> String {
        self.events.join(" ")
    }
}

/// The files that the values of a flag mean.
pub(super) fn files(
    flag: &'static str,
    values: &[String],
    config: &Config,
    progress: &mut Progress,
) -> Result<Vec<Part>, CliError> {
    let options = PartOptions { store: &config.s3, cache_dir: &config.cache_dir };
    let found = find_parts(values, options, &mut |what, share| progress.step(what, share));
    found.map_err(|source| CliError::Parts { flag, source })
}
