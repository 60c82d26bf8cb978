//! What is wrong with a signature.

use thiserror::Error;

use super::SIGNATURE;

/// What is wrong with a manifest's signature, or with a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The manifest is not signed.
    #[error(
        "is not signed: there is no {SIGNATURE} beside it, and snapshot.trusted_keys wants one; publish it with --sign"
    )]
    Missing,
    /// The file with the signatures is none.
    #[error("{SIGNATURE} is malformed: each line is \"ed25519 PUBLIC-KEY SIGNATURE\", both in base64")]
    Malformed,
    /// Nobody has signed who is trusted.
    #[error("is signed with none of snapshot.trusted_keys, but with: {keys}")]
    Untrusted {
        /// Those who have, as far as they say so.
        keys: String,
    },
    /// The signature is of something else.
    #[error(
        "its signature with the key {key} is not that of these bytes: the manifest was changed after it was signed"
    )]
    Wrong {
        /// The public key.
        key: String,
    },
    /// A file with a private key that is none.
    #[error(
        "{file} is no Ed25519 private key in PEM (PKCS#8), as `openssl genpkey -algorithm ed25519` writes it"
    )]
    NoKey {
        /// The file.
        file: String,
    },
    /// This build cannot tell.
    #[error("cannot be verified by this build: use one with the feature `server`")]
    NotBuilt,
}
