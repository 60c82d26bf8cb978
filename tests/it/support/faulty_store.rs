//! A store that keeps a diary, and fails when told to.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use larder::artifact::{ArtifactStore, Condition, Listed, Object, StoreError};

/// Wraps a store; hides its local files, so that downloads take the long way.
#[derive(Debug)]
pub(crate) struct FaultyStore<S> {
    pub(crate) inner: S,
    /// How many range reads succeed before the store becomes unavailable.
    ranges_left: AtomicUsize,
    /// Whether nothing answers.
    down: AtomicBool,
    /// Key and start of each successful range read.
    ranges: Mutex<Vec<(String, u64)>>,
    /// The keys written, in order.
    writes: Mutex<Vec<String>>,
}

impl<S> FaultyStore<S> {
    pub(crate) fn new(inner: S) -> Self {
        let (ranges_left, down) = (AtomicUsize::new(usize::MAX), AtomicBool::new(false));
        Self { inner, ranges_left, down, ranges: Mutex::default(), writes: Mutex::default() }
    }

    /// The starts of the range reads since the last call, in order.
    pub(crate) fn take_ranges(&self) -> Vec<u64> {
        let ranges = std::mem::take(&mut *self.ranges.lock().unwrap());
        let mut starts: Vec<u64> = ranges.into_iter().map(|(_, start)| start).collect();
        starts.sort_unstable();
        starts
    }

    /// The names of the files that range reads were about since the last call, each once.
    pub(crate) fn take_fetched(&self) -> Vec<String> {
        let ranges = std::mem::take(&mut *self.ranges.lock().unwrap());
        let name = |(key, _): &(String, u64)| key.rsplit('/').next().unwrap().to_owned();
        let mut names: Vec<String> = ranges.iter().map(name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The keys written since the last call, in order.
    pub(crate) fn take_writes(&self) -> Vec<String> {
        std::mem::take(&mut *self.writes.lock().unwrap())
    }

    pub(crate) fn fail_after(&self, ranges: usize) {
        self.ranges_left.store(ranges, Ordering::SeqCst);
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::SeqCst)
    }
}

impl<S: ArtifactStore> FaultyStore<S> {
    fn answer(&self, key: &str) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) { Err(self.unavailable(key)) } else { Ok(()) }
    }

    fn unavailable(&self, key: &str) -> StoreError {
        let (location, key) = (self.location(), key.to_owned());
        StoreError::Unavailable { location, key, source: "told to fail".into() }
    }

    fn note_write(&self, key: &str) {
        self.writes.lock().unwrap().push(key.to_owned());
    }
}

impl<S: ArtifactStore> ArtifactStore for FaultyStore<S> {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn read(&self, key: &str) -> Result<Object, StoreError> {
        self.answer(key)?;
        self.inner.read(key)
    }

    fn read_if_changed(&self, key: &str, etag: Option<&str>) -> Result<Option<Object>, StoreError> {
        self.answer(key)?;
        self.inner.read_if_changed(key, etag)
    }

    fn read_range(&self, key: &str, start: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        self.answer(key)?;
        let left =
            self.ranges_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| self.unavailable(key))?;
        self.ranges.lock().unwrap().push((key.to_owned(), start));
        self.inner.read_range(key, start, len)
    }

    fn write_file(&self, key: &str, source: &Path) -> Result<(), StoreError> {
        self.answer(key)?;
        self.note_write(key);
        self.inner.write_file(key, source)
    }

    fn write(&self, key: &str, bytes: &[u8], condition: Condition) -> Result<String, StoreError> {
        self.answer(key)?;
        self.note_write(key);
        self.inner.write(key, bytes, condition)
    }

    fn list_dirs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.answer(prefix)?;
        self.inner.list_dirs(prefix)
    }

    fn list_objects(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.answer(prefix)?;
        self.inner.list_objects(prefix)
    }
}
