//! One table: what it keeps, in what order, and what gives way.

use std::collections::{BTreeSet, HashMap};

use super::super::{ActionKind, RecentEvent, RecentWriter, Recorded, SubjectHasher, SubjectKey};
use super::{START, event, read, user, view};

/// Every event of each subject; the newest few are read.
#[derive(Default)]
struct Twin(HashMap<SubjectKey, BTreeSet<RecentEvent>>);

impl Twin {
    fn read(&self, key: SubjectKey, most: usize, oldest: u32) -> Vec<RecentEvent> {
        let all: Vec<RecentEvent> = self.0.get(&key).into_iter().flatten().copied().collect();
        let newest = &all[all.len().saturating_sub(most)..];
        newest.iter().copied().filter(|event| event.tick >= oldest).collect()
    }
}

#[test]
fn a_table_reads_like_its_twin() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let most = random.usize(1..40);
        let mut writer = RecentWriter::new(4 << 20, most, 1000);
        let (hasher, mut twin) = (SubjectHasher::default(), Twin::default());
        for _ in 0..4000 {
            let key = user(&hasher, random.u32(..40));
            match random.u32(..40) {
                0 => {
                    let tick = random.u32(..200);
                    writer.forget_until(key, START + tick);
                    // What a full row has let go of does not come back when newer events are forgotten.
                    let left = twin.read(key, most, START + tick + 1);
                    twin.0.insert(key, left.into_iter().collect());
                }
                _ => {
                    let kind = ActionKind::ALL[random.usize(..ActionKind::ALL.len())];
                    let event = event(random.u32(..200), random.u32(..50), kind);
                    let before = twin.read(key, most, 0);
                    twin.0.entry(key).or_default().insert(event);
                    let recorded = writer.record(key, event, START + 200);
                    let expected = match () {
                        () if before.contains(&event) => Recorded::Duplicate,
                        () if twin.read(key, most, 0) == before => Recorded::Older,
                        () => Recorded::Added,
                    };
                    assert_eq!(recorded, expected);
                }
            }
            let now = random.u32(100..1300);
            let oldest = (START + now).saturating_sub(1000);
            assert_eq!(read(writer.table(), key, now), twin.read(key, most, oldest), "seed {seed}");
        }
        let used = twin.0.values().filter(|events| !events.is_empty()).count() as u64;
        assert_eq!((writer.table().stats().used, writer.table().stats().evicted), (used, 0));
    }
}

#[test]
fn any_order_and_repetition_of_events_ends_in_the_same_content() {
    let mut random = fastrand::Rng::with_seed(1);
    // More than a row holds, so that old ones give way.
    let events: Vec<(u32, RecentEvent)> =
        (0..3000).map(|_| (random.u32(..60), view(random.u32(..300), random.u32(..30)))).collect();
    let digests: Vec<(u64, Vec<RecentEvent>)> = (0..20)
        .map(|_| {
            let hasher = SubjectHasher::default();
            let mut writer = RecentWriter::new(1 << 20, 24, 1000);
            let mut order = events.clone();
            order.extend((0..1000).map(|_| events[random.usize(..events.len())]));
            random.shuffle(&mut order);
            for (subject, event) in order {
                writer.record(user(&hasher, subject), event, START + 300);
            }
            assert_eq!(writer.table().stats().evicted, 0);
            (writer.table().content_digest(START + 300), read(writer.table(), user(&hasher, 7), 300))
        })
        .collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]));
    let mut other = RecentWriter::new(1 << 20, 24, 1000);
    other.record(user(&SubjectHasher::default(), 1), view(1, 1), START + 300);
    assert_ne!(other.table().content_digest(START + 300), digests[0].0);
}

#[test]
fn a_digest_tells_subjects_and_events_apart_and_ignores_what_has_expired() {
    let digest = |subject: u32, event: RecentEvent| {
        let mut writer = RecentWriter::new(1 << 16, 4, 30);
        writer.record(user(&SubjectHasher::default(), subject), event, START);
        (writer.table().content_digest(START + 30), writer.table().content_digest(START + 31))
    };
    let one = digest(1, view(0, 1));
    assert_eq!(one, digest(1, view(0, 1)));
    assert_ne!(one.0, digest(2, view(0, 1)).0);
    assert_ne!(one.0, digest(1, view(0, 2)).0);
    assert_ne!(one.0, digest(1, event(0, 1, ActionKind::Click)).0);
    assert_eq!(one.1, 0);
}

