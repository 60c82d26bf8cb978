//! Disks that are full or damaged, sinks that are away or take a part, directories in use.

use std::sync::atomic::Ordering;

use larder::exposure::Dropped;

use super::*;
use crate::support::faulty_disk::FaultyDisk;

#[test]
fn a_full_disk_drops_the_newest_leaves_nothing_torn_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, kept) = (FaultyDisk::default(), Kept::default());
    let (mut writer, mut deliverers) =
        spool::open(options(dir.path()), "b", vec![kept.records()], Arc::new(disk.clone())).unwrap();
    disk.room.store(1234, Ordering::SeqCst);
    let dropped: u64 = (0..100).map(|at| writer.append(&numbers(at * 3..at * 3 + 3, NOON))).sum();
    assert!(dropped > 0);
    assert_eq!(writer.counts().dropped(Dropped::NoSpace), dropped);
    disk.room.store(u64::MAX, Ordering::SeqCst);
    assert_eq!(writer.append(&numbers([1000], NOON)), 0, "it recovers by itself");
    writer.close();
    let on_disk: u64 = segments(dir.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!(writer.counts().bytes(), on_disk);
    drain(&mut deliverers[0]);
    let expected: Vec<u64> = (0..300 - dropped).chain([1000]).collect();
    assert_eq!((kept.taken(), writer.counts().corrupt()), (expected, 0));
    assert_eq!(writer.counts().bytes(), 0, "delivered segments are gone");
}

#[test]
fn what_a_failed_flush_may_have_lost_is_counted_as_lost_and_not_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, kept) = (FaultyDisk::default(), Kept::default());
    let (mut writer, mut deliverers) =
        spool::open(options(dir.path()), "b", vec![kept.records()], Arc::new(disk.clone())).unwrap();
    writer.append(&numbers(0..5, NOON));
    writer.sync();
    writer.append(&numbers(5..8, NOON));
    disk.fails_to_sync.store(true, Ordering::SeqCst);
    writer.sync();
    writer.append(&numbers(8..10, NOON));
    writer.close();
    drain(&mut deliverers[0]);
    assert_eq!(kept.taken(), [0, 1, 2, 3, 4, 8, 9]);
    assert_eq!(writer.counts().dropped(Dropped::Io), 3);
}

#[test]
fn the_bound_counts_what_was_there_before_and_room_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::default();
    let bounded = || Options { max: 3000, segment: 400, ..options(dir.path()) };
    let (mut writer, deliverers) = open(bounded(), "b0", vec![kept.records()]);
    let dropped = writer.append(&numbers(0..1000, NOON));
    let held = 1000 - dropped;
    assert!(writer.counts().bytes() <= 3000 && writer.counts().bytes() > 2900, "{:?}", writer.counts());
    assert_eq!(writer.counts().dropped(Dropped::Full), dropped);
    writer.close();
    drop((writer, deliverers));
    let (mut writer, mut deliverers) = open(bounded(), "b1", vec![kept.records()]);
    assert_eq!(writer.append(&numbers(1000..1010, NOON)), 10, "the backlog counts");
    drain(&mut deliverers[0]);
    assert_eq!(writer.append(&numbers(1010..1020, NOON)), 0);
    writer.close();
    drain(&mut deliverers[0]);
    let expected: Vec<u64> = (0..held).chain(1010..1020).collect();
    assert_eq!(kept.taken(), expected);
}

#[test]
fn a_flipped_byte_costs_one_record_and_is_counted_once_for_all_sinks() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(options(dir.path()), "b", vec![Kept::default().records()]);
    writer.append(&numbers(0..300, NOON));
    writer.close();
    drop(writer);
    let damaged = &segments(dir.path())[1];
    let mut bytes = std::fs::read(damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(damaged, bytes).unwrap();
    let (one, other) = (Kept::default(), Kept::default());
    let (writer, mut deliverers) = open(options(dir.path()), "c", vec![one.records(), other.segments()]);
    deliverers.iter_mut().for_each(drain);
    assert_eq!(writer.counts().corrupt(), 1);
    assert_eq!((one.taken().len(), one.taken()), (299, other.taken()));
}

