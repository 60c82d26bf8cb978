//! Who was forgotten, on disk: a restart knows it before it reads any event, also where no directory of events does.
//!
//! A file of JSON lines. It names nobody: a line has the hash of an id with a secret, which the first line has, so that
//! whoever reads it can try whether an id is among them, and no more.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::recent::{Forgotten, SubjectHasher};
use crate::artifact::{NotPrivate, NotRegular, open_private, read_private};
use lines::{BadLine, Content};

mod lines;

/// Upper bound on the bytes of the file; more of them are no work of this program.
const MOST_BYTES: u64 = 4 << 30;

/// Lines that may stand in the file for nothing, besides as many as count. Raising it writes the file anew less often.
const SPARE_LINES: usize = 1024;

/// The file of those who were forgotten. Several processes may have the same.
#[derive(Debug)]
pub struct ForgottenFile {
    /// None: there is no place for it.
    path: Option<PathBuf>,
    secret: [u64; 2],
    lines: usize,
    /// Whether it may lack something that is in memory.
    is_short: bool,
}

/// Why who was forgotten is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgottenError {
    /// It cannot be read or written.
    #[error(
        "{}, which says who is forgotten: {source}; mend that, or set cache_dir to a directory for this user alone",
        .path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line that is none of ours.
    #[error(
        "{} line {line} does not say who is forgotten: {problem}; delete the line, or the file if all who are in it \
         may be known again",
        .path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        problem: String,
    },
}

/// There is no directory that the file could be in.
#[derive(Debug, thiserror::Error)]
#[error("there is no cache_dir to keep it in")]
struct NoPlace;

impl ForgottenFile {
    /// Opens the file, making it if need be, and says who is in it. A last line that a crash cut off is taken away:
    /// nobody was told that it is kept.
    ///
    /// Where a file cannot be made, because the disk is full or read-only, there is none yet: what is added is not kept
    /// then, which [`ForgottenFile::add`] says, until the disk takes it.
    ///
    /// # Errors
    /// A file that is there and cannot be read, or that another user made. See [`ForgottenError`].
    pub fn open(path: &Path) -> Result<(Self, Vec<Forgotten>), ForgottenError> {
        let failed = |source| ForgottenError::Io { path: path.to_owned(), source };
        let locked = make_folder(path).and_then(|()| lock(path));
        if let Some(planted) = locked.as_ref().err().filter(|error| is_planted(error)) {
            return Err(failed(io::Error::new(planted.kind(), planted.to_string())));
        }
        let bytes = match read_private(path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok((Self::make(path, locked), Vec::new()));
            }
            Err(error) => return Err(failed(error)),
        };
        let content = lines::read(&bytes).map_err(|BadLine { line, problem }| {
            let path = path.to_owned();
            ForgottenError::Line { path, line, problem }
        })?;
        if content.whole < bytes.len() as u64 && locked.is_ok() {
            let file = open_private(File::options().write(true), path).map_err(failed)?;
            file.set_len(content.whole).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        let Content { secret, entries, .. } = content;
        let path = Some(path.to_owned());
        let file = Self { path, secret, lines: entries.len(), is_short: false };
        Ok((file, entries))
    }

    /// A file that is nowhere: whatever is added is not kept, and said not to be.
    pub fn nowhere() -> Self {
        tracing::warn!("there is no cache_dir: a restart will not know who was forgotten");
        Self { path: None, secret: SubjectHasher::draw(), lines: 0, is_short: true }
    }

    /// Makes the file, where there is none, if the disk takes it.
    fn make(path: &Path, locked: io::Result<File>) -> Self {
        let secret = SubjectHasher::draw();
        let made = locked.and_then(|_lock| replace(path, secret, &[]));
        if let Err(error) = &made {
            tracing::warn!(file = %path.display(), %error, "a restart will not know who was forgotten");
        }
        Self { path: Some(path.to_owned()), secret, lines: 0, is_short: made.is_err() }
    }

    /// The secret that the ids are hashed with.
    pub fn secret(&self) -> [u64; 2] {
        self.secret
    }

