//! Directories and files that are this user's alone. What somebody else planted there, or a link in the place of
//! either, is refused and not followed.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use thiserror::Error;

use super::regular_file::open_with;

/// Why a file or directory is not used although it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotPrivate {
    /// Whoever can make the link could have it lead anywhere.
    #[error("it is a symbolic link, which is not followed here")]
    Link,
    /// Whoever owns it can change it.
    #[error("it belongs to user {owner}, and this process runs as user {user}")]
    Owner {
        /// The user that it belongs to.
        owner: u32,
        /// The user of this process.
        user: u32,
    },
    /// It is another file's content under another name.
    #[error("it has {0} names, and would be written to under each of them")]
    Names(u64),
}

/// Makes a directory, and those above it, for this user alone; one that is there must be this user's, and is closed to
/// all others.
///
/// # Errors
/// What the system says, or [`NotPrivate`] in an error of kind [`io::ErrorKind::PermissionDenied`].
pub fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed();
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let dir = opened.map_err(|error| if is_link(path) { refused(NotPrivate::Link) } else { error })?;
    let about = dir.metadata()?;
    check_owner(&about)?;
    if about.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    // A volume that a cluster gave to the group of its pods is opened to it anew at each mount.
    match dir.set_permissions(fs::Permissions::from_mode(0o700)) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(()), // to nobody else either
        other => other,
    }
}

/// Opens a file of this user's as `options` say. One that it makes is for nobody else to read.
///
/// # Errors
/// What the system says, or [`NotPrivate`] in an error of kind [`io::ErrorKind::PermissionDenied`].
pub fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let opened = open_with(options.mode(0o600), OFlags::NOFOLLOW, path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::LOOP.raw_os_error() => refused(NotPrivate::Link),
        _ => error,
    })?;
    let about = file.metadata()?;
    check_owner(&about)?;
    match about.nlink() {
        0 | 1 => Ok(file),
        names => Err(refused(NotPrivate::Names(names))),
    }
}

/// Reads a file of this user's whole; one of more than `limit` bytes is cut off there.
///
/// # Errors
/// As [`open_private`].
pub fn read_private(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_private(File::options().read(true), path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check_owner(about: &Metadata) -> io::Result<()> {
    let user = rustix::process::geteuid().as_raw();
    if about.uid() == user { Ok(()) } else { Err(refused(NotPrivate::Owner { owner: about.uid(), user })) }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink())
}

fn refused(why: NotPrivate) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{chown, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_directory_is_closed_to_others_and_no_link_is_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        private_dir(&at("a/b")).unwrap();
        assert_eq!((mode(&at("a")), mode(&at("a/b"))), (0o700, 0o700));
        fs::set_permissions(at("a/b"), fs::Permissions::from_mode(0o2775)).unwrap();
        private_dir(&at("a/b")).unwrap();
        assert_eq!(mode(&at("a/b")), 0o700);

        symlink(at("a"), at("link")).unwrap();
        fs::write(at("file"), "").unwrap();
        for name in ["link", "file"] {
            private_dir(&at(name)).unwrap_err();
        }
        assert_eq!(private_dir(&at("link")).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        private_dir(&at("link/below")).unwrap(); // above it, a link is as good as its target
    }

    #[test]
    fn a_file_under_a_second_name_or_behind_a_link_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("victim"), "precious").unwrap();
        symlink("victim", at("link")).unwrap();
        fs::hard_link(at("victim"), at("name")).unwrap();
        for name in ["link", "name", "victim"] {
            let refused = open_private(File::options().write(true).create(true), &at(name)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied, "{name}: {refused}");
        }
        assert_eq!(fs::read(at("victim")).unwrap(), b"precious");
        drop(open_private(File::options().write(true).create(true), &at("own")).unwrap());
        assert_eq!(mode(&at("own")), 0o600);
    }

    #[test]
    fn what_belongs_to_another_user_is_named_with_both() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, file) = (dir.path().join("folder"), dir.path().join("file"));
        private_dir(&folder).unwrap();
        fs::write(&file, "").unwrap();
        if chown(&folder, Some(65_534), None).and_then(|()| chown(&file, Some(65_534), None)).is_err() {
            // Only root can give files away; all others cannot be given any either.
            return;
        }
        for refused in [private_dir(&folder).unwrap_err(), read_private(&file, 1).unwrap_err()] {
            assert!(refused.to_string().contains("belongs to user 65534"), "{refused}");
        }
    }
}
