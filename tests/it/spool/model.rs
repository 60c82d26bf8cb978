//! The spool beside a model of it, through random appends, outages and crashes.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// One sink's share of the model.
#[derive(Default)]
struct Seen {
    sink: Kept,
    /// What it had taken when its cursor was last known to be on disk.
    saved: BTreeSet<u64>,
    /// How much of what it took was looked at.
    looked_at: usize,
}

impl Seen {
    /// Nothing from before the cursor may come again.
    fn check(&mut self, seed: u64) {
        let taken = self.sink.taken();
        for number in &taken[self.looked_at..] {
            assert!(
                !self.saved.contains(number),
                "seed {seed}: {number} came again after its cursor was saved"
            );
        }
        self.looked_at = taken.len();
    }
}

struct Model {
    seed: u64,
    random: fastrand::Rng,
    dir: tempfile::TempDir,
    next: u64,
    /// What was flushed, and must come out.
    synced: BTreeSet<u64>,
    /// What was appended since.
    fresh: Vec<u64>,
    /// Bytes of each segment that were flushed.
    safe: BTreeMap<PathBuf, u64>,
    sinks: [Seen; 2],
}

impl Model {
    /// One process, from its start to its crash; the last one ends well.
    fn live(&mut self, boot: usize, is_last: bool) {
        let sinks = vec![self.sinks[0].sink.records(), self.sinks[1].sink.segments()];
        let (mut writer, mut deliverers) = open(options(self.dir.path()), &format!("b{boot}"), sinks);
        for _ in 0..self.random.usize(1..40) {
            match self.random.u8(..10) {
                0..=4 => self.append(&mut writer),
                5 => self.flushed(&mut writer, SpoolWriter::sync),
                6 => self.flushed(&mut writer, SpoolWriter::close),
                7 => {
                    let mut script = self.sinks[0].sink.0.lock().unwrap();
                    let refuses = |number: u64| number.is_multiple_of(3);
                    script.refuses = if script.refuses.is_some() { None } else { Some(refuses) };
                }
                _ => {
                    let at = self.random.usize(..2);
                    deliverers[at].step();
                    self.sinks[at].check(self.seed);
                    if self.random.bool() {
                        deliverers[at].save();
                        // A batch that was taken in part is before no cursor.
                        if self.sinks[at].sink.0.lock().unwrap().refuses.is_none() {
                            self.sinks[at].saved.extend(self.sinks[at].sink.taken());
                        }
                    }
                }
            }
        }
        if is_last {
            self.flushed(&mut writer, SpoolWriter::close);
            self.sinks[0].sink.0.lock().unwrap().refuses = None;
            for (deliverer, seen) in deliverers.iter_mut().zip(&mut self.sinks) {
                drain(deliverer);
                seen.check(self.seed);
            }
            return;
        }
        drop((writer, deliverers));
        self.cut();
    }

    fn append(&mut self, writer: &mut SpoolWriter) {
        let count = self.random.u64(1..30);
        let hour = NOON + self.random.i64(0..3) * HOUR;
        assert_eq!(writer.append(&numbers(self.next..self.next + count, hour)), 0);
        self.fresh.extend(self.next..self.next + count);
        self.next += count;
    }

    fn flushed(&mut self, writer: &mut SpoolWriter, flush: fn(&mut SpoolWriter)) {
        flush(writer);
        self.synced.extend(self.fresh.drain(..));
        for path in segments(self.dir.path()) {
            let len = path.metadata().unwrap().len();
            self.safe.insert(path, len);
        }
    }

    /// The crash: the newest segment loses a part of what was not flushed, down to any byte.
    fn cut(&mut self) {
        self.fresh.clear(); // they may be there or not
        let Some(newest) = segments(self.dir.path()).pop() else { return };
        let len = newest.metadata().unwrap().len();
        let safe = self.safe.get(&newest).copied().unwrap_or(0);
        let file = std::fs::File::options().write(true).open(&newest).unwrap();
        file.set_len(self.random.u64(safe..=len)).unwrap();
    }
}

/// In memory where the system has that: the model flushes some thousand times, and a crash is made up anyway.
fn quick_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

#[test]
fn what_was_flushed_comes_out_whole_and_twice_only_behind_the_cursor() {
    for seed in 0..60 {
        let mut model = Model {
            seed,
            random: fastrand::Rng::with_seed(seed),
            dir: quick_dir(),
            next: 0,
            synced: BTreeSet::new(),
            fresh: Vec::new(),
            safe: BTreeMap::new(),
            sinks: Default::default(),
        };
        let lives = model.random.usize(2..6);
        for life in 0..lives {
            model.live(life, life + 1 == lives);
        }
        for seen in &model.sinks {
            let taken: BTreeSet<u64> = seen.sink.taken().into_iter().collect();
            let lost: Vec<&u64> = model.synced.difference(&taken).collect();
            assert!(lost.is_empty(), "seed {seed}: {lost:?} were flushed and did not come out");
            assert!(taken.iter().all(|number| *number < model.next), "seed {seed}: made up");
        }
        assert!(segments(model.dir.path()).is_empty(), "seed {seed}: delivered segments stay");
    }
}
