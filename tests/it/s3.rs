//! One contract, held by every store: a directory, memory, and a real S3 server.

use std::path::Path;

use larder::artifact::{ArtifactStore, Condition, LocalStore, MAX_SMALL_OBJECT, MemoryStore, StoreError};

mod downloads;
#[cfg(feature = "s3")]
mod manners;
#[cfg(feature = "s3")]
mod over_the_wire;
mod private_cache;
#[cfg(feature = "s3")]
mod serve;
#[cfg(feature = "s3")]
mod troubled;

#[test]
fn a_directory_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::create(dir.path().join("new")).unwrap();
    contract(&store);
    one_of_many_writers_wins(&store);
}

#[test]
fn memory_keeps_the_contract() {
    contract(&MemoryStore::new());
    one_of_many_writers_wins(&MemoryStore::new());
}

#[test]
fn two_stores_on_one_directory_agree_who_was_first() {
    let dir = tempfile::tempdir().unwrap();
    let stores: Vec<LocalStore> = (0..8).map(|_| LocalStore::open(dir.path()).unwrap()).collect();
    let stores: Vec<&dyn ArtifactStore> = stores.iter().map(|store| store as &dyn ArtifactStore).collect();
    assert_eq!(winners(&stores, "channels/a.json", &Condition::IfAbsent), 1);
    let etag = stores[0].read("channels/a.json").unwrap().etag;
    assert_eq!(winners(&stores, "channels/a.json", &Condition::IfMatch(etag)), 1);
}

#[cfg(unix)]
#[test]
fn published_files_are_readable_by_others_and_nothing_else_is_left_behind() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::open(dir.path()).unwrap();
    store.write("a/b.json", b"1", Condition::Always).unwrap();
    store.write("a/b.json", b"2", Condition::IfAbsent).unwrap_err();
    let names: Vec<_> =
        std::fs::read_dir(dir.path().join("a")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["b.json"]);
    let by_hand = dir.path().join("by_hand");
    std::fs::write(&by_hand, b"").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&store.local_path("a/b.json").unwrap()), mode(&by_hand));
}

