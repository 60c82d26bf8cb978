//! A bounded queue on disk before sinks, so that what was shown outlives a sink that is away and a process that dies.
//!
//! The directory has segments, `BOOT-NUMBER.seg`, numbered across restarts, and a cursor for each sink, `SINK.cursor`.
//! One thread appends to the newest segment ([`SpoolWriter`]); one for each sink reads from where its cursor is
//! ([`Deliverer`]). A segment is deleted when the cursors of all sinks on disk are beyond it.
//!
//! A sink gets every record that was synced at least once. What it gets twice, after a crash, is what it had taken
//! since its cursor was last saved, a second at most.

mod backoff;
mod config;
mod cursor;
mod damage;
mod deliverer;
mod disk;
mod frame;
mod open;
mod options;
mod pending;
mod segment;
mod shared;
mod writer;

pub use config::Config;
pub use deliverer::{Deliverer, Step};
pub use disk::{Append, Disk, RealDisk};
pub use open::{OpenError, open};
pub use options::Options;
pub use segment::{SegmentName, SegmentReader};
pub use writer::SpoolWriter;
