//! When something happened: RFC 3339, or seconds, milliseconds, microseconds or nanoseconds since 1970.

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

use super::clock::{Clock, MissingTime};
use super::limits::FUTURE_MS;
use super::pointer;
use super::poison::{Poison, Reason, shown};

/// What is taken as a time.
const EXPECTED: &str = "RFC 3339, such as \"2026-11-20T08:30:00Z\", or a number of seconds, milliseconds, microseconds \
    or nanoseconds since 1970";

/// 1990-01-01 in milliseconds. What is earlier was not read from a clock: 0, a counter, a price in the wrong field.
const EARLIEST_MS: i64 = 631_152_000_000;

/// Reads a time in milliseconds.
///
/// # Errors
/// It is none, or before 1990.
pub(super) fn read(value: &Value, field: &str) -> Result<i64, Poison> {
    let time = match value {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis()),
        Value::Number(number) => epoch(number),
        _ => None,
    };
    checked(time, value, field)
}

/// The same, where a number may come as text, as in a DynamoDB image.
///
/// # Errors
/// It is none, or before 1990.
pub(super) fn read_converted(value: &Value, field: &str) -> Result<i64, Poison> {
    match value {
        Value::String(text) => match pointer::number(text) {
            Some(number) => read(&number, field),
            None => read(value, field),
        },
        value => read(value, field),
    }
}

/// Reads a number of milliseconds, whatever its size.
///
/// # Errors
/// It is none, or before 1990.
pub(super) fn read_millis(value: &Value, field: &str) -> Result<i64, Poison> {
    let number = match value {
        Value::String(text) => pointer::number(text),
        value => Some(value.clone()),
    };
    let time = match number.as_ref().and_then(Value::as_i64) {
        Some(millis) => Some(millis),
        None => number.as_ref().and_then(Value::as_f64).map(|millis| millis as i64),
    };
    match time {
        Some(_) => checked(time, value, field),
        None => read(value, field),
    }
}

/// A time as a text that a column of times takes.
pub(super) fn rfc3339(millis: i64) -> Option<String> {
    Some(DateTime::from_timestamp_millis(millis)?.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Checks a time against the clock, and puts the time of arrival where there is none and that is allowed.
///
/// # Errors
/// It is too far in the future, or there is none.
pub(super) fn settle(time_ms: Option<i64>, clock: Clock, field: &str) -> Result<i64, Poison> {
    match time_ms {
        Some(time) if time > clock.now_ms.saturating_add(FUTURE_MS) => {
            let ahead = time.saturating_sub(clock.now_ms) / 1000;
            let message = format!(
                "is {ahead} s ahead of this machine's clock: at most {} s are allowed; set the producer's clock",
                FUTURE_MS / 1000
            );
            Err(Poison::new(Reason::FutureTime, field, message))
        }
        Some(time) => Ok(time),
        None if clock.missing == MissingTime::Arrival => Ok(clock.now_ms),
        None => {
            let message = format!("is not there, and the order of events hangs on it: send {EXPECTED}");
            Err(Poison::new(Reason::MissingTime, field, message))
        }
    }
}

/// The units are told by size, since each is a thousand times the next: seconds up to the year 5138, milliseconds from
/// 1973 on, and so on.
fn epoch(number: &serde_json::Number) -> Option<i64> {
    let size = number.as_f64()?.abs();
    let divisor = match size {
        size if size < 1e11 => return seconds(number),
        size if size < 1e14 => 1,
        size if size < 1e17 => 1_000,
        size if size < 1e20 => 1_000_000,
        _ => return None,
    };
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => Some(whole.div_euclid(divisor)),
        (None, Some(whole)) => i64::try_from(whole / divisor.unsigned_abs()).ok(),
        (None, None) => Some((number.as_f64()? / divisor as f64).floor() as i64),
    }
}

fn seconds(number: &serde_json::Number) -> Option<i64> {
    match number.as_i64() {
        Some(whole) => whole.checked_mul(1000),
        None => Some((number.as_f64()? * 1000.0).round() as i64),
    }
}

fn checked(time: Option<i64>, value: &Value, field: &str) -> Result<i64, Poison> {
    match time {
        Some(time) if time >= EARLIEST_MS => Ok(time),
        Some(_) => {
            let message = format!("is {}, which is before 1990: expected {EXPECTED}", shown(value));
            Err(Poison::new(Reason::BadTime, field, message))
        }
        None => Err(Poison::new(Reason::BadTime, field, format!("is {}: expected {EXPECTED}", shown(value)))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_unit_of_a_number_is_told_by_its_size() {
        let time = 1_795_391_999_123;
        for value in [
            json!("2026-11-22T23:59:59.123Z"),
            json!("2026-11-23T01:29:59.123456+01:30"),
            json!(1_795_391_999.123),
            json!(1_795_391_999_123_i64),
            json!(1_795_391_999_123_456_i64),
            json!(1_795_391_999_123_456_789_i64),
        ] {
            assert_eq!(read(&value, "/time"), Ok(time), "{value}");
        }
        assert_eq!(read(&json!(1_795_391_999), "/time"), Ok(1_795_391_999_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for value in [json!("yesterday"), json!(""), json!("1795391999"), json!(true), json!([1]), json!(0)] {
            assert_eq!(read(&value, "/time").unwrap_err().reason, Reason::BadTime, "{value}");
        }
        for number in ["1e30", "-1795391999", "18446744073709551615", "1e-300"] {
            let value: Value = serde_json::from_str(number).unwrap();
            let read = read(&value, "/time");
            assert!(read.is_err() || number.starts_with('1') && read.unwrap() > 0, "{number}");
        }
    }

    #[test]
    fn numbers_in_texts_are_times_where_a_mapping_reads_them() {
        assert_eq!(read_converted(&json!("1795391999"), ""), Ok(1_795_391_999_000));
        assert_eq!(read_millis(&json!("631152000000"), ""), Ok(EARLIEST_MS));
        assert_eq!(read_millis(&json!("2026-11-22T23:59:59Z"), ""), Ok(1_795_391_999_000));
        assert!(read_millis(&json!("many"), "").is_err());
        assert_eq!(rfc3339(1_795_391_999_000).as_deref(), Some("2026-11-22T23:59:59.000Z"));
    }
}
