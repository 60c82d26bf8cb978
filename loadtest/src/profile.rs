//! Rates over time, and when each request is due: at the moment at which the integral of the rate reaches its number,
//! so that no rounding adds up and no request is left out.

use std::f64::consts::TAU;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use crate::units::parse_duration;

/// The rate over time, in requests per second. All rates are above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Profile {
    /// The same rate throughout, evenly spaced.
    Constant { rps: f64 },
    /// The same for long: what leaks shows in hours.
    Soak { rps: f64 },
    /// In a straight line from one rate to the other.
    Ramp { from: f64, to: f64 },
    /// A smooth day, squeezed into the run: the low rate, the high one in the middle, the low one.
    Diurnal { low: f64, high: f64 },
    /// A steady rate, and `times` as much for `length` from the moment `at`.
    Spike { base: f64, times: f64, at: Option<Duration>, length: Duration },
}

/// A profile with its times: what a run sends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) profile: Profile,
    /// At the profile's first rate.
    pub(crate) warmup: Duration,
    /// Without the warm-up.
    pub(crate) duration: Duration,
}

/// A profile that cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not a profile: write constant:800, ramp:100..1000, diurnal:200..800, spike:80x10@20s+5s (ten times 80/s \
     for five seconds from second 20) or soak:400, with rates above 0"
)]
pub(crate) struct ProfileError(String);

impl Schedule {
    /// When request `n`, counted from 0, is due after the start. Never decreases with `n` by more than a nanosecond.
    pub(crate) fn due(&self, n: u64) -> Duration {
        let (n, warmup, first) =
            (n as f64, self.warmup.as_secs_f64(), self.profile.rate(0.0, self.seconds()));
        let before = first * warmup;
        let seconds = match n < before {
            true => n / first,
            false => warmup + self.inverse(n - before),
        };
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
    fn inverse(&self, n: f64) -> f64 {
        let whole = self.seconds();
        match self.profile {
            Profile::Constant { rps } | Profile::Soak { rps } => n / rps,
            Profile::Ramp { from, to } => {
                // The root of from t + (to - from) t^2 / 2T = n, in the form that does not cancel.
                let slope = (to - from) / whole;
                let root = (from * from + 2.0 * slope * n).max(0.0).sqrt();
                if root > 0.0 && n <= self.profile.integral(whole, whole) {
                    2.0 * n / (from + root)
                } else {
                    past(n, whole, to, self)
                }
            }
            Profile::Spike { base, times, .. } => {
                let (at, until) = self.profile.window(whole);
                let (before, within) = (base * at, base * times * (until - at));
                if n < before {
                    n / base
                } else if n < before + within {
                    at + (n - before) / (base * times)
                } else {
                    until + (n - before - within) / base
                }
            }
            Profile::Diurnal { low, .. } => {
                if n > self.profile.integral(whole, whole) {
                    return past(n, whole, low, self);
                }
                // Newton's method, kept between bounds that close in. It circles for ever where it begins far from the
                // root of a line with bends, so the first steps halve.
                let (mut least, mut most, mut t) = (0.0, whole, n / low.max(1e-300));
                for step in 0..80 {
                    if step < 12 || !(least < t && t < most) {
                        t = 0.5 * (least + most);
                    }
                    let over = self.profile.integral(t, whole) - n;
                    if over > 0.0 {
                        most = t
                    } else {
                        least = t
                    }
                    let next = t - over / self.profile.rate(t, whole);
                    if (next - t).abs() < 1e-10 || most - least < 1e-10 {
                        return next.clamp(least.min(t), most.max(t));
                    }
                    t = next;
                }
                t
            }
        }
    }
}

/// After the profile's end nothing is due; the line only has to go on.
fn past(n: f64, whole: f64, rate: f64, schedule: &Schedule) -> f64 {
    whole + (n - schedule.profile.integral(whole, whole)).max(0.0) / rate
}

impl Profile {
    /// The highest rate.
    pub(crate) fn peak(&self) -> f64 {
        match *self {
            Profile::Constant { rps } | Profile::Soak { rps } => rps,
            Profile::Ramp { from, to } => from.max(to),
            Profile::Diurnal { low, high } => low.max(high),
            Profile::Spike { base, times, .. } => base * times.max(1.0),
        }
    }

