//! API keys: `lk_<id>_<secret>`, of which the server knows the SHA-256 only.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

/// What every key begins with, so that scanners of repositories and logs know one when they see it.
pub(super) const PREFIX: &str = "lk_";
/// Bytes of the random part, and characters that they take.
const SECRET_BYTES: usize = 32;
const SECRET_CHARS: usize = 43;
/// The longest id.
const ID_CHARS: usize = 32;

/// The SHA-256 of a key's text.
///
/// A slow hash would buy nothing: there are 256 random bits behind it. And a key that is looked up by its hash leaves
/// no time to be measured by which it could be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of a key's text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        // A key in the place of its digest is a secret in a file that many can read: it is not repeated.
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom("expected the 64 hexadecimal digits that `larder key new` prints")
        })
    }
}

/// Whether a key may have this id: it stands in the key's text, in logs and in file names.
pub fn is_key_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=ID_CHARS).contains(&id.len()) && id.bytes().all(plain)
}

/// The id in a key's text; `None` if it is no key.
pub(super) fn id_of(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(PREFIX)?;
    // From the right: the secret may have underscores itself.
    let (id, secret) = rest.split_at_checked(rest.len().checked_sub(SECRET_CHARS + 1)?)?;
    let secret = secret.strip_prefix('_')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (is_key_id(id) && secret.bytes().all(plain)).then_some(id)
}

/// A key that was just made.
#[derive(Clone)]
pub struct NewKey {
    /// The key itself. Nobody has it but who reads it now.
    pub text: String,
    /// What the server is told of it.
    pub digest: Digest,
}

impl NewKey {
    /// Draws a key of this id.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn draw(id: &str) -> std::io::Result<Self> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
        let text = format!("{PREFIX}{id}_{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
        let digest = Digest::of(&text);
        Ok(Self { text, digest })
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("digest", &self.digest).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_with_its_id_and_never_twice() {
        let [one, other] = [(); 2].map(|()| NewKey::draw("pdp-1").unwrap());
        assert_ne!(one.text, other.text);
        assert_eq!(id_of(&one.text), Some("pdp-1"));
        assert_eq!(one.text.len(), "lk_pdp-1_".len() + 43);
        assert_eq!(Digest::parse(&one.digest.to_string()), Some(one.digest));
        assert!(!format!("{one:?}").contains(&one.text));
    }

    #[test]
    fn what_is_no_key_is_told_by_its_form() {
        let secret = "a".repeat(43);
        assert_eq!(id_of(&format!("lk_a_{secret}")), Some("a"));
        for text in [
            String::new(),
            "lk_".to_owned(),
            format!("lk_{secret}"),
            format!("lk__{secret}"),
            format!("lk_A_{secret}"),
            format!("lk_a_{secret}a"),
            format!("lk_a_{}é", "a".repeat(41)),
            format!("lk_a b_{secret}"),
            format!("lk_{}_{secret}", "a".repeat(33)),
        ] {
            assert_eq!(id_of(&text), None, "{text}");
        }
        for text in ["", "12", &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(Digest::parse(text), None, "{text}");
        }
    }
}
