//! Sizes of memory as people write them.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use super::ConfigError;

/// Bytes for one table of users' features, from what the setting says.
pub(crate) fn user_features_memory(text: &str) -> Result<u64, ConfigError> {
    let bytes = size_in_bytes(text).filter(|bytes| (1 << 20..=1 << 40).contains(bytes));
    bytes.ok_or_else(|| ConfigError::Value {
        key: "user_features_memory",
        value: text.to_owned(),
        expected: "a size such as 256MiB or 268435456, from 1MiB to 1024GiB",
    })
}

/// Bytes for the result cache of one snapshot; 0: none.
pub(super) fn result_cache(text: &str) -> Result<u64, ConfigError> {
    let bytes = if text == "0" { Some(0) } else { size_in_bytes(text) };
    bytes.filter(|bytes| *bytes == 0 || (1 << 16..=1 << 40).contains(bytes)).ok_or_else(|| {
        ConfigError::Value {
            key: "result_cache",
            value: text.to_owned(),
            expected: "0, or a size such as 8MiB or 8388608, from 64KiB to 1024GiB",
        }
    })
}

/// A size in a file: a text, or a plain number of bytes.
pub(super) fn written<'de, D: Deserializer<'de>>(file: D) -> Result<Option<String>, D::Error> {
    struct Size;
    impl Visitor<'_> for Size {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a size such as \"256MiB\", or a number of bytes")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_i64<E: Error>(self, bytes: i64) -> Result<Self::Value, E> {
            Ok(Some(bytes.to_string()))
        }

        fn visit_u64<E: Error>(self, bytes: u64) -> Result<Self::Value, E> {
            Ok(Some(bytes.to_string()))
        }
    }
    file.deserialize_any(Size)
}

/// `2GiB`, `800MB`, `64k` (1024) or plain bytes.
pub(super) fn size_in_bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "k" | "ki" | "kib" => 1024.0,
        "m" | "mi" | "mib" => 1024.0 * 1024.0,
        "g" | "gi" | "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let sizes =
            [("1500", 1500), ("2GiB", 2 << 30), ("1.5g", 3 << 29), ("800 MB", 800_000_000), ("64Ki", 65536)];
        for (text, bytes) in sizes {
            assert_eq!(size_in_bytes(text), Some(bytes), "{text}");
        }
        assert!(["", "0", "GiB", "-1g", "1TB!", "1.2.3"].iter().all(|text| size_in_bytes(text).is_none()));
    }
}
