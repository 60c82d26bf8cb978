//! How a spool works.

use std::path::PathBuf;
use std::time::Duration;

use super::super::Screen;

/// Bytes of a segment. Raising it makes fewer and larger objects in a lake, later ones where there is little traffic.
const SEGMENT: u64 = 16 << 20;

/// How a spool works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its directory.
    pub dir: PathBuf,
    /// Upper bound on the bytes of all segments.
    pub max: u64,
    /// Upper bound on the bytes of one segment.
    pub segment: u64,
    /// The time within which what is written is flushed to the disk itself.
    pub sync: Duration,
    /// The wait after a sink's first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// The longest wait after a failure.
    pub longest_wait: Duration,
    /// Who is taken out of records before they are delivered; `None`: nobody.
    pub screen: Option<Screen>,
}

impl Options {
    /// A spool in this directory, with the usual segments and waits.
    pub fn new(dir: impl Into<PathBuf>, max: u64, sync: Duration) -> Self {
        let (first_wait, longest_wait) = (Duration::from_millis(100), Duration::from_secs(30));
        // Room for some of them: a spool of one segment could not be written to while that one is delivered.
        let (dir, segment) = (dir.into(), SEGMENT.min(max / 8));
        Self { dir, max, segment, sync, first_wait, longest_wait, screen: None }
    }
}
