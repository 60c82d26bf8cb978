//! How the run is going: a few lines that stay in place on a terminal, and one line every ten seconds anywhere else.

use std::io::{IsTerminal as _, Stderr, Write as _};
use std::time::{Duration, Instant};

use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use tokio::time::{MissedTickBehavior, interval_at};

use crate::profile::Schedule;
use crate::report::Summary;
use crate::run::{SharedTally, locked};
use crate::tally::{Counts, Tally};
use crate::units::{grouped, ms, percent};

const SECOND: Duration = Duration::from_secs(1);
const LINES: u16 = 9;
/// Seconds between lines where there is no terminal.
const PLAIN: u64 = 10;
/// Seconds that a sparkline can show.
const HISTORY: usize = 200;

/// What the view shows beside the figures.
#[derive(Debug, Clone)]
pub(crate) struct Caption {
    pub(crate) what: String,
    pub(crate) schedule: Schedule,
}

/// Shows the run that began at `start` for as long as it is polled.
pub(crate) async fn show(tally: SharedTally, caption: Caption, start: Instant) {
    let mut screen = Screen::open();
    let from = tokio::time::Instant::from_std(start);
    let mut ticks = interval_at(from + SECOND, SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let elapsed = start.elapsed();
        let now = Now::new(&locked(&tally), &caption.schedule, elapsed);
        let shown = screen.as_mut().is_some_and(|screen| screen.draw(&caption, &now));
        if !shown
            && (elapsed.as_secs().is_multiple_of(PLAIN) || now.left.is_none() && screen.take().is_some())
        {
            // Nobody looks at a terminal that has gone.
            drop(writeln!(std::io::stderr(), "{}", now.plain(&caption)));
        }
    }
}

/// The figures of one moment.
#[derive(Debug)]
struct Now {
    /// Seconds of warm-up that are left.
    left: Option<u64>,
    second: u64,
    total: Summary,
    last: Summary,
    rates: Vec<u64>,
    p99s: Vec<u64>,
}

impl Now {
    fn new(tally: &Tally, schedule: &Schedule, elapsed: Duration) -> Now {
        let measured = elapsed.checked_sub(schedule.warmup);
        // The last whole second: this one has only begun.
        let whole = measured.map_or(0, |measured| measured.as_secs() as usize).min(tally.seconds.len());
        let seconds = &tally.seconds[..whole];
        let recent = &seconds[seconds.len().saturating_sub(HISTORY)..];
        let none = Counts::new(&tally.lag);
        Now {
            left: measured.is_none().then(|| (schedule.warmup.saturating_sub(elapsed)).as_secs() + 1),
            second: measured.map_or(0, |measured| measured.as_secs().min(schedule.duration.as_secs())),
            total: Summary::new(&tally.total),
            last: Summary::new(seconds.last().unwrap_or(&none)),
            rates: recent.iter().map(|counts| counts.offered).collect(),
            p99s: recent
                .iter()
                .map(|counts| (counts.latencies.ms(0.99).unwrap_or(0.0) * 1000.0) as u64)
                .collect(),
        }
    }

    fn progress(&self, caption: &Caption) -> String {
        match self.left {
            Some(left) => format!("warming up, {left} s left"),
            None => format!("{} of {} s", self.second, caption.schedule.duration.as_secs()),
        }
    }

    fn plain(&self, caption: &Caption) -> String {
        let (total, last) = (&self.total, &self.last);
        format!(
            "{:<18} offered {}   answered {}   errors {}   degraded {:.1} %   last second: {}/s   p50 {}   p99 {}   max {} ms",
            self.progress(caption),
            grouped(total.offered),
            grouped(total.answered),
            grouped(total.errors),
            percent(total.degraded, total.answered),
            grouped(last.offered),
            ms(last.p50_ms),
            ms(last.p99_ms),
            ms(last.max_ms),
        )
    }

