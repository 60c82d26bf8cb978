//! Events that callers record, written to the directory that is followed: a restart and other replicas read them there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};

use super::encode;
use crate::domain::{Event, EventKind};

/// Appends events to a file for each day. Only one process writes to it: its name has the replica's.
#[derive(Debug)]
pub struct Recorder {
    dir: PathBuf,
    replica: String,
    open: Option<(NaiveDate, File)>,
}

impl Recorder {
    /// A recorder into `dir`; nothing is written yet.
    pub fn new(dir: &Path, replica: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
        Self { dir: dir.to_owned(), replica: replica.chars().map(plain).collect(), open: None }
    }

    /// Appends events that came at `now`. A wish to be forgotten is on the disk when this returns; of all else, what a
    /// crash of the machine may cost is up to the system.
    ///
    /// # Errors
    /// What the system says. The events may come back after a restart in part.
    pub fn write<'a>(
        &mut self,
        events: impl Iterator<Item = &'a Event>,
        now: DateTime<Utc>,
    ) -> io::Result<()> {
        let (mut lines, mut forgets) = (Vec::new(), false);
        for event in events {
            lines.extend(encode(event));
            lines.push(b'\n');
            forgets |= event.kind == EventKind::UserForgotten;
        }
        if lines.is_empty() {
            return Ok(());
        }
        let file = self.file(now.date_naive())?;
        // At once: a reader beside this process must not see half a line for longer than a write takes.
        file.write_all(&lines)?;
        if forgets { file.sync_data() } else { Ok(()) }
    }

    fn file(&mut self, day: NaiveDate) -> io::Result<&mut File> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != day) {
            let path = self.dir.join(format!("recorded-{}-{}.jsonl", self.replica, day.format("%Y%m%d")));
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            // A crash may have left half a line, to which the next would be added.
            if file.metadata()?.len() > 0 {
                file.write_all(b"\n")?;
            }
            self.open = Some((day, file));
        }
        self.open.as_mut().map(|(_, file)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
