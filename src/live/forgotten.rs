//! Who was forgotten, on disk: a restart knows it before it reads any event, also where no directory of events does.
//!
//! A file of JSON lines. It names nobody: a line has the hash of an id with a secret, which the first line has, so that
//! whoever reads it can try whether an id is among them, and no more.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::recent::{Forgotten, SubjectHasher};
use lines::{BadLine, Content};

mod lines;

/// Lines that may stand in the file for nothing, besides as many as count. Raising it writes the file anew less often.
const SPARE_LINES: usize = 1024;

/// The file of those who were forgotten. Several processes may have the same.
#[derive(Debug)]
pub struct ForgottenFile {
    path: PathBuf,
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
    #[error("{}, which says who is forgotten: {source}", .path.display())]
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

impl ForgottenFile {
    /// Opens the file, making it if need be, and says who is in it. A last line that a crash cut off is taken away:
    /// nobody was told that it is kept.
    ///
    /// # Errors
    /// See [`ForgottenError`].
    pub fn open(path: &Path) -> Result<(Self, Vec<Forgotten>), ForgottenError> {
        let failed = |source| ForgottenError::Io { path: path.to_owned(), source };
        let _lock = lock(path).map_err(failed)?;
        if !path.try_exists().map_err(failed)? {
            replace(path, SubjectHasher::draw(), &[]).map_err(failed)?;
        }
        let bytes = fs::read(path).map_err(failed)?;
        let content = lines::read(&bytes).map_err(|BadLine { line, problem }| {
            let path = path.to_owned();
            ForgottenError::Line { path, line, problem }
        })?;
        if content.whole < bytes.len() as u64 {
            let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
            file.set_len(content.whole).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        let Content { secret, entries, .. } = content;
        let file = Self { path: path.to_owned(), secret, lines: entries.len(), is_short: false };
        Ok((file, entries))
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
        let appends = !self.is_short && self.lines <= SPARE_LINES;
        let outcome = lock(&self.path)
            .and_then(|_lock| if appends { self.append(new) } else { self.write_anew(all()) });
        self.is_short = outcome.is_err();
        outcome
    }

    fn append(&mut self, new: &[Forgotten]) -> io::Result<()> {
        // By its name each time: another process may have written it anew.
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        let added: String = new.iter().map(lines::line).collect();
        file.write_all(added.as_bytes())?;
        file.sync_data()?;
        self.lines += new.len();
        Ok(())
    }

    fn write_anew(&mut self, all: Vec<Forgotten>) -> io::Result<()> {
        // What another process has added stays, unless it is older than all that this one still needs.
        let oldest = all.iter().map(|known| known.until_ms).min();
        let theirs = fs::read(&self.path).ok().and_then(|bytes| lines::read(&bytes).ok());
        let theirs = theirs.map_or_else(Vec::new, |content| content.entries);
        let theirs = theirs.into_iter().filter(|known| Some(known.until_ms) >= oldest);
        let mut latest = BTreeMap::new();
        for Forgotten { subject, until_ms } in all.into_iter().chain(theirs) {
            let known = latest.entry(subject).or_insert(until_ms);
            *known = until_ms.max(*known);
        }
        let entries: Vec<Forgotten> =
            latest.into_iter().map(|(subject, until_ms)| Forgotten { subject, until_ms }).collect();
        replace(&self.path, self.secret, &entries)?;
        // Counted from here: as many lines as count, and the spare ones, are never too many.
        self.lines = 0;
        Ok(())
    }
}

/// Held while the file is read or written, by whichever process.
fn lock(path: &Path) -> io::Result<File> {
    let lock = path.with_extension("lock");
    let file = File::options().create(true).truncate(false).write(true).open(lock)?;
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
        fs::rename(&folder, dir.path().join("away")).unwrap();
        file.add(&[known(1, 10)], || unreachable!()).unwrap_err();
        file.add(&[], || vec![known(1, 10)]).unwrap_err();
        fs::rename(dir.path().join("away"), &folder).unwrap();
        file.add(&[], || vec![known(1, 10)]).unwrap();
        assert_eq!(ForgottenFile::open(&path).unwrap().1, [known(1, 10)]);
        file.add(&[known(2, 20)], || unreachable!()).unwrap();
        assert_eq!(ForgottenFile::open(&path).unwrap().1, [known(1, 10), known(2, 20)]);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o77, 0, "for nobody else");
    }
}
