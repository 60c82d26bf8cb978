//! Records as lines of JSON in a file, or in one file for each hour.

use std::io;
use std::path::{Path, PathBuf};

use super::super::What;
use super::super::record::{Record, calendar};
use super::line_file::LineFile;
use super::{RecordSink, SendError};

/// Appends a line of JSON for each record to a file, for a log shipper to pick up. Where the file was moved away, as
/// logrotate does, a new one is begun.
#[derive(Debug)]
pub struct JsonLines {
    file: LineFile,
}

impl JsonLines {
    /// Opens the file for appending, creating it if need be.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: LineFile::open(path)? })
    }
}

impl RecordSink for JsonLines {
    fn send(&mut self, records: &[Record<'_>]) -> Result<(), SendError> {
        self.file.append(records).map_err(SendError::all)
    }
}

/// Appends a line of JSON for each record to the file of its hour in a directory, `exposures-20261127T14.jsonl`.
#[derive(Debug)]
pub struct HourlyJsonLines {
    dir: PathBuf,
    what: What,
    file: Option<(i64, LineFile)>,
}

impl HourlyJsonLines {
    /// Opens the directory for records of this kind, creating it if need be.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn open(dir: &Path, what: What) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), what, file: None })
    }

    fn append(&mut self, hour: i64, records: &[Record<'_>]) -> io::Result<()> {
        if self.file.as_ref().is_none_or(|(open, _)| *open != hour) {
            let (what, hour_of) = (self.what.as_str(), calendar(hour).format("%Y%m%dT%H"));
            let path = self.dir.join(format!("{what}-{hour_of}.jsonl"));
            // Somebody may have tidied it away.
            std::fs::create_dir_all(&self.dir)?;
            self.file = Some((hour, LineFile::open(&path)?));
        }
        match &mut self.file {
            Some((_, file)) => file.append(records),
            None => Ok(()),
        }
    }
}

impl RecordSink for HourlyJsonLines {
    fn send(&mut self, records: &[Record<'_>]) -> Result<(), SendError> {
        let mut done = 0;
        for run in records.chunk_by(|one, next| one.hour() == next.hour()) {
            let Some(first) = run.first() else { continue };
            // What went into the file of the hour before is there, and must not be written twice.
            let rest = || (done..records.len()).collect();
            self.append(first.hour(), run).map_err(|error| SendError::these(rest(), error))?;
            done += run.len();
        }
        Ok(())
    }
}
