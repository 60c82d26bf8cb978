//! What exposures go out by: straight to sinks, or through the spool.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::sink::{RecordSink, Sink, Taker};
use super::spool::{Deliverer, SpoolWriter};
use super::{Batch, Counters, SinkCounts};

/// How long the queue's thread may sleep where nothing waits to be done.
const IDLE: Duration = Duration::from_secs(60);

/// Where the queue's thread puts its records.
#[derive(Debug)]
pub enum Outlet {
    /// To sinks at once; what one cannot take is lost.
    Direct(Direct),
    /// To disk, from where sinks are served; what one cannot take waits there.
    Spool(Box<SpoolWriter>, Vec<Deliverer>),
}

/// Sinks that are served at once.
#[derive(Debug)]
pub struct Direct {
    sinks: Vec<(Box<dyn RecordSink>, Arc<SinkCounts>)>,
}

impl Outlet {
    /// Sinks that are served at once; only those that take records can be.
    pub fn direct(sinks: Vec<Sink>) -> Self {
        let counted = |sink: Sink| match sink.taker {
            Taker::Records(taker) => Some((taker, Arc::new(SinkCounts::new(&sink.name)))),
            Taker::Segments(_) => None,
        };
        Self::Direct(Direct { sinks: sinks.into_iter().filter_map(counted).collect() })
    }

    /// The counters of all that is behind it.
    pub(super) fn counters(&self) -> Counters {
        match self {
            Self::Direct(Direct { sinks }) => {
                Counters::new(sinks.iter().map(|(_, counts)| Arc::clone(counts)).collect(), None)
            }
            Self::Spool(writer, deliverers) => {
                let sinks = deliverers.iter().map(|deliverer| Arc::clone(deliverer.counts())).collect();
                Counters::new(sinks, Some(Arc::clone(writer.counts())))
            }
        }
    }

    /// Starts the threads that deliver. Each holds `done` until it has ended.
    pub(super) fn start(&mut self, done: &SyncSender<()>) -> io::Result<()> {
        if let Self::Spool(_, deliverers) = self {
            for deliverer in std::mem::take(deliverers) {
                deliverer.start(done.clone())?;
            }
        }
        Ok(())
    }

    /// Takes records, and returns how many of them are lost.
    pub(super) fn take(&mut self, batch: &Batch) -> u64 {
        match self {
            Self::Direct(direct) => direct.take(batch),
            Self::Spool(writer, _) => writer.append(batch),
        }
    }

    /// Does what is due by the clock.
    pub(super) fn tick(&mut self) {
        if let Self::Spool(writer, _) = self {
            writer.tick();
        }
    }

    /// How long there is nothing to be done by the clock.
    pub(super) fn patience(&self) -> Duration {
        match self {
            Self::Direct(_) => IDLE,
            Self::Spool(writer, _) => writer.patience(),
        }
    }

    /// Makes durable what was taken; no more will come.
    pub(super) fn finish(self) {
        if let Self::Spool(writer, _) = self {
            writer.finish();
        }
    }
}

impl Direct {
    fn take(&mut self, batch: &Batch) -> u64 {
        let records = batch.records();
        let mut lost = 0;
        for (sink, counts) in &mut self.sinks {
            let (refused, failed) = match sink.send(&records) {
                Ok(refused) => (refused, 0),
                Err(error) => {
                    // Not tried again: a disk that is full now is full in a millisecond, and the queue fills up
                    // behind it. Who wants that uses a spool.
                    let failed = error.failed.count(records.len());
                    if counts.add_failed(failed) {
                        let (sink, total) = (counts.name(), counts.failed());
                        tracing::warn!(sink, total, error = %error.source, "exposures were lost");
                    }
                    (error.refused, failed)
                }
            };
            counts.add_refused(&refused);
            let missing = failed + refused.len() as u64;
            counts.add_sent((records.len() as u64).saturating_sub(missing));
            // One that another sink has taken is still missing somewhere.
            lost = missing.max(lost);
        }
        lost
    }
}