    /// Adds to the file; when this returns, it is on the disk, with what was missing before. `all` are those who are
    /// known by now, asked for when the file is better written anew.
    ///
    /// # Errors
    /// The disk does not take it. What is missing is written the next time, also if nobody is new then.
    pub fn add(&mut self, new: &[Forgotten], all: impl FnOnce() -> Vec<Forgotten>) -> io::Result<()> {
        if new.is_empty() && !self.is_short {
            return Ok(());
        }
        let path = self.path.clone().ok_or_else(|| io::Error::other(NoPlace))?;
        let appends = !self.is_short && self.lines <= SPARE_LINES;
        let outcome = make_folder(&path)
            .and_then(|()| lock(&path))
            .and_then(|_lock| if appends { self.append(&path, new) } else { self.write_anew(&path, all()) });
        self.is_short = outcome.is_err();
        outcome
    }

    fn append(&mut self, path: &Path, new: &[Forgotten]) -> io::Result<()> {
        // By its name each time: another process may have written it anew.
        let mut file = open_private(File::options().append(true), path)?;
        let added: String = new.iter().map(lines::line).collect();
        file.write_all(added.as_bytes())?;
        file.sync_data()?;
        self.lines += new.len();
        Ok(())
    }

    fn write_anew(&mut self, path: &Path, all: Vec<Forgotten>) -> io::Result<()> {
        // What another process has added stays, unless it is older than all that this one still needs.
        let oldest = all.iter().map(|known| known.until_ms).min();
        let theirs = read_private(path, MOST_BYTES).ok().and_then(|bytes| lines::read(&bytes).ok());
        let theirs = theirs.map_or_else(Vec::new, |content| content.entries);
        let theirs = theirs.into_iter().filter(|known| Some(known.until_ms) >= oldest);
        let mut latest = BTreeMap::new();
        for Forgotten { subject, until_ms } in all.into_iter().chain(theirs) {
            let known = latest.entry(subject).or_insert(until_ms);
            *known = until_ms.max(*known);
        }
        let entries: Vec<Forgotten> =
            latest.into_iter().map(|(subject, until_ms)| Forgotten { subject, until_ms }).collect();
        replace(path, self.secret, &entries)?;
        // Counted from here: as many lines as count, and the spare ones, are never too many.
        self.lines = 0;
        Ok(())
    }
}

/// Makes the folder of the file, for this user alone. One that is there is whatever its owner wants it to be.
fn make_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => DirBuilder::new().recursive(true).mode(0o700).create(folder),
        None => Ok(()),
    }
}

/// Whether what is there was made by somebody else.
fn is_planted(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotPrivate>() || inner.is::<NotRegular>())
}

/// Held while the file is read or written, by whichever process.
fn lock(path: &Path) -> io::Result<File> {
    let lock = path.with_extension("lock");
    let file = open_private(File::options().create(true).truncate(false).write(true), &lock)?;
    file.lock()?;
    Ok(file)
}

