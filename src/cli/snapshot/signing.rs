//! The keys that snapshots are signed and verified with, from files.

use std::path::{Path, PathBuf};

use crate::cli::CliError;
use crate::snapshot::{SigningKey, TrustedKey};

/// The private key in a file.
pub(super) fn private(file: &Path) -> Result<SigningKey, CliError> {
    Ok(SigningKey::parse(&read(file)?, &file.display().to_string())?)
}

/// A public key: itself, or a file that it is in.
pub(super) fn trusted(key: &str) -> Result<TrustedKey, CliError> {
    if let Some(key) = TrustedKey::parse(key) {
        return Ok(key);
    }
    let file = Path::new(key);
    let text = if file.is_file() { read(file)? } else { String::new() };
    TrustedKey::parse(&text).ok_or_else(|| CliError::Flag {
        flag: "trusted-key",
        value: key.to_owned(),
        expected: "an Ed25519 public key in base64, or a file with one in PEM",
    })
}

fn read(file: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(file).map_err(|source| CliError::Unreadable { file: PathBuf::from(file), source })
}
