//! Where an issuer's keys come from: a file, or an address, with a copy on disk for a start without it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::issuer::KnownIssuer;
use super::{fetch, jwks};
use crate::server::identity::Authenticator;
use crate::server::reload::{ContentDigest, Watched, digest_of, read_small};

/// Time between two looks at an address. Raising it lets a key that its issuer has withdrawn be believed for longer.
const EVERY: Duration = Duration::from_secs(300);
/// The least time between two, where tokens name keys that are not known: anybody can make up such tokens.
const AT_MOST_EVERY: Duration = Duration::from_secs(30);

/// What keeps the keys of all issuers up to date, with copies of what is fetched in a directory.
///
/// # Errors
/// A file that cannot be used. An issuer that cannot be reached is none: its tokens are refused until it can.
pub fn sources(authenticator: &Arc<Authenticator>, copies: &Path) -> Result<Vec<Box<dyn Watched>>, String> {
    let mut sources: Vec<Box<dyn Watched>> = Vec::new();
    for issuer in authenticator.issuers() {
        let (issuer, authenticator) = (Arc::clone(issuer), Arc::clone(authenticator));
        match (issuer.config.jwks_url.clone(), issuer.config.jwks_file.clone()) {
            (Some(url), _) => sources.push(Box::new(JwksUrl::open(&url, copies, issuer, authenticator))),
            (None, Some(path)) => sources.push(Box::new(JwksFile::open(&path, issuer, authenticator)?)),
            (None, None) => {}
        }
    }
    Ok(sources)
}

/// An issuer's keys in a file.
#[derive(Debug)]
struct JwksFile {
    path: PathBuf,
    keys: Keys,
}

/// An issuer's keys at an address.
#[derive(Debug)]
struct JwksUrl {
    url: String,
    copy: PathBuf,
    keys: Keys,
    /// When they were last fetched, or tried to be.
    tried: Option<Instant>,
}

/// What is in force, and how it was written.
#[derive(Debug)]
struct Keys {
    issuer: Arc<KnownIssuer>,
    authenticator: Arc<Authenticator>,
    seen: Option<Result<ContentDigest, String>>,
}

impl Keys {
    fn new(issuer: Arc<KnownIssuer>, authenticator: Arc<Authenticator>) -> Self {
        Self { issuer, authenticator, seen: None }
    }

    /// Puts what was read in force, unless it is what was read before.
    fn take(&mut self, read: Result<Vec<u8>, String>) -> Option<Result<String, String>> {
        let seen = Some(read.as_ref().map(|bytes| digest_of(&[bytes])).map_err(String::clone));
        if seen == self.seen {
            return None;
        }
        self.seen = seen;
        Some(read.and_then(|bytes| {
            let keys = jwks::parse(&bytes)?;
            let said = format!("{} keys of {} are known", keys.len(), self.issuer.config.issuer);
            self.issuer.keys.store(Arc::new(keys));
            // Tokens by a key that is gone are not to be believed because they once were.
            self.authenticator.look_again();
            Ok(said)
        }))
    }
}

impl JwksFile {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it.
    fn open(
        path: &Path,
        issuer: Arc<KnownIssuer>,
        authenticator: Arc<Authenticator>,
    ) -> Result<Self, String> {
        let mut file = Self { path: path.to_owned(), keys: Keys::new(issuer, authenticator) };
        let outcome = file.look().unwrap_or_else(|| Ok(String::new()));
        outcome.map_err(|reason| format!("{}: {reason}", path.display()))?;
        Ok(file)
    }
}

impl Watched for JwksFile {
    fn name(&self) -> &'static str {
        "jwks"
    }

    fn look(&mut self) -> Option<Result<String, String>> {
        self.keys.take(read_small(&self.path))
    }
}

impl JwksUrl {
    /// Takes the copy of the last time, if there is one: a server starts without its issuer. The first look fetches.
    fn open(url: &str, copies: &Path, issuer: Arc<KnownIssuer>, authenticator: Arc<Authenticator>) -> Self {
        let digest = Sha256::digest(url.as_bytes());
        let name: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let copy = copies.join(format!("jwks-{name}.json"));
        let mut keys = Keys::new(issuer, authenticator);
        if is_own(&copy)
            && let Ok(bytes) = read_small(&copy)
        {
            let _ = keys.take(Ok(bytes)); // one that is torn is as good as none
        }
        Self { url: url.to_owned(), copy, keys, tried: None }
    }

    fn is_due(&self) -> bool {
        let wanted = self.keys.issuer.take_wanted();
        let Some(tried) = self.tried else { return true };
        let due = tried.elapsed() >= if wanted { AT_MOST_EVERY } else { EVERY };
        if wanted && !due {
            self.keys.issuer.want_keys(); // still
        }
        due
    }

    fn keep(&self, bytes: &[u8]) -> std::io::Result<()> {
        let dir = self.copy.parent().unwrap_or(Path::new("."));
        // Made under a random name, readable for nobody else, and moved: a reader finds it whole or not at all.
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(bytes)?;
        file.persist(&self.copy)?;
        Ok(())
    }
}

impl Watched for JwksUrl {
    fn name(&self) -> &'static str {
        "jwks"
    }

    fn look(&mut self) -> Option<Result<String, String>> {
        if !self.is_due() {
            return None;
        }
        self.tried = Some(Instant::now());
        let fetched = fetch::get(&self.url).map(|bytes| bytes.to_vec());
        let copy = fetched.clone();
        let outcome = self.keys.take(fetched);
        if let (Some(Ok(_)), Ok(bytes)) = (&outcome, copy)
            && let Err(error) = self.keep(&bytes)
        {
            tracing::warn!(%error, file = %self.copy.display(), "no copy of an issuer's keys was kept");
        }
        outcome
    }
}

/// Whether nobody else can have written a file: who can write an issuer's keys can be anybody.
#[cfg(unix)]
fn is_own(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let own = rustix::process::geteuid().as_raw();
    std::fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_file() && found.uid() == own && found.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn is_own(path: &Path) -> bool {
    path.is_file()
}
