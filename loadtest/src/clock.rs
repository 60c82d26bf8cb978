//! Waits until a request is due, on the thread that also sends and receives.
//!
//! tokio's timers are up to a millisecond late. On Linux the thread sleeps on a kernel timer until shortly before the
//! moment and then polls its connections until it has come.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Time before the due moment at which the sleep ends. Raising it burns more CPU on polling.
// Below what the kernel's timers are late by (50 µs of default slack and a context switch) requests are sent late.
const EARLY: Duration = Duration::from_micros(120);
/// The same for tokio's timers.
// Their resolution is a millisecond.
#[cfg(not(target_os = "linux"))]
const EARLY_FOR_TOKIO: Duration = Duration::from_millis(2);

/// Becomes true once, when the run ends.
pub(crate) type Stop = watch::Receiver<bool>;

/// The timer of one thread.
#[derive(Debug)]
pub(crate) struct Clock {
    stop: Stop,
    #[cfg(target_os = "linux")]
    timer: tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>,
}

impl Clock {
    /// Needs a tokio runtime.
    pub(crate) fn new(stop: Stop) -> std::io::Result<Clock> {
        #[cfg(target_os = "linux")]
        {
            use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "an `OwnedFd` stays open for as long as it is held, which is all `new` needs"
            )]
            let timer = tokio::io::unix::AsyncFd::new(timer)?;
            Ok(Clock { stop, timer })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Clock { stop })
    }

    /// Waits for the moment; false if the run is stopped before. Returns at once where the moment has passed.
    pub(crate) async fn wait_until(&mut self, due: Instant) -> bool {
        loop {
            if *self.stop.borrow() || self.stop.has_changed().is_err() {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            if left > EARLY {
                let mut stop = self.stop.clone();
                tokio::select! {
                    () = self.sleep(left - EARLY) => {}
                    _ = stop.changed() => {}
                }
            } else {
                // Answers are read meanwhile.
                tokio::task::yield_now().await;
            }
        }
    }

    #[cfg(target_os = "linux")]
    async fn sleep(&self, length: Duration) {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let Ok(value) = Timespec::try_from(length) else { return };
        let set = Itimerspec { it_interval: zero, it_value: value };
        if timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &set).is_err() {
            return tokio::time::sleep(length).await;
        }
        if let Ok(mut ready) = self.timer.readable().await {
            let mut expirations = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut expirations)?));
            // The caller checks the time, whatever the timer said.
            drop(read);
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn sleep(&self, length: Duration) {
        tokio::time::sleep(length.saturating_sub(EARLY_FOR_TOKIO)).await;
        // A sleep of nothing does not yield.
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_wait_ends_early_but_for_a_stop_and_a_passed_moment_is_not_waited_for() {
        let (stopper, stop) = watch::channel(false);
        let mut clock = Clock::new(stop).unwrap();
        let start = Instant::now();
        for wait in [0, 50, 300, 2000, 100].map(Duration::from_micros) {
            let due = Instant::now() + wait;
            assert!(clock.wait_until(due).await && Instant::now() >= due);
        }
        assert!(clock.wait_until(start).await);

        let waited = tokio::spawn(async move { clock.wait_until(start + Duration::from_secs(10_000)).await });
        tokio::time::sleep(Duration::from_millis(5)).await;
        stopper.send_replace(true);
        assert!(!waited.await.unwrap());
    }
}
