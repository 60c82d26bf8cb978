//! Downloads resume, verify, and leave a cache that survives crashes, corruption and company.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use larder::artifact::{
    ArtifactStore, BlobCache, Condition, FetchError, FetchOptions, LocalStore, MemoryStore, StoreError,
    fetch, sha256_bytes,
};

use crate::support::faulty_store::FaultyStore;

const KEY: &str = "snapshots/v1/items.parquet";
const PART: u64 = 1000;

/// A store with one artifact of ten and a half parts, and an empty cache.
struct Scene {
    store: FaultyStore<MemoryStore>,
    dir: tempfile::TempDir,
    cache: BlobCache,
    content: Vec<u8>,
    sha256: String,
}

impl Scene {
    fn new() -> Self {
        let content: Vec<u8> = (0..10_500_u32).map(|n| (n * n / 7) as u8).collect();
        let dir = tempfile::tempdir().unwrap();
        let cache = BlobCache::open(dir.path()).unwrap();
        let store = FaultyStore::new(MemoryStore::new());
        store.write(KEY, &content, Condition::Always).unwrap();
        let sha256 = sha256_bytes(&content);
        Self { store, dir, cache, content, sha256 }
    }

    fn fetch(&self) -> Result<PathBuf, FetchError> {
        self.fetch_into(&self.cache)
    }

    fn fetch_into(&self, cache: &BlobCache) -> Result<PathBuf, FetchError> {
        let options = FetchOptions { part_bytes: PART, ..Default::default() };
        fetch(&self.store, KEY, &self.sha256, self.content.len() as u64, cache, &options)
    }

