//! A text that is used and never printed: a password.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

use super::Form;

/// The most bytes of a secret; a file with more holds something else.
const MAX_BYTES: u64 = 4096;

/// A secret. Neither `Debug` nor a printed configuration shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// The secret itself, for the one that it is sent to.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(hidden)")
    }
}

/// The secret itself, or `file:` and the path of a file that holds it.
#[derive(Debug)]
pub struct Hidden;

impl Form for Hidden {
    type Value = Secret;

    const QUOTED: bool = true;

    fn expected() -> String {
        format!("a text in quotes, or file:/path of a readable file with at most {MAX_BYTES} bytes of text")
    }

    fn parse(text: &str) -> Option<Secret> {
        // A file keeps it out of the configuration, and out of the environment that child processes see.
        let Some(path) = text.strip_prefix("file:") else {
            return (!text.is_empty()).then(|| Secret::from(text));
        };
        let mut text = String::new();
        let read = File::open(path).ok()?.take(MAX_BYTES + 1).read_to_string(&mut text).ok()?;
        // Editors and `echo` end a file with a line break that nobody means.
        let secret = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
        (!secret.is_empty() && read as u64 <= MAX_BYTES).then(|| Secret::from(secret))
    }

    fn show(_: &Secret) -> String {
        "hidden".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_text_or_in_a_file_and_is_not_shown() {
        let secret = Hidden::parse("hunter2").unwrap();
        assert_eq!(secret.reveal(), "hunter2");
        assert!(!format!("{secret:?} {}", Hidden::show(&secret)).contains("hunter2"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from a file\r\n").unwrap();
        let secret = Hidden::parse(&format!("file:{}", file.path().display())).unwrap();
        assert_eq!(secret.reveal(), "from a file");
        for none in ["", "file:/no/such/file", "file:/dev/zero", "file:/dev/null"] {
            assert_eq!(Hidden::parse(none), None, "{none}");
        }
    }
}
