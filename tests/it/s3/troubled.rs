//! Stores that hang, drip or lie: what is served goes on being served, a rollback is at once, and a start with a full
//! cache does not wait.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use larder::artifact::{ArtifactStore, Condition, OpenOptions, open};
use larder::snapshot::{Outcome, SnapshotError, rollback};

use crate::support::following::{CHANNEL, Following, publish_to};
use crate::support::grocer;
use crate::support::object_server::{AMAZON, Mood, ObjectServer};

/// Far more than what has to happen takes, and far less than a store that hangs is waited for.
const AT_ONCE: Duration = Duration::from_secs(4);

fn publish(store: &dyn ArtifactStore, hour: u32) -> String {
    publish_to(store, grocer::snapshot(hour).path()).unwrap().snapshot
}

/// Waits until something is so, at most for a time; whether it is.
fn soon(time: Duration, is_so: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > time {
            return false;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    true
}

#[test]
fn an_answer_that_drips_is_given_up() {
    let server = ObjectServer::start(AMAZON);
    server.store().write("a", &[b'x'; 100_000], Condition::Always).unwrap();
    server.set(Mood::Drips, "");
    let store =
        open("s3://shop/prefix", &OpenOptions { min_throughput: 1 << 10, ..server.options() }).unwrap();
    let began = Instant::now();
    thread::scope(|scope| {
        let reads = [
            scope.spawn(|| store.read("a").map(|_| ())),
            scope.spawn(|| store.read_range("a", 0, 90_000).map(|_| ())),
        ];
        for read in reads {
            let error = read.join().unwrap().unwrap_err();
            assert!(
                error.is_transient() && error.to_string().contains("s3.min_throughput of 1024"),
                "{error}"
            );
        }
    });
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn an_error_without_end_is_cut_off() {
    let server = ObjectServer::start(AMAZON);
    server.set(Mood::Laments, "");
    let began = Instant::now();
    let error = server.store().read("a").unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("500"), "{error:.200}");
    // Not by the time that an attempt may take, which would be memory without bound.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_start_with_a_full_cache_serves_at_once_whatever_the_store_does() {
    let server = ObjectServer::start(AMAZON);
    let cache = tempfile::tempdir().unwrap();
    let first = publish(&*server.store(), 1);
    Following::new(server.store(), cache.path(), true).refresher.refresh(false).unwrap();
    for mood in [
        Mood::Hangs,
        Mood::Drips,
        Mood::Page("text/html", "<html>Please log in</html>"),
        Mood::Refuses(403, "AccessDenied"),
        Mood::Refuses(404, "NoSuchKey"),
        Mood::Refuses(404, "NoSuchBucket"),
        Mood::Refuses(500, "InternalError"),
    ] {
        server.set(mood, "");
        let following = Arc::new(Following::new(server.store(), cache.path(), true));
        let looking = Arc::clone(&following);
        // Not waited for: it may wait for the store.
        thread::spawn(move || looking.refresher.refresh(false));
        assert!(soon(AT_ONCE, || following.recommender.is_ready()), "{mood:?}");
        assert_eq!(following.version(), first);
    }
    // What the cache lacks is not served from it.
    let emptied = tempfile::tempdir().unwrap();
    let following = Following::new(server.store(), emptied.path(), true);
    following.refresher.refresh(false).unwrap_err();
    assert!(!following.recommender.is_ready());
}

#[test]
fn a_start_with_a_full_cache_goes_on_to_what_the_channel_names() {
    let server = ObjectServer::start(AMAZON);
    let cache = tempfile::tempdir().unwrap();
    let store = server.store();
    publish(&*store, 1);
    Following::new(server.store(), cache.path(), true).refresher.refresh(false).unwrap();
    let second = publish(&*store, 2);
    let restarted = Following::new(server.store(), cache.path(), true);
    assert!(matches!(restarted.refresher.refresh(false).unwrap(), Outcome::Swapped { .. }));
    assert_eq!(restarted.version(), second);
    assert_eq!(restarted.refresher.health().swaps, 2);
    assert!(restarted.refresher.health().last_checked.is_some());
}

/// Serves two snapshots, lets a third one hang or drip, and rolls back meanwhile.
fn roll_back_during_a_load(mood: Mood, keep_previous: bool, cache: &Path) {
    let server = ObjectServer::start(AMAZON);
    let store = server.store();
    let following = Following::new(server.store(), cache, keep_previous);
    let [first, second] = [1, 2].map(|hour| {
        let version = publish(&*store, hour);
        following.refresher.refresh(false).unwrap();
        version
    });
    let third = publish(&*store, 3);
    server.take_seen();
    server.set(mood, ".parquet");
    thread::scope(|scope| {
        let refresh = scope.spawn(|| following.refresher.refresh(false));
        assert!(soon(AT_ONCE, || server.has_seen(&[&third, ".parquet"])));
        let began = Instant::now();
        assert_eq!(following.refresher.rollback().unwrap(), first);
        assert!(began.elapsed() < AT_ONCE, "{mood:?}: {:?}", began.elapsed());
        assert_eq!(refresh.join().unwrap().unwrap(), Outcome::Held, "the load is called off");
        assert!(began.elapsed() < AT_ONCE, "{mood:?}: {:?}", began.elapsed());
    });
    assert_eq!(following.version(), first);
    let health = following.refresher.health();
    assert_eq!(health.held_from, Some(second));
    assert!(health.last_failure.is_none(), "{:?}", health.last_failure);
    // It holds until the channel names something else.
    server.set(Mood::Well, "");
    assert_eq!(following.refresher.refresh(false).unwrap(), Outcome::Held);
    let fourth = publish(&*store, 4);
    following.refresher.refresh(false).unwrap();
    assert_eq!(following.version(), fourth);
}

#[test]
fn a_rollback_is_at_once_while_a_load_waits_for_the_store() {
    for mood in [Mood::Hangs, Mood::Drips] {
        for keep_previous in [true, false] {
            let cache = tempfile::tempdir().unwrap();
            roll_back_during_a_load(mood, keep_previous, cache.path());
        }
    }
}

#[test]
fn a_snapshot_that_is_withdrawn_is_not_loaded_to_its_end() {
    let server = ObjectServer::start(AMAZON);
    let (store, cache) = (server.store(), tempfile::tempdir().unwrap());
    let interval = Duration::from_millis(50);
    let following = Following::looking_each(interval, server.store(), cache.path(), true);
    let first = publish(&*store, 1);
    following.refresher.refresh(false).unwrap();
    let second = publish(&*store, 2);
    server.take_seen();
    server.set(Mood::Drips, ".parquet");
    thread::scope(|scope| {
        let refresh = scope.spawn(|| following.refresher.refresh(false));
        assert!(soon(AT_ONCE, || server.has_seen(&[&second, ".parquet"])));
        rollback(&*store, CHANNEL, None, chrono::Utc::now()).unwrap();
        let began = Instant::now();
        assert_eq!(refresh.join().unwrap().unwrap(), Outcome::Unchanged);
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    });
    assert_eq!(following.version(), first);
    assert!(following.refresher.health().last_failure.is_none());
}

#[test]
fn while_the_store_hangs_nothing_is_held_up_but_the_look_at_it() {
    let server = ObjectServer::start(AMAZON);
    let (store, cache) = (server.store(), tempfile::tempdir().unwrap());
    let following = Following::new(server.store(), cache.path(), true);
    let [first, _] = [1, 2].map(|hour| {
        let version = publish(&*store, hour);
        following.refresher.refresh(false).unwrap();
        version
    });
    server.set(Mood::Hangs, "");
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let refresh = scope.spawn(|| {
            let outcome = following.refresher.refresh(false);
            ended.store(true, Ordering::SeqCst);
            outcome
        });
        assert_eq!(following.refresher.rollback().unwrap(), first);
        assert!(!ended.load(Ordering::SeqCst));
        let error = refresh.join().unwrap().unwrap_err();
        assert!(matches!(error, SnapshotError::Store(_)) && error.is_transient(), "{error}");
    });
    assert!(following.refresher.health().last_failure.is_some(), "and it is said");
    assert_eq!(following.version(), first);
}
