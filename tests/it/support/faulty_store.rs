//! A store that counts what is read from it, and fails or lies when told to.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder::artifact::{ArtifactStore, Condition, Object, StoreError};

/// Wraps a store; hides its local files, so that downloads take the long way.
#[derive(Debug)]
pub(crate) struct FaultyStore<S> {
    pub(crate) inner: S,
    /// How many range reads succeed before the store becomes unavailable.
    pub(crate) ranges_left: AtomicUsize,
    /// Where each successful range read started.
    pub(crate) ranges: Mutex<Vec<u64>>,
}

impl<S> FaultyStore<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, ranges_left: AtomicUsize::new(usize::MAX), ranges: Mutex::default() }
    }

    /// The starts of the range reads since the last call, in order.
    pub(crate) fn take_ranges(&self) -> Vec<u64> {
        let mut ranges = std::mem::take(&mut *self.ranges.lock().unwrap());
        ranges.sort_unstable();
        ranges
    }

    pub(crate) fn fail_after(&self, ranges: usize) {
        self.ranges_left.store(ranges, Ordering::SeqCst);
    }
}

impl<S: ArtifactStore> ArtifactStore for FaultyStore<S> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn read(&self, key: &str) -> Result<Object, StoreError> {
        self.inner.read(key)
    }

    fn read_if_changed(&self, key: &str, etag: Option<&str>) -> Result<Option<Object>, StoreError> {
        self.inner.read_if_changed(key, etag)
    }

    fn read_range(&self, key: &str, start: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        let left =
            self.ranges_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            let (location, key, reason) = (self.location(), key.to_owned(), "told to fail".to_owned());
            return Err(StoreError::Unavailable { location, key, reason });
        }
        self.ranges.lock().unwrap().push(start);
        self.inner.read_range(key, start, len)
    }

    fn write_file(&self, key: &str, source: &Path) -> Result<(), StoreError> {
        self.inner.write_file(key, source)
    }

    fn write(&self, key: &str, bytes: &[u8], condition: Condition) -> Result<String, StoreError> {
        self.inner.write(key, bytes, condition)
    }

    fn list_dirs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.inner.list_dirs(prefix)
    }
}
