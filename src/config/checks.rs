//! Values that must lie within bounds.

use std::net::SocketAddr;

use super::ConfigError;

pub(super) fn within(
    key: &'static str,
    value: Option<usize>,
    most: usize,
    expected: &'static str,
) -> Result<usize, ConfigError> {
    match value.unwrap_or_default() {
        value if (1..=most).contains(&value) => Ok(value),
        value => Err(ConfigError::Value { key, value: value.to_string(), expected }),
    }
}

pub(super) fn bounded(
    key: &'static str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
    expected: &'static str,
) -> Result<u64, ConfigError> {
    let wrong = || ConfigError::Value { key, value: value.to_string(), expected };
    if range.contains(&value) { Ok(value) } else { Err(wrong()) }
}

pub(super) fn address(key: &'static str, value: Option<String>) -> Result<SocketAddr, ConfigError> {
    let value = value.unwrap_or_default();
    let expected = "an address and a port, such as 0.0.0.0:8080";
    value.parse().map_err(|_| ConfigError::Value { key, value, expected })
}
