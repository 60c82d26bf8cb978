//! Exposures from a queue or a server to the files that others read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use larder::artifact::LocalStore;
use larder::exposure::sink::{HourlyJsonLines, JsonLines, RecordSink, Refusal, SendError, Sink};
use larder::exposure::{Batch, Exposure, Exposures, Origin, Outlet, Record, What};
use serde_json::{Value, json};

use crate::support::following::publish_to;
use crate::support::grocer;
use crate::support::process::Process;

#[cfg(target_os = "linux")]
mod full;

fn exposure() -> Exposure {
    Exposure {
        recommendation_id: "id".to_owned(),
        time_ms: 0,
        placement: "home".to_owned(),
        snapshot: "s".to_owned(),
        rules_version: String::new(),
        live_epoch: 0,
        clock_ms: None,
        user_id: None,
        visitor_id: None,
        session_id: None,
        asked: None,
        level: "none",
        causes: Vec::new(),
        skipped_stages: Vec::new(),
        impressions: Vec::new(),
    }
}

/// A sink that waits for a word before each batch.
#[derive(Debug)]
struct Slow(Receiver<()>, Arc<Mutex<BTreeSet<u64>>>);

impl RecordSink for Slow {
    fn send(&mut self, records: &[Record<'_>]) -> Result<Vec<Refusal>, SendError> {
        let _ = self.0.recv();
        let seq =
            |record: &Record<'_>| serde_json::from_slice::<Value>(record.bytes).unwrap()["seq"].as_u64();
        self.1.lock().unwrap().extend(records.iter().filter_map(seq));
        Ok(Vec::new())
    }
}

#[test]
fn what_a_full_queue_refuses_is_a_gap_in_the_numbers() {
    let (go, wait) = sync_channel(1);
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let outlet = Outlet::direct(vec![Sink::records("slow", Slow(wait, Arc::clone(&seen)))]);
    let (queue, writer) = Exposures::open(10, Origin::new("r"), outlet).unwrap();
    for _ in 0..500 {
        queue.offer(exposure());
    }
    drop(go);
    let counters = Arc::clone(queue.counters());
    drop(queue);
    writer.finish();
    let (seen, counts) = (seen.lock().unwrap(), counters.counts());
    assert!(counts.lost > 0);
    assert_eq!(seen.len() as u64, counts.written);
    assert_eq!(500 - seen.len() as u64, counts.lost, "the gaps are the losses");
    assert!(seen.iter().all(|seq| (1..=500).contains(seq)), "{seen:?}");
}

fn batch(texts: &[(i64, &str)]) -> Batch {
    let mut batch = Batch::default();
    for (time_ms, text) in texts {
        batch.push(Record { time_ms: *time_ms, bytes: text.as_bytes() });
    }
    batch
}

#[test]
fn a_file_of_lines_is_mended_after_a_crash_and_begun_anew_after_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shown.jsonl");
    std::fs::write(&path, format!("{{\"a\":1}}\n{}", "x".repeat(100_000))).unwrap();
    let mut sink = JsonLines::open(&path).unwrap();
    sink.send(&batch(&[(0, "{\"b\":2}"), (0, "{\"c\":3}")]).records()).unwrap();
    let moved = dir.path().join("shown.jsonl.1");
    std::fs::rename(&path, &moved).unwrap();
    sink.send(&batch(&[(0, "{\"d\":4}")]).records()).unwrap();
    assert_eq!(std::fs::read_to_string(&moved).unwrap(), "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"d\":4}\n");
}

#[test]
fn a_directory_of_lines_has_a_file_for_each_hour() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = HourlyJsonLines::open(&dir.path().join("new"), What::Exposures).unwrap();
    let noon = 1_795_348_800_000; // 2026-11-22T12:00:00Z
    sink.send(&batch(&[(noon - 1, "1"), (noon, "2"), (noon + 1, "3")]).records()).unwrap();
    sink.send(&batch(&[(noon - 2, "4")]).records()).unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.path().join("new").join(name)).unwrap();
    assert_eq!(read("exposures-20261122T11.jsonl"), "1\n4\n");
    assert_eq!(read("exposures-20261122T12.jsonl"), "2\n3\n");
}

#[test]
fn an_hour_has_several_files_where_one_would_be_too_large_and_each_line_is_in_one() {
    let dir = tempfile::tempdir().unwrap();
    let open = || HourlyJsonLines::open(dir.path(), What::Events).unwrap().with_most_bytes(6);
    let mut sink = open();
    let noon = 1_795_348_800_000; // 2026-11-22T12:00:00Z
    for text in ["11", "22", "33333333", "4"] {
        sink.send(&batch(&[(noon, text)]).records()).unwrap();
    }
    // After a start, and after records of the hour before, the hour goes on where it was.
    let mut sink = open();
    sink.send(&batch(&[(noon, "5"), (noon - 1, "0"), (noon, "6")]).records()).unwrap();
    sink.send(&batch(&[(noon, "7")]).records()).unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(read("events-20261122T12.jsonl"), "11\n22\n");
    assert_eq!(read("events-20261122T12-1.jsonl"), "33333333\n", "a batch is not torn");
    assert_eq!(read("events-20261122T12-2.jsonl"), "4\n5\n6\n");
    assert_eq!(read("events-20261122T12-3.jsonl"), "7\n");
    assert_eq!(read("events-20261122T11.jsonl"), "0\n");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5);
}

