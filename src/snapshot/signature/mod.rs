//! Signed manifests: Ed25519 over a manifest's bytes, in a file beside it. A manifest has the digests of all else, so a
//! signature of it is one of the whole snapshot.

mod encoding;
mod error;
#[cfg(feature = "server")]
mod key;
#[cfg(not(feature = "server"))]
mod without;

use crate::setting::Form;

pub use error::SignatureError;
#[cfg(feature = "server")]
pub use key::SigningKey;

/// The file with a manifest's signature.
pub const SIGNATURE: &str = "manifest.sig";

/// What a line of the file begins with.
const ALGORITHM: &str = "ed25519";

/// Bytes of a public key.
const KEY_BYTES: usize = 32;

/// A public key that snapshots may be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedKey([u8; KEY_BYTES]);

/// The public keys that snapshots may be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKeys(Vec<TrustedKey>);

impl TrustedKey {
    /// A key in base64, raw or as OpenSSL writes it in a PEM file, with that file's lines around it or without.
    pub fn parse(text: &str) -> Option<Self> {
        encoding::public_key(text).map(Self)
    }

    fn show(&self) -> String {
        encoding::base64(&self.0)
    }
}

impl TrustedKeys {
    /// Keys of which one must have signed.
    pub fn new(keys: Vec<TrustedKey>) -> Self {
        Self(keys)
    }

    /// Holds a manifest's bytes against the file with its signatures; `None` where there is no such file.
    ///
    /// # Errors
    /// No signature, none by one of these keys, or one that is not of these bytes.
    pub fn verify(&self, manifest: &[u8], signatures: Option<&[u8]>) -> Result<(), SignatureError> {
        let signatures = signatures.ok_or(SignatureError::Missing)?;
        let lines = std::str::from_utf8(signatures).map_err(|_| SignatureError::Malformed)?;
        let mut others = Vec::new();
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_ascii_whitespace();
            let (Some(ALGORITHM), Some(key), Some(signature), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(SignatureError::Malformed);
            };
            let key = TrustedKey::parse(key).ok_or(SignatureError::Malformed)?;
            if !self.0.contains(&key) {
                others.push(key.show());
                continue;
            }
            let signature = encoding::from_base64(signature).ok_or(SignatureError::Malformed)?;
            return self::verify(&key.0, manifest, &signature, &key.show());
        }
        Err(SignatureError::Untrusted { keys: others.join(", ") })
    }
}

/// A list of public keys, as a setting.
#[derive(Debug)]
pub struct Keys;

impl Form for Keys {
    type Value = TrustedKeys;

    const QUOTED: bool = true;

    fn expected() -> String {
        "Ed25519 public keys in base64, separated by commas".to_owned()
    }

    fn parse(text: &str) -> Option<TrustedKeys> {
        let keys: Option<Vec<TrustedKey>> =
            text.split(',').map(|key| TrustedKey::parse(key.trim())).collect();
        keys.filter(|keys| !keys.is_empty()).map(TrustedKeys)
    }

    fn show(value: &TrustedKeys) -> String {
        value.0.iter().map(TrustedKey::show).collect::<Vec<_>>().join(",")
    }
}

#[cfg(feature = "server")]
use key::verify;
#[cfg(not(feature = "server"))]
use without::verify;
