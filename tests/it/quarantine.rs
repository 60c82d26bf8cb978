//! Snapshots are tried out in a process of its own: its end refuses the snapshot, and what is served goes on being
//! served.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::artifact::{BlobCache, MemoryStore, sha256_file};
use larder::snapshot::{MANIFEST, Outcome, Quarantine, SnapshotError};
use serde_json::json;
use tempfile::TempDir;

use crate::support::following::{Following, publish_to};
use crate::support::grocer;
use crate::support::parquet_bytes::{Column, Page, TEXT, file, group, leaf, varint};

/// The document that a load leaves if it ends the process.
const MARK: &str = "loading-production.json";

fn larder() -> Quarantine {
    Quarantine::of_program(env!("CARGO_BIN_EXE_larder"))
}

/// A program that does this instead of trying anything out.
fn program(dir: &Path, script: &str) -> Quarantine {
    let path = dir.join("program");
    fs::write(&path, format!("#!/bin/sh\ncat > /dev/null\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Quarantine::of_program(path)
}

/// A server's control plane with a quarantine, its cache, and its store with a first snapshot that is served.
struct Scene {
    store: Arc<MemoryStore>,
    cache: TempDir,
    following: Following,
}

impl Scene {
    fn new(budget: Option<u64>) -> Self {
        let (store, cache) = (Arc::new(MemoryStore::new()), tempfile::tempdir().unwrap());
        let following = Following::within(budget, store.clone(), cache.path(), true).quarantined(larder());
        publish_to(&*store, grocer::snapshot(1).path()).unwrap();
        following.refresher.refresh(false).unwrap();
        Self { store, cache, following }
    }

    fn publish(&self, day: u32) -> String {
        publish_to(&*self.store, grocer::snapshot(day).path()).unwrap().snapshot
    }

    fn quarantined(mut self, quarantine: Quarantine) -> Self {
        self.following = self.following.quarantined(quarantine);
        self
    }

    /// Another process on the same cache and store.
    fn next(&self) -> Following {
        Following::new(self.store.clone(), self.cache.path(), true)
    }

    /// What the cache remembers under a name.
    fn document(&self, name: &str) -> Option<Vec<u8>> {
        BlobCache::open(self.cache.path()).unwrap().recall(name).unwrap()
    }

    /// Makes it look as if a process had died while it loaded a snapshot.
    fn mark(&self, snapshot: &str, deaths: u32) {
        let mark = json!({"snapshot": snapshot, "deaths": deaths, "process": 0}).to_string();
        BlobCache::open(self.cache.path()).unwrap().remember(MARK, mark.as_bytes()).unwrap();
    }
}

#[test]
fn a_sound_snapshot_is_tried_out_once_and_remembered() {
    let scene = Scene::new(None);
    let proven = scene.document("proven.json").unwrap();
    assert_eq!(serde_json::from_slice::<Vec<String>>(&proven).unwrap().len(), 1);
    // One that would refuse everything: it is not asked.
    let dir = tempfile::tempdir().unwrap();
    let next = scene.next().quarantined(program(dir.path(), "kill -ABRT $$"));
    next.refresher.refresh(false).unwrap();
    assert_eq!(next.version(), scene.following.version());
    // Of a new one it is.
    scene.publish(2);
    assert!(next.refresher.refresh(false).is_err());
}

#[test]
fn the_end_of_the_process_refuses_the_snapshot_and_names_the_artifact() {
    let ends = [
        ("echo 'thread main has overflowed its stack' >&2; kill -ABRT $$", "used up its stack"),
        ("echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$", "needed more than the"),
        ("kill -KILL $$", "was killed: it ran out of memory"),
        ("kill -XCPU $$", "seconds of CPU time"),
        ("kill -SEGV $$", "was ended by signal 11"),
        ("exit 3", "ended without a verdict (exit status: 3)"),
    ];
    for (end, says) in ends {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("echo '{{\"at\":\"catalog\"}}'; echo '{{\"at\":\"similar\"}}'; {end}");
        let scene = Scene::new(Some(200 << 20)).quarantined(program(dir.path(), &script));
        let (version, slates) = (scene.following.version(), scene.following.slates());
        let refused = scene.publish(2);
        let error = scene.following.refresher.refresh(false).unwrap_err();
        assert_eq!((error.artifact(), error.label()), (Some("similar"), "quarantine"), "{error}");
        let said = error.to_string();
        assert!(said.starts_with("artifact \"similar\": the process that tried the snapshot out"), "{said}");
        assert!(said.contains(says), "no {says:?} in {said}");
        assert_eq!((scene.following.version(), scene.following.slates()), (version, slates));
        let failure = scene.following.refresher.health().last_failure.unwrap();
        assert_eq!((failure.version, failure.artifact), (refused, Some("similar".to_owned())));
        // It is not loaded after all, and the next good one is.
        assert_eq!(scene.document(MARK), None);
        let scene = scene.quarantined(larder());
        let good = scene.publish(3);
        assert!(
            matches!(scene.following.refresher.refresh(false), Ok(Outcome::Swapped { version, .. }) if version == good)
        );
    }
}

#[test]
fn without_a_process_the_snapshot_is_loaded_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    // One that is not there, and one that the system does not let do what it must do first.
    let missing = Quarantine::of_program("/nonexistent/larder");
    let hindered = program(dir.path(), "echo 'Operation not permitted (os error 1)' >&2; exit 1");
    for quarantine in [missing, hindered] {
        let scene = Scene::new(None).quarantined(quarantine);
        let version = scene.publish(2);
        assert!(matches!(scene.following.refresher.refresh(false), Ok(Outcome::Swapped { .. })));
        assert_eq!(scene.following.version(), version);
    }
}

#[test]
fn a_limit_that_somebody_set_is_only_lowered() {
    let store = tempfile::tempdir().unwrap();
    let larder = env!("CARGO_BIN_EXE_larder");
    let made = grocer::snapshot(1);
    let mut publish = Command::new(larder);
    let publish = publish.args(["snapshot", "publish"]).arg(made.path()).arg("--store").arg(store.path());
    let published = publish.output().unwrap();
    assert!(published.status.success(), "{published:?}");
    let store = store.path().display();
    let script = format!("ulimit -v 8000000; ulimit -t 200; {larder} snapshot verify --store {store}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !said.contains("cannot be run"), "{said}");
}

/// A catalogue whose ids have a million bytes in common with the one before: a megabyte that decodes to gigabytes, of
/// which neither footer nor pages say anything.
fn shared_prefixes() -> Vec<u8> {
    let (rows, length) = (8192u32, 1u32 << 20);
    // Delta encodings of one block in one part, 32 bits a difference.
    let head = |first: i64, least: i64| {
        let zigzag = |number: i64| varint(((number << 1) ^ (number >> 63)) as u64);
        [varint(rows.into()), varint(1), varint(rows.into()), zigzag(first), zigzag(least), vec![32]].concat()
    };
    let differences = |first: u32, others: u32| {
        let all = std::iter::once(first).chain(std::iter::repeat_n(others, rows as usize - 1));
        all.flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    let prefixes = [head(0, 0), differences(length, 0)].concat();
    let suffixes = [head(length.into(), -i64::from(length)), differences(0, length)].concat();
    let content = [prefixes, suffixes, vec![b'x'; length as usize]].concat();
    let column =
        Column { path: &["item_id"], kind: TEXT, codec: 0, pages: vec![Page::data(rows as i32, 7, content)] };
    file(&[group("schema", 0, 1), leaf("item_id", 0, TEXT)], rows.into(), &[column])
}

/// The snapshot of a day, with another file in the place of an artifact's.
fn with(day: u32, name: &str, bytes: &[u8]) -> TempDir {
    let dir = grocer::snapshot(day);
    let path = dir.path().join(format!("{name}.parquet"));
    fs::write(&path, bytes).unwrap();
    let (sha256, length) = sha256_file(&path).unwrap();
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join(MANIFEST)).unwrap()).unwrap();
    let entries = manifest["artifacts"].as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|entry| entry["name"] == name).unwrap();
    (entry["sha256"], entry["bytes"], entry["rows"]) = (json!(sha256), json!(length), json!(0));
    fs::write(dir.path().join(MANIFEST), manifest.to_string()).unwrap();
    dir
}

