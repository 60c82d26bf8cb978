//! Which keys a store accepts. A key may come out of a downloaded manifest, so nothing in it may lead
//! out of the store.

use thiserror::Error;

use super::StoreError;

/// The longest key in bytes, which is S3's own limit of 1024 less what a prefix may take.
const MAX_KEY: usize = 900;

#[derive(Debug, Error)]
#[error(
    "a key is a relative path of at most {MAX_KEY} bytes with `/` between its parts; no part may be empty or \
     start with a dot, and backslashes and control characters are refused"
)]
struct NotAKey;

/// Whether `key` is a plain relative path, as every store accepts them.
pub fn is_key(key: &str) -> bool {
    key.len() <= MAX_KEY && key.split('/').all(is_segment)
}

/// Refuses a key that is not a plain relative path.
pub(super) fn check(location: &str, key: &str) -> Result<(), StoreError> {
    if is_key(key) {
        return Ok(());
    }
    Err(StoreError::invalid(location, key, NotAKey))
}

/// Checks the prefix of a listing, which may also be empty or end in a slash; returns it without the slash.
pub(super) fn check_prefix<'a>(location: &str, prefix: &'a str) -> Result<&'a str, StoreError> {
    let trimmed = prefix.strip_suffix('/').unwrap_or(prefix);
    if !prefix.is_empty() {
        check(location, trimmed)?;
    }
    Ok(trimmed)
}

/// Whether `name` can be one part of a key.
pub(super) fn is_segment(name: &str) -> bool {
    !name.is_empty()
        // A leading dot is refused altogether: it covers `..`, and leaves names for locks and temporary files.
        && !name.starts_with('.')
        && !name.contains(|c: char| c == '/' || c == '\\' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_relative_paths_are_accepted() {
        for key in [
            "channels/production.json",
            "a",
            "snapshots/20261120T030000Z-7f3a9c/item factors.parquet",
            "ä/é..x",
        ] {
            assert!(check("here", key).is_ok(), "{key}");
        }
        assert_eq!(check_prefix("here", "").unwrap(), "");
        assert_eq!(check_prefix("here", "snapshots/").unwrap(), "snapshots");
    }

    #[test]
    fn keys_that_lead_out_or_hide_are_refused() {
        let long = "x".repeat(MAX_KEY + 1);
        for key in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a/.hidden",
            r"a\b",
            "a\0b",
            "a\nb",
            &long,
        ] {
            assert!(matches!(check("here", key), Err(StoreError::Invalid { .. })), "{key:?}");
        }
        for prefix in ["/", "a//", "../"] {
            assert!(check_prefix("here", prefix).is_err(), "{prefix:?}");
        }
    }
}
