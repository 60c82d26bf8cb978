//! Files that appear whole or not at all: written beside their place, flushed to disk, then renamed into it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::OFlags;
use tempfile::NamedTempFile;

use super::regular_file::open_with;

/// Writes and flushes a temporary file beside `path`, which [`publish`] then moves there. Dropping it undoes it.
pub(super) fn stage(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".larder-").suffix(".tmp");
    #[cfg(unix)]
    {
        // A temporary file is private by default, but what is published here is for others to read.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut staged = builder.tempfile_in(folder(path))?;
    write(staged.as_file_mut())?;
    // Flushed before the rename: else a crash may leave the new name with none of its content.
    staged.as_file().sync_all()?;
    Ok(staged)
}

/// Replaces a file by `bytes`, whole or not at all. What is in its place is not written to: it may be a link or a pipe.
///
/// # Errors
/// What the system says.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    publish(stage(path, |file| file.write_all(bytes))?, path)
}

/// Moves a staged file into its place.
pub(super) fn publish(staged: NamedTempFile, path: &Path) -> io::Result<()> {
    staged.persist(path).map_err(|refused| refused.error)?;
    sync_folder(path)
}

/// Flushes `from` and moves it to `to`, on the same file system.
pub(super) fn move_into_place(from: &Path, to: &Path) -> io::Result<()> {
    File::options().write(true).open(from)?.sync_all()?;
    fs::rename(from, to)?;
    sync_folder(to)
}

/// Takes the exclusive lock that the file at `path` stands for, waiting for it; dropping the file lets go,
/// and so does the death of the process. Such files stay: deleting one would let two holders in.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    // No link is followed: it could make a file anywhere.
    let file = open_with(File::options().create(true).truncate(false).write(true), OFlags::NOFOLLOW, path)?;
    file.lock()?;
    Ok(file)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