fn verify(store: &Path, flags: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(["snapshot", "verify", "--store"]).arg(store).args(flags);
    command.output().unwrap()
}

#[test]
fn what_no_header_tells_ends_the_process_that_tries_it_out_and_no_other() {
    let (store, cache) = (Arc::new(MemoryStore::new()), tempfile::tempdir().unwrap());
    let following = Following::roomy(200 << 20, store.clone(), cache.path()).quarantined(larder());
    publish_to(&*store, grocer::snapshot(1).path()).unwrap();
    following.refresher.refresh(false).unwrap();
    let version = following.version();
    publish_to(&*store, with(2, "catalog", &shared_prefixes()).path()).unwrap();
    let error = following.refresher.refresh(false).unwrap_err();
    assert_eq!((error.artifact(), error.label()), (Some("catalog"), "quarantine"), "{error}");
    assert!(error.to_string().contains("needed more than the"), "{error}");
    assert_eq!(following.version(), version);
}

#[test]
fn a_start_after_a_death_serves_the_last_good_snapshot_first() {
    let scene = Scene::new(None);
    let good = scene.following.version();
    let deadly = scene.publish(2);
    scene.mark(&deadly, 0);
    let next = scene.next();
    assert!(matches!(next.refresher.refresh(false), Ok(Outcome::Swapped { .. })));
    assert_eq!(
        (next.version(), next.refresher.health().swaps),
        (deadly.clone(), 2),
        "the good one went first"
    );
    assert_eq!(scene.document(MARK), None, "the load came back");
    // The cache remembers what was served last: the one that has come back is good now.
    let deadly = scene.publish(3);
    scene.mark(&deadly, 1);
    let next = scene.next();
    let error = next.refresher.refresh(false).unwrap_err();
    assert!(matches!(&error, SnapshotError::Deadly { deaths: 2, .. }), "{error}");
    assert_ne!(next.version(), deadly);
    assert_ne!(next.version(), good);
    // An operator who knows better is obeyed.
    assert!(matches!(next.refresher.refresh(true), Ok(Outcome::Swapped { .. })));
    assert_eq!(next.version(), deadly);
}

