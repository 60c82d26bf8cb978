//! The file of credentials: read at the start, and again when its content changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::authenticator::Authenticator;
use super::credentials::Credentials;
use crate::server::reload::{ContentDigest, Watched, digest_of, read_small};

/// Makes credentials of a file's text, or says what is wrong with it and where.
pub type Parse = fn(&Path, &str) -> Result<Credentials, String>;

/// A file of credentials beside those of the configuration.
#[derive(Debug)]
pub struct CredentialsFile {
    path: PathBuf,
    parse: Parse,
    own: Credentials,
    authenticator: Arc<Authenticator>,
    /// What was last read there, or why nothing was.
    seen: Option<Result<ContentDigest, String>>,
}

impl CredentialsFile {
    /// Reads the file, and tells `authenticator` of its credentials and the `own` ones of the configuration.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(
        path: &Path,
        parse: Parse,
        own: Credentials,
        authenticator: Arc<Authenticator>,
    ) -> Result<Self, String> {
        let mut file = Self { path: path.to_owned(), parse, own, authenticator, seen: None };
        file.look().unwrap_or_else(|| Ok(String::new()))?;
        Ok(file)
    }

    fn take(&self, bytes: &[u8]) -> Result<String, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", self.path.display()))?;
        let all = self.own.clone().with((self.parse)(&self.path, text)?);
        self.authenticator.replace(&all)?;
        let (keys, certificates) = (all.keys.len(), all.certificates.len());
        Ok(format!("{keys} keys and {certificates} rules for certificates are known"))
    }
}

impl Watched for CredentialsFile {
    fn name(&self) -> &'static str {
        "credentials"
    }

    fn look(&mut self) -> Option<Result<String, String>> {
        let read = read_small(&self.path);
        let seen = Some(read.as_ref().map(|bytes| digest_of(&[bytes])).map_err(String::clone));
        if seen == self.seen {
            return None;
        }
        self.seen = seen;
        Some(read.and_then(|bytes| self.take(&bytes)))
    }
}
