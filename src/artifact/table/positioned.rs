//! A file, on disk or in memory, that several threads read at once, each at its own position.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf as _, Bytes, buf};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that small reads fetch at once.
const AHEAD: usize = 8 << 10;

/// Reads by position: unlike clones of a [`File`], which move one position together, it has none to share.
#[derive(Debug, Clone)]
pub(super) enum Positioned {
    File(Arc<File>),
    Memory(Bytes),
}

impl Length for Positioned {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.metadata().map(|about| about.len()).unwrap_or_default(),
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }
}

impl ChunkReader for Positioned {
    type T = From;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        match self {
            Self::File(file) => {
                let reader = FileFrom { file: Arc::clone(file), at: start };
                Ok(From::File(io::BufReader::with_capacity(AHEAD, reader)))
            }
            // The reader of `Bytes` panics beyond the end, and a broken footer may point there.
            Self::Memory(bytes) if start > bytes.len() as u64 => Err(beyond_the_end()),
            Self::Memory(bytes) => Ok(From::Memory(bytes.slice(start as usize..).reader())),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // What a broken footer asks for is held against the file before memory is taken for it.
        if start.saturating_add(length as u64) > self.len() {
            return Err(beyond_the_end());
        }
        match self {
            Self::File(file) => {
                let mut bytes = vec![0; length];
                FileFrom { file: Arc::clone(file), at: start }.read_exact(&mut bytes)?;
                Ok(bytes.into())
            }
            Self::Memory(bytes) => Ok(bytes.slice(start as usize..start as usize + length)),
        }
    }
}

fn beyond_the_end() -> ParquetError {
    io::Error::from(io::ErrorKind::UnexpectedEof).into()
}

/// A place in the file.
#[derive(Debug)]
pub(super) enum From {
    File(io::BufReader<FileFrom>),
    Memory(buf::Reader<Bytes>),
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Memory(bytes) => bytes.read(buffer),
        }
    }
}

/// A place in a file on disk.
#[derive(Debug)]
pub(super) struct FileFrom {
    file: Arc<File>,
    at: u64,
}

impl Read for FileFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}
