//! What a snapshot takes is known before it is decoded, and one that would not fit is not.

use std::path::Path;
use std::sync::Arc;

use arrow_array::Int64Array;
use chrono::Utc;
use larder::artifact::{ArtifactStore, MemoryStore};
use larder::snapshot::{
    LoadOptions, MANIFEST, Outcome, Snapshot, SnapshotError, build_manifest, describe_directory,
    open_directory, predict_directory, shard_tables,
};
use larder_sample::{ScaleSpec, write_scale};
use tempfile::TempDir;

use crate::support::following::{CHANNEL, Following, publish_to};
use crate::support::grocer::{self, array, floats, table, texts};

/// What decoding may take on top, whatever the size.
const DECODING: u64 = 24 << 20;

fn resident(snapshot: &Snapshot, name: &str) -> u64 {
    snapshot.artifact(name).unwrap().resident_bytes() as u64
}

fn assert_predicted(dir: &Path, options: &LoadOptions) {
    let (manifest, predicted) = predict_directory(dir, CHANNEL, options).unwrap();
    let snapshot = open_directory(dir, CHANNEL, options).unwrap();
    for (entry, said) in manifest.artifacts.iter().zip(predicted) {
        let found = resident(&snapshot, &entry.name);
        let near = found.abs_diff(said.resident) <= found / 10 + 4096;
        assert!(near, "{} takes {found} bytes, predicted were {}", entry.name, said.resident);
        let by_shard = entry.kind == "user_features" && options.user_features_memory < found;
        let on_top = if by_shard { 0 } else { said.resident / 5 };
        assert!(said.peak >= said.resident + on_top, "{} is decoded from nothing", entry.name);
    }
}

fn seal(dir: &Path) {
    let manifest = build_manifest(dir, describe_directory(dir).unwrap(), None, Utc::now()).unwrap();
    std::fs::write(dir.join(MANIFEST), manifest.to_json()).unwrap();
}

#[test]
fn what_an_artifact_takes_is_predicted_within_a_tenth() {
    let options = LoadOptions::default();
    assert_predicted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models"), &options);
    for (items, sessions, users) in [(3000, 40_000, 7000), (20_000, 9000, 500)] {
        let spec =
            ScaleSpec { items, sessions, users, user_features: users, seed: 5, until_ms: 1_793_404_800_000 };
        let dir = tempfile::tempdir().unwrap();
        write_scale(&spec, dir.path(), &mut |_, _| {}).unwrap();
        seal(dir.path());
        assert_predicted(dir.path(), &options);
    }
}

/// The grocer's shop with users' features in shards, features of items and so many past visits of two items each.
fn shop_with_features(users: usize, ids: fn(usize) -> String) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    grocer::stock(dir.path(), 1);
    let taste = |user: usize| ["tea", "coffee", "cocoa"][user % 3];
    let columns = vec![
        ("user_id", texts((0..users).map(|user| format!("somebody {user}")))),
        ("thrift", floats((0..users).map(|user| user as f32))),
        ("taste", texts((0..users).map(taste))),
    ];
    table(dir.path(), "habits", columns);
    let columns = vec![
        ("item_id", texts(grocer::items())),
        ("margin", floats(grocer::items().map(|id| id.len() as f32))),
        ("shelf", texts(grocer::items().map(|id| format!("on the left of {id}, behind everything else")))),
    ];
    table(dir.path(), "margins", columns);
    let clicks =
        || (0..users).flat_map(|visit| grocer::items().skip(visit % 20).take(2).map(move |id| (visit, id)));
    let columns = vec![
        ("session_id", texts(clicks().map(|(visit, _)| ids(visit)))),
        ("item_id", texts(clicks().map(|(_, id)| id))),
        ("timestamp", array(Int64Array::from_iter_values(clicks().map(|(visit, _)| visit as i64)))),
    ];
    table(dir.path(), "sessions", columns);
    std::fs::write(dir.path().join("params.toml"), "[habits]\nshards = 64\n").unwrap();
    shard_tables(dir.path(), &describe_directory(dir.path()).unwrap()).unwrap();
    seal(dir.path());
    dir
}

