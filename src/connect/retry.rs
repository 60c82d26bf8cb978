//! When what failed is tried again.

use std::time::Duration;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long to wait after this many failures in a row: longer each time, and not all servers at once.
pub(super) fn pause(failures: u32) -> Duration {
    jittered((Duration::from_millis(100) * 2u32.pow(failures.min(9))).min(LONGEST_PAUSE))
}

/// Between half of it and all of it.
pub(super) fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute_and_differ() {
        for (failures, most) in [(1, 200), (2, 400), (5, 3_200), (9, 30_000), (u32::MAX, 30_000)] {
            let range = Duration::from_millis(most / 2)..=Duration::from_millis(most);
            let pauses = [(); 20].map(|()| pause(failures));
            assert!(pauses.iter().all(|pause| range.contains(pause)), "{failures}: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{failures}: {pauses:?}");
        }
    }
}
