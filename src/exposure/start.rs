//! From the settings to a running queue.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::config::{DIR_SINK, LAKE_SINK};
use super::sink::{HourlyJsonLines, JsonLines, Lake, Sink, Stdout, Taker};
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
    /// A sink that takes whole segments, and no spool.
    #[error("the sink {0} needs spool.dir, a directory")]
    NoSpool(Arc<str>),
    /// The spool.
    #[error("spool.dir: {0}")]
    Spool(#[from] spool::OpenError),
    /// A thread.
    #[error("the threads of exposures cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// Opens what exposures go to, and starts the threads that bring them there; nothing if they go nowhere. `more` are
/// sinks that this section of the settings does not know.
///
/// # Errors
/// What cannot be opened. A spool's backlog is left as it is.
pub fn start(
    config: &Config,
    spool: &spool::Config,
    store: &artifact::OpenOptions,
    more: Vec<Sink>,
) -> Result<Option<(Exposures, Writer)>, StartError> {
    let mut sinks = short_sinks(config, store)?;
    sinks.extend(more);
    if sinks.is_empty() {
        return Ok(None);
    }
    let origin = Origin::new(config.replica_name());
    let outlet = match &spool.dir {
        None => {
            if let Some(sink) = sinks.iter().find(|sink| matches!(sink.taker, Taker::Segments(_))) {
                return Err(StartError::NoSpool(Arc::clone(&sink.name)));
            }
            Outlet::direct(sinks)
        }
        Some(dir) => {
            let options = spool::Options::new(dir, spool.max, spool.sync);
            let (writer, deliverers) = spool::open(options, &origin.boot, sinks, Arc::new(RealDisk))?;
            Outlet::Spool(Box::new(writer), deliverers)
        }
    };
    Ok(Some(Exposures::open(config.max_queued, origin, outlet)?))
}

/// The sinks of `exposure.file`, `exposure.dir` and `exposure.lake`.
fn short_sinks(config: &Config, store: &artifact::OpenOptions) -> Result<Vec<Sink>, StartError> {
    let mut sinks = Vec::new();
    let failed = |key, path: &Path| {
        let path = path.to_owned();
        move |source| StartError::Lines { key, path, source }
    };
    match (&config.file, config.file_sink()) {
        (Some(path), Some(name)) if path == Path::new("-") => {
            sinks.push(Sink::records(name, Stdout::default()));
        }
        (Some(path), Some(name)) => {
            sinks.push(Sink::records(name, JsonLines::open(path).map_err(failed("file", path))?));
        }
        _ => {}
    }
    if let Some(dir) = &config.dir {
        sinks.push(Sink::records(DIR_SINK, HourlyJsonLines::open(dir).map_err(failed("dir", dir))?));
    }
    if let Some(location) = &config.lake {
        let options = artifact::OpenOptions { create: true, ..store.clone() };
        sinks.push(Sink::segments(LAKE_SINK, Lake::new(artifact::open(location, &options)?)));
    }
    Ok(sinks)
}