    /// The cache as a process that starts now would see it.
    fn restarted(&self) -> BlobCache {
        BlobCache::open(self.dir.path()).unwrap()
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        fs::read_dir(self.dir.path().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn store_instead(&self, content: &[u8]) {
        self.store.write(KEY, content, Condition::Always).unwrap();
    }
}

#[test]
fn an_artifact_is_fetched_once_and_kept_under_its_digest() {
    let scene = Scene::new();
    let path = scene.fetch().unwrap();
    assert_eq!(fs::read(&path).unwrap(), scene.content);
    assert!(path.ends_with(format!("blobs/{}", scene.sha256)));
    assert_eq!(scene.store.take_ranges().len(), 11);
    assert!(scene.files("partial").is_empty());

    assert_eq!(scene.fetch().unwrap(), path);
    assert_eq!(scene.fetch_into(&scene.restarted()).unwrap(), path);
    assert!(scene.store.take_ranges().is_empty());
}

#[test]
fn an_interrupted_download_resumes_in_another_process_with_only_the_missing_parts() {
    let scene = Scene::new();
    scene.store.fail_after(7);
    let failed = scene.fetch().unwrap_err();
    assert!(
        matches!(failed, FetchError::Store(StoreError::Unavailable { .. })) && failed.is_transient(),
        "{failed}"
    );
    let fetched: HashSet<u64> = scene.store.take_ranges().into_iter().collect();
    assert_eq!(fetched.len(), 7);

    scene.store.fail_after(usize::MAX);
    let path = scene.fetch_into(&scene.restarted()).unwrap();
    assert_eq!(fs::read(path).unwrap(), scene.content);
    let missing: Vec<u64> =
        (0..11).map(|part| part * PART).filter(|start| !fetched.contains(start)).collect();
    assert_eq!(scene.store.take_ranges(), missing);
}

#[test]
fn what_was_damaged_between_two_attempts_is_fetched_again_rather_than_blamed_on_the_store() {
    let damages: [fn(&mut Vec<u8>); 3] =
        [|bytes| bytes[0] ^= 1, |bytes| bytes.truncate(20), |bytes| bytes.clear()];
    for (suffix, damage) in [".part", ".marks"].into_iter().flat_map(|s| damages.map(|damage| (s, damage))) {
        let scene = Scene::new();
        // One part at a time, so that the first part is surely among those that are there.
        scene.store.fail_after(7);
        let options = FetchOptions { part_bytes: PART, threads: 1, ..Default::default() };
        fetch(&scene.store, KEY, &scene.sha256, 10_500, &scene.cache, &options).unwrap_err();
        scene.store.fail_after(usize::MAX);

        let path = scene.dir.path().join("partial").join(format!("{}{suffix}", scene.sha256));
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        assert_eq!(fs::read(scene.fetch().unwrap()).unwrap(), scene.content, "{suffix}");
    }
}

#[test]
fn another_part_size_starts_the_download_afresh() {
    let scene = Scene::new();
    scene.store.fail_after(3);
    scene.fetch().unwrap_err();
    scene.store.fail_after(usize::MAX);
    let options = FetchOptions { part_bytes: 4096, ..Default::default() };
    let path = fetch(&scene.store, KEY, &scene.sha256, 10_500, &scene.cache, &options).unwrap();
    assert_eq!(fs::read(path).unwrap(), scene.content);
}

#[test]
fn a_flipped_byte_in_the_store_is_refused_with_both_digests_and_leaves_nothing() {
    let scene = Scene::new();
    let mut flipped = scene.content.clone();
    flipped[5000] ^= 1;
    scene.store_instead(&flipped);
    let refused = scene.fetch().unwrap_err();
    assert!(matches!(refused, FetchError::Digest { .. }) && !refused.is_transient());
    let message = refused.to_string();
    for part in [KEY, &scene.sha256, &sha256_bytes(&flipped), "memory"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(scene.files("partial").len() + scene.files("blobs").len(), 0);

    scene.store_instead(&scene.content);
    assert!(scene.fetch().is_ok());
}

#[test]
fn an_object_of_another_size_than_promised_is_refused() {
    let scene = Scene::new();
    for size in [0, 1, 999, 1000, 9_999, 10_000, 10_499] {
        scene.store_instead(&scene.content[..size]);
        let refused = scene.fetch().unwrap_err();
        assert!(
            matches!(refused, FetchError::Truncated { expected: 10_500, ends_by, .. } if ends_by >= size as u64)
        );
    }
    for more in [1, 499, 500, 501, 5000] {
        scene.store_instead(&[scene.content.as_slice(), &vec![0; more]].concat());
        let refused = scene.fetch().unwrap_err();
        assert!(matches!(refused, FetchError::Overlong { expected: 10_500, .. }), "{refused}");
    }
    assert_eq!(scene.files("partial").len() + scene.files("blobs").len(), 0);
}

#[test]
fn empty_and_exactly_divisible_artifacts_are_fetched_too() {
    let scene = Scene::new();
    let options = FetchOptions { part_bytes: PART, ..Default::default() };
    for size in [0, 1, 1000, 3000] {
        let content = &scene.content[..size];
        scene.store_instead(content);
        let path =
            fetch(&scene.store, KEY, &sha256_bytes(content), size as u64, &scene.cache, &options).unwrap();
        assert_eq!(fs::read(path).unwrap(), content);
    }
    let refused = fetch(
        &scene.store,
        KEY,
        &sha256_bytes(b""),
        0,
        &BlobCache::open(scene.dir.path().join("2")).unwrap(),
        &options,
    );
    assert!(matches!(refused, Err(FetchError::Overlong { .. })), "{refused:?}");
}

#[test]
fn a_corrupt_blob_in_the_cache_is_fetched_again() {
    let scene = Scene::new();
    let path = scene.fetch().unwrap();
    let mut damaged = scene.content.clone();
    damaged[77] ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert_eq!(fs::read(scene.fetch_into(&scene.restarted()).unwrap()).unwrap(), scene.content);
    fs::write(&path, &damaged[..100]).unwrap();
    // The size is checked even in the process that verified the digest before.
    assert_eq!(fs::read(scene.fetch().unwrap()).unwrap(), scene.content);
}

#[test]
fn several_fetchers_of_one_artifact_download_it_once() {
    let scene = Scene::new();
    let caches: Vec<BlobCache> = (0..6).map(|_| scene.restarted()).collect();
    std::thread::scope(|scope| {
        for cache in &caches {
            scope.spawn(|| assert_eq!(fs::read(scene.fetch_into(cache).unwrap()).unwrap(), scene.content));
        }
    });
    assert_eq!(scene.store.take_ranges().len(), 11);
}

#[test]
fn hostile_digests_and_sizes_are_refused_before_anything_is_fetched() {
    let scene = Scene::new();
    let options = FetchOptions::default();
    let upper = scene.sha256.to_uppercase();
    for digest in ["", "../../etc/passwd", &upper, "abc"] {
        let refused = fetch(&scene.store, KEY, digest, 10_500, &scene.cache, &options);
        assert!(matches!(refused, Err(FetchError::NotADigest { .. })), "{refused:?}");
    }
    let refused = fetch(&scene.store, KEY, &scene.sha256, u64::MAX, &scene.cache, &options);
    assert!(matches!(refused, Err(FetchError::TooLarge { .. })), "{refused:?}");
    let refused = fetch(&scene.store, "../outside", &scene.sha256, 10_500, &scene.cache, &options);
    assert!(matches!(refused, Err(FetchError::Store(StoreError::Invalid { .. }))), "{refused:?}");
    assert!(scene.store.take_ranges().is_empty());
}

#[test]
fn a_local_store_is_read_in_place_and_still_verified() {
    let scene = Scene::new();
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::open(root.path()).unwrap();
    let fetch = || fetch(&store, KEY, &scene.sha256, 10_500, &scene.cache, &FetchOptions::default());
    assert!(matches!(fetch(), Err(FetchError::Store(StoreError::NotFound { .. }))));

    store.write(KEY, &scene.content, Condition::Always).unwrap();
    assert_eq!(fetch().unwrap(), root.path().join(KEY));
    assert!(scene.files("blobs").is_empty());

    let mut flipped = scene.content.clone();
    flipped[1] ^= 1;
    store.write(KEY, &flipped, Condition::Always).unwrap();
    assert!(matches!(fetch(), Err(FetchError::Digest { .. })));
    store.write(KEY, &flipped[1..], Condition::Always).unwrap();
    assert!(matches!(fetch(), Err(FetchError::Truncated { .. })));
    store.write(KEY, &[flipped.as_slice(), b"x"].concat(), Condition::Always).unwrap();
    assert!(matches!(fetch(), Err(FetchError::Overlong { .. })));
}

#[test]
fn retain_deletes_other_blobs_and_abandoned_downloads() {
    let scene = Scene::new();
    let path = scene.fetch().unwrap();
    let other = b"another artifact".as_slice();
    scene.store_instead(other);
    let options = FetchOptions { part_bytes: 4, ..Default::default() };
    scene.store.fail_after(2);
    fetch(&scene.store, KEY, &sha256_bytes(other), 16, &scene.cache, &options).unwrap_err();
    assert_eq!(scene.files("partial").len(), 2);

    let keep = HashSet::from([scene.sha256.clone()]);
    assert!(scene.cache.retain(&keep).unwrap() > 0);
    assert!(path.exists() && scene.files("partial").is_empty());
    assert_eq!(scene.cache.retain(&HashSet::new()).unwrap(), 10_500);
    assert!(!path.exists());
    assert_eq!(scene.cache.find(&scene.sha256, 10_500).unwrap(), None);
}

#[test]
fn documents_are_remembered_across_restarts_under_plain_names_only() {
    let scene = Scene::new();
    assert_eq!(scene.cache.recall("channel.json").unwrap(), None);
    scene.cache.remember("channel.json", b"one").unwrap();
    scene.cache.remember("channel.json", b"two").unwrap();
    assert_eq!(scene.restarted().recall("channel.json").unwrap().as_deref(), Some(b"two".as_slice()));
    for name in ["", ".", "..", "../x", "/x", "a/b", r"a\b", ".hidden", &"x".repeat(300)] {
        assert!(matches!(scene.cache.remember(name, b"x"), Err(FetchError::Name { .. })), "{name:?}");
        assert!(matches!(scene.cache.recall(name), Err(FetchError::Name { .. })), "{name:?}");
    }
}

#[test]
fn progress_counts_up_to_the_whole_and_starts_where_the_last_attempt_stopped() {
    let scene = Scene::new();
    let seen = Mutex::new(Vec::new());
    let report = |bytes: u64| seen.lock().unwrap().push(bytes);
    let options =
        FetchOptions { part_bytes: PART, threads: 1, progress: Some(&report), ..Default::default() };
    let fetch = || fetch(&scene.store, KEY, &scene.sha256, 10_500, &scene.cache, &options);
    scene.store.fail_after(2);
    fetch().unwrap_err();
    scene.store.fail_after(usize::MAX);
    fetch().unwrap();
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen[..4], [1000, 2000, 3000, 4000]);
    assert_eq!(seen.last(), Some(&10_500));
}
