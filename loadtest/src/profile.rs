//! Rates over time, and the moment at which each request is due: when the integral of the rate reaches its number, so
//! that no rounding adds up and no request is left out.

use std::f64::consts::TAU;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use crate::units::{parse_duration, positive};

/// The rate over time, in requests per second. All rates are above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Profile {
    /// The same rate throughout, evenly spaced.
    Constant { rps: f64 },
    /// A straight line from one rate to the other.
    Ramp { from: f64, to: f64 },
    /// A smooth day compressed into the run: low, high in the middle, low.
    Diurnal { low: f64, high: f64 },
    /// A steady rate, and `times` as much for `length` from the moment `at` on (the middle of the run if absent).
    Spike { base: f64, times: f64, at: Option<Duration>, length: Duration },
}

/// A profile with its times: what a run sends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) profile: Profile,
    /// Sent before the measurement, at the profile's first rate.
    pub(crate) warmup: Duration,
    /// Without the warm-up.
    pub(crate) duration: Duration,
}

/// A profile that cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not a profile: write constant:800, ramp:100..1000, diurnal:200..800, spike:80x10@20s+5s (ten times 80/s \
     for five seconds from second 20), with rates above 0"
)]
pub(crate) struct ProfileError(String);

impl Schedule {
    /// When request `n`, counted from 0, is due after the start. Never decreases with `n` by more than a nanosecond.
    pub(crate) fn due(&self, n: u64) -> Duration {
        let (n, warmup) = (n as f64, self.warmup.as_secs_f64());
        let first = self.profile.rate(0.0, self.seconds());
        let sent_in_warmup = first * warmup;
        let seconds =
            if n < sent_in_warmup { n / first } else { warmup + self.moment_of(n - sent_in_warmup) };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// The end of the run, warm-up included.
    pub(crate) fn end(&self) -> Duration {
        self.warmup + self.duration
    }

    fn seconds(&self) -> f64 {
        self.duration.as_secs_f64().max(1e-9)
    }

    /// When the integral of the rate reaches `n`, in seconds after the warm-up.
    fn moment_of(&self, n: f64) -> f64 {
        let whole = self.seconds();
        if let Profile::Constant { rps } = self.profile {
            return n / rps;
        }
        let total = self.profile.integral(whole, whole);
        if n > total {
            // Past the end, where nothing is sent: only the order matters.
            return whole + (n - total) / self.profile.rate(whole, whole);
        }
        // Bisection: the integral of a day has no closed inverse, and Newton's method circles around its bends. Its
        // forty steps take about a microsecond, a hundredth of a core at 10,000/s.
        let (mut before, mut after) = (0.0, whole);
        while after - before > 1e-10 {
            let middle = f64::midpoint(before, after);
            if middle <= before || middle >= after {
                // Neighbouring numbers, with nothing between them.
                break;
            }
            if self.profile.integral(middle, whole) > n {
                after = middle;
            } else {
                before = middle;
            }
        }
        before
    }
}

impl Profile {
    /// The highest rate.
    pub(crate) fn peak(&self) -> f64 {
        match *self {
            Profile::Constant { rps } => rps,
            Profile::Ramp { from, to } => from.max(to),
            Profile::Diurnal { low, high } => low.max(high),
            Profile::Spike { base, times, .. } => base * times.max(1.0),
        }
    }

    fn rate(&self, t: f64, whole: f64) -> f64 {
        match *self {
            Profile::Constant { rps } => rps,
            Profile::Ramp { from, to } => from + (to - from) * (t / whole).min(1.0),
            Profile::Diurnal { low, high } => low + 0.5 * (high - low) * (1.0 - (TAU * t / whole).cos()),
            Profile::Spike { base, times, at, length } => {
                let (begin, end) = spike_window(at, length, whole);
                if (begin..end).contains(&t) { base * times } else { base }
            }
        }
    }

    /// Requests due in the first `t` seconds of `whole`.
    fn integral(&self, t: f64, whole: f64) -> f64 {
        match *self {
            Profile::Constant { rps } => rps * t,
            Profile::Ramp { from, to } => from * t + (to - from) * t * t / (2.0 * whole),
            Profile::Diurnal { low, high } => {
                low * t + 0.5 * (high - low) * (t - whole / TAU * (TAU * t / whole).sin())
            }
            Profile::Spike { base, times, at, length } => {
                let (begin, end) = spike_window(at, length, whole);
                base * t + base * (times - 1.0) * (t.min(end) - begin).max(0.0)
            }
        }
    }
}

/// Begin and end of a spike, in seconds.
fn spike_window(at: Option<Duration>, length: Duration, whole: f64) -> (f64, f64) {
    let length = length.as_secs_f64();
    let begin = at.map_or(0.5 * (whole - length), |at| at.as_secs_f64()).max(0.0);
    (begin, begin + length)
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Profile, ProfileError> {
        let read = || -> Option<Profile> {
            let (kind, rest) = text.split_once(':')?;
            let rate = |text: &str| positive(text).ok();
            let pair = || rest.split_once("..").and_then(|(a, b)| Some((rate(a)?, rate(b)?)));
            Some(match kind.trim() {
                "constant" => Profile::Constant { rps: rate(rest)? },
                "ramp" => pair().map(|(from, to)| Profile::Ramp { from, to })?,
                "diurnal" => pair().map(|(low, high)| Profile::Diurnal { low, high })?,
                "spike" => spike(rest)?,
                _ => return None,
            })
        };
        read().ok_or_else(|| ProfileError(text.to_owned()))
    }
}

impl Display for Profile {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Profile::Constant { rps } => write!(out, "constant {rps}/s"),
            Profile::Ramp { from, to } => write!(out, "ramp {from} to {to}/s"),
            Profile::Diurnal { low, high } => write!(out, "diurnal {low} to {high} to {low}/s"),
            Profile::Spike { base, times, length, .. } => {
                write!(out, "spike {base}/s, {times} times that for {} s", length.as_secs_f64())
            }
        }
    }
}

