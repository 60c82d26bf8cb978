//! Readers beside the writer never see half of a change, and never wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::super::{ActionKind, RecentEvent, RecentTable, RecentWriter, SubjectHasher, SubjectKey};
use super::{START, user};

/// Subjects that share few rows, so that rows change hands.
const SUBJECTS: u32 = 40;
const EVENTS: usize = 12;

/// All events of one row carry the row's subject and the round of its last change: a reader who sees two of either has
/// seen half of a change.
fn events(subject: u32, round: u32) -> impl Iterator<Item = RecentEvent> {
    (0..EVENTS as u32).map(move |place| RecentEvent {
        tick: START + round * EVENTS as u32 + place,
        item: subject << 16 | round,
        kind: ActionKind::View,
    })
}

#[test]
fn a_reader_never_sees_half_of_a_change() {
    let hasher = SubjectHasher::default();
    let keys: Vec<SubjectKey> = (0..SUBJECTS).map(|number| user(&hasher, number)).collect();
    // Two buckets: 16 rows for 40 subjects.
    let mut writer = RecentWriter::new(2 * (64 + 8 * (5 + EVENTS) * 8), EVENTS, u32::MAX);
    assert_eq!(writer.table().stats().capacity, 16);
    let table = writer.table().clone();
    let resident = table.resident_bytes();
    let done = AtomicBool::new(false);
    let found = thread::scope(|scope| {
        let (table, keys, done) = (&table, &keys, &done);
        let readers: Vec<_> =
            (0..2).map(|seed| scope.spawn(move || check_reads(table, keys, seed, done))).collect();
        write_rounds(&mut writer, keys);
        done.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u64>()
    });
    assert!(found > 100, "{found} reads found a row");
    assert_eq!(table.resident_bytes(), resident);
}

/// Rows are written as wholes, every event at once.
fn write_rounds(writer: &mut RecentWriter, keys: &[SubjectKey]) {
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..6000 {
        let subject = random.u32(..SUBJECTS);
        let key = keys[subject as usize];
        writer.write_whole(key, events(subject, round), START);
        if random.u32(..8) == 0 {
            writer.forget(key);
        }
    }
}

fn check_reads(table: &RecentTable, keys: &[SubjectKey], seed: u64, done: &AtomicBool) -> u64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut out: Vec<RecentEvent> = Vec::with_capacity(2 * EVENTS);
    let (memory, mut found) = (out.as_ptr(), 0);
    while !done.load(Ordering::Relaxed) {
        let subject = random.u32(..SUBJECTS);
        out.clear();
        out.push(RecentEvent { tick: 1, item: 2, kind: ActionKind::Like });
        table.read(keys[subject as usize], START, &mut out);
        assert_eq!(out[0].kind, ActionKind::Like, "what was there stays");
        if let Some(first) = out.get(1) {
            let round = first.item & 0xffff;
            assert!(out[1..].iter().copied().eq(events(subject, round)), "torn: {out:?}");
            found += 1;
        }
    }
    assert_eq!(out.as_ptr(), memory, "reading took memory");
    found
}
