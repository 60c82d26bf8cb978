//! One snapshot follows another without a request noticing: swaps under load, rollbacks, what is shared and what is
//! fetched, a store that goes away, and publishers that meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeZone as _, Utc};
use larder::artifact::{ArtifactStore, Condition, MemoryStore, StoreError};
use larder::domain::Request;
use larder::snapshot::{MANIFEST, Outcome, SnapshotError, Source, read_channel, rollback};
use tempfile::TempDir;

use crate::support::faulty_store::FaultyStore;
use crate::support::following::{CHANNEL, Following, lines, publish_to};
use crate::support::grocer;

mod publishers;

/// A store, somebody who follows it, and the cache that outlives them.
struct Scene {
    store: Arc<FaultyStore<MemoryStore>>,
    cache: TempDir,
    following: Following,
}

impl Scene {
    fn new() -> Self {
        Self::keeping_previous(true)
    }

    fn keeping_previous(keep: bool) -> Self {
        let store = Arc::new(FaultyStore::new(MemoryStore::new()));
        let cache = tempfile::tempdir().unwrap();
        let following = Following::new(store.clone(), cache.path(), keep);
        Self { store, cache, following }
    }

    /// Publishes the snapshot of an hour; returns its version.
    fn publish(&self, hour: u32) -> String {
        publish_to(&*self.store, grocer::snapshot(hour).path()).unwrap().snapshot
    }

    fn refresh(&self) -> Result<Outcome, SnapshotError> {
        self.following.refresher.refresh(false)
    }

    /// Publishes, follows, and returns the version that is served then.
    fn serve(&self, hour: u32) -> String {
        let version = self.publish(hour);
        assert!(matches!(self.refresh().unwrap(), Outcome::Swapped { version: v, .. } if v == version));
        assert_eq!(self.following.version(), version);
        version
    }

    /// Another process with the same cache.
    fn restarted(&self) -> Following {
        Following::new(self.store.clone(), self.cache.path(), true)
    }

    fn channel(&self) -> String {
        read_channel(&*self.store, CHANNEL).unwrap().unwrap().0.snapshot
    }
}

fn now() -> DateTime<Utc> {
    Utc.timestamp_opt(1_800_000_000, 0).unwrap()
}

#[test]
fn every_answer_during_a_swap_is_from_exactly_one_snapshot() {
    // Each snapshot has one item that no other has: it is the only one similar to earl-grey.
    let scene = Scene::new();
    let mut told_apart = Vec::new();
    for (hour, item) in grocer::items().skip(1).take(6).enumerate() {
        let dir = grocer::snapshot(hour as u32);
        grocer::table(
            dir.path(),
            "similar",
            vec![
                ("item_id", grocer::texts(["earl-grey"])),
                ("neighbor_id", grocer::texts([item])),
                ("score", grocer::floats([1.0])),
            ],
        );
        let recipe = r#"
            [placements.one]
            page_size = 1
            sources = [ { kind = "neighbors", artifact = "similar" } ]
        "#;
        std::fs::write(dir.path().join("placements.toml"), recipe).unwrap();
        let mut manifest = grocer::seal(dir.path(), hour as u32);
        manifest.golden.clear();
        std::fs::write(dir.path().join(MANIFEST), manifest.to_json()).unwrap();
        told_apart.push((manifest.snapshot, item, dir));
    }
    let publish = |n: usize| {
        publish_to(&*scene.store, told_apart[n].2.path()).unwrap();
        scene.refresh().unwrap();
    };
    publish(0);
    let done = AtomicBool::new(false);
    let answers = [const { AtomicUsize::new(0) }; 4];
    let ask = |answered: &AtomicUsize| {
        let mut seen: Vec<String> = Vec::new();
        while !done.load(Ordering::SeqCst) {
            let request = Request::new("one").viewing("earl-grey");
            let answer = scene.following.recommender.recommend(&request).unwrap();
            let version = answer.snapshot().version();
            let (_, item, _) = told_apart.iter().find(|(known, ..)| known == version).unwrap();
            let shown: Vec<String> = lines(&answer).into_iter().map(|(id, ..)| id).collect();
            assert_eq!(shown, [*item], "of {version}");
            if seen.last().map(String::as_str) != Some(version) {
                seen.push(version.to_owned());
            }
            answered.fetch_add(1, Ordering::SeqCst);
        }
        seen
    };
    // Each asker has an answer of each snapshot; the first after a swap may still be of the one before.
    let wait_for_answers = || {
        for answered in &answers {
            let before = answered.load(Ordering::SeqCst);
            let began = Instant::now();
            while answered.load(Ordering::SeqCst) < before + 2 && began.elapsed() < Duration::from_secs(20) {
                std::thread::yield_now();
            }
        }
    };
    std::thread::scope(|scope| {
        let askers = answers.each_ref().map(|answered| scope.spawn(|| ask(answered)));
        wait_for_answers();
        for n in 1..told_apart.len() {
            publish(n);
            wait_for_answers();
        }
        done.store(true, Ordering::SeqCst);
        for asker in askers {
            let versions: Vec<String> = told_apart.iter().map(|(version, ..)| version.clone()).collect();
            assert_eq!(asker.join().unwrap(), versions, "each asker sees each version once, in order");
        }
    });
    assert_eq!(scene.following.refresher.health().swaps, 6);
}