/// Writes the file as a whole: it is there or as it was before.
fn replace(path: &Path, secret: [u64; 2], entries: &[Forgotten]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // For nobody else to read, as temporary files are.
    let mut staged = tempfile::NamedTempFile::new_in(folder)?;
    let mut text = lines::head(secret);
    text.extend(entries.iter().map(lines::line));
    staged.write_all(text.as_bytes())?;
    staged.as_file().sync_all()?;
    staged.persist(path).map_err(|refused| refused.error)?;
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn known(subject: u64, until_ms: i64) -> Forgotten {
        Forgotten { subject, until_ms }
    }

    #[test]
    fn what_was_added_is_there_and_a_line_that_was_cut_off_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("forgotten.jsonl");
        let (mut file, entries) = ForgottenFile::open(&path).unwrap();
        assert_eq!(entries, []);
        file.add(&[known(1, 10), known(2, 20)], || unreachable!()).unwrap();
        let secret = file.secret();
        let whole = fs::read(&path).unwrap();
        for cut in [&b"{\"subj"[..], b"\0\0\0"] {
            fs::write(&path, [&whole, cut].concat()).unwrap();
            let (mut file, entries) = ForgottenFile::open(&path).unwrap();
            assert_eq!(entries, [known(1, 10), known(2, 20)]);
            assert_eq!(file.secret(), secret);
            assert_eq!(fs::read(&path).unwrap(), whole);
            file.add(&[known(3, 30)], || unreachable!()).unwrap();
            assert_eq!(ForgottenFile::open(&path).unwrap().1.len(), 3);
        }
    }

    #[test]
    fn a_line_that_says_nothing_is_named_and_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("forgotten.jsonl");
        ForgottenFile::open(&path).unwrap();
        let head = fs::read_to_string(&path).unwrap();
        for (text, line) in [
            (String::new(), 1),
            ("{\"secret\":\"12\"}\n".to_owned(), 1),
            (format!("{head}{{\"subject\":\"ada\",\"until_ms\":1}}\n"), 2),
            (format!("{head}\n{{\"subject\":\"0000000000000001\"}}\n"), 3),
        ] {
            fs::write(&path, &text).unwrap();
            let error = ForgottenFile::open(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("forgotten.jsonl line {line} ")), "{error}");
        }
    }

    #[test]
    fn it_does_not_grow_beyond_those_who_count_and_keeps_what_another_process_added() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("forgotten.jsonl");
        let (mut file, _) = ForgottenFile::open(&path).unwrap();
        let (mut other, _) = ForgottenFile::open(&path).unwrap();
        other.add(&[known(7, 3), known(8, 9_999_999)], Vec::new).unwrap();
        for at in 0..2600 {
            // The same one again and again, later and later.
            file.add(&[known(1, 100 + at)], || vec![known(1, 100 + at)]).unwrap();
        }
        let (_, entries) = ForgottenFile::open(&path).unwrap();
        assert!(entries.len() < 2 * SPARE_LINES, "{}", entries.len());
        assert!(entries.contains(&known(1, 2699)) && entries.contains(&known(8, 9_999_999)));
        assert!(!entries.contains(&known(7, 3)), "older than all that count");
    }

    #[cfg(unix)]
    #[test]
    fn what_the_disk_did_not_take_is_written_the_next_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("cache");
        fs::create_dir(&folder).unwrap();
        let path = folder.join("forgotten.jsonl");
        let (mut file, _) = ForgottenFile::open(&path).unwrap();
        // A file in the place of the folder.
        fs::rename(&folder, dir.path().join("away")).unwrap();
        fs::write(&folder, "").unwrap();
        file.add(&[known(1, 10)], || unreachable!()).unwrap_err();
        file.add(&[], || vec![known(1, 10)]).unwrap_err();
        fs::remove_file(&folder).unwrap();
        fs::rename(dir.path().join("away"), &folder).unwrap();
        file.add(&[], || vec![known(1, 10)]).unwrap();
        assert_eq!(ForgottenFile::open(&path).unwrap().1, [known(1, 10)]);
        file.add(&[known(2, 20)], || unreachable!()).unwrap();
        assert_eq!(ForgottenFile::open(&path).unwrap().1, [known(1, 10), known(2, 20)]);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o77, 0, "for nobody else");
    }

    #[test]
    fn a_file_that_is_not_this_users_own_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("victim"), "precious").unwrap();
        for name in ["forgotten.jsonl", "forgotten.lock"] {
            std::os::unix::fs::symlink("victim", at(name)).unwrap();
            let error = ForgottenFile::open(&at("forgotten.jsonl")).unwrap_err().to_string();
            assert!(error.contains("symbolic link"), "{name}: {error}");
            fs::remove_file(at(name)).unwrap();
            let _ = fs::remove_file(at("forgotten.lock"));
        }
        assert_eq!(fs::read(at("victim")).unwrap(), b"precious");
    }

    #[test]
    fn where_there_is_no_place_for_it_whoever_is_forgotten_is_said_not_to_be_kept() {
        ForgottenFile::nowhere().add(&[known(1, 10)], || unreachable!()).unwrap_err();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let path = dir.path().join("file/below/forgotten.jsonl");
        let (mut file, entries) = ForgottenFile::open(&path).unwrap();
        assert_eq!(entries, []);
        file.add(&[known(1, 10)], || vec![known(1, 10)]).unwrap_err();
        fs::remove_file(dir.path().join("file")).unwrap();
        file.add(&[known(2, 20)], || vec![known(1, 10), known(2, 20)]).unwrap();
        assert_eq!(ForgottenFile::open(&path).unwrap().1, [known(1, 10), known(2, 20)]);
    }
}
