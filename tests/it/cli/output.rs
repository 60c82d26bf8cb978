//! Output that nobody reads to its end, or that cannot be written.

use std::fs::OpenOptions;
use std::process::{Output, Stdio};

use super::{larder, run};

/// Commands that answer on standard output, with the sample of the repository or files below `dir`.
fn commands(dir: &str) -> Vec<Vec<String>> {
    let (events, catalog) = (format!("{dir}/events.parquet"), format!("{dir}/catalog.parquet"));
    let (published, trained) = (format!("{dir}/published"), format!("{dir}/trained"));
    let made =
        std::fs::read_dir("models/snapshots").unwrap().next().unwrap().unwrap().path().display().to_string();
    let commands = [
        "--help",
        "--version",
        "help serve",
        "serve --help",
        "snapshot publish --help",
        "recommend --placement pdp.similar --seed P00042",
        "recommend --placement pdp.similar --seed P00042 --json",
        "snapshot verify",
        "snapshot list",
        "snapshot list --json",
        "snapshot inspect",
        "snapshot inspect --json",
        &format!("snapshot publish {made} --store {published}"),
        &format!("train --no-tune --events {events} --catalog {catalog} --out {trained}"),
        &format!("train --no-tune --json --events {events} --catalog {catalog} --out {trained}"),
        &format!("evaluate --snapshot models --events {events} --placement session.next --most 20"),
        &format!("evaluate --snapshot models --events {events} --placement session.next --most 20 --json"),
        &format!("sample --products 120 --users 20 --sessions 100 --out {dir}/other"),
    ];
    commands.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

/// Runs every command with a standard output that `out` opens, and shows its output to `check`.
fn each_command_with(out: impl Fn() -> Stdio, check: impl Fn(&str, &Output)) {
    let dir = tempfile::tempdir().unwrap();
    let shop = dir.path().display().to_string();
    let sample = ["sample", "--products", "120", "--users", "50", "--sessions", "800", "--out", &shop];
    assert!(run(&sample).status.success());
    for arguments in commands(&shop) {
        let output = larder().args(&arguments).stdout(out()).output().unwrap();
        check(&arguments.join(" "), &output);
    }
}

#[test]
fn a_command_whose_reader_has_gone_ends_quietly() {
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    each_command_with(closed, |command, output| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command}: {said}");
        assert!(!said.contains("standard output") && !said.contains("panicked"), "{command}: {said}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_whose_output_cannot_be_written_says_so() {
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    each_command_with(full, |command, output| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        let expected = "larder: standard output cannot be written: No space left on device";
        assert!(said.contains(expected) && !said.contains("panicked"), "{command}: {said}");
    });
}

/// Messages and log lines that cannot be written are lost; what they are about goes on.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_below_standard_error_ends_nothing() {
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let status = larder().arg("nonsense").stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(64));
    let dir = tempfile::tempdir().unwrap();
    let status = larder().args(["recommend", "--placement", "no.such"]).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(1));

    let shown = dir.path().join("shown.jsonl");
    let address = free_address();
    let mut server = larder()
        .args(["serve", "--server.grpc-addr", "127.0.0.1:0", "--server.admin-addr", "127.0.0.1:0"])
        .args(["--server.http-addr", &address, "--exposure.file"])
        .arg(&shown)
        .stderr(full())
        .spawn()
        .unwrap();
    while !is_ready(&address) {
        assert!(server.try_wait().unwrap().is_none(), "the server ended");
        std::thread::yield_now();
    }
    super::ask(&address);
    let pid = server.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    assert!(server.wait().unwrap().success());
    assert_eq!(std::fs::read_to_string(&shown).unwrap().lines().count(), 1);
}

/// An address that was free just now. The log, which would name the port that the server took, cannot be read here.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Whether the server at this address answers a request with a slate.
fn is_ready(address: &str) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let body = r#"{"trafficClass": "SYNTHETIC"}"#;
    let head = format!(
        "POST /v1/placements/session.next:recommend HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    stream.write_all(head.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
