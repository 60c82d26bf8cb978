//! Records as lines of JSON in a file, or in one file for each hour.

use std::io;
use std::path::{Path, PathBuf};

use super::super::What;
use super::super::record::{Record, calendar};
use super::line_file::LineFile;
use super::{RecordSink, Refusal, SendError};

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
    fn send(&mut self, records: &[Record<'_>]) -> Result<Vec<Refusal>, SendError> {
        self.file.append(records).map_err(SendError::all)?;
        Ok(Vec::new())
    }
}

/// The size at which a file of an hour is full. Raising it makes fewer files of a busy hour, each of which takes longer
/// to copy or to read.
const MOST_BYTES: u64 = 256 << 20;

/// Appends a line of JSON for each record to the file of its hour in a directory, `exposures-20261127T14.jsonl`, and
/// when that is full to `exposures-20261127T14-1.jsonl` and so on.
#[derive(Debug)]
pub struct HourlyJsonLines {
    dir: PathBuf,
    what: What,
    most_bytes: u64,
    open: Option<Open>,
}

/// The file that is appended to.
#[derive(Debug)]
struct Open {
    hour: i64,
    /// Which of the hour's files it is.
    part: u32,
    file: LineFile,
}

impl HourlyJsonLines {
    /// Opens the directory for records of this kind, creating it if need be.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn open(dir: &Path, what: What) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), what, most_bytes: MOST_BYTES, open: None })
    }

    /// Begins another file of the hour where one would have more bytes than this. One batch is never torn, and may be
    /// larger.
    #[must_use]
    pub fn with_most_bytes(self, most_bytes: u64) -> Self {
        Self { most_bytes, ..self }
    }

    fn append(&mut self, hour: i64, records: &[Record<'_>]) -> io::Result<()> {
        let added: u64 = records.iter().map(|record| record.bytes.len() as u64 + 1).sum();
        let mut open = match self.open.take().filter(|open| open.hour == hour) {
            Some(open) => open,
            None => self.newest(hour)?,
        };
        let len = open.file.len()?;
        if len > 0 && len + added > self.most_bytes {
            let part = open.part + 1;
            open = Open { hour, part, file: LineFile::open(&self.path(hour, part))? };
        }
        let written = open.file.append(records);
        // After a failure it is opened anew, and its directory with it, should that be gone.
        self.open = Some(open).filter(|_| written.is_ok());
        written
    }

    /// Opens the last file that the hour has, or its first.
    fn newest(&self, hour: i64) -> io::Result<Open> {
        // Somebody may have tidied it away.
        std::fs::create_dir_all(&self.dir)?;
        let mut part = 0;
        while self.path(hour, part + 1).exists() {
            part += 1;
        }
        Ok(Open { hour, part, file: LineFile::open(&self.path(hour, part))? })
    }

    fn path(&self, hour: i64, part: u32) -> PathBuf {
        let (what, hour) = (self.what.as_str(), calendar(hour).format("%Y%m%dT%H"));
        self.dir.join(match part {
            0 => format!("{what}-{hour}.jsonl"),
            part => format!("{what}-{hour}-{part}.jsonl"),
        })
    }
}

impl RecordSink for HourlyJsonLines {
    fn send(&mut self, records: &[Record<'_>]) -> Result<Vec<Refusal>, SendError> {
        let mut done = 0;
        for run in records.chunk_by(|one, next| one.hour() == next.hour()) {
            let Some(first) = run.first() else { continue };
            // What went into the file of the hour before is there, and must not be written twice.
            let rest = || (done..records.len()).collect();
            self.append(first.hour(), run).map_err(|error| SendError::these(rest(), error))?;
            done += run.len();
        }
        Ok(Vec::new())
    }
}
