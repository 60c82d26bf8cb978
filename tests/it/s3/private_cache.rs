//! The cache directory is one user's and one store's: what others plant in it is neither used nor overwritten.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use larder::artifact::{
    ArtifactStore as _, BlobCache, Condition, FetchError, FetchOptions, MemoryStore, fetch, sha256_bytes,
};
use larder::snapshot::{SnapshotError, open_cache};

use crate::support::skip::say;

const CONTENT: &[u8] = b"an artifact";

fn fetch_into(cache: &BlobCache, content: &[u8]) -> Result<PathBuf, FetchError> {
    let store = MemoryStore::new();
    store.write("a", content, Condition::Always).unwrap();
    let (sha256, bytes) = (sha256_bytes(content), content.len() as u64);
    fetch(&store, "a", &sha256, bytes, cache, &FetchOptions::default())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn links_that_were_planted_are_replaced_and_not_written_through() {
    let sha256 = sha256_bytes(CONTENT);
    let names =
        [format!("partial/{sha256}.part"), format!("partial/{sha256}.marks"), format!("blobs/{sha256}")];
    for name in names {
        for hard in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let (victim, cache) = (dir.path().join("victim"), dir.path().join("cache"));
            // As long as the artifact, so that nothing is told by its size.
            fs::write(&victim, b"precious...").unwrap();
            drop(BlobCache::open(&cache).unwrap());
            let planted = cache.join(&name);
            if hard {
                fs::hard_link(&victim, planted).unwrap()
            } else {
                symlink(&victim, planted).unwrap()
            }
            let path = fetch_into(&BlobCache::open(&cache).unwrap(), CONTENT).unwrap();
            assert_eq!(fs::read(&path).unwrap(), CONTENT, "{name}");
            assert!(fs::symlink_metadata(&path).unwrap().is_file(), "{name}");
            assert_eq!(fs::read(&victim).unwrap(), b"precious...", "{name}");
        }
    }
}

#[test]
fn documents_behind_links_and_locks_that_are_links_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (victim, folder) = (dir.path().join("victim"), dir.path().join("cache"));
    let cache = BlobCache::open(&folder).unwrap();
    fs::write(&victim, "\"\"\n{}").unwrap();
    symlink(&victim, folder.join("documents/channel.json")).unwrap();
    let refused = cache.recall("channel.json").unwrap_err().to_string();
    assert!(refused.contains("symbolic link"), "{refused}");
    // Remembering replaces the link.
    cache.remember("channel.json", b"ours").unwrap();
    assert_eq!(cache.recall("channel.json").unwrap().unwrap(), b"ours");
    assert_eq!(fs::read(&victim).unwrap(), b"\"\"\n{}");

    symlink(dir.path().join("made"), folder.join("locks").join(&sha256_bytes(CONTENT)[..2])).unwrap();
    let refused = fetch_into(&cache, CONTENT).unwrap_err().to_string();
    assert!(refused.contains("symbolic link") && refused.contains("cache_dir"), "{refused}");
    assert!(!dir.path().join("made").exists());
}

#[test]
fn a_directory_is_closed_to_others_and_a_link_or_another_users_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cache");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    fetch_into(&BlobCache::open(&folder).unwrap(), CONTENT).unwrap();
    for inside in ["", "blobs", "partial", "documents", "locks"] {
        assert_eq!(mode(&folder.join(inside)), 0o700, "{inside}");
    }
    for inside in ["blobs", "documents"] {
        let away = dir.path().join(inside);
        fs::rename(folder.join(inside), &away).unwrap();
        symlink(&away, folder.join(inside)).unwrap();
        let refused = BlobCache::open(&folder).unwrap_err().to_string();
        assert!(refused.contains("symbolic link") && refused.contains(inside), "{refused}");
        fs::remove_file(folder.join(inside)).unwrap();
        fs::rename(&away, folder.join(inside)).unwrap();
    }
    for inside in ["", "documents"] {
        let theirs = folder.join(inside);
        if chown(&theirs, Some(65_534), None).is_err() {
            say(
                "a_directory_is_closed_to_others_and_a_link_or_another_users_is_none",
                "root, to give files away",
            );
            return;
        }
        let refused = BlobCache::open(&folder).unwrap_err().to_string();
        assert!(refused.contains("belongs to user 65534"), "{refused}");
        chown(&theirs, Some(0), None).unwrap();
    }
    let document = folder.join("documents/channel.json");
    fs::write(&document, "\"\"\n{}").unwrap();
    chown(&document, Some(65_534), None).unwrap();
    assert!(BlobCache::open(&folder).unwrap().recall("channel.json").is_err());
}

