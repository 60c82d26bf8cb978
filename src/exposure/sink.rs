//! Where exposures go.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Exposure;

/// Takes exposures in the order in which they were offered. Runs on the writer's own thread and may block.
pub trait Sink: Send {
    /// Takes some exposures; they need not be durable before [`Sink::flush`].
    ///
    /// # Errors
    /// They are counted as lost.
    fn write(&mut self, exposures: &[Exposure]) -> io::Result<()>;

    /// Makes durable what was taken; called when the queue runs empty and at the end.
    ///
    /// # Errors
    /// Logged; what was taken may be lost.
    fn flush(&mut self) -> io::Result<()>;
}

/// Appends a line of JSON for each exposure to a file, for a log shipper to pick up.
#[derive(Debug)]
pub struct JsonLines {
    file: BufWriter<File>,
}

impl JsonLines {
    /// Opens the file for appending, creating it if need be.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: BufWriter::with_capacity(1 << 16, file) })
    }
}

impl Sink for JsonLines {
    fn write(&mut self, exposures: &[Exposure]) -> io::Result<()> {
        for exposure in exposures {
            serde_json::to_writer(&mut self.file, exposure)?;
            self.file.write_all(b"\n")?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
