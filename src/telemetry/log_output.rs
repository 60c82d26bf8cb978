//! Where log lines go: standard error, or a file that somebody else rotates. Whatever a line says, it is one line.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use crate::artifact::is_same_file;
use crate::domain::one_line;

/// How often to look whether the file is still at its path. Where nobody sends a signal, lines go on into a file that
/// was moved away for that long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where log lines go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogOutput {
    file: Option<Arc<Mutex<LogFile>>>,
    colours: bool,
}

impl LogOutput {
    /// Standard error.
    pub fn stderr() -> Self {
        // Colours are for terminals: in a log collector they are noise that breaks searches.
        Self { file: None, colours: io::IsTerminal::is_terminal(&io::stderr()) }
    }

    /// A file, which is appended to and created if need be.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn file(path: &Path) -> io::Result<Self> {
        let file = LogFile { path: path.to_owned(), file: open(path)?, looked: Instant::now() };
        Ok(Self { file: Some(Arc::new(Mutex::new(file))), colours: false })
    }

    pub(super) fn colours(&self) -> bool {
        self.colours
    }

    /// Opens the file anew, after it was moved away; false if there is none.
    ///
    /// # Errors
    /// It cannot be opened: lines go on into the one that was open.
    pub fn reopen(&self) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        // A thread that panicked while it wrote has left at most half a line.
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.file = open(&file.path)?;
        Ok(true)
    }
}

impl<'a> MakeWriter<'a> for LogOutput {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &LogOutput {
    /// Takes one event, as the formatter hands it over.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        // Colours are the formatter's own, and it writes out the escapes of values itself.
        let line: Vec<_> =
            if self.colours { text.split('\u{1b}').map(one_line).collect() } else { vec![one_line(text)] };
        let line = line.join("\u{1b}") + "\n";
        match &self.file {
            None => io::stderr().write_all(line.as_bytes())?,
            Some(file) => file.lock().unwrap_or_else(PoisonError::into_inner).append(line.as_bytes())?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
    looked: Instant,
}

impl LogFile {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.looked.elapsed() > LOOK_EVERY {
            self.looked = Instant::now();
            let is_here = std::fs::metadata(&self.path)
                .is_ok_and(|found| self.file.metadata().is_ok_and(|open| is_same_file(&found, &open)));
            // Where it cannot be opened, a line in the old file is better than none.
            if !is_here && let Ok(file) = open(&self.path) {
                self.file = file;
            }
        }
        self.file.write_all(line)
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("larder.log");
        let mut output = &LogOutput::file(&path).unwrap();
        output.write_all("INFO loaded \"a\nERROR forged\u{9b}\"\n".as_bytes()).unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written, "INFO loaded \"a\\nERROR forged\\u009b\"\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let [path, old] = ["larder.log", "larder.log.1"].map(|name| dir.path().join(name));
        let output = LogOutput::file(&path).unwrap();
        (&output).write_all(b"one\n").unwrap();
        std::fs::rename(&path, &old).unwrap();
        assert!(output.reopen().unwrap());
        (&output).write_all(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "one\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
    }
}
