//! Durations as people write them: `250ms`, `10s`, `1h 30m`.

use std::time::Duration;

use super::Form;

/// The most digits in a row. humantime 2.4 refuses most numbers that are too large, but adds seconds and nanoseconds by
/// `Duration::new`, which panics when they overflow; with these bounds they cannot.
const MAX_DIGITS: usize = 9;
/// The most bytes of a text, for the same reason.
const MAX_TEXT: usize = 64;

/// A duration with its unit. A bare number has none and is refused, whatever unit the writer had in mind.
#[derive(Debug)]
pub struct Time;

impl Form for Time {
    type Value = Duration;

    fn expected() -> String {
        "a duration with its unit, such as 250ms, 10s or 5m".to_owned()
    }

    fn parse(text: &str) -> Option<Duration> {
        let digits = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        if text.len() > MAX_TEXT || digits.is_some_and(|digits| digits > MAX_DIGITS) {
            return None;
        }
        humantime::parse_duration(text).ok()
    }

    fn show(value: &Duration) -> String {
        humantime::format_duration(*value).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let known = [("250ms", 250), ("10s", 10_000), ("1h 30m", 5_400_000), ("0", 0), ("1.5s", 1500)];
        for (text, millis) in known {
            assert_eq!(Time::parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "10", "10000", "-5s", "s", "5 parsecs", "1e3s", "10s!", "١s"] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_text_overflows() {
        // The second is 2^64 - 1 seconds and a billion nanoseconds: the one sum that humantime lets through to a panic.
        for text in ["99999999999999999999s", "18446744073709551615s1000ms", "1000000000y", &"9y".repeat(40)]
        {
            assert_eq!(Time::parse(text), None, "{text}");
        }
        assert!(Time::parse(&"999999999y".repeat(6)).is_some(), "the largest sum within the bounds");
    }

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for text in ["0s", "250ms", "10s", "5m", "1h 30m", "1day"] {
            assert_eq!(Time::show(&Time::parse(text).unwrap()), text);
        }
    }
}