#[test]
fn thousands_of_segments_are_opened_by_name_and_read_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::default();
    let (mut writer, deliverers) = open(options(dir.path()), "b", vec![kept.records()]);
    writer.append(&numbers(0..40, NOON));
    writer.close();
    drop((writer, deliverers));
    let first = segments(dir.path()).remove(0);
    let bytes = first.metadata().unwrap().len();
    for number in 2..=10_000 {
        std::fs::copy(&first, dir.path().join(format!("b-{number:08}.seg"))).unwrap();
    }
    let disk = FaultyDisk::default();
    let (writer, mut deliverers) =
        spool::open(options(dir.path()), "c", vec![kept.records()], Arc::new(disk.clone())).unwrap();
    let read = || (disk.opened.load(Ordering::SeqCst), disk.read.load(Ordering::SeqCst));
    assert_eq!(read(), (1, bytes), "only the newest, which may end torn");
    assert_eq!(writer.counts().bytes(), 10_000 * bytes);
    deliverers[0].step();
    assert_eq!((read(), kept.taken().len()), ((2, 2 * bytes), 40));
}

#[test]
fn only_the_records_that_failed_are_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::default();
    let (mut writer, mut deliverers) = open(options(dir.path()), "b", vec![kept.records()]);
    let deliverer = &mut deliverers[0];
    writer.append(&numbers(0..10, NOON));
    writer.sync();
    kept.0.lock().unwrap().refuses = Some(|number| number % 3 == 1);
    assert_eq!(deliverer.step(), Step::Failed);
    kept.0.lock().unwrap().refuses = Some(|number| number == 4);
    // What comes meanwhile does not get into the batch that is under way.
    writer.append(&numbers(10..12, NOON));
    writer.sync();
    assert_eq!(deliverer.step(), Step::Failed);
    kept.0.lock().unwrap().is_away = true;
    assert_eq!(deliverer.step(), Step::Failed);
    (kept.0.lock().unwrap().is_away, kept.0.lock().unwrap().refuses) = (false, None);
    drain(deliverer);
    let calls = kept.0.lock().unwrap().calls.clone();
    assert_eq!(calls, [(0..10).collect(), vec![1, 4, 7], vec![4], vec![10, 11]]);
    assert_eq!((deliverer.counts().sent(), deliverer.counts().failed()), (12, 5));
}

#[test]
fn what_a_sink_can_never_take_is_counted_by_its_reason_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::default();
    let (mut writer, mut deliverers) = open(options(dir.path()), "b", vec![kept.records()]);
    let deliverer = &mut deliverers[0];
    kept.0.lock().unwrap().can_never_take = Some(|number| number % 5 == 2);
    kept.0.lock().unwrap().refuses = Some(|number| number == 4);
    writer.append(&numbers(0..10, NOON));
    writer.sync();
    assert_eq!(deliverer.step(), Step::Failed);
    kept.0.lock().unwrap().refuses = None;
    writer.append(&numbers(10..13, NOON));
    writer.sync();
    drain(deliverer);
    let calls = kept.0.lock().unwrap().calls.clone();
    assert_eq!(calls, [(0..10).collect(), vec![4], vec![10, 11, 12]], "2, 7 and 12 once");
    let counts = deliverer.counts();
    assert_eq!((counts.sent(), counts.failed()), (10, 1));
    assert_eq!(counts.refused(), [(TOO_LARGE.to_owned(), 3)]);
    writer.close();
    drain(deliverer);
    assert_eq!(writer.counts().bytes(), 0, "nothing is kept for it");
}

#[test]
fn a_directory_in_use_is_refused_and_a_sink_that_is_away_keeps_the_backlog() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::default();
    kept.0.lock().unwrap().is_away = true;
    let (mut writer, mut deliverers) = open(options(dir.path()), "b0", vec![kept.segments()]);
    let refused =
        spool::open(options(dir.path()), "b1", vec![kept.segments()], Arc::new(RealDisk)).unwrap_err();
    assert!(refused.to_string().starts_with("another process uses "), "{refused}");
    writer.append(&numbers(0..3, NOON));
    writer.append(&numbers(3..6, NOON + HOUR));
    writer.close();
    assert_eq!(deliverers[0].step(), Step::Failed);
    drop((writer, deliverers));
    kept.0.lock().unwrap().is_away = false;
    let (_writer, mut deliverers) = open(options(dir.path()), "b1", vec![kept.segments()]);
    drain(&mut deliverers[0]);
    assert_eq!(kept.taken(), [0, 1, 2, 3, 4, 5]);
}