    fn render(&self, caption: &Caption, frame: &mut Frame<'_>) {
        let rows = Layout::vertical([1, 1, 1, 1, 1, 2, 2].map(Constraint::Length)).split(frame.area());
        let (total, last) = (&self.total, &self.last);
        let wrong = |count: u64| if count > 0 { Style::new().fg(Color::Red).bold() } else { Style::new() };
        let head = Line::from(vec![
            caption.what.clone().bold(),
            Span::raw(format!("   {}", self.progress(caption))),
        ]);
        let counts = Line::from(vec![
            Span::raw(format!(
                "offered {:>11}   answered {:>11}   ",
                grouped(total.offered),
                grouped(total.answered)
            )),
            Span::styled(format!("errors {:>9}   ", grouped(total.errors)), wrong(total.errors)),
            Span::styled(
                format!("degraded {:>6.2} %", percent(total.degraded, total.answered)),
                wrong(total.degraded),
            ),
        ]);
        let percentiles = |name: &str, s: &Summary| {
            let [p50, p90, p99, p999, max] = [s.p50_ms, s.p90_ms, s.p99_ms, s.p999_ms, s.max_ms].map(ms);
            Line::raw(format!(
                "{name:<12} p50 {p50:>6}   p90 {p90:>6}   p99 {p99:>6}   p99.9 {p999:>6}   max {max:>6} ms"
            ))
        };
        for (row, line) in rows.iter().zip([
            head,
            counts,
            percentiles("last second", last),
            percentiles("all", total),
            Line::raw(format!("{}/s above, p99 {} ms below", grouped(last.offered), ms(last.p99_ms))).dim(),
        ]) {
            frame.render_widget(Paragraph::new(line), *row);
        }
        for (row, data, colour) in [(rows[5], &self.rates, Color::Blue), (rows[6], &self.p99s, Color::Yellow)]
        {
            let data = &data[data.len().saturating_sub(usize::from(row.width))..];
            frame.render_widget(Sparkline::default().data(data).style(Style::new().fg(colour)), row);
        }
    }
}

/// The lines on the terminal; they are taken away when this is dropped.
struct Screen(Terminal<CrosstermBackend<Stderr>>);

impl Screen {
    fn open() -> Option<Screen> {
        if !std::io::stderr().is_terminal() || !std::io::stdin().is_terminal() {
            return None;
        }
        let options = TerminalOptions { viewport: Viewport::Inline(LINES) };
        Terminal::with_options(CrosstermBackend::new(std::io::stderr()), options).ok().map(Screen)
    }

    /// Whether the terminal took it.
    fn draw(&mut self, caption: &Caption, now: &Now) -> bool {
        self.0.draw(|frame| now.render(caption, frame)).is_ok()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        drop(self.0.clear());
        drop(self.0.show_cursor());
    }
}

#[cfg(test)]
mod tests {
    use larder_proto::v1::degradation::Level;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::profile::Profile;
    use crate::tally::Sample;
    use crate::target::Glance;

    fn caption() -> Caption {
        let profile = Profile::Constant { rps: 100.0 };
        let schedule = Schedule { profile, warmup: SECOND, duration: Duration::from_secs(60) };
        Caption { what: "mix at grpc://h:1".to_owned(), schedule }
    }

    fn tally() -> Tally {
        let mut tally = Tally::new(SECOND).unwrap();
        for due in (1000..3000).step_by(10).map(Duration::from_millis) {
            tally.offer(0, due);
            let outcome = Ok(Glance { level: Level::Partial, causes: Vec::new(), snapshot: "v1".into() });
            tally.record(Sample {
                placement: 0,
                due,
                sent: due,
                done: due + Duration::from_millis(7),
                outcome,
            });
        }
        tally
    }

    #[test]
    fn the_view_shows_counts_percentiles_and_where_the_run_is() {
        let mut terminal = Terminal::new(TestBackend::new(100, LINES)).unwrap();
        let now = Now::new(&tally(), &caption().schedule, Duration::from_millis(3100));
        terminal.draw(|frame| now.render(&caption(), frame)).unwrap();
        let shown = terminal.backend().to_string();
        for text in [
            "mix at grpc://h:1   2 of 60 s",
            "200",
            "degraded 100.00 %",
            "last second  p50",
            "7.0",
            "100/s above",
        ] {
            assert!(shown.contains(text), "{text}: {shown}");
        }
    }

    #[test]
    fn a_line_for_logs_says_the_same() {
        let now = Now::new(&tally(), &caption().schedule, Duration::from_millis(3100));
        let line = now.plain(&caption());
        assert!(
            line.contains("2 of 60 s") && line.contains("answered 200") && line.contains("100/s"),
            "{line}"
        );
        let early = Now::new(&tally(), &caption().schedule, Duration::from_millis(100));
        assert!(early.plain(&caption()).contains("warming up, 1 s left"));
    }
}
