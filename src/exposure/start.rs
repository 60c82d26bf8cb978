//! From the settings to a running queue.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::config::{DIR_SINK, LAKE_SINK};
use super::sink::{HourlyJsonLines, JsonLines, Lake, Sink, Stdout, Taker};
use super::spool::{self, RealDisk};
use super::{Config, Exposures, Forgotten, Origin, Outbox, Outlet, Screen, What, Writer};
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

/// What goes out, to where: as much of the settings as its queue, spool and sinks need.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// The section `[exposure]`.
    pub exposure: &'a Config,
    /// The section `[spool]`.
    pub spool: &'a spool::Config,
    /// Who was forgotten, and is taken out of what is delivered.
    pub forgotten: Option<Arc<dyn Forgotten>>,
}

impl Outgoing<'_> {
    /// Opens the way for events or dead letters, and starts the threads that bring them to these sinks; nothing if
    /// there are none.
    ///
    /// # Errors
    /// What cannot be opened. A spool's backlog is left as it is.
    pub fn outbox(&self, what: What, sinks: Vec<Sink>) -> Result<Option<(Outbox, Writer)>, StartError> {
        let origin = Origin::new(self.exposure.replica_name());
        let Some(outlet) = self.outlet(what, &origin, sinks)? else { return Ok(None) };
        let name = format!("larder-out-{}", what.as_str());
        Ok(Some(Outbox::open(&name, self.exposure.max_queued, outlet)?))
    }

    fn outlet(&self, what: What, origin: &Origin, sinks: Vec<Sink>) -> Result<Option<Outlet>, StartError> {
        if sinks.is_empty() {
            return Ok(None);
        }
        let Some(dir) = &self.spool.dir else {
            if let Some(sink) = sinks.iter().find(|sink| matches!(sink.taker, Taker::Segments(_))) {
                return Err(StartError::NoSpool(Arc::clone(&sink.name)));
            }
            return Ok(Some(Outlet::direct(sinks)));
        };
        let screen = self.forgotten.clone().map(|forgotten| Screen { what, forgotten });
        let options = spool::Options {
            screen,
            ..spool::Options::new(what.spool(dir), self.spool.max, self.spool.sync)
        };
        let (writer, deliverers) = spool::open(options, &origin.boot, sinks, Arc::new(RealDisk))?;
        Ok(Some(Outlet::Spool(Box::new(writer), deliverers)))
    }
}

/// Opens what exposures go to, and starts the threads that bring them there; nothing if they go nowhere. `more` are
/// sinks that the section `[exposure]` does not know; `store` says how object stores are reached.
///
/// # Errors
/// What cannot be opened. A spool's backlog is left as it is.
pub fn start(
    outgoing: &Outgoing<'_>,
    store: &artifact::OpenOptions,
    more: Vec<Sink>,
) -> Result<Option<(Exposures, Writer)>, StartError> {
    let mut sinks = short_sinks(outgoing.exposure, store)?;
    sinks.extend(more);
    let origin = Origin::new(outgoing.exposure.replica_name());
    let Some(outlet) = outgoing.outlet(What::Exposures, &origin, sinks)? else { return Ok(None) };
    Ok(Some(Exposures::open(outgoing.exposure.max_queued, origin, outlet)?))
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
        sinks.push(Sink::records(
            DIR_SINK,
            HourlyJsonLines::open(dir, What::Exposures).map_err(failed("dir", dir))?,
        ));
    }
    if let Some(location) = &config.lake {
        let options = artifact::OpenOptions { create: true, ..store.clone() };
        sinks
            .push(Sink::segments(LAKE_SINK, Lake::new(artifact::open(location, &options)?, What::Exposures)));
    }
    Ok(sinks)
}
