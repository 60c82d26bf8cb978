//! How a setting is written, printed and refused: durations and sizes with their units, ranges, words such as `auto`.
//!
//! Every module owns its options, with their defaults and their check; all of them use these forms, so that a duration
//! is a duration wherever it belongs. A field takes its form by `#[serde(with = "As::<Time>")]`.

mod duration;
mod form;
mod plain;
mod secret;
mod size;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

pub use duration::Time;
pub use form::{As, AutoOr, Form, NoneOr};
pub use plain::{Address, File, Switch, Text};
pub use secret::{Hidden, Secret};
pub use size::Size;

/// A value that its module refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {value}: expected {expected}")]
pub struct SettingError {
    /// The key within its section.
    pub key: &'static str,
    /// The value, as it would be written.
    pub value: String,
    /// What would be taken instead.
    pub expected: String,
}

impl SettingError {
    /// A refusal of `value` for `key`.
    pub fn new(key: &'static str, value: impl Display, expected: impl Into<String>) -> Self {
        Self { key, value: value.to_string(), expected: expected.into() }
    }
}

/// Checks a number against the range that `key` allows.
///
/// # Errors
/// A number outside it.
pub fn number_within<T: PartialOrd + Display>(
    key: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), SettingError> {
    within(key, &value, &range, T::to_string)
}

/// Checks a duration against the range that `key` allows.
///
/// # Errors
/// A duration outside it.
pub fn duration_within(
    key: &'static str,
    value: Duration,
    range: RangeInclusive<Duration>,
) -> Result<(), SettingError> {
    within(key, &value, &range, Time::show)
}

/// Checks a number of bytes against the range that `key` allows.
///
/// # Errors
/// A size outside it.
pub fn size_within(key: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<(), SettingError> {
    within(key, &value, &range, Size::show)
}

fn within<T: PartialOrd>(
    key: &'static str,
    value: &T,
    range: &RangeInclusive<T>,
    show: impl Fn(&T) -> String,
) -> Result<(), SettingError> {
    if range.contains(value) {
        return Ok(());
    }
    // Both in the form they are written in, so that either can be copied.
    let expected = format!("{} to {}", show(range.start()), show(range.end()));
    Err(SettingError::new(key, show(value), expected))
}
