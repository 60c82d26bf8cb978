//! A rate limit in one number: the generic cell rate algorithm (ITU-T I.371, Annex A) as a virtual schedule.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Parts of a nanosecond that times are counted in: rates of some thousand million a second are told apart, and the
/// count lasts for 36 years.
const TICKS: u64 = 16;
const SECOND: u64 = 1_000_000_000 * TICKS;

/// So many units a second, and so many at once.
///
/// A token bucket needs a level and a time, and so a lock or a wide atomic. This one keeps the time at which the bucket
/// would be full again, which says both.
#[derive(Debug)]
pub(super) struct Gcra {
    /// Ticks that a unit takes to be given back.
    interval: u64,
    /// Ticks that the bucket takes to fill.
    depth: u64,
    /// The tick at which it is full again.
    full_at: AtomicU64,
}

impl Gcra {
    /// `rate` units a second, at most 16 thousand million, and `burst` at once.
    pub(super) fn new(rate: u64, burst: u64) -> Self {
        let interval = (SECOND / rate.max(1)).max(1);
        Self { interval, depth: interval.saturating_mul(burst.max(1)), full_at: AtomicU64::new(0) }
    }

    /// Takes `units` at the time `now`, in nanoseconds since any fixed moment.
    ///
    /// # Errors
    /// There are not so many; the time after which there are. More than fit at once are taken from a full bucket, which
    /// then owes them: to refuse them for ever would make a large request impossible and not rare.
    pub(super) fn take(&self, now: u64, units: u64) -> Result<(), Duration> {
        let now = now.saturating_mul(TICKS);
        let cost = self.interval.saturating_mul(units);
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now).saturating_add(cost);
            let behind = (next - now).saturating_sub(self.depth);
            if behind > 0 && full_at > now {
                return Err(Duration::from_nanos(behind.min(full_at - now).div_ceil(TICKS)));
            }
            match self.full_at.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(current) => full_at = current,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In nanoseconds, as times are given.
    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let gcra = Gcra::new(10, 3);
        let at = |tenths: u64| SECOND + tenths * SECOND / 10;
        for _ in 0..3 {
            gcra.take(at(0), 1).unwrap();
        }
        assert_eq!(gcra.take(at(0), 1), Err(Duration::from_millis(100)));
        for tenth in 1..100 {
            gcra.take(at(tenth), 1).unwrap();
            gcra.take(at(tenth), 1).unwrap_err();
        }
        for _ in 0..3 {
            gcra.take(at(500), 1).unwrap();
        }
        gcra.take(at(500), 1).unwrap_err();
    }

    #[test]
    fn what_does_not_fit_at_once_passes_when_nothing_is_owed_and_is_owed_afterwards() {
        let gcra = Gcra::new(10, 3);
        gcra.take(SECOND, 100).unwrap();
        assert_eq!(gcra.take(SECOND, 1), Err(Duration::from_millis(9800)));
        gcra.take(SECOND + 9 * SECOND, 1).unwrap_err();
        gcra.take(SECOND + 10 * SECOND, 3).unwrap();
    }

    #[test]
    fn rates_of_many_millions_are_kept() {
        for rate in [3_000_000_u64, 300_000_000, 3_000_000_000] {
            let gcra = Gcra::new(rate, 1);
            let taken =
                (0..1000).filter(|step| gcra.take(SECOND + step * 1_000_000, rate / 1000).is_ok()).count();
            assert!((900..=1000).contains(&taken), "{rate}: {taken} of 1000");
            let gcra = Gcra::new(rate, 1);
            let taken =
                (0..1000).filter(|step| gcra.take(SECOND + step * 1_000_000, rate / 500).is_ok()).count();
            assert!((450..=550).contains(&taken), "{rate}: {taken} of 500");
        }
    }

    #[test]
    fn many_threads_take_no_more_than_there_is() {
        let gcra = Gcra::new(1, 500);
        let taken = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let passed = (0..1000).filter(|_| gcra.take(SECOND, 1).is_ok()).count();
                    taken.fetch_add(passed as u64, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(taken.into_inner(), 500);
    }
}
