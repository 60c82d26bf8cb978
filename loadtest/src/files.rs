//! Files that are read and written, with errors that name them.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {path}: {source}")]
pub(crate) struct FileError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(|source| FileError { what: "read", path: path.to_owned(), source })
}

pub(crate) fn write(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        content(&mut out)?;
        out.flush()
    });
    written.map_err(|source| FileError { what: "write", path: path.to_owned(), source })
}
