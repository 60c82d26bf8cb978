//! What a snapshot takes is known before it is decoded, and one that would not fit is not.

use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use larder::artifact::{ArtifactStore, MemoryStore};
use larder::snapshot::{
    LoadOptions, MANIFEST, Outcome, Snapshot, SnapshotError, build_manifest, describe_directory,
    open_directory, predict_directory,
};
use larder::train::sample::{ScaleSpec, write_scale};

use crate::support::following::{CHANNEL, Following, publish_to};
use crate::support::grocer;

/// What decoding may take on top, whatever the size.
const DECODING: u64 = 24 << 20;

fn resident(snapshot: &Snapshot, name: &str) -> u64 {
    let bytes = match name {
        "catalog" => snapshot.items().resident_bytes() + snapshot.catalog().resident_bytes(),
        "placements" => snapshot.placements().len(),
        _ => snapshot.artifact(name).unwrap().resident_bytes(),
    };
    bytes as u64
}

fn assert_predicted(dir: &Path) {
    let options = LoadOptions::default();
    let (manifest, predicted) = predict_directory(dir, CHANNEL, &options).unwrap();
    let snapshot = open_directory(dir, CHANNEL, &options).unwrap();
    for (entry, said) in manifest.artifacts.iter().zip(predicted) {
        let found = resident(&snapshot, &entry.name);
        let near = found.abs_diff(said) <= found / 10 + 4096;
        assert!(near, "{} takes {found} bytes, predicted were {said}", entry.name);
    }
}

#[test]
fn what_an_artifact_takes_is_predicted_within_a_tenth() {
    assert_predicted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
    for (items, sessions, users) in [(3000, 40_000, 7000), (20_000, 9000, 500)] {
        let spec =
            ScaleSpec { items, sessions, users, user_features: 0, seed: 5, until_ms: 1_793_404_800_000 };
        let dir = tempfile::tempdir().unwrap();
        write_scale(&spec, dir.path(), &mut |_, _| {}).unwrap();
        let manifest =
            build_manifest(dir.path(), describe_directory(dir.path()).unwrap(), None, Utc::now()).unwrap();
        std::fs::write(dir.path().join(MANIFEST), manifest.to_json()).unwrap();
        assert_predicted(dir.path());
    }
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
        predicted.iter().sum()
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
    let SnapshotError::Memory { needs, room, budget, .. } = &refused else { panic!("{refused}") };
    assert!(needs > room && *budget == DECODING + size * 3 / 2);
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