#[test]
fn a_channel_that_did_not_change_changes_nothing() {
    let scene = Scene::new();
    let first = scene.serve(1);
    let pinned = scene.following.recommender.served().unwrap();
    for force in [false, true, false] {
        assert_eq!(scene.following.refresher.refresh(force).unwrap(), Outcome::Unchanged);
    }
    assert!(Arc::ptr_eq(&pinned, &scene.following.recommender.served().unwrap()));
    assert_eq!(scene.publish(1), first);
    assert_eq!(scene.refresh().unwrap(), Outcome::Unchanged);
}

#[test]
fn a_channel_that_does_not_exist_is_an_error_until_it_does() {
    let scene = Scene::new();
    let error = scene.refresh().unwrap_err();
    assert!(matches!(error, SnapshotError::Store(StoreError::NotFound { .. })), "{error}");
    assert!(!scene.following.recommender.is_ready());
    scene.serve(1);
}

#[test]
fn a_rollback_is_instant_and_holds_until_the_channel_changes() {
    let scene = Scene::new();
    let first = scene.serve(1);
    let slates = scene.following.slates();
    let resident = scene.following.recommender.served().unwrap();
    let second = scene.serve(2);
    scene.store.set_down(true); // nothing needs to be fetched

    assert_eq!(scene.following.refresher.rollback().unwrap(), first);
    assert!(Arc::ptr_eq(&resident, &scene.following.recommender.served().unwrap()));
    assert_eq!(scene.following.slates(), slates);
    assert_eq!(scene.following.refresher.health().held_from.as_deref(), Some(second.as_str()));

    scene.store.set_down(false);
    for _ in 0..3 {
        assert_eq!(scene.refresh().unwrap(), Outcome::Held);
    }
    let third = scene.serve(3);
    assert_eq!(scene.following.refresher.health().held_from, None);
    assert_eq!(scene.following.version(), third);
}

#[test]
fn a_forced_refresh_ends_the_hold_of_a_rollback() {
    let scene = Scene::new();
    let _first = scene.serve(1);
    let second = scene.serve(2);
    let resident = scene.following.recommender.served().unwrap();
    scene.following.refresher.rollback().unwrap();
    assert!(matches!(scene.following.refresher.refresh(true).unwrap(), Outcome::Swapped { .. }));
    assert_eq!(scene.following.version(), second);
    assert!(Arc::ptr_eq(&resident, &scene.following.recommender.served().unwrap()));
}

#[test]
fn a_rollback_loads_what_is_not_resident_any_more() {
    let scene = Scene::keeping_previous(false);
    let first = scene.serve(1);
    let slates = scene.following.slates();
    scene.serve(2);
    scene.store.set_down(true); // the cache has kept it
    assert_eq!(scene.following.refresher.rollback().unwrap(), first);
    assert_eq!(scene.following.slates(), slates);
    scene.store.set_down(false);
    assert_eq!(scene.refresh().unwrap(), Outcome::Held);
}

#[test]
fn there_is_nothing_to_roll_back_to_at_first() {
    let scene = Scene::new();
    scene.following.refresher.rollback().unwrap_err();
    let first = scene.serve(1);
    let error = scene.following.refresher.rollback().unwrap_err();
    assert!(error.to_string().contains("no previous snapshot"), "{error}");
    assert_eq!(scene.following.version(), first);
    let error = rollback(&*scene.store, CHANNEL, None, now()).unwrap_err();
    assert!(error.to_string().contains("say which with --to"), "{error}");
}

#[test]
fn a_channel_rolled_back_takes_every_follower_with_it() {
    let scene = Scene::new();
    let [first, second, third] = [1, 2, 3].map(|hour| scene.serve(hour));
    let switched = rollback(&*scene.store, CHANNEL, None, now()).unwrap();
    assert_eq!((switched.snapshot.as_str(), switched.previous.as_deref()), (&*second, Some(&*third)));
    scene.refresh().unwrap();
    assert_eq!(scene.following.version(), second);
    rollback(&*scene.store, CHANNEL, Some(&first), now()).unwrap();
    scene.refresh().unwrap();
    assert_eq!(scene.following.version(), first);
    let error = rollback(&*scene.store, CHANNEL, Some("20200101T000000Z-000000"), now()).unwrap_err();
    assert!(matches!(error, SnapshotError::Store(StoreError::NotFound { .. })), "{error}");
    assert_eq!(scene.channel(), first);
}