    /// How long a run takes that says nothing about it.
    pub(crate) fn usual_duration(&self) -> Duration {
        Duration::from_secs(if matches!(self, Profile::Soak { .. }) { 1200 } else { 30 })
    }

    fn rate(&self, t: f64, whole: f64) -> f64 {
        match *self {
            Profile::Constant { rps } | Profile::Soak { rps } => rps,
            Profile::Ramp { from, to } => from + (to - from) * (t / whole).min(1.0),
            Profile::Diurnal { low, high } => low + 0.5 * (high - low) * (1.0 - (TAU * t / whole).cos()),
            Profile::Spike { base, times, .. } => {
                let (at, until) = self.window(whole);
                if (at..until).contains(&t) { base * times } else { base }
            }
        }
    }

    /// Requests due in the first `t` seconds of `whole`.
    fn integral(&self, t: f64, whole: f64) -> f64 {
        match *self {
            Profile::Constant { rps } | Profile::Soak { rps } => rps * t,
            Profile::Ramp { from, to } => from * t + (to - from) * t * t / (2.0 * whole),
            Profile::Diurnal { low, high } => {
                low * t + 0.5 * (high - low) * (t - whole / TAU * (TAU * t / whole).sin())
            }
            Profile::Spike { base, times, .. } => {
                let (at, until) = self.window(whole);
                base * t + base * (times - 1.0) * (t.min(until) - at).max(0.0)
            }
        }
    }

