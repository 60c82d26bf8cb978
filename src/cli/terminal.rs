//! What a command writes: its answer to standard output, progress and warnings to standard error.
//!
//! Nothing else in the command line may print: `println!` panics when the reader of a pipe has gone or a disk is full.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::domain::one_line;

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("standard output cannot be written: {0}")]
pub(super) struct OutputError(#[from] io::Error);

impl OutputError {
    /// Whether the reader has closed its end, such as `head` once it has its lines: it has all it wants.
    pub(super) fn reader_is_gone(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Writes a line of the answer.
pub(super) fn line(text: impl Display) -> Result<(), OutputError> {
    // Standard output is buffered by line, so an error shows here, not at the end of the process, where Rust drops it.
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Writes what clap has to say: help and version are an answer, the rest is about wrong usage.
pub(super) fn print_usage(usage: &clap::Error) -> Result<(), OutputError> {
    if usage.use_stderr() {
        let _ = usage.print(); // there is nowhere left to say that it failed
        return Ok(());
    }
    usage.print()?;
    Ok(io::stdout().flush()?)
}

/// Writes a line beside the answer. If that fails, there is nowhere left to say so.
pub(super) fn note(text: impl Display) {
    let text = text.to_string();
    // Some messages have several lines; what they quote from files must not steer the terminal.
    let lines: Vec<_> = text.lines().map(one_line).collect();
    let _ = writeln!(io::stderr(), "larder: {}", lines.join("\n"));
}

/// A bar on standard error while it is a terminal; a line a step otherwise, unless `quiet`.
pub(super) struct Progress {
    bar: ProgressBar,
    lines: bool,
    last: String,
    started: Instant,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        // A bar is drawn over itself, which in a log file makes a line of control characters.
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let bar = ProgressBar::new(1000);
        if quiet || !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:24} {percent:>3}% {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, lines: !quiet && !terminal, last: String::new(), started: Instant::now() }
    }

    /// Says what is being done, and which share of it is.
    pub(super) fn step(&mut self, what: &str, share: f64) {
        self.bar.set_position((share * 1000.0) as u64);
        if self.last != what {
            self.last = what.to_owned();
            self.bar.set_message(what.to_owned());
            if self.lines {
                let _ = writeln!(io::stderr(), "{:>5.1}s {what}", self.started.elapsed().as_secs_f64());
            }
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Prints rows under headings; columns are as wide as their widest cell, numbers to the right.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> Result<(), OutputError> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.chars().count())).max().unwrap_or(0)
    };
    // A cell without a value does not make text of a column of numbers.
    let numeric = |column: usize| {
        let plain = |cell: &String| {
            cell.is_empty() || cell.chars().all(|c| c.is_ascii_digit() || ".,-–%".contains(c))
        };
        rows.iter().filter_map(|row| row.get(column)).all(plain)
    };
    let row = |cells: Vec<&str>| {
        let padded = cells.iter().enumerate().map(|(column, cell)| {
            if numeric(column) {
                format!("{cell:>width$}", width = width(column))
            } else {
                format!("{cell:<width$}", width = width(column))
            }
        });
        line(padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    row(headings.to_vec())?;
    for cells in rows {
        row(cells.iter().map(String::as_str).collect())?;
    }
    Ok(())
}

/// `1234567` as `1.2 MB`.
pub(super) fn bytes(count: u64) -> String {
    // Thousands, as disks and clouds count them; settings say KiB where they mean 1024.
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}
