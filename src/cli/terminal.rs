//! Progress for people who wait, tables for people who read.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error while it is a terminal; a line a step otherwise, unless `quiet`.
pub(super) struct Progress {
    bar: ProgressBar,
    lines: bool,
    last: String,
    started: Instant,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
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
                eprintln!("{:>5.1}s {what}", self.started.elapsed().as_secs_f64());
            }
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Prints rows under headings; columns are as wide as their widest cell, numbers to the right.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.chars().count())).max().unwrap_or(0)
    };
    let numeric = |column: usize| {
        let plain = |cell: &String| {
            cell.is_empty() || cell.chars().all(|c| c.is_ascii_digit() || ".,-–%".contains(c))
        };
        rows.iter().filter_map(|row| row.get(column)).all(plain)
    };
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().enumerate().map(|(column, cell)| match numeric(column) {
            true => format!("{cell:>width$}", width = width(column)),
            false => format!("{cell:<width$}", width = width(column)),
        });
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(headings.to_vec());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// `1234567` as `1.2 MB`.
pub(super) fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}
