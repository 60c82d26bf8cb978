//! Durations as people write them, and figures as people read them.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};

/// A duration that cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{0:?} is not a duration such as 500us, 20ms, 1.5s, 5m or 2h")]
pub(crate) struct DurationError(String);

/// Reads `500us`, `20ms`, `1.5s`, `5m`, `2h`. The unit is required.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    // A number alone is refused: half of those who write 10 mean seconds, the others milliseconds.
    let unit_at = text.find(|letter: char| letter.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// For serde: a duration written as text.
pub(crate) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    parse_duration(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

/// Reads a rate or a weight: a number above 0, and at most 1e9, as clocks cannot tell requests apart that are closer
/// together than a nanosecond.
pub(crate) fn positive(text: &str) -> Result<f64, &'static str> {
    let number = text.trim().parse().ok().filter(|number: &f64| *number > 0.0 && *number <= 1e9);
    number.ok_or("not a number above 0")
}

/// `24,000`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure with as many digits as matter; `-` where nothing was measured.
pub(crate) fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(value) if value.abs() < 10.0 => format!("{value:.2}"),
        Some(value) if value.abs() < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

/// The share of `part` in `whole` in per cent; 0 where there is no whole.
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        let readable =
            [("500us", 500), ("20ms", 20_000), ("1.5s", 1_500_000), ("2h", 7_200_000_000), ("0s", 0)];
        for (text, micros) in readable {
            assert_eq!(parse_duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
        for garbage in ["", "10", "s", "-1s", "1d", "ten s", "infs", "1e400s", "1 s s"] {
            assert!(parse_duration(garbage).is_err(), "{garbage:?}");
        }
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([None, Some(0.0), Some(0.412), Some(990.4)].map(figure), ["-", "0", "0.41", "990"]);
    }
}
