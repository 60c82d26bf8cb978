//! The file operations that segments need, as a seam for tests that run out of room or count what is read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Where segments are: the file system, or one that fails on demand.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Creates a file that is not there yet; its name is durable when this returns.
    ///
    /// # Errors
    /// Those of the file system.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>>;

    /// Opens a file for reading from `offset`.
    ///
    /// # Errors
    /// Those of the file system.
    fn read(&self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>>;
}

/// A file that is appended to.
pub trait Append: Send + fmt::Debug {
    /// Appends all bytes; after an error a part of them may be there.
    ///
    /// # Errors
    /// Those of the file system.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Flushes the content to the disk itself.
    ///
    /// # Errors
    /// Those of the file system.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to this many bytes; what is written next follows them.
    ///
    /// # Errors
    /// Those of the file system.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// The file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let file = File::options().create_new(true).append(true).open(path)?;
        sync_folder(path)?;
        Ok(Box::new(file))
    }

    fn read(&self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }
}

impl Append for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

/// Makes the names in a file's directory durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Whether the file system has no room, or none for this user.
pub(super) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