#[test]
fn a_directory_of_lines_that_is_gone_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let lines = dir.path().join("lines");
    let mut sink = HourlyJsonLines::open(&lines, What::Exposures).unwrap();
    let one = batch(&[(0, "1")]);
    sink.send(&one.records()).unwrap();
    std::fs::remove_dir_all(&lines).unwrap();
    std::fs::write(&lines, "in the way").unwrap();
    sink.send(&one.records()).unwrap_err();
    std::fs::remove_file(&lines).unwrap();
    sink.send(&one.records()).unwrap();
    assert_eq!(std::fs::read_to_string(lines.join("exposures-19700101T00.jsonl")).unwrap(), "1\n");
}

/// All exposures in a directory of lines, by process.
fn by_boot(dir: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        for line in std::fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            let exposure: Value = serde_json::from_str(line).expect("a line that is whole");
            found.entry(exposure["boot"].as_str().unwrap().to_owned()).or_default().push(exposure);
        }
    }
    found
}

/// Asks until the server is gone, `most` times at the most; the ids of the answers.
fn ask(server: &Process, most: usize) -> Vec<String> {
    let body = json!({"subject": {"userId": "ada"}, "seedItems": [{"itemId": "earl-grey"}]}).to_string();
    let path = "/v1/placements/pdp.similar:recommend";
    let ask = |_| {
        let reply = server.try_send(server.http, "POST", path, &body)?;
        // A body may end in its middle: that is no answer.
        let answer: Value = serde_json::from_str(&reply.body).ok()?;
        answer["recommendationId"].as_str().map(str::to_owned)
    };
    (0..most).map_while(ask).collect()
}

fn killed_server_leaves_what_it_wrote(flags: impl Fn(&Path) -> Vec<(&'static str, std::path::PathBuf)>) {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::create(dir.path()).unwrap();
    publish_to(&store, grocer::snapshot(1).path()).unwrap();
    let shown = dir.path().join("shown");
    let paths = flags(dir.path());
    let paths: Vec<(&str, &Path)> = paths.iter().map(|(flag, path)| (*flag, path.as_path())).collect();
    let serve = || Process::serve_with(dir.path(), &paths);

    let server = serve();
    let before = ask(&server, 20);
    assert_eq!(before.len(), 20);
    let on_disk = || {
        let files =
            std::fs::read_dir(&shown).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.map(|bytes| bytes.into_iter().filter(|byte| *byte == b'\n').count()).sum::<usize>()
    };
    while on_disk() < 20 {
        std::thread::yield_now();
    }
    let during = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..3).map(|_| scope.spawn(|| ask(&server, usize::MAX))).collect();
        while on_disk() < 60 {
            std::thread::yield_now();
        }
        server.kill();
        asking.into_iter().flat_map(|asking| asking.join().unwrap()).collect::<Vec<String>>()
    });
    drop(server);
    let server = serve();
    let after = ask(&server, 10);
    assert_eq!(after.len(), 10);
    server.end();

    let boots = by_boot(&shown);
    assert_eq!(boots.len(), 2);
    let (mut found, mut gaps) = (BTreeSet::new(), 0);
    for exposures in boots.values() {
        let seqs: BTreeSet<u64> =
            exposures.iter().map(|exposure| exposure["seq"].as_u64().unwrap()).collect();
        gaps += seqs.last().unwrap() - seqs.len() as u64;
        found.extend(
            exposures.iter().map(|exposure| exposure["recommendation_id"].as_str().unwrap().to_owned()),
        );
        assert_eq!(seqs.first(), Some(&1));
    }
    assert!(
        before.iter().chain(&after).all(|id| found.contains(id)),
        "what was on disk before the kill stays"
    );
    // One thread writes in order: a kill takes the last ones, which nobody can count, and makes no hole before them.
    let missing = during.iter().filter(|id| !found.contains(*id)).count();
    assert_eq!(gaps, 0, "{missing} answers of the last moment are missing");
}

#[test]
fn a_server_that_is_killed_leaves_whole_lines_without_a_gap_before_the_last() {
    killed_server_leaves_what_it_wrote(|dir| vec![("--exposures", dir.join("shown"))]);
}

#[test]
fn a_server_with_a_spool_that_is_killed_does_so_too_and_fills_its_lake() {
    let lakes = Mutex::new(tempfile::tempdir().unwrap());
    let lake = lakes.lock().unwrap().path().join("lake");
    killed_server_leaves_what_it_wrote(|dir| {
        let spool = ("--spool.dir", dir.join("spool"));
        vec![("--exposures", dir.join("shown")), spool, ("--exposure.lake", lake.clone())]
    });
    let days = std::fs::read_dir(lake.join("exposures")).unwrap().count();
    assert!(days >= 1, "the segments of both processes were closed and stored");
}
