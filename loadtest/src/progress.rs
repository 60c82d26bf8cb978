//! One line on the terminal that says how the run is going.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::report::Summary;
use crate::run::{SharedTally, locked};
use crate::tally::Counts;
use crate::units::{grouped, ms, percent};

const SECOND: Duration = Duration::from_secs(1);

/// Shows the line once a second for as long as it is polled, if there is a terminal.
pub(crate) async fn show(tally: SharedTally, warmup: Duration, duration: Duration) {
    if !std::io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let start = Instant::now();
    let mut ticks = interval_at(start + SECOND, SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let line = match start.elapsed().checked_sub(warmup) {
            None => format!("warming up, {} s left", (warmup - start.elapsed()).as_secs() + 1),
            Some(elapsed) => line(&tally, elapsed, duration),
        };
        // Nobody looks at a terminal that has gone.
        drop(write!(std::io::stderr(), "\r\x1b[2K{line}"));
    }
}

/// Clears the line.
pub(crate) fn clear() {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        drop(write!(stderr, "\r\x1b[2K"));
    }
}

fn line(tally: &SharedTally, elapsed: Duration, duration: Duration) -> String {
    let tally = locked(tally);
    // The last whole second: this one has only begun.
    let mut last = Counts::new(&tally.lag);
    let at = (elapsed.as_secs() as usize).min(tally.seconds.len());
    at.checked_sub(1).and_then(|at| tally.seconds.get(at)).into_iter().for_each(|second| last.add(second));
    let (now, total) = (Summary::new(&last), &tally.total);
    format!(
        "{:>4} of {} s   offered {}   answered {}   errors {}   degraded {:.1} %   last second: p50 {}   p99 {}   max {} ms",
        elapsed.as_secs().min(duration.as_secs()),
        duration.as_secs(),
        grouped(total.offered),
        grouped(total.answered()),
        grouped(total.errors),
        percent(total.degraded, total.answered()),
        ms(now.p50_ms),
        ms(now.p99_ms),
        ms(now.max_ms),
    )
}
