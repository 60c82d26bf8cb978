//! Signing and verifying, by ring.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::encoding::{base64, between_marks, from_base64};
use super::{ALGORITHM, SignatureError};

/// A private key.
pub struct SigningKey(Ed25519KeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(hidden)")
    }
}

impl SigningKey {
    /// Reads a key in PEM (PKCS#8); `file` names it in messages.
    ///
    /// # Errors
    /// [`SignatureError::NoKey`].
    pub fn parse(pem: &str, file: &str) -> Result<Self, SignatureError> {
        let none = || SignatureError::NoKey { file: file.to_owned() };
        let der = between_marks(pem, "PRIVATE KEY").and_then(|inner| from_base64(&inner)).ok_or_else(none)?;
        // OpenSSL writes the form without the public key, which is worked out then.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Self).map_err(|_| none())
    }

    /// The public key in base64, as `snapshot.trusted_keys` takes it.
    pub fn public(&self) -> String {
        base64(self.0.public_key().as_ref())
    }

    /// The file that stands beside a manifest of these bytes.
    pub fn sign(&self, manifest: &[u8]) -> String {
        format!("{ALGORITHM} {} {}\n", self.public(), base64(self.0.sign(manifest).as_ref()))
    }
}

pub(super) fn verify(
    key: &[u8],
    manifest: &[u8],
    signature: &[u8],
    shown: &str,
) -> Result<(), SignatureError> {
    let verified = UnparsedPublicKey::new(&ED25519, key).verify(manifest, signature);
    verified.map_err(|_| SignatureError::Wrong { key: shown.to_owned() })
}