#[test]
fn verify_names_the_artifact_of_a_hostile_file() {
    let fields = [vec![group("schema", 0, 2), leaf("item_id", 0, TEXT)], vec![group("a", 1, 1); 5_000]];
    let fields = [fields.concat(), vec![leaf("x", 2, TEXT)]].concat();
    let dir = with(1, "similar", &file(&fields, 1, &[]));
    let output = verify(dir.path(), &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("artifact \"similar\"") && said.contains("more than 32 deep"), "{said}");
}

#[test]
fn verify_says_what_a_sound_snapshot_is_like() {
    let dir = grocer::snapshot(1);
    let [alone, here] = ["true", "false"].map(|quarantine| {
        let output = verify(dir.path(), &["--snapshot.quarantine", quarantine]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    });
    assert!(alone.contains("sound. 30 items"), "{alone}");
    assert_eq!(alone, here);
}

#[test]
fn a_rollback_calls_a_trial_off() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::new(None);
    let first = scene.following.version();
    scene.publish(2);
    scene.following.refresher.refresh(false).unwrap();
    let began = dir.path().join("began");
    let script = format!("touch {}; exec sleep 600", began.display());
    let scene = scene.quarantined(program(dir.path(), &script));
    scene.publish(3);
    std::thread::scope(|scope| {
        let refresh = scope.spawn(|| scene.following.refresher.refresh(false));
        while !began.exists() {
            std::thread::yield_now();
        }
        let asked = Instant::now();
        assert_eq!(scene.following.refresher.rollback().unwrap(), first);
        assert_eq!(refresh.join().unwrap().unwrap(), Outcome::Held);
        assert!(asked.elapsed() < Duration::from_secs(60), "{:?}", asked.elapsed());
    });
    assert_eq!(scene.following.version(), first);
}
