//! Ids and times as exports have them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::artifact::table::Cell;

/// Reads a time as users write it: RFC 3339, or a date with or without a time of day, in UTC.
pub fn parse_time_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis());
    let naive = || {
        let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"];
        formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    };
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    zoned.or_else(|| naive().or_else(date).map(|time| time.and_utc().timestamp_millis()))
}

/// Tells the unit by the size: for times between 1973 and 5138, seconds, milliseconds, microseconds and nanoseconds
/// since 1970 do not overlap.
pub(super) fn from_integer(number: i64) -> Option<i64> {
    let millis = match number.unsigned_abs() {
        0..100_000_000_000 => number * 1000,
        100_000_000_000..100_000_000_000_000 => number,
        100_000_000_000_000..100_000_000_000_000_000 => number / 1000,
        _ => number / 1_000_000,
    };
    Some(millis).filter(is_plausible)
}

/// From 1990 to a day from now: one event of the year 2099 would make all others look ancient.
pub(super) fn is_plausible(millis: &i64) -> bool {
    let tomorrow = chrono::Utc::now().timestamp_millis() + 86_400_000;
    (631_152_000_000..tomorrow).contains(millis)
}

pub(super) fn id_text(cell: &Cell<'_>) -> Option<String> {
    match cell {
        Cell::Text("") => None,
        Cell::Text(id) => Some((*id).to_owned()),
        Cell::Int(id) => Some(id.to_string()),
        // A nullable integer column becomes a float column in pandas.
        Cell::Float(id) if id.fract() == 0.0 => Some(format!("{id:.0}")),
        _ => None,
    }
}
