//! Writes dead letters.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::folder::{Piece, pieces};
use super::letter::{Content, DeadLetter};
use super::read::DeadError;
use crate::artifact::open_private;
use crate::connect::Record;
use crate::connect::decode::Decoded;
use crate::exposure::Outbox;

/// Files that the folder's bytes are divided among; with more of them less is lost when the oldest goes.
const FILES: u64 = 8;

/// The least that a folder may be bounded to, in bytes: a few of the largest records.
const LEAST: u64 = 16 << 20;

/// Where dead letters go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadOptions {
    /// The folder.
    pub dir: PathBuf,
    /// Bytes of all its files; 16 MiB at least.
    pub max: u64,
    /// Whether records that seem to name a person are kept.
    pub personal: PersonalPayloads,
}

/// Whether records that seem to name a person are kept whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PersonalPayloads {
    /// Only what is wrong with them: a folder on disk is not reached by `user.forgotten`.
    #[default]
    LeaveOut,
    /// Like all others, so that they can be decoded again.
    Keep,
}

/// Appends dead letters to the files of a folder.
#[derive(Debug)]
pub struct DeadLetters {
    options: DeadOptions,
    /// The files, the oldest first; the last is written to while `out` is open.
    files: VecDeque<Piece>,
    out: Option<File>,
    /// Where letters go besides.
    outbox: Option<Outbox>,
    written: u64,
    dropped: u64,
}

impl DeadLetters {
    /// Opens the folder, making it if need be.
    ///
    /// # Errors
    /// It cannot be made, read or written.
    pub fn open(mut options: DeadOptions) -> Result<Self, DeadError> {
        options.max = options.max.max(LEAST);
        let failed = |source| DeadError::Io { path: options.dir.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&options.dir).map_err(failed)?;
        let files: VecDeque<Piece> = pieces(&options.dir).map_err(failed)?.into();
        let mut letters = Self { files, out: None, outbox: None, written: 0, dropped: 0, options };
        letters.out = letters.last_if_whole();
        letters.make_room(0)?;
        Ok(letters)
    }

    /// Sends each letter that is written out as well.
    #[must_use]
    pub fn with_outbox(self, outbox: Option<Outbox>) -> Self {
        Self { outbox, ..self }
    }

    /// Appends a letter for each event of the record that could not be used. It survives a crash of the process now,
    /// and one of the machine after [`DeadLetters::sync`].
    ///
    /// # Errors
    /// The folder cannot be written; the letters are not there then, nor a part of them.
    pub fn write(
        &mut self,
        record: &Record<'_>,
        decoded: &Decoded,
        arrived_ms: i64,
    ) -> Result<(), DeadError> {
        if decoded.poison.is_empty() {
            return Ok(());
        }
        let keep = !decoded.names_a_person || self.options.personal == PersonalPayloads::Keep;
        // A record that was refused for its size may be of any size.
        let keep = keep && record.body.len() <= crate::connect::decode::limits::RECORD_BYTES;
        let mut content = keep.then(|| Content::new(record));
        let mut lines = Vec::new();
        for poison in &decoded.poison {
            let letter = DeadLetter::new(record, poison, arrived_ms, content.take());
            serde_json::to_writer(&mut lines, &letter).map_err(|error| self.failed(error.into()))?;
            lines.push(b'\n');
        }
        self.append(&lines)?;
        self.written += decoded.poison.len() as u64;
        if let Some(outbox) = &self.outbox {
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                outbox.offer(arrived_ms, line.to_vec());
            }
        }
        Ok(())
    }

    /// Makes what was written durable. A source moves on after this.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn sync(&mut self) -> Result<(), DeadError> {
        self.out.as_ref().map_or(Ok(()), File::sync_data).map_err(|error| self.failed(error))
    }

    /// Letters written by this process.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Letters that were dropped to make room, by this process.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|piece| piece.bytes).sum()
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), DeadError> {
        let added = lines.len() as u64;
        let full = |piece: &Piece| piece.bytes > 0 && piece.bytes + added > self.options.max / FILES;
        if self.out.is_none() || self.files.back().is_none_or(full) {
            self.begin()?;
        }
        self.make_room(added)?;
        let (Some(out), Some(piece)) = (self.out.as_mut(), self.files.back_mut()) else { return Ok(()) };
        if let Err(error) = out.write_all(lines) {
            // Half a line would spoil the next one as well.
            if out.set_len(piece.bytes).is_err() {
                self.out = None;
            }
            return Err(self.failed(error));
        }
        piece.bytes += added;
        Ok(())
    }

    fn begin(&mut self) -> Result<(), DeadError> {
        let number = self.files.back().map_or(0, |last| last.number) + 1;
        let piece = Piece { number, bytes: 0 };
        let path = piece.path(&self.options.dir);
        let made = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path);
        // The name must survive a crash of the machine as the letters do.
        let out = made.and_then(|out| File::open(&self.options.dir)?.sync_all().map(|()| out));
        self.out = Some(out.map_err(|source| DeadError::Io { path, source })?);
        self.files.push_back(piece);
        Ok(())
    }

    /// Drops the oldest files until `added` more bytes fit; never the one that is written to.
    fn make_room(&mut self, added: u64) -> Result<(), DeadError> {
        while self.bytes() + added > self.options.max && self.files.len() > 1 {
            let Some(oldest) = self.files.front() else { break };
            let path = oldest.path(&self.options.dir);
            let lines = count_lines(&path).unwrap_or(0);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(DeadError::Io { path, source });
                }
                _ => self.files.pop_front(),
            };
            self.dropped += lines;
        }
        Ok(())
    }

    /// The last file for going on with, unless a crash left half a line at its end.
    fn last_if_whole(&self) -> Option<File> {
        let piece = self.files.back()?;
        // One that somebody else put there is not written to.
        let options = &mut OpenOptions::new();
        let mut file = open_private(options.read(true).append(true), &piece.path(&self.options.dir)).ok()?;
        if piece.bytes > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1)).ok()?;
            file.read_exact(&mut last).ok()?;
            if last != *b"\n" {
                return None;
            }
        }
        Some(file)
    }

    fn failed(&self, source: io::Error) -> DeadError {
        DeadError::Io { path: self.options.dir.clone(), source }
    }
}

fn count_lines(path: &Path) -> io::Result<u64> {
    let mut input = BufReader::new(open_private(OpenOptions::new().read(true), path)?);
    let mut piece = [0; 1 << 14];
    let mut lines = 0;
    loop {
        match input.read(&mut piece)? {
            0 => return Ok(lines),
            read => lines += piece[..read].iter().filter(|byte| **byte == b'\n').count() as u64,
        }
    }
}
