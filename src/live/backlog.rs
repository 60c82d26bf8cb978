//! Whether what happened before the start is in what is served: until then the server is not ready, for some time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The sources that have a backlog to read at the start.
#[derive(Debug)]
pub struct Backlog {
    sources: Vec<(Arc<str>, AtomicBool)>,
    began: OnceLock<Instant>,
    wait: Duration,
}

impl Backlog {
    /// Of these sources; the server waits for them for `wait` at most.
    pub fn new(sources: impl IntoIterator<Item = Arc<str>>, wait: Duration) -> Self {
        let sources = sources.into_iter().map(|name| (name, AtomicBool::new(false)));
        Self { sources: sources.collect(), began: OnceLock::new(), wait }
    }

    /// From now on the sources are read.
    pub fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// All that this source had at the start is in what is served.
    pub fn caught_up(&self, source: &str) {
        if let Some((_, done)) = self.sources.iter().find(|(name, _)| **name == *source) {
            done.store(true, Ordering::Release);
        }
    }

    /// The sources whose backlog is not read yet.
    pub fn behind(&self) -> impl Iterator<Item = &str> {
        let behind = self.sources.iter().filter(|(_, done)| !done.load(Ordering::Acquire));
        behind.map(|(name, _)| &**name)
    }

    /// Whether to serve: all is read, or it takes too long.
    pub fn is_over(&self) -> bool {
        self.behind().next().is_none() || self.began.get().is_some_and(|began| began.elapsed() >= self.wait)
    }
}
