//! The server as a process among others: signals, its log, and what it takes of the system.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use larder::artifact::LocalStore;

use crate::support::following::publish_to;
use crate::support::grocer;
use crate::support::process::Process;
use crate::support::server::{read_reply, write_head};

const PATIENCE: Duration = Duration::from_secs(20);

fn store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    publish_to(&LocalStore::create(dir.path()).unwrap(), grocer::snapshot(1).path()).unwrap();
    dir
}

fn shown(server: &Process) {
    let body = r#"{"seedItems": [{"itemId": "earl-grey"}]}"#;
    assert_eq!(server.send(server.http, "POST", "/v1/placements/pdp.similar:recommend", body).status, 200);
}

fn wait_for(file: &Path, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !fs::read_to_string(file).is_ok_and(|found| found.contains(text)) {
        assert!(Instant::now() < deadline, "{} never says {text}", file.display());
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_hangup_opens_files_anew_and_ends_nothing() {
    let dir = store();
    let [exposures, log] = ["exposures.jsonl", "larder.log"].map(|name| dir.path().join(name));
    let moved = |file: &Path| file.with_extension("1");
    // Beside the harness's settings, which read the log from standard error.
    let server = Process::serve_logging_to(dir.path(), &log, &[("--exposure.file", &exposures)]);
    shown(&server);
    wait_for(&exposures, "\"seq\":1,");
    for file in [&exposures, &log] {
        fs::rename(file, moved(file)).unwrap();
    }
    server.signal(rustix::process::Signal::HUP);
    wait_for(&log, "is opened anew");
    shown(&server);
    wait_for(&exposures, "\"seq\":2,");
    assert!(!fs::read_to_string(moved(&exposures)).unwrap().contains("\"seq\":2,"));
    for _ in 0..5 {
        server.signal(rustix::process::Signal::HUP);
        shown(&server);
    }
    server.end();
    assert!(fs::read_to_string(&log).unwrap().contains("stopped"));
}

#[test]
fn names_in_artifacts_forge_no_line_of_the_log() {
    let dir = store();
    let log = dir.path().join("larder.log");
    let server = Process::serve_logging_to(dir.path(), &log, &[]);
    // A channel that names a snapshot of somebody's choosing.
    let channel = dir.path().join("channels/production.json");
    let named = r#"{"snapshot": "a\n2026-11-28T00:00:00Z  INFO forged\u001b[2J\u0085", "previous": null,
        "published_at": "2026-11-28T00:00:00Z"}"#;
    fs::write(channel, named).unwrap();
    let reply = server.send(server.admin, "POST", "/snapshots:refresh", "");
    assert_eq!(reply.status, 502, "{reply:?}");
    server.end();
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("forged"), "the name has to be in the log for this to show anything");
    let is_plain = |line: &str| line.starts_with('{') && !line.contains(|letter: char| letter.is_control());
    let odd: Vec<&str> = text.lines().filter(|line| !is_plain(line)).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[test]
fn with_few_descriptors_half_sent_requests_silence_no_port() {
    let dir = store();
    let server = Process::serve_with_descriptors(dir.path(), 400);
    let mut half_sent = Vec::new();
    for port in [server.http, server.grpc, server.admin] {
        for _ in 0..300 {
            // The system refuses what is over its backlog, or lets it wait.
            let Ok(mut stream) = TcpStream::connect_timeout(&port, Duration::from_millis(200)) else {
                continue;
            };
            let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nx-more: ");
            half_sent.push(stream);
        }
    }
    assert!(half_sent.len() > 500, "{}", half_sent.len());
    for (port, path) in [(server.admin, "/livez"), (server.admin, "/metrics"), (server.http, "/readyz")] {
        let mut stream = TcpStream::connect(port).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write_head(&mut stream, "GET", path, &[], 0);
        assert_eq!(read_reply(stream).status, 200, "{path}");
    }
    shown(&server);
    drop(half_sent);
    let log = server.end();
    assert!(log.contains("server.max_connections is lowered"), "{log}");
    assert!(!log.contains("accept failed"), "connections took more descriptors than there are for them");
}
