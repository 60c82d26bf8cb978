//! A store in memory, the twin of the real ones for tests and embedders. An etag is the digest of the content.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ArtifactStore, Condition, Listed, MAX_SMALL_OBJECT, Object, StoreError, key, sha256_bytes};

/// Keeps objects in memory for as long as it lives.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, key: &str, look: impl FnOnce(&Vec<u8>) -> T) -> Result<T, StoreError> {
        key::check(&self.location(), key)?;
        let not_found = || StoreError::NotFound { location: self.location(), key: key.to_owned() };
        self.objects().get(key).map(look).ok_or_else(not_found)
    }
}

impl ArtifactStore for MemoryStore {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn read(&self, key: &str) -> Result<Object, StoreError> {
        let bytes =
            self.with(key, |bytes| (bytes.len() as u64 <= MAX_SMALL_OBJECT).then(|| bytes.clone()))?;
        let bytes = bytes.ok_or_else(|| StoreError::too_large(&self.location(), key))?;
        let etag = sha256_bytes(&bytes);
        Ok(Object { bytes, etag })
    }

    fn read_if_changed(&self, key: &str, etag: Option<&str>) -> Result<Option<Object>, StoreError> {
        let object = self.read(key)?;
        Ok(if etag == Some(object.etag.as_str()) { None } else { Some(object) })
    }

    fn read_range(&self, key: &str, start: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        self.with(key, |bytes| {
            // Past the end an object is empty, as in the other stores.
            let end = start.saturating_add(len).min(bytes.len() as u64);
            bytes[start.min(end) as usize..end as usize].to_vec()
        })
    }

    fn write_file(&self, key: &str, source: &Path) -> Result<(), StoreError> {
        let bytes = std::fs::read(source)
            .map_err(|error| StoreError::unreadable_source(&self.location(), key, source, error))?;
        self.write(key, &bytes, Condition::Always).map(drop)
    }

    fn write(&self, key: &str, bytes: &[u8], condition: Condition) -> Result<String, StoreError> {
        key::check(&self.location(), key)?;
        let mut objects = self.objects();
        // Under one lock from the look to the write, as the real stores do it.
        let holds = match (&condition, objects.get(key)) {
            (Condition::Always, _) | (Condition::IfAbsent, None) => true,
            (Condition::IfMatch(etag), Some(current)) => *etag == sha256_bytes(current),
            (Condition::IfAbsent, Some(_)) | (Condition::IfMatch(_), None) => false,
        };
        if !holds {
            return Err(StoreError::Conflict { location: self.location(), key: key.to_owned() });
        }
        objects.insert(key.to_owned(), bytes.to_vec());
        Ok(sha256_bytes(bytes))
    }

    fn list_dirs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let prefix = match key::check_prefix(&self.location(), prefix)? {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        let objects = self.objects();
        let below = objects.keys().filter_map(|key| key.strip_prefix(&prefix)?.split_once('/'));
        let mut names: Vec<String> = below.map(|(name, _)| name.to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn list_objects(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let prefix = key::check_prefix(&self.location(), prefix)?;
        let is_below = |key: &str| match key.strip_prefix(prefix) {
            Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        };
        let objects = self.objects();
        let below = objects.iter().filter(|(key, _)| is_below(key));
        let listed = below.map(|(key, bytes)| Listed {
            key: key.clone(),
            bytes: bytes.len() as u64,
            etag: sha256_bytes(bytes),
        });
        Ok(listed.collect())
    }
}