#[test]
fn events_expire() {
    let key = user(&SubjectHasher::default(), 1);
    let mut writer = RecentWriter::new(1 << 16, 8, 30);
    assert_eq!(writer.record(key, view(0, 1), START + 31), Recorded::Expired);
    assert_eq!(writer.record(key, view(0, 1), START + 30), Recorded::Added);
    assert_eq!(writer.record(key, view(10, 2), START + 30), Recorded::Added);
    assert_eq!(read(writer.table(), key, 30), [view(0, 1), view(10, 2)]);
    assert_eq!(read(writer.table(), key, 31), [view(10, 2)]);
    assert_eq!(read(writer.table(), key, 41), []);
    let ancient = RecentEvent { tick: 0, item: 1, kind: ActionKind::View };
    assert_eq!(writer.record(key, ancient, 7), Recorded::OutOfRange);
}

#[test]
fn memory_is_within_its_bound_and_never_changes() {
    for bytes in [0, 100, 5000, 100_000, 1 << 20, 8 << 20] {
        for events in [1, 24, 64, 255, 1000] {
            let mut writer = RecentWriter::new(bytes, events, 30);
            let (hasher, resident) = (SubjectHasher::default(), writer.table().resident_bytes());
            assert!(resident <= bytes, "{resident} of {bytes}");
            // A bucket of the largest rows takes 16 KB.
            assert!(bytes - resident <= 17 << 10, "{resident} of {bytes}");
            for number in 0..2000 {
                writer.record(user(&hasher, number), view(number % 7, number), START);
            }
            let stats = writer.table().stats();
            assert_eq!(writer.table().resident_bytes(), resident);
            assert!(stats.used <= stats.capacity);
            assert_eq!(stats.used + stats.evicted, 2000, "{bytes} bytes for rows of {events}");
        }
    }
}

#[test]
fn the_subject_that_was_quiet_for_longest_gives_way() {
    let hasher = SubjectHasher::default();
    // One bucket of eight.
    let mut writer = RecentWriter::new(64 + 8 * 7 * 8, 2, 100);
    assert_eq!(writer.table().stats().capacity, 8);
    let keys: Vec<SubjectKey> = (0..12).map(|number| user(&hasher, number)).collect();
    for (tick, key) in (10..).zip(&keys[..8]) {
        assert_eq!(writer.record(*key, view(tick, 1), START + 20), Recorded::Added);
    }
    writer.record(keys[0], view(20, 2), START + 20);
    assert_eq!(writer.record(keys[8], view(10, 1), START + 20), Recorded::NoRoom, "the oldest of all");
    assert_eq!(writer.record(keys[9], view(11, 1), START + 20), Recorded::Added);
    let stats = writer.table().stats();
    assert_eq!((stats.used, stats.evicted), (8, 2));
    let kept = |writer: &RecentWriter| -> Vec<bool> {
        keys.iter().map(|key| !read(writer.table(), *key, 20).is_empty()).collect()
    };
    let without_the_second: Vec<bool> = (0..12).map(|at| ![1, 8, 10, 11].contains(&at)).collect();
    assert_eq!(kept(&writer), without_the_second);
    // Those that have expired give way without being counted.
    assert_eq!(writer.record(keys[10], view(120, 1), START + 120), Recorded::Added);
    assert_eq!(writer.table().stats().evicted, 2);
    // A forgotten one makes room.
    writer.forget(keys[10]);
    assert_eq!(writer.table().stats().used, 7);
    assert_eq!(writer.record(keys[11], view(20, 1), START + 20), Recorded::Added);
    assert_eq!((writer.table().stats().used, writer.table().stats().evicted), (8, 2));
}

#[test]
fn equal_places_are_told_apart_by_the_other_hash() {
    let one = SubjectKey { place: 5, check: 1 };
    let other = SubjectKey { place: 5, check: 2 };
    let mut writer = RecentWriter::new(1 << 16, 4, 100);
    writer.record(one, view(1, 1), START);
    assert_eq!(read(writer.table(), other, 0), []);
    writer.record(other, view(2, 2), START);
    assert_eq!(read(writer.table(), one, 0), [view(1, 1)]);
    assert_eq!(read(writer.table(), other, 0), [view(2, 2)]);
    writer.forget(one);
    assert_eq!(read(writer.table(), one, 0), []);
    assert_eq!(read(writer.table(), other, 0), [view(2, 2)]);
}