/// What every store promises. The store is empty at first.
pub(crate) fn contract(store: &dyn ArtifactStore) {
    // Absence.
    assert!(matches!(store.read("channels/production.json"), Err(StoreError::NotFound { .. })));
    assert!(matches!(
        store.read_if_changed("channels/production.json", Some("x")),
        Err(StoreError::NotFound { .. })
    ));
    assert!(matches!(store.read_range("channels/production.json", 0, 4), Err(StoreError::NotFound { .. })));
    assert_eq!(store.list_dirs("").unwrap(), [""; 0]);
    assert_eq!(store.list_dirs("snapshots").unwrap(), [""; 0]);
    assert_eq!(store.list_objects("").unwrap(), []);
    assert_eq!(store.list_objects("snapshots").unwrap(), []);

    // Small objects and their etags.
    let first = store.write("channels/production.json", b"one", Condition::Always).unwrap();
    let read = store.read("channels/production.json").unwrap();
    assert_eq!((read.bytes.as_slice(), read.etag.as_str()), (b"one".as_slice(), first.as_str()));
    assert_eq!(store.read_if_changed("channels/production.json", Some(&first)).unwrap(), None);
    assert_eq!(store.read_if_changed("channels/production.json", None).unwrap(), Some(read));
    let second = store.write("channels/production.json", b"two", Condition::Always).unwrap();
    assert_ne!(first, second);
    let changed = store.read_if_changed("channels/production.json", Some(&first)).unwrap().unwrap();
    assert_eq!((changed.bytes.as_slice(), changed.etag.as_str()), (b"two".as_slice(), second.as_str()));

    // Conditions.
    let conflicts = |condition| match store.write("channels/production.json", b"three", condition) {
        Err(StoreError::Conflict { location, key }) => {
            assert_eq!((location, key.as_str()), (store.location(), "channels/production.json"));
        }
        other => panic!("{other:?}"),
    };
    conflicts(Condition::IfAbsent);
    conflicts(Condition::IfMatch(first));
    let absent = store.write("channels/absent.json", b"x", Condition::IfMatch(second.clone()));
    assert!(matches!(absent, Err(StoreError::Conflict { .. })), "{absent:?}");
    assert_eq!(store.read("channels/production.json").unwrap().bytes, b"two");
    let third = store.write("channels/production.json", b"three", Condition::IfMatch(second)).unwrap();
    assert_eq!(store.read("channels/production.json").unwrap().etag, third);
    store.write("channels/canary.json", b"new", Condition::IfAbsent).unwrap();

    // Files and ranges of them.
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    std::fs::write(&source, b"0123456789").unwrap();
    store.write_file("snapshots/v2/items.parquet", &source).unwrap();
    for (start, len, expected) in
        [(0, 10, "0123456789"), (3, 4, "3456"), (8, 5, "89"), (10, 1, ""), (99, 9, ""), (0, 0, "")]
    {
        let read = store.read_range("snapshots/v2/items.parquet", start, len).unwrap();
        assert_eq!(read, expected.as_bytes(), "{len} from {start}");
    }
    std::fs::write(&source, b"").unwrap();
    store.write_file("snapshots/v1/empty.parquet", &source).unwrap();
    assert_eq!(store.read("snapshots/v1/empty.parquet").unwrap().bytes, b"");
    assert_eq!(store.read_range("snapshots/v1/empty.parquet", 0, 1).unwrap(), b"");
    let unreadable = store.write_file("snapshots/v1/x", &dir.path().join("nowhere")).unwrap_err();
    assert!(
        matches!(&unreadable, StoreError::Invalid { source, .. } if source.to_string().contains("nowhere")),
        "{unreadable}"
    );

    // Folders: immediate ones only, no objects, and no object is a folder.
    store.write("snapshots/v2/deep/er/x", b"x", Condition::Always).unwrap();
    assert_eq!(store.list_dirs("").unwrap(), ["channels", "snapshots"]);
    assert_eq!(store.list_dirs("snapshots").unwrap(), ["v1", "v2"]);
    assert_eq!(store.list_dirs("snapshots/").unwrap(), ["v1", "v2"]);
    assert_eq!(store.list_dirs("snap").unwrap(), [""; 0]);
    assert!(matches!(store.read("snapshots"), Err(StoreError::NotFound { .. })));
    assert!(matches!(store.read("channels/canary.json/x"), Err(StoreError::NotFound { .. })));

    // What is too large to be read whole is refused, and can still be read in ranges.
    std::fs::File::create(&source).unwrap().set_len(MAX_SMALL_OBJECT + 1).unwrap();
    store.write_file("snapshots/v1/large.bin", &source).unwrap();
    let refused = store.read("snapshots/v1/large.bin").unwrap_err();
    assert!(matches!(refused, StoreError::Invalid { .. }), "{refused}");
    assert_eq!(store.read_range("snapshots/v1/large.bin", MAX_SMALL_OBJECT, 9).unwrap(), [0]);

    // Keys that would leave the store.
    for key in
        ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", r"..\x", ".larder.lock", "a/.hidden", "a\0b"]
    {
        let invalid = |refused: Result<(), StoreError>| {
            assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{key:?}: {refused:?}");
        };
        invalid(store.read(key).map(drop));
        invalid(store.read_if_changed(key, None).map(drop));
        invalid(store.read_range(key, 0, 1).map(drop));
        invalid(store.write(key, b"x", Condition::Always).map(drop));
        invalid(store.write_file(key, &source));
        assert_eq!(store.local_path(key), None);
    }
    for prefix in ["/", "..", "snapshots/../.."] {
        assert!(matches!(store.list_dirs(prefix), Err(StoreError::Invalid { .. })), "{prefix:?}");
    }
}

/// Exactly one of several concurrent conditional writes takes place, whichever the condition.
pub(crate) fn one_of_many_writers_wins(store: &dyn ArtifactStore) {
    for round in 0..3 {
        let key = format!("races/{round}.json");
        assert_eq!(winners(&[store; 8], &key, &Condition::IfAbsent), 1);
        let etag = store.read(&key).unwrap().etag;
        assert_eq!(winners(&[store; 8], &key, &Condition::IfMatch(etag)), 1);
    }
}

/// How many of these writers, each with content of its own, get their write through; the rest see a conflict.
fn winners(writers: &[&dyn ArtifactStore], key: &str, condition: &Condition) -> usize {
    let start = std::sync::Barrier::new(writers.len());
    let nonce = fastrand::u64(..);
    let attempt = &|n: usize| {
        start.wait();
        writers[n].write(key, format!("{nonce} {n}").as_bytes(), condition.clone())
    };
    let results: Vec<Result<String, StoreError>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..writers.len()).map(|n| scope.spawn(move || attempt(n))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    for lost in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(matches!(lost, StoreError::Conflict { .. }), "{lost}");
    }
    let won: Vec<&String> = results.iter().flatten().collect();
    assert!(won.iter().all(|etag| **etag == store_etag(writers[0], key)));
    won.len()
}

fn store_etag(store: &dyn ArtifactStore, key: &str) -> String {
    store.read(key).unwrap().etag
}
