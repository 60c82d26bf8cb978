//! Directories as people and machines leave them: with pipes, devices, links and notes among the files, or without any
//! place to write to.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::larder;
use crate::support::grocer;

/// Runs a command that must end by itself.
fn ends(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("{command:?} hangs");
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn whatever_lies_in_a_snapshots_directory_and_is_no_artifact_is_told_by_name() {
    let dir = grocer::snapshot(1);
    let at = |name: &str| dir.path().join(name);
    fs::write(at("README.md"), "notes").unwrap();
    fs::create_dir(at("old")).unwrap();
    pipe(&at("pipe.parquet"));
    symlink("/dev/zero", at("zero.parquet")).unwrap();
    symlink("loop.parquet", at("loop.parquet")).unwrap();
    symlink("nowhere", at("broken.json")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    fs::write(at("two\nlines"), "").unwrap();
    let built = ends(larder().args(["snapshot", "build"]).arg(dir.path()));
    let told = said(&built);
    assert!(built.status.success(), "{told}");
    for (name, what) in [
        ("README.md", "a file of no kind"),
        ("old", "a directory"),
        ("pipe.parquet", "a pipe"),
        ("zero.parquet", "a device"),
        ("loop.parquet", "leads nowhere"),
        ("broken.json", "leads nowhere"),
        ("socket", "a socket"),
        ("two\\nlines", "a file of no kind"),
    ] {
        let line = told.lines().find(|line| line.contains(&format!("\"{name}\"")));
        assert!(line.is_some_and(|line| line.contains(what)), "{name}: {told}");
    }
    assert_eq!(told.lines().filter(|line| line.contains("no part of the snapshot")).count(), 8, "{told}");
}

#[test]
fn a_volume_of_links_as_a_cluster_mounts_it_is_a_snapshot_like_any_other() {
    let (made, dir) = (grocer::snapshot(1), tempfile::tempdir().unwrap());
    let data = dir.path().join("..2026_11_20");
    fs::create_dir(&data).unwrap();
    symlink("..2026_11_20", dir.path().join("..data")).unwrap();
    for entry in fs::read_dir(made.path()).unwrap() {
        let name = entry.unwrap().file_name();
        fs::copy(made.path().join(&name), data.join(&name)).unwrap();
        symlink(Path::new("..data").join(&name), dir.path().join(&name)).unwrap();
    }
    let verified = ends(larder().args(["snapshot", "verify", "--store"]).arg(dir.path()));
    assert!(verified.status.success(), "{}", said(&verified));
    let built = ends(larder().args(["snapshot", "build"]).arg(dir.path()));
    assert!(built.status.success() && !said(&built).contains("no part"), "{}", said(&built));
}

/// Puts something in the place of a file, and asks whatever reads it.
fn each_reader_names(file: &str, what: &str, put: impl Fn(&Path)) {
    let dir = grocer::snapshot(1);
    let path = dir.path().join(file);
    fs::remove_file(&path).unwrap();
    put(&path);
    let target = tempfile::tempdir().unwrap();
    let store = target.path().join("store");
    let commands: [&[&str]; 3] = [
        &["snapshot", "verify", "--store", &dir.path().display().to_string()],
        &["snapshot", "inspect", "--store", &dir.path().display().to_string()],
        &["snapshot", "publish", &dir.path().display().to_string(), "--store", &store.display().to_string()],
    ];
    for arguments in commands {
        let output = ends(larder().args(arguments));
        let told = said(&output);
        assert!(!output.status.success() && told.contains(what), "{arguments:?} of {file}: {told}");
        assert!(told.contains(file) || told.contains(&file.replace(".parquet", "")), "{told}");
    }
}

#[test]
fn no_pipe_and_no_device_in_the_place_of_a_file_is_waited_for() {
    for file in ["manifest.json", "similar.parquet", "placements.toml"] {
        each_reader_names(file, "a pipe", pipe);
        each_reader_names(file, "a device", |path| symlink("/dev/zero", path).unwrap());
        each_reader_names(file, "", |path| symlink(path.file_name().unwrap(), path).unwrap());
    }
}

#[test]
fn a_manifest_is_not_written_through_a_link() {
    let dir = grocer::snapshot(1);
    let (manifest, victim) = (dir.path().join("manifest.json"), dir.path().join("..victim"));
    fs::write(&victim, "precious").unwrap();
    fs::remove_file(&manifest).unwrap();
    symlink("..victim", &manifest).unwrap();
    let built = ends(larder().args(["snapshot", "build"]).arg(dir.path()));
    assert!(built.status.success(), "{}", said(&built));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    fs::remove_file(&manifest).unwrap();
    pipe(&manifest);
    let built = ends(larder().args(["snapshot", "build"]).arg(dir.path()));
    assert!(built.status.success() && manifest.is_file(), "{}", said(&built));
}

#[test]
fn a_store_in_a_directory_is_served_without_any_place_to_write_to() {
    for home in [None, Some("/dev/null"), Some("relative")] {
        let mut command = larder();
        command.env_remove("XDG_CACHE_HOME").env_remove("HOME");
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let any = "127.0.0.1:0";
        let server = command
            .args(["serve", "--server.grpc-addr", any, "--server.http-addr", any, "--server.admin-addr", any])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Stopped(server);
        let mut log = std::io::BufReader::new(server.0.stderr.take().unwrap());
        let mut seen = String::new();
        while !seen.contains("snapshot is served") {
            let read = std::io::BufRead::read_line(&mut log, &mut seen).unwrap();
            assert!(read > 0, "the server ended: {seen}");
        }
        assert!(seen.contains("will not know who was forgotten"), "{home:?}: {seen}");
    }
}

/// A process that ends with the test.
struct Stopped(std::process::Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
