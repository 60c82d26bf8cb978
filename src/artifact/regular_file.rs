//! Opening files that somebody else put there, without waiting for anybody: a pipe without a writer, a device that
//! never ends or a socket in the place of a file is refused by what it is.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use thiserror::Error;

/// Something that is there and is no regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it is {0}, and not a regular file")]
pub struct NotRegular(&'static str);

/// More than a file of its kind has.
#[derive(Debug, Error)]
#[error("it has more than {limit} bytes")]
struct TooLong {
    limit: u64,
}

/// Whether two files are one: what is found under a name, and what was opened under it before.
pub fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// How a folder is named.
const FOLDER: &str = "a directory";

impl NotRegular {
    pub(super) fn is_folder(&self) -> bool {
        self.0 == FOLDER
    }
}

/// Opens a regular file to read it; links are followed, as mounted volumes are made of them.
///
/// # Errors
/// What the system says, or [`NotRegular`] in an error of kind [`io::ErrorKind::InvalidInput`].
pub fn open_regular(path: &Path) -> io::Result<File> {
    open_with(File::options().read(true), OFlags::empty(), path)
}

/// Reads a regular file whole.
///
/// # Errors
/// As [`open_regular`], and a file of more than `limit` bytes.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, TooLong { limit }));
    }
    Ok(bytes)
}

/// Opens a regular file as `options` say, with more `flags`.
pub(super) fn open_with(options: &mut OpenOptions, flags: OFlags, path: &Path) -> io::Result<File> {
    // Not to be held up by the opening of a pipe; for regular files the flag means nothing.
    let flags = (flags | OFlags::NONBLOCK).bits();
    let opened = options.custom_flags(flags.cast_signed()).open(path);
    // A socket cannot be opened at all, nor a pipe for writing that nobody reads.
    if opened.as_ref().err().and_then(io::Error::raw_os_error) == Some(rustix::io::Errno::NXIO.raw_os_error())
    {
        return Err(refused(NotRegular("a socket or a pipe")));
    }
    let file = opened?;
    // Of what was opened, and not of the path: nobody can put something else there in between.
    let kind = file.metadata()?.file_type();
    if kind.is_file() { Ok(file) } else { Err(refused(NotRegular(name_of(kind)))) }
}

fn refused(what: NotRegular) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// What something is that is no regular file.
pub fn name_of(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => FOLDER,
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        kind if kind.is_symlink() => "a symbolic link",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_is_no_regular_file_is_refused_by_name_and_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let _socket = UnixListener::bind(at("socket")).unwrap();
        let (cwd, mode) = (rustix::fs::CWD, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(cwd, at("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        symlink("loop", at("loop")).unwrap();
        std::fs::write(at("file"), "x").unwrap();
        symlink("file", at("link")).unwrap();
        for (name, what) in
            [("pipe", "a pipe"), ("socket", "socket"), ("zero", "a device"), (".", "a directory")]
        {
            let refused = open_regular(&at(name)).unwrap_err().to_string();
            assert!(refused.contains(what), "{name}: {refused}");
        }
        assert!(open_regular(&at("loop")).is_err() && open_regular(&at("nowhere")).is_err());
        assert!(open_regular(&at("file")).is_ok() && open_regular(&at("link")).is_ok());
    }
}