#[test]
fn a_document_of_another_store_is_none_of_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = BlobCache::open(dir.path()).unwrap().of("s3://theirs");
    theirs.remember("channel.json", b"{}").unwrap();
    assert_eq!(theirs.recall("channel.json").unwrap().unwrap(), b"{}");
    for origin in ["", "s3://ours", "s3://their", "s3://theirs/"] {
        let ours = BlobCache::open(dir.path()).unwrap().of(origin);
        assert_eq!(ours.recall("channel.json").unwrap(), None, "{origin}");
    }
    // Planted without saying where it is from.
    fs::write(dir.path().join("documents/channel.json"), "{}").unwrap();
    assert_eq!(theirs.recall("channel.json").unwrap(), None);
}

#[test]
fn what_one_process_needs_is_not_deleted_by_another_that_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (BlobCache::open(dir.path()).unwrap(), BlobCache::open(dir.path()).unwrap());
    let path = fetch_into(&one, CONTENT).unwrap();
    assert_eq!(other.retain(&HashSet::new()).unwrap(), 0);
    assert!(path.exists());
    // Found by another, it is needed by that one.
    let found = |cache: &BlobCache| cache.find(&sha256_bytes(CONTENT), CONTENT.len() as u64).unwrap();
    assert!(found(&other).is_some());
    assert_eq!(one.retain(&HashSet::new()).unwrap(), 0);
    assert!(path.exists());
    assert_eq!(other.retain(&HashSet::new()).unwrap(), CONTENT.len() as u64);
    assert!(!path.exists() && found(&one).is_none());
}

#[cfg(feature = "s3")]
#[test]
fn channels_stores_and_servers_have_caches_of_their_own() {
    use crate::support::object_server::{AMAZON, ObjectServer};
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (ObjectServer::start(AMAZON), ObjectServer::start(AMAZON));
    let open = |server: &ObjectServer, location: &str, channel: &str| {
        let store = larder::artifact::open(location, &server.options()).unwrap();
        open_cache(dir.path(), store.as_ref(), channel).unwrap()
    };
    let caches = [
        open(&here, "s3://shop/a", "production"),
        open(&here, "s3://shop/a", "staging"),
        open(&here, "s3://shop/b", "production"),
        open(&there, "s3://shop/a", "production"),
    ];
    for (at, cache) in caches.iter().enumerate() {
        fetch_into(cache, CONTENT).unwrap();
        cache.remember("channel.json", &[b'0' + at as u8]).unwrap();
    }
    caches[1].retain(&HashSet::new()).unwrap();
    for (at, cache) in caches.iter().enumerate() {
        assert_eq!(cache.recall("channel.json").unwrap().unwrap(), [b'0' + at as u8]);
        let found = cache.find(&sha256_bytes(CONTENT), CONTENT.len() as u64).unwrap();
        assert_eq!(found.is_some(), at != 1, "{at}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
}

#[test]
fn a_store_in_a_directory_needs_no_cache_and_any_other_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let local = larder::artifact::LocalStore::open(dir.path()).unwrap();
    for nowhere in ["", "/dev/null/cache"] {
        let cache = open_cache(Path::new(nowhere), &local, "production").unwrap();
        cache.remember("channel.json", b"{}").unwrap();
        assert_eq!(cache.recall("channel.json").unwrap(), None);
        assert_eq!(cache.retain(&HashSet::new()).unwrap(), 0);
    }
    let error = open_cache(Path::new(""), &MemoryStore::new(), "production").unwrap_err();
    let said = SnapshotError::Cache(error).to_string();
    assert!(said.contains("LARDER_CACHE_DIR") && said.contains("HOME"), "{said}");
}
