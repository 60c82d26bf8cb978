//! The other side of a swap: what a publisher writes, in which order, and what it is told when somebody else was there
//! first.

use std::sync::Barrier;

use larder::artifact::StoreError;
use larder::snapshot::{MANIFEST, Manifest, Outcome, SnapshotError, Source, list, publish, read_channel};
use tempfile::TempDir;

use super::{Scene, now};
use crate::support::following::{CHANNEL, publish_to};
use crate::support::grocer;

#[test]
fn of_two_publishers_one_wins_and_the_other_is_told_what_is_served() {
    for round in 0..5 {
        let scene = Scene::new();
        scene.publish(0);
        let dirs = [grocer::snapshot(1), grocer::snapshot(2)];
        // Both have read the channel and uploaded before either switches it.
        let ready = Barrier::new(2);
        let attempt = |dir: &TempDir| {
            let mut uploaded = 0;
            publish(&*scene.store, dir.path(), Some(CHANNEL), now(), &mut |_| {
                uploaded += 1;
                if uploaded == 10 {
                    ready.wait();
                }
            })
        };
        let results = std::thread::scope(|scope| {
            dirs.each_ref().map(|dir| scope.spawn(|| attempt(dir))).map(|thread| thread.join().unwrap())
        });
        let won: Vec<&str> = results.iter().flatten().map(|published| &*published.snapshot).collect();
        assert_eq!(won, [scene.channel()], "round {round}");
        let lost = results.iter().find_map(|result| result.as_ref().err()).unwrap();
        match lost {
            SnapshotError::LostRace { channel, now } => assert_eq!((&**channel, &**now), (CHANNEL, won[0])),
            other => panic!("{other}"),
        }
        assert!(lost.to_string().contains("publish again"), "{lost}");
        assert_eq!(list(&*scene.store).unwrap().len(), 3, "the loser's snapshot is uploaded all the same");
    }
}

#[test]
fn a_version_never_changes_once_it_is_published() {
    let scene = Scene::new();
    let dir = grocer::snapshot(1);
    publish_to(&*scene.store, dir.path()).unwrap();
    let again = publish_to(&*scene.store, dir.path()).unwrap();
    assert_eq!(again.uploaded, 10, "the same again mends what was damaged in the store");

    let mut manifest = Manifest::parse(&std::fs::read(dir.path().join(MANIFEST)).unwrap(), MANIFEST).unwrap();
    manifest.created_at = "another day".to_owned();
    std::fs::write(dir.path().join(MANIFEST), manifest.to_json()).unwrap();
    scene.store.take_writes();
    let error = publish_to(&*scene.store, dir.path()).unwrap_err();
    assert!(error.to_string().contains("a snapshot never changes"), "{error}");
    assert!(error.to_string().contains(&manifest.snapshot), "{error}");
    assert!(scene.store.take_writes().is_empty());
}

#[test]
fn a_file_that_changed_after_its_manifest_was_written_is_not_published() {
    let scene = Scene::new();
    let first = scene.serve(1);
    let dir = grocer::snapshot(2);
    std::fs::write(dir.path().join("placements.toml"), "# edited").unwrap();
    scene.store.take_writes();
    let error = publish_to(&*scene.store, dir.path()).unwrap_err();
    assert_eq!(error.artifact(), Some("placements"));
    assert!(error.to_string().contains("build the manifest again"), "{error}");
    assert!(scene.store.take_writes().is_empty());
    assert_eq!(scene.channel(), first);
}

#[test]
fn nobody_sees_a_half_uploaded_snapshot() {
    let scene = Scene::new();
    let first = scene.serve(1);
    scene.store.take_writes();
    let dir = grocer::snapshot(2);
    let mut looks = 0;
    let second = publish(&*scene.store, dir.path(), Some(CHANNEL), now(), &mut |_| {
        looks += 1;
        assert_eq!(scene.refresh().unwrap(), Outcome::Unchanged);
        assert_eq!(scene.following.version(), first);
    });
    let second = second.unwrap().snapshot;
    assert_eq!(looks, 10);
    let writes = scene.store.take_writes();
    let (switch, upload) = writes.split_last().unwrap();
    let (manifest, artifacts) = upload.split_last().unwrap();
    assert_eq!(*switch, format!("channels/{CHANNEL}.json"));
    assert_eq!(*manifest, Source::key(&second, MANIFEST));
    assert_eq!(artifacts.len(), 10);
    assert!(artifacts.iter().all(|key| !key.ends_with(MANIFEST)), "{artifacts:?}");
}

#[test]
fn an_upload_that_broke_off_is_not_listed_as_a_snapshot_and_can_be_finished() {
    let scene = Scene::new();
    let dir = grocer::snapshot(1);
    let mut steps = 0;
    let broken = publish(&*scene.store, dir.path(), Some(CHANNEL), now(), &mut |_| {
        steps += 1;
        scene.store.set_down(steps == 5);
    });
    assert!(broken.unwrap_err().is_transient());
    scene.store.set_down(false);
    let listed = list(&*scene.store).unwrap();
    assert!(
        matches!(&listed[..], [(_, Err(SnapshotError::Store(StoreError::NotFound { .. })))]),
        "{listed:?}"
    );
    assert!(read_channel(&*scene.store, CHANNEL).unwrap().is_none());
    publish_to(&*scene.store, dir.path()).unwrap();
    scene.refresh().unwrap();
}
