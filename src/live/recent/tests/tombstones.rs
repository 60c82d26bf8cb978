//! Who was forgotten: entries are found, kept as long as they must be, and refused when there is no room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::super::tombstones::{Noted, TombstoneStats, Tombstones};
use super::super::{SubjectHasher, SubjectKey};
use super::user;

#[test]
fn tombstones_hold_what_their_twin_holds() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let tombstones = Tombstones::new(64 * 16 + 5);
        let resident = tombstones.resident_bytes();
        let (hasher, mut twin) = (SubjectHasher::default(), HashMap::<SubjectKey, u32>::new());
        let mut refused = 0;
        for _ in 0..3000 {
            let (key, tick) = (user(&hasher, random.u32(..50)), random.u32(..1000));
            if random.u32(..60) == 0 {
                tombstones.drop_before(tick);
                twin.retain(|_, known| *known >= tick);
            } else {
                let room = twin.contains_key(&key) || twin.len() < 32;
                let known = twin.get(&key).is_some_and(|known| *known >= tick);
                let expected = if !room {
                    Noted::NoRoom
                } else if known {
                    Noted::Known
                } else {
                    Noted::New
                };
                assert_eq!(tombstones.note(key.place, tick), expected);
                if room {
                    let known = twin.entry(key).or_default();
                    *known = tick.max(*known);
                } else {
                    refused += 1;
                }
            }
            for number in 0..50 {
                let key = user(&hasher, number);
                assert_eq!(tombstones.until(key), twin.get(&key).copied(), "seed {seed}");
            }
        }
        let stats = TombstoneStats { used: twin.len() as u64, capacity: 32, refused };
        assert_eq!(tombstones.stats(), stats);
        assert_eq!(tombstones.resident_bytes(), resident);
    }
}

#[test]
fn without_memory_every_entry_is_refused() {
    let tombstones = Tombstones::new(0);
    let key = user(&SubjectHasher::default(), 1);
    assert_eq!(tombstones.note(key.place, 1), Noted::NoRoom);
    assert_eq!(tombstones.until(key), None);
    tombstones.drop_before(9);
    assert_eq!(tombstones.stats().refused, 1);
}

#[test]
fn a_forgotten_subject_is_never_taken_for_an_unforgotten_one() {
    let tombstones = Tombstones::new(256 * 16);
    let hasher = SubjectHasher::default();
    let (stays, goes): (Vec<SubjectKey>, Vec<SubjectKey>) =
        (0..40).map(|number| (user(&hasher, number), user(&hasher, number + 40))).unzip();
    stays.iter().for_each(|key| assert_eq!(tombstones.note(key.place, 9), Noted::New));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                for key in &stays {
                    assert!(matches!(tombstones.until(*key), Some(9 | u32::MAX)));
                }
                reads += 1;
            }
            reads
        });
        for _ in 0..3000 {
            goes.iter().for_each(|key| assert_eq!(tombstones.note(key.place, 5), Noted::New));
            tombstones.drop_before(9);
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(tombstones.stats().used, 40);
}
