//! How the run is going, as one line on standard error: rewritten every second on a terminal, and added every ten
//! seconds elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval_at};

use crate::profile::Schedule;
use crate::run::{SharedTally, locked};
use crate::tally::{Counts, Tally};
use crate::units::{figure, grouped, percent};

/// Seconds between lines where there is no terminal.
// Often enough to see a stall, seldom enough for a log.
const LOG_EVERY: u64 = 10;

/// Shows the run that began at `start` for as long as it is polled.
pub(crate) async fn show(tally: SharedTally, schedule: Schedule, start: Instant) {
    let second = Duration::from_secs(1);
    let mut ticks = interval_at(tokio::time::Instant::from_std(start) + second, second);
    // A line that is late is not made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut out = std::io::stderr();
    let is_terminal = out.is_terminal();
    loop {
        ticks.tick().await;
        let elapsed = start.elapsed();
        if !is_terminal && !elapsed.as_secs().is_multiple_of(LOG_EVERY) {
            continue;
        }
        let line = line(&locked(&tally), &schedule, elapsed);
        // On a terminal: back to the first column, clear to the end, and stay on the line for the next one. A terminal
        // that has gone is no reason to end the run.
        drop(if is_terminal { write!(out, "\r\x1b[K{line}") } else { writeln!(out, "{line}") });
    }
}

/// Takes the line away, so that the report does not begin behind it.
pub(crate) fn clear() {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        drop(write!(out, "\r\x1b[K"));
    }
}

fn line(tally: &Tally, schedule: &Schedule, elapsed: Duration) -> String {
    let Some(measured) = elapsed.checked_sub(schedule.warmup) else {
        return format!("warming up, {} s left", (schedule.warmup - elapsed).as_secs() + 1);
    };
    let empty = Counts::new(&tally.lag);
    // The last second that is over; the current one has only begun.
    let over = tally.seconds.len().min(measured.as_secs() as usize);
    let last = over.checked_sub(1).and_then(|at| tally.seconds.get(at)).unwrap_or(&empty);
    let total = &tally.total;
    format!(
        "{} of {} s: {} sent, {} errors, {:.1} % degraded; last second {}/s, p50 {}, p99 {} ms",
        measured.as_secs().min(schedule.duration.as_secs()),
        schedule.duration.as_secs(),
        grouped(total.offered),
        grouped(total.errors),
        percent(total.degraded, total.answered()),
        grouped(last.offered),
        figure(last.latencies.ms(0.5)),
        figure(last.latencies.ms(0.99)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;
    use crate::tally::Sample;
    use crate::target::answer::Failure;

    #[test]
    fn the_line_says_where_the_run_is_and_what_the_last_second_was_like() {
        let (second, profile) = (Duration::from_secs(1), Profile::Constant { rps: 100.0 });
        let schedule = Schedule { profile, warmup: second, duration: 60 * second };
        let mut tally = Tally::new(second, None).unwrap();
        for due in (1000..3000).step_by(10).map(Duration::from_millis) {
            tally.count_due(0, due);
            let outcome = Err(Failure::new("INTERNAL", ""));
            tally.record(Sample { placement: 0, due, sent: due, done: due, outcome });
        }
        let expected = "2 of 60 s: 200 sent, 200 errors, 0.0 % degraded; last second 100/s, p50 -, p99 - ms";
        assert_eq!(line(&tally, &schedule, Duration::from_millis(3100)), expected);
        assert_eq!(line(&tally, &schedule, Duration::from_millis(100)), "warming up, 1 s left");
    }
}