#[test]
fn what_did_not_change_is_neither_fetched_nor_decoded_again() {
    let scene = Scene::new();
    let dir = grocer::snapshot(1);
    publish_to(&*scene.store, dir.path()).unwrap();
    scene.refresh().unwrap();
    assert_eq!(scene.store.take_fetched().len(), 10, "nine tables and the placements");
    let before = scene.following.recommender.served().unwrap();

    let another = grocer::snapshot(2);
    let another = another.path().join("similar.parquet");
    std::fs::copy(another, dir.path().join("similar.parquet")).unwrap();
    grocer::seal(dir.path(), 2);
    publish_to(&*scene.store, dir.path()).unwrap();
    scene.refresh().unwrap();
    let after = scene.following.recommender.served().unwrap();
    assert_eq!(scene.store.take_fetched(), ["similar.parquet"]);
    assert_ne!(before.snapshot.version(), after.snapshot.version());
    assert!(Arc::ptr_eq(&before.snapshot.catalog_share(), &after.snapshot.catalog_share()));
    for (name, _) in after.snapshot.artifacts() {
        let share = |served: &larder::recommender::View| Arc::clone(served.snapshot.artifact(name).unwrap());
        assert_eq!(Arc::ptr_eq(&share(&before), &share(&after)), name != "similar", "{name}");
    }
}

#[test]
fn a_restart_without_the_store_serves_from_the_cache() {
    let scene = Scene::new();
    let first = scene.serve(1);
    let slates = scene.following.slates();
    scene.store.set_down(true);
    let restarted = scene.restarted();
    let error = restarted.refresher.refresh(false).unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!((restarted.version(), restarted.slates()), (first, slates));
    assert_eq!(restarted.refresher.health().last_checked, None);

    scene.store.set_down(false);
    let second = scene.publish(2);
    restarted.refresher.refresh(false).unwrap();
    assert_eq!(restarted.version(), second);
}

#[test]
fn a_restart_without_the_store_serves_the_last_good_snapshot_rather_than_a_bad_one() {
    let scene = Scene::new();
    let first = scene.serve(1);
    publish_broken(&scene, 2);
    scene.refresh().unwrap_err();
    scene.store.set_down(true);
    let restarted = scene.restarted();
    restarted.refresher.refresh(false).unwrap_err();
    assert_eq!(restarted.version(), first);
}

#[test]
fn a_restart_while_the_channel_names_a_bad_snapshot_serves_the_last_good_one() {
    let scene = Scene::new();
    let first = scene.serve(1);
    let broken = publish_broken(&scene, 2);
    let restarted = scene.restarted();
    let error = restarted.refresher.refresh(false).unwrap_err();
    assert_eq!(restarted.version(), first, "{error}");
    let failure = restarted.refresher.health().last_failure.unwrap();
    assert_eq!(failure.version, broken);
    let third = scene.publish(3);
    restarted.refresher.refresh(false).unwrap();
    assert_eq!(restarted.version(), third);
}

#[test]
fn while_the_store_is_away_serving_goes_on_and_recovers_by_itself() {
    let scene = Scene::new();
    let first = scene.serve(1);
    let slates = scene.following.slates();
    let second = scene.publish(2);
    scene.store.set_down(true);
    for attempt in 1..=3 {
        let error = scene.refresh().unwrap_err();
        assert!(error.is_transient() && error.label() == "store", "{error}");
        assert_eq!(scene.following.refresher.health().last_failure.unwrap().count, attempt);
    }
    assert_eq!((scene.following.version(), scene.following.slates()), (first, slates));
    scene.store.set_down(false);
    scene.refresh().unwrap();
    assert_eq!(scene.following.version(), second);
    assert!(scene.following.refresher.health().last_failure.is_none());
}

#[test]
fn a_store_that_goes_away_during_a_download_is_taken_up_where_it_broke_off() {
    let scene = Scene::new();
    scene.publish(1);
    scene.store.fail_after(4);
    let error = scene.refresh().unwrap_err();
    assert!(error.is_transient() && error.artifact().is_some(), "{error}");
    let fetched = scene.store.take_fetched();
    scene.store.fail_after(usize::MAX);
    scene.following.refresher.refresh(true).unwrap();
    let again = scene.store.take_fetched();
    assert!(fetched.len() == 4 && fetched.iter().all(|file| !again.contains(file)), "{fetched:?} {again:?}");
}

#[test]
fn a_version_that_failed_is_tried_again_later_or_when_forced() {
    let scene = Scene::new();
    scene.serve(1);
    let version = publish_broken(&scene, 2);
    scene.refresh().unwrap_err();
    scene.store.take_fetched();
    for _ in 0..3 {
        assert_eq!(scene.refresh().unwrap(), Outcome::BackingOff);
    }
    assert!(scene.store.take_fetched().is_empty());
    let failure = scene.following.refresher.health().last_failure.expect("still the last word");
    assert_eq!((failure.version.as_str(), failure.count), (version.as_str(), 1));
    scene.following.refresher.refresh(true).unwrap_err();
    assert_eq!(scene.following.refresher.health().last_failure.unwrap().count, 2);
    scene.serve(3);
}

/// Publishes a snapshot one file of which is gone afterwards; returns its version.
fn publish_broken(scene: &Scene, hour: u32) -> String {
    let version = scene.publish(hour);
    let key = Source::key(&version, "similar.parquet");
    scene.store.write(&key, b"gone", Condition::Always).unwrap();
    version
}
