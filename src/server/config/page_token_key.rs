//! The key that page tokens are sealed with: a secret, so it is compared and used, and never printed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The fewest bytes of a key: as many as the digest that a MAC is made of.
const MIN_BYTES: usize = 32;
/// The most bytes of a key; a file with more is not a key.
const MAX_BYTES: usize = 4096;

/// A key of at least 32 bytes, or `random`: the server draws one at its start.
///
/// With a random key each replica refuses the page tokens of the others, and a restart those given out before it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PageTokenKey(Option<Arc<[u8]>>);

impl PageTokenKey {
    /// The key's bytes; `None` where the server is to draw one.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }

    /// Reads `random`, `file:` and a path, or the key itself.
    fn read(text: &str) -> Result<Self, KeyError> {
        if text == "random" {
            return Ok(Self(None));
        }
        // A file keeps the key out of the environment, which child processes and crash reports see.
        let Some(path) = text.strip_prefix("file:") else {
            return Self::new(text.as_bytes());
        };
        let bytes = read_start(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        // Editors and `echo` end a file with a line break that nobody means.
        Self::new(bytes.strip_suffix(b"\n").map_or(&bytes, |line| line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// A key of these bytes.
    ///
    /// # Errors
    /// Fewer than 32 bytes, or more than 4096.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        if (MIN_BYTES..=MAX_BYTES).contains(&bytes.len()) {
            Ok(Self(Some(Arc::from(bytes))))
        } else {
            Err(KeyError::Length(bytes.len()))
        }
    }
}

/// As much of a file as a key may have, its line break, and one byte by which a longer file is noticed.
fn read_start(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 3).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why a text is no key. Says nothing of what the text was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is too short to be a secret, or too long to be meant.
    #[error(
        "expected random, a text of {MIN_BYTES} to {MAX_BYTES} bytes, or file:/path of a file with one; \
         it has {0} bytes"
    )]
    Length(usize),
    /// The file that should hold it cannot be read.
    #[error("expected a readable file after file:, and {path} cannot be read: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Debug for PageTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "PageTokenKey(hidden)" } else { "PageTokenKey(random)" })
    }
}

impl<'de> Deserialize<'de> for PageTokenKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // A value of another type is not repeated either: serde's own message would show it.
        let text = String::deserialize(from).map_err(|_| D::Error::custom("expected a text in quotes"))?;
        Self::read(&text).map_err(D::Error::custom)
    }
}

impl Serialize for PageTokenKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(if self.0.is_some() { "hidden" } else { "random" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "correct horse battery staple, twice";

    #[test]
    fn a_key_is_random_or_a_text_or_in_a_file() {
        assert_eq!(PageTokenKey::read("random").unwrap().bytes(), None);
        assert_eq!(PageTokenKey::read(KEY).unwrap().bytes(), Some(KEY.as_bytes()));
        let file = tempfile::NamedTempFile::new().unwrap();
        for line_break in ["", "\n", "\r\n"] {
            std::fs::write(file.path(), format!("{KEY}{line_break}")).unwrap();
            let key = PageTokenKey::read(&format!("file:{}", file.path().display())).unwrap();
            assert_eq!(key.bytes(), Some(KEY.as_bytes()));
        }
        let missing = PageTokenKey::read("file:/no/such/key").unwrap_err().to_string();
        assert!(missing.contains("/no/such/key"), "{missing}");
        let endless = PageTokenKey::read("file:/dev/zero").unwrap_err().to_string();
        assert!(endless.contains("4096"), "{endless}");
    }

    #[test]
    fn a_key_is_never_printed() {
        let short = PageTokenKey::read("hush").unwrap_err().to_string();
        assert!(short.contains("32") && !short.contains("hush"), "{short}");
        let printed = format!("{:?}", PageTokenKey::read(KEY).unwrap());
        assert!(!printed.contains("horse"), "{printed}");
    }
}
