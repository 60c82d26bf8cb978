//! A file system that has only so much room, and tells what is read from it.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use larder::exposure::spool::{Append, Disk, RealDisk};

/// Wraps the real one. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct FaultyDisk {
    /// Bytes that may still be written.
    pub(crate) room: Arc<AtomicU64>,
    /// Whether the next flush fails.
    pub(crate) fails_to_sync: Arc<AtomicBool>,
    /// Files opened for reading.
    pub(crate) opened: Arc<AtomicU64>,
    /// Bytes read.
    pub(crate) read: Arc<AtomicU64>,
}

impl Default for FaultyDisk {
    fn default() -> Self {
        let room = Arc::new(AtomicU64::new(u64::MAX));
        Self { room, fails_to_sync: Arc::default(), opened: Arc::default(), read: Arc::default() }
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: Box<dyn Append>,
    disk: FaultyDisk,
}

struct Counted(Box<dyn Read + Send>, Arc<AtomicU64>);

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(FaultyFile { file: RealDisk.create(path)?, disk: self.clone() }))
    }

    fn read(&self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Counted(RealDisk.read(path, offset)?, Arc::clone(&self.read))))
    }
}

impl Append for FaultyFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.disk.room.load(Ordering::SeqCst);
        let taken = room.min(bytes.len() as u64);
        self.disk.room.fetch_sub(taken, Ordering::SeqCst);
        // As a full disk does: what there is room for is written.
        self.file.write_all(&bytes[..taken as usize])?;
        if taken < bytes.len() as u64 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.disk.fails_to_sync.swap(false, Ordering::SeqCst) {
            true => Err(io::Error::other("told to fail")),
            false => self.file.sync(),
        }
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.fetch_add(read as u64, Ordering::SeqCst);
        Ok(read)
    }
}
