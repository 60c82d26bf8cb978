//! Brings an artifact to local disk, verified: in parallel parts, resuming where an earlier attempt stopped,
//! or in place when the store is local.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{
    ArtifactStore, BlobCache, FetchError, Stop, StoreError, is_sha256, key, open_regular, partial::Partial,
    sha256_file,
};

/// How a download is done, and how much of it is allowed.
#[derive(Clone, Copy)]
pub struct FetchOptions<'a> {
    /// How many parts are on their way at once; each is held in memory.
    pub threads: usize,
    /// The size of a part.
    pub part_bytes: u64,
    /// An artifact said to be larger is refused before anything is fetched.
    pub max_bytes: u64,
    /// Told, from any thread, how many bytes of the artifact are here; not called for cached or local ones.
    pub progress: Option<&'a (dyn Fn(u64) + Sync)>,
    /// Ends the download when it is set; what is here by then is kept for the next attempt.
    pub stop: Option<&'a Stop>,
}

impl Default for FetchOptions<'_> {
    fn default() -> Self {
        Self { threads: 4, part_bytes: 8 << 20, max_bytes: 16 << 30, progress: None, stop: None }
    }
}

impl fmt::Debug for FetchOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchOptions")
            .field("threads", &self.threads)
            .field("part_bytes", &self.part_bytes)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// Returns a local file with exactly the expected content.
///
/// That is the store's own file when it has one, the cached blob when there is a sound one, and otherwise a
/// download, which may resume an earlier one. Nothing is ever returned unverified.
pub fn fetch(
    store: &dyn ArtifactStore,
    key: &str,
    expected_sha256: &str,
    expected_bytes: u64,
    cache: &BlobCache,
    options: &FetchOptions<'_>,
) -> Result<PathBuf, FetchError> {
    let wanted = Wanted { store, key, sha256: expected_sha256, bytes: expected_bytes };
    if !is_sha256(expected_sha256) {
        return Err(FetchError::NotADigest {
            key: key.to_owned(),
            given: expected_sha256.chars().take(80).collect(),
        });
    }
    if expected_bytes > options.max_bytes {
        let (key, limit) = (key.to_owned(), options.max_bytes);
        return Err(FetchError::TooLarge { key, bytes: expected_bytes, limit });
    }
    key::check(&store.location(), key)?;
    if let Some(path) = store.local_path(key) {
        return wanted.verify_in_place(path);
    }
    if let Some(blob) = cache.find(expected_sha256, expected_bytes)? {
        return Ok(blob);
    }
    // Looked for again under the lock: of two processes that want one blob the second need not fetch it.
    let _lock = cache.lock(expected_sha256)?;
    if let Some(blob) = cache.find(expected_sha256, expected_bytes)? {
        // Somebody else was fetching it.
        return Ok(blob);
    }
    loop {
        let part_bytes = options.part_bytes.clamp(1, 1 << 30);
        let partial = cache.partial(expected_sha256, expected_bytes, part_bytes)?;
        let discard = || partial.delete().map_err(|error| FetchError::cache(partial.path(), error));
        match wanted.download(&partial, options) {
            Ok(()) => {}
            Err(wrong @ (FetchError::Truncated { .. } | FetchError::Overlong { .. })) => {
                discard()?;
                return Err(wrong);
            }
            Err(error) => return Err(error),
        }
        let (actual, _) =
            sha256_file(partial.path()).map_err(|error| FetchError::cache(partial.path(), error))?;
        if actual == expected_sha256 {
            return cache.admit(expected_sha256, &partial);
        }
        discard()?;
        // What an earlier attempt left may be damaged by now; only a download from nothing blames the store.
        if !partial.is_resumed() {
            return Err(wanted.wrong_digest(actual));
        }
    }
}

/// An artifact as the manifest describes it, and the store that should have it.
struct Wanted<'a> {
    store: &'a dyn ArtifactStore,
    key: &'a str,
    sha256: &'a str,
    bytes: u64,
}

impl Wanted<'_> {
    fn verify_in_place(&self, path: PathBuf) -> Result<PathBuf, FetchError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                FetchError::Store(StoreError::NotFound {
                    location: self.store.location(),
                    key: self.key.to_owned(),
                })
            }
            _ => FetchError::cache(&path, error),
        };
        self.check_size(open_regular(&path).and_then(|file| file.metadata()).map_err(failed)?.len())?;
        let (actual, bytes) = sha256_file(&path).map_err(failed)?;
        self.check_size(bytes)?;
        if actual == self.sha256 { Ok(path) } else { Err(self.wrong_digest(actual)) }
    }

    /// Fetches the missing parts, on this thread and as many others as are wanted and to be had.
    fn download(&self, partial: &Partial, options: &FetchOptions<'_>) -> Result<(), FetchError> {
        // Threads take the next part when they are done with one: a slow connection does not hold up the others' share.
        let next = AtomicUsize::new(0);
        let bytes_done = AtomicU64::new(partial.bytes_done());
        let failure = Mutex::new(None);
        let work = || {
            while let Some(&part) = partial.missing().get(next.fetch_add(1, Ordering::Relaxed)) {
                match self.fetch_part(partial, part, options.stop) {
                    Ok(bytes) => {
                        let done = bytes_done.fetch_add(bytes, Ordering::Relaxed) + bytes;
                        if let Some(report) = options.progress {
                            report(done);
                        }
                    }
                    Err(error) => {
                        // No thread begins another part; what was fetched stays for the next attempt.
                        next.store(partial.missing().len(), Ordering::Relaxed);
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                }
            }
        };
        let threads = options.threads.clamp(1, 64).min(partial.missing().len());
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // A thread that cannot be had leaves its share to the others.
                let _ = std::thread::Builder::new().name("larder-fetch".to_owned()).spawn_scoped(scope, work);
            }
            work();
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn fetch_part(&self, partial: &Partial, part: u64, stop: Option<&Stop>) -> Result<u64, FetchError> {
        // The size of the object is not asked for: a store may answer that from elsewhere than it answers reads.
        let (start, len) = partial.range(part);
        // One byte more than there should be, at the end, shows an object that is too long.
        let extra = u64::from(partial.is_last(part));
        let bytes = match stop {
            Some(stop) => self.store.read_range_until(self.key, start, len + extra, stop)?,
            None => self.store.read_range(self.key, start, len + extra)?,
        };
        if bytes.len() as u64 != len {
            self.check_size(start + bytes.len() as u64)?;
        }
        partial.write(part, &bytes).map_err(|error| FetchError::cache(partial.path(), error))?;
        Ok(len)
    }

    fn check_size(&self, actual: u64) -> Result<(), FetchError> {
        let (location, key, expected) = (self.store.location(), self.key.to_owned(), self.bytes);
        match actual.cmp(&expected) {
            std::cmp::Ordering::Less => {
                Err(FetchError::Truncated { location, key, expected, ends_by: actual })
            }
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(FetchError::Overlong { location, key, expected }),
        }
    }

    fn wrong_digest(&self, actual: String) -> FetchError {
        let (location, key) = (self.store.location(), self.key.to_owned());
        FetchError::Digest { location, key, expected: self.sha256.to_owned(), actual }
    }
}
