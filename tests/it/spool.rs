//! The queue on disk before the sinks, at its public ends: what goes in, what a crash or a full disk leaves of it, what
//! comes out.

mod faults;
mod lake;
mod model;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::exposure::sink::{RecordSink, Refusal, SegmentSink, SendError, Sink, TOO_LARGE};
use larder::exposure::spool::{self, Deliverer, Options, RealDisk, SegmentReader, SpoolWriter, Step};
use larder::exposure::{Batch, Record};

const HOUR: i64 = 3_600_000;
/// A time in the past: no segment is closed because the hour is over while a test fills it.
const NOON: i64 = 495_000 * HOUR;

/// A spool of small segments.
fn options(dir: &Path) -> Options {
    let wait = Duration::from_millis(1);
    let options = Options::new(dir, 1 << 30, Duration::from_secs(3600));
    Options { segment: 2000, first_wait: wait, longest_wait: wait, ..options }
}

fn open(options: Options, boot: &str, sinks: Vec<Sink>) -> (SpoolWriter, Vec<Deliverer>) {
    spool::open(options, boot, sinks, Arc::new(RealDisk)).unwrap()
}

/// Records that only have a number.
fn numbers(numbers: impl IntoIterator<Item = u64>, time_ms: i64) -> Batch {
    let mut batch = Batch::default();
    for number in numbers {
        batch.push_json(time_ms, &serde_json::json!({ "n": number })).unwrap();
    }
    batch
}

/// The number of a record, which must be whole.
fn number(record: &Record<'_>) -> u64 {
    let value: serde_json::Value = serde_json::from_slice(record.bytes).expect("a record that is whole");
    value["n"].as_u64().unwrap()
}

/// What a sink was given, and what it is to do.
#[derive(Debug, Default, Clone)]
struct Kept(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    /// Numbers of the records that were taken, in order.
    taken: Vec<u64>,
    /// Numbers of all records of each call.
    calls: Vec<Vec<u64>>,
    /// Which records are refused, by number; `None`: all are taken.
    refuses: Option<fn(u64) -> bool>,
    /// Which records can never be taken, by number.
    can_never_take: Option<fn(u64) -> bool>,
    /// Whether nothing is taken.
    is_away: bool,
}

impl Kept {
    fn records(&self) -> Sink {
        Sink::records("kept", self.clone())
    }

    fn segments(&self) -> Sink {
        Sink::segments("kept_whole", self.clone())
    }

    fn taken(&self) -> Vec<u64> {
        self.0.lock().unwrap().taken.clone()
    }
}

impl RecordSink for Kept {
    fn send(&mut self, records: &[Record<'_>]) -> Result<Vec<Refusal>, SendError> {
        let mut script = self.0.lock().unwrap();
        if script.is_away {
            return Err(SendError::all("away"));
        }
        let numbers: Vec<u64> = records.iter().map(number).collect();
        let refuses = script.refuses.unwrap_or(|_| false);
        let never = script.can_never_take.unwrap_or(|_| false);
        script.taken.extend(numbers.iter().filter(|number| !refuses(**number) && !never(**number)));
        let places = |of: fn(u64) -> bool| -> Vec<usize> {
            (0..numbers.len()).filter(|at| of(numbers[*at])).collect()
        };
        let failed = places(refuses);
        let refusal = |place| Refusal { place, reason: TOO_LARGE.to_owned(), said: String::new() };
        let never: Vec<Refusal> = places(never).into_iter().map(refusal).collect();
        script.calls.push(numbers);
        if failed.is_empty() { Ok(never) } else { Err(SendError::these(failed, "refused").refusing(never)) }
    }
}

impl SegmentSink for Kept {
    fn store(&mut self, segment: &mut SegmentReader) -> Result<u64, larder::exposure::sink::Cause> {
        if self.0.lock().unwrap().is_away {
            return Err("away".into());
        }
        let mut numbers = Vec::new();
        let mut hours = Vec::new();
        while let Some(batch) = segment.next_batch(7, 1 << 20)? {
            numbers.extend(batch.records().iter().map(number));
            hours.extend(batch.records().iter().map(Record::hour));
        }
        hours.dedup();
        assert!(hours.len() <= 1, "a segment of several hours: {hours:?}");
        let count = numbers.len() as u64;
        self.0.lock().unwrap().taken.extend(numbers);
        Ok(count)
    }
}

/// Delivers until there is nothing left that the sink takes.
fn drain(deliverer: &mut Deliverer) {
    while deliverer.step() == Step::Delivered {}
}

/// The segments in a directory, oldest first.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    paths.sort_by_key(|path| path.to_str().unwrap().rsplit('-').next().unwrap().to_owned());
    paths
}

#[test]
fn a_sink_that_catches_up_is_behind_until_its_last_record() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::default();
    let (mut writer, mut deliverers) = open(options(dir.path()), "boot", vec![kept.records()]);
    // Several segments, the last of them not full.
    for number in 0..300 {
        writer.append(&numbers([number], NOON));
    }
    writer.sync();
    let counts = Arc::clone(deliverers[0].counts());
    let mut steps = 0;
    while deliverers[0].step() == Step::Delivered {
        steps += 1;
        assert_eq!(counts.lag_ms(NOON + 1000), 1000, "after {} records", kept.taken().len());
    }
    assert!(steps > 6, "{steps} steps");
    assert_eq!((kept.taken().len(), counts.lag_ms(NOON + 1000)), (300, 0));
}
