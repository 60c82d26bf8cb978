//! From the settings to a running queue.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::sink::{HourlyJsonLines, JsonLines, Lake, RecordSink, Sink, Stdout};
use super::spool::{self, RealDisk};
use super::{Config, Exposures, Origin, Outlet, Writer};
use crate::artifact::{self, StoreError};

/// Why exposures cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file or directory of lines.
    #[error("exposure.{key} {}: {source}", .path.display())]
    Lines {
        /// The key of the setting.
        key: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The place of Parquet files.
    #[error("exposure.lake: {0}")]
    Lake(#[from] StoreError),
    /// The spool.
    #[error("spool.dir: {0}")]
    Spool(#[from] spool::OpenError),
    /// A thread.
    #[error("the threads of exposures cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// Opens what exposures go to, and starts the threads that bring them there; nothing if they go nowhere. `more` are
/// sinks that this module does not know.
///
/// # Errors
/// What cannot be opened. A spool's backlog is left as it is.
pub fn start(
    config: &Config,
    spool: &spool::Config,
    store: &artifact::OpenOptions,
    more: Vec<Box<dyn RecordSink>>,
) -> Result<Option<(Exposures, Writer)>, StartError> {
    let mut records = record_sinks(config)?;
    records.extend(more);
    let origin = Origin::new(config.replica_name());
    let outlet = match &spool.dir {
        None if records.is_empty() => return Ok(None),
        None => Outlet::direct(records),
        Some(dir) => {
            let mut sinks: Vec<Sink> = records.into_iter().map(Sink::Records).collect();
            if let Some(location) = &config.lake {
                let options = artifact::OpenOptions { create: true, ..store.clone() };
                sinks.push(Sink::Segments(Box::new(Lake::new(artifact::open(location, &options)?))));
            }
            if sinks.is_empty() {
                return Ok(None);
            }
            let options = spool::Options::new(dir, spool.max, spool.sync);
            let (writer, deliverers) = spool::open(options, &origin.boot, sinks, Arc::new(RealDisk))?;
            Outlet::Spool(Box::new(writer), deliverers)
        }
    };
    Ok(Some(Exposures::open(config.max_queued, origin, outlet)?))
}

fn record_sinks(config: &Config) -> Result<Vec<Box<dyn RecordSink>>, StartError> {
    let mut sinks: Vec<Box<dyn RecordSink>> = Vec::new();
    let failed = |key, path: &Path| {
        let path = path.to_owned();
        move |source| StartError::Lines { key, path, source }
    };
    match &config.file {
        Some(path) if path == Path::new("-") => sinks.push(Box::new(Stdout::default())),
        Some(path) => sinks.push(Box::new(JsonLines::open(path).map_err(failed("file", path))?)),
        None => {}
    }
    if let Some(dir) = &config.dir {
        sinks.push(Box::new(HourlyJsonLines::open(dir).map_err(failed("dir", dir))?));
    }
    Ok(sinks)
}
