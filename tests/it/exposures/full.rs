//! A file that takes no more, as on a full disk: no line is torn, what is counted is in the file, and the server goes
//! on and recovers by itself.

use super::*;
use crate::support::scrape::Scrape;

/// So few bytes that some slates have room, and the last of them not as a whole.
const ROOM: u64 = 40_000;

/// How many slates were written, and how many were lost.
fn counted(server: &Process) -> (u64, u64) {
    let metrics = Scrape::parse(&server.send(server.admin, "GET", "/metrics", "").body);
    let of =
        |outcome| metrics.value("larder_exposures_total", &[("outcome", outcome)]).unwrap_or_default() as u64;
    (of("written"), of("lost"))
}

/// Asks so often, and waits until each slate is written or lost.
fn offer(server: &Process, count: u64) -> (u64, u64) {
    let (written, lost) = counted(server);
    assert_eq!(ask(server, count as usize).len() as u64, count, "it serves all the same");
    let began = std::time::Instant::now();
    loop {
        let now = counted(server);
        if now.0 + now.1 == written + lost + count {
            return now;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{now:?}");
        std::thread::yield_now();
    }
}

/// The numbers of the slates in a file, or in the files of a directory; each line must be whole.
fn numbers(out: &Path) -> Vec<u64> {
    let files = if out.is_dir() {
        std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect()
    } else {
        vec![out.to_owned()]
    };
    let mut numbers = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
        let lines =
            text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line that is whole"));
        numbers.extend(lines.map(|shown| shown["seq"].as_u64().unwrap()));
    }
    numbers
}

/// A server whose files are full, what it has written and lost of 200 slates, and where.
fn full(flag: &str, name: &str) -> (tempfile::TempDir, std::path::PathBuf, Process, (u64, u64)) {
    let dir = tempfile::tempdir().unwrap();
    publish_to(&LocalStore::create(dir.path()).unwrap(), grocer::snapshot(1).path()).unwrap();
    let out = dir.path().join(name);
    let server = Process::serve_with(dir.path(), &[(flag, &out)]);
    server.limit_files(Some(ROOM));
    let (written, lost) = offer(&server, 200);
    assert!(written > 0 && lost > 0, "{written} written and {lost} lost");
    assert_eq!(numbers(&out).len() as u64, written);
    (dir, out, server, (written, lost))
}

#[test]
fn what_is_counted_as_written_is_in_the_file_also_once_there_is_room_again() {
    for (flag, name) in [("--exposure.file", "shown.jsonl"), ("--exposures", "shown")] {
        let (_dir, out, server, (written, lost)) = full(flag, name);
        server.limit_files(None);
        assert_eq!(offer(&server, 20), (written + 20, lost), "all of it, once there is room");
        server.end();
        let mut all = numbers(&out);
        all.sort_unstable();
        assert_eq!(all.len() as u64, written + 20);
        assert!(all.ends_with(&(201..=220).collect::<Vec<u64>>()), "{all:?}: the gaps are what was lost");
    }
}

#[test]
fn a_file_is_begun_where_the_full_one_was_moved_away() {
    let (dir, out, server, (written, lost)) = full("--exposure.file", "shown.jsonl");
    let moved = dir.path().join("shown.jsonl.1");
    std::fs::rename(&out, &moved).unwrap();
    assert_eq!(offer(&server, 10), (written + 10, lost));
    // As logrotate does with copytruncate: the same file, from its beginning.
    std::fs::File::options().write(true).open(&out).unwrap().set_len(0).unwrap();
    assert_eq!(offer(&server, 10), (written + 20, lost));
    server.end();
    assert_eq!(numbers(&moved).len() as u64, written);
    assert_eq!(numbers(&out), (211..=220).collect::<Vec<u64>>());
}