#[test]
fn features_of_users_and_items_are_predicted_whole_and_by_shard() {
    let dir = shop_with_features(40_000, |visit| format!("{visit:09}"));
    let by_shard = LoadOptions { user_features_memory: 1 << 20, ..LoadOptions::default() };
    let sizes = [LoadOptions::default(), by_shard].map(|options| {
        assert_predicted(dir.path(), &options);
        let snapshot = open_directory(dir.path(), CHANNEL, &options).unwrap();
        resident(&snapshot, "habits")
    });
    assert!(sizes[1] < sizes[0], "a cache of a part takes less than the whole: {sizes:?}");
}

#[test]
fn what_decoding_sessions_takes_is_predicted_whatever_their_ids_look_like() {
    let peak = |dir: &Path| {
        let options = LoadOptions::default();
        assert_predicted(dir, &options);
        let (manifest, predicted) = predict_directory(dir, CHANNEL, &options).unwrap();
        let at = manifest.artifacts.iter().position(|entry| entry.name == "sessions").unwrap();
        predicted[at].peak
    };
    let dir = shop_with_features(20_000, |visit| format!("{visit:09}"));
    let ascending = peak(dir.path());
    assert_eq!(ascending, 12 * 40_000 + 24 * 20_000);
    let clicks = || (0..20_000i64).flat_map(|visit| [visit, visit]);
    let numbered = |visits: &dyn Fn(i64) -> i64| {
        let columns = vec![
            ("session_id", array(Int64Array::from_iter_values(clicks().map(visits)))),
            ("item_id", texts(clicks().enumerate().map(|(at, _)| ["milk", "jam"][at % 2]))),
            ("timestamp", array(Int64Array::from_iter_values(clicks()))),
        ];
        table(dir.path(), "sessions", columns);
        seal(dir.path());
        peak(dir.path())
    };
    assert_eq!(numbered(&|visit| visit), ascending, "integers are sessions too");
    assert!(numbered(&|visit| -visit) > ascending, "ids that do not ascend need a table of their own");
}

/// Somebody who follows a store with a budget, and what the first snapshot takes.
struct Scene {
    store: Arc<dyn ArtifactStore>,
    cache: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { store: Arc::new(MemoryStore::new()), cache: tempfile::tempdir().unwrap() }
    }

    fn publish(&self, hour: u32) -> String {
        publish_to(&*self.store, grocer::snapshot(hour).path()).unwrap().snapshot
    }

    /// Bytes that the served snapshot takes: about as many as that of any other hour.
    fn size(&self) -> u64 {
        self.publish(1);
        let dir = grocer::snapshot(1);
        let (_, predicted) = predict_directory(dir.path(), CHANNEL, &LoadOptions::default()).unwrap();
        predicted.iter().map(|found| found.resident).sum()
    }

    fn within(&self, budget: u64) -> Following {
        Following::within(Some(budget), Arc::clone(&self.store), self.cache.path(), true)
    }
}

#[test]
fn a_snapshot_that_would_not_fit_is_refused_and_the_old_one_stays() {
    let scene = Scene::new();
    let size = scene.size();
    let following = scene.within(DECODING + size * 3 / 2);
    assert!(matches!(following.refresher.refresh(false), Ok(Outcome::Swapped { .. })));
    let (before, slates) = (following.version(), following.slates());
    scene.publish(2);
    let refused = following.refresher.refresh(false).unwrap_err();
    let SnapshotError::Memory { needs, left, budget, .. } = &refused else { panic!("{refused}") };
    assert!(needs > left && *budget == DECODING + size * 3 / 2);
    let said = refused.to_string();
    assert!(said.contains(&needs.to_string()) && said.contains("memory_budget"), "{said}");
    assert_eq!((following.version(), following.slates()), (before, slates));
    let health = following.refresher.health();
    assert_eq!(health.failures[&("-".to_owned(), "memory")], 1);
    assert!(health.last_failure.unwrap().reason.contains("memory_budget"));
}

#[test]
fn a_first_snapshot_that_would_not_fit_is_refused_before_it_is_decoded() {
    let scene = Scene::new();
    let size = scene.size();
    let following = scene.within(size);
    let refused = following.refresher.refresh(false).unwrap_err();
    assert!(matches!(refused, SnapshotError::Memory { .. }), "{refused}");
    assert!(!following.recommender.is_ready());
}

#[test]
fn the_snapshot_kept_for_a_rollback_makes_room_for_the_next() {
    let scene = Scene::new();
    let size = scene.size();
    let following = scene.within(DECODING + size * 27 / 10);
    for hour in 1..5 {
        let version = scene.publish(hour);
        following.refresher.refresh(false).unwrap();
        assert_eq!(following.version(), version);
    }
}