    /// Begin and end of the spike; in the middle, unless told.
    fn window(&self, whole: f64) -> (f64, f64) {
        let Profile::Spike { at, length, .. } = *self else { return (whole, whole) };
        let length = length.as_secs_f64();
        let at = at.map_or(0.5 * (whole - length), |at| at.as_secs_f64()).max(0.0);
        (at, at + length)
    }
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Profile, ProfileError> {
        let read = || -> Option<Profile> {
            let (kind, rest) = text.split_once(':')?;
            let pair = || rest.split_once("..").and_then(|(a, b)| Some((rate(a)?, rate(b)?)));
            Some(match kind.trim() {
                "constant" => Profile::Constant { rps: rate(rest)? },
                "soak" => Profile::Soak { rps: rate(rest)? },
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
            Profile::Soak { rps } => write!(out, "soak {rps}/s"),
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
    Some(Profile::Spike { base: rate(base)?, times: rate(times)?, at, length })
}

/// A rate: above 0, and not beyond what a clock of nanoseconds can tell apart.
pub(crate) fn rate(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|rate: &f64| *rate > 0.0 && *rate <= 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(profile: &str, warmup: f64, duration: f64) -> Schedule {
        Schedule {
            profile: profile.parse().unwrap(),
            warmup: Duration::from_secs_f64(warmup),
            duration: Duration::from_secs_f64(duration),
        }
    }

    fn rate_at(schedule: &Schedule, at: f64) -> f64 {
        schedule.profile.rate(at.max(0.0), schedule.seconds())
    }

    #[test]
    fn a_constant_rate_does_not_drift() {
        let schedule = schedule("constant:800", 0.0, 7200.0);
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(1), Duration::from_micros(1250));
        assert_eq!(schedule.due(800 * 3600), Duration::from_secs(3600));
    }

    /// The rate added up in small steps: nothing of the closed forms.
    fn added_up(schedule: &Schedule, until: f64) -> f64 {
        let steps = 200_000;
        let step = until / f64::from(steps);
        let at = |n: u32| (f64::from(n) + 0.5) * step - schedule.warmup.as_secs_f64();
        (0..steps).map(|n| rate_at(schedule, at(n)) * step).sum()
    }

    #[test]
    fn requests_due_by_any_moment_are_the_integral_of_the_rate() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..25 {
            let (a, b) = (1.0 + rng.f64() * 300.0, 1.0 + rng.f64() * 300.0);
            let (duration, warmup) = (1.0 + rng.f64() * 30.0, rng.f64() * 3.0);
            let at = rng.f64() * duration;
            for profile in [
                format!("constant:{a}"),
                format!("soak:{a}"),
                format!("ramp:{a}..{b}"),
                format!("diurnal:{a}..{b}"),
                format!("spike:{a}x7@{at}s+0.5s"),
                format!("spike:{a}"),
            ] {
                let schedule = schedule(&profile, warmup, duration);
                let until = rng.f64() * (warmup + duration);
                let due = (0..).take_while(|n| schedule.due(*n).as_secs_f64() < until).count() as f64;
                let expected = added_up(&schedule, until);
                // Request 0 is due at once, so the count is the integral rounded up.
                assert!(
                    (due - expected.ceil()).abs() <= 1.0,
                    "{profile} {until}: {due} due, {expected} expected"
                );
            }
        }
    }

    #[test]
    fn requests_are_due_in_their_order_and_the_run_ends() {
        for profile in [
            "constant:3",
            "ramp:1..5000",
            "ramp:5000..1",
            "diurnal:20..900",
            "diurnal:900..20",
            "spike:80x10@2s+1s",
        ] {
            let schedule = schedule(profile, 0.7, 6.0);
            let dues: Vec<Duration> =
                (0..).map(|n| schedule.due(n)).take_while(|due| *due < schedule.end()).collect();
            for pair in dues.windows(2) {
                assert!(pair[1] + Duration::from_nanos(2) >= pair[0], "{profile}: {pair:?}");
            }
            let whole = schedule.profile.integral(6.0, 6.0) + 0.7 * rate_at(&schedule, 0.0);
            assert!((dues.len() as f64 - whole).abs() <= 1.5, "{profile}: {} of {whole}", dues.len());
        }
    }

    #[test]
    fn every_request_of_a_day_is_due_at_its_moment() {
        for (day, seconds) in
            [("diurnal:200..800", 8.0), ("diurnal:200..800", 300.0), ("diurnal:1..3000", 30.0)]
        {
            let schedule = schedule(day, 0.0, seconds);
            let all = schedule.profile.integral(seconds, seconds) as u64;
            for n in 0..=all {
                let due = schedule.due(n).as_secs_f64();
                let sent = schedule.profile.integral(due, seconds);
                assert!(
                    (sent - n as f64).abs() < 1e-4,
                    "{day} {seconds}: {n} is due after {due} s, with {sent}"
                );
            }
        }
    }

    #[test]
    fn a_day_is_low_high_low_and_a_spike_is_where_it_was_asked_for() {
        let day = schedule("diurnal:200..800", 0.0, 60.0);
        let rates = [0.0, 15.0, 30.0, 60.0].map(|at| rate_at(&day, at).round());
        assert_eq!((rates, day.profile.peak()), ([200.0, 500.0, 800.0, 200.0], 800.0));
        let spike = schedule("spike:80x10@20s+5s", 0.0, 60.0);
        assert_eq!([19.9, 20.1, 24.9, 25.1].map(|at| rate_at(&spike, at)), [80.0, 800.0, 800.0, 80.0]);
    }

    #[test]
    fn a_profile_that_cannot_be_read_is_refused() {
        for bad in [
            "",
            "800",
            "constant:",
            "constant:0",
            "constant:-1",
            "ramp:100",
            "ramp:0..5",
            "diurnal:1..nan",
            "spike:80@20",
            "wave:3",
            "constant:inf",
        ] {
            assert!(bad.parse::<Profile>().is_err(), "{bad:?}");
        }
        assert_eq!("spike:80".parse::<Profile>(), "spike:80x10+5s".parse());
    }
}