/// `80`, `80x10`, `80x10@20s`, `80x10@20s+5s`.
fn spike(text: &str) -> Option<Profile> {
    let (text, length) = match text.split_once('+') {
        Some((text, length)) => (text, parse_duration(length.trim()).ok()?),
        None => (text, Duration::from_secs(5)),
    };
    let (text, at) = match text.split_once('@') {
        Some((text, at)) => (text, Some(parse_duration(at.trim()).ok()?)),
        None => (text, None),
    };
    let (base, times) = text.split_once('x').unwrap_or((text, "10"));
    Some(Profile::Spike { base: positive(base).ok()?, times: positive(times).ok()?, at, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(profile: &str, warmup: f64, duration: f64) -> Schedule {
        let (warmup, duration) = (Duration::from_secs_f64(warmup), Duration::from_secs_f64(duration));
        Schedule { profile: profile.parse().unwrap(), warmup, duration }
    }

    #[test]
    fn a_constant_rate_does_not_drift() {
        let due = |n| schedule("constant:800", 0.0, 7200.0).due(n);
        assert_eq!((due(1), due(800 * 3600)), (Duration::from_micros(1250), Duration::from_secs(3600)));
    }

    /// The integral by small steps, without the closed forms under test.
    fn added_up(schedule: &Schedule, until: f64) -> f64 {
        let steps = 100_000;
        let step = until / f64::from(steps);
        let at = |n: u32| ((f64::from(n) + 0.5) * step - schedule.warmup.as_secs_f64()).max(0.0);
        (0..steps).map(|n| schedule.profile.rate(at(n), schedule.seconds()) * step).sum()
    }

    #[test]
    fn requests_due_by_any_moment_are_the_integral_of_the_rate() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..15 {
            let (a, b) = (1.0 + rng.f64() * 300.0, 1.0 + rng.f64() * 300.0);
            let (duration, warmup) = (1.0 + rng.f64() * 30.0, rng.f64() * 3.0);
            let spike = format!("spike:{a}x7@{}s+0.5s", rng.f64() * duration);
            let others = [format!("constant:{a}"), format!("ramp:{a}..{b}"), format!("diurnal:{a}..{b}")];
            for profile in others.into_iter().chain([spike, format!("spike:{a}")]) {
                let schedule = schedule(&profile, warmup, duration);
                let until = rng.f64() * (warmup + duration);
                let due = (0..).take_while(|n| schedule.due(*n).as_secs_f64() < until).count() as f64;
                let expected = added_up(&schedule, until);
                // Request 0 is due at once, so the count is the integral rounded up.
                assert!((due - expected.ceil()).abs() <= 1.0, "{profile} {until}: {due} of {expected}");
            }
        }
    }

    #[test]
    fn every_request_is_due_at_its_moment_and_in_its_order() {
        let day = ["diurnal:20..900", "diurnal:900..20", "diurnal:1..3000"];
        for profile in day.into_iter().chain(["ramp:1..5000", "ramp:5000..1", "spike:80x10@2s+1s"]) {
            let (schedule, mut last) = (schedule(profile, 0.0, 8.0), Duration::ZERO);
            for n in 0..=schedule.profile.integral(8.0, 8.0) as u64 {
                let due = schedule.due(n);
                let sent = schedule.profile.integral(due.as_secs_f64(), 8.0);
                assert!((sent - n as f64).abs() < 1e-4, "{profile}: {n} is due after {due:?}, with {sent}");
                assert!(due + Duration::from_nanos(2) >= last, "{profile}: {due:?} after {last:?}");
                last = due;
            }
        }
    }

    #[test]
    fn a_spike_is_where_it_was_asked_for_and_nonsense_is_refused() {
        let spike = schedule("spike:80x10@20s+5s", 0.0, 60.0);
        assert_eq!(
            [19.9, 20.1, 24.9, 25.1].map(|at| spike.profile.rate(at, 60.0)),
            [80.0, 800.0, 800.0, 80.0]
        );
        assert_eq!("spike:80".parse::<Profile>(), "spike:80x10+5s".parse());
        let numbers = ["", "800", "constant:", "constant:0", "constant:-1", "constant:inf", "ramp:0..5"];
        for bad in numbers.into_iter().chain(["ramp:100", "diurnal:1..nan", "spike:80@20", "wave:3"]) {
            assert!(bad.parse::<Profile>().is_err(), "{bad:?}");
        }
    }
}
