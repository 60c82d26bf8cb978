//! When requests are due, and the thread that sends each at its moment.
//!
//! tokio's timers are 0.8 ms late on average. The pacing thread parks on a channel until shortly before a request is
//! due, and spins for the rest.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

/// How early the thread wakes: a parked thread is up to this late.
const SPIN: Duration = Duration::from_micros(100);

/// The rate over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Profile {
    /// The same rate throughout, in requests per second, evenly spaced.
    Constant { rps: f64 },
}

impl Profile {
    /// When request `n`, counted from 0, is due after the start. Never decreases with `n`.
    pub(crate) fn due(&self, n: u64) -> Duration {
        match *self {
            // From the start each time: adding up gaps would add up their rounding.
            Profile::Constant { rps } => Duration::try_from_secs_f64(n as f64 / rps).unwrap_or(Duration::MAX),
        }
    }
}

/// Calls `send` with each request's number and the moment it was due, until all that are due before `end` are sent or
/// `stop` has a message or has hung up. Late requests are sent at once: the schedule never waits for anybody.
pub(crate) fn pace(
    profile: Profile,
    start: Instant,
    end: Duration,
    stop: &Receiver<()>,
    mut send: impl FnMut(u64, Instant),
) {
    for n in 0.. {
        let offset = profile.due(n);
        if offset >= end {
            return;
        }
        let due = start + offset;
        if !wait_until(due, stop) {
            return;
        }
        send(n, due);
    }
}

/// Whether the moment came before the stop.
fn wait_until(due: Instant, stop: &Receiver<()>) -> bool {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left > SPIN {
            match stop.recv_timeout(left - SPIN) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return false,
            }
        } else if left.is_zero() {
            return matches!(stop.try_recv(), Err(TryRecvError::Empty));
        } else {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_constant_rate_does_not_drift() {
        let profile = Profile::Constant { rps: 800.0 };
        assert_eq!(profile.due(0), Duration::ZERO);
        assert_eq!(profile.due(1), Duration::from_micros(1250));
        assert_eq!(profile.due(800 * 3600), Duration::from_secs(3600));

        let thirds = Profile::Constant { rps: 3.0 };
        assert_eq!(thirds.due(3_000_000), Duration::from_secs(1_000_000));
        assert!((1..10_000).all(|n| thirds.due(n) > thirds.due(n - 1)));
        assert_eq!(Profile::Constant { rps: 1e-300 }.due(u64::MAX), Duration::MAX);
    }

    #[test]
    fn everything_due_is_sent_in_order_however_late_and_nothing_before_its_time() {
        let (_keep, stop) = sync_channel(1);
        // Half of the schedule has passed already.
        let start = Instant::now() - Duration::from_millis(50);
        let mut sent = Vec::new();
        pace(Profile::Constant { rps: 1000.0 }, start, Duration::from_millis(100), &stop, |n, due| {
            assert!(Instant::now() >= due);
            sent.push((n, due - start));
        });
        let expected: Vec<_> = (0..100).map(|n| (n, Duration::from_millis(n))).collect();
        assert_eq!(sent, expected);
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let (stopper, stop) = sync_channel(1);
        stopper.send(()).unwrap();
        let profile = Profile::Constant { rps: 0.001 };
        pace(profile, Instant::now(), Duration::from_secs(10_000), &stop, |_, _| panic!("sent"));
        drop(stopper);
        pace(profile, Instant::now(), Duration::from_secs(10_000), &stop, |_, _| panic!("sent"));
    }
}
