//! Settings from a file, the environment and the command line, and what is said about wrong ones.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::{larder, run};

/// What `larder serve` says about a file before it exits with 64.
fn refused(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("larder.toml");
    std::fs::write(&file, text).unwrap();
    let output = larder().args(["serve", "--config"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(output.stdout.is_empty(), "{text}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn bad_usage_and_configuration_exit_with_64_and_name_the_place() {
    let cases = [
        (
            "channel = \"x\"\ngrpc_adr = \"127.0.0.1:1\"\n",
            "larder.toml, line 2: there is no setting grpc_adr",
        ),
        ("[server]\nthreads = \"many\"\n", "larder.toml, line 2: server.threads is \"many\""),
        ("[snapshot]\nmemory_budget = \"much\"\n", "a size such as 256MiB"),
        (
            "[snapshot]\nmemory_budget = \"256MiB\"\n[events]\ndir = \"/tmp\"\n",
            "lower live.states_memory, live.sessions_memory, live.users_memory or live.reserve_items",
        ),
        ("store = \"/no/such/directory\"\n", "/no/such/directory"),
        ("drain_ms = 5\nserver.drain_timeout = \"5ms\"\n", "are the same setting"),
        ("channel = \n", "larder.toml, line 1, column"),
    ];
    for (file, expected) in cases {
        let said = refused(file);
        assert!(said.starts_with("larder: ") && said.contains(expected), "{file}\n{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    for arguments in [&["serve", "--no-such-flag"][..], &["evaluate", "--events", "x"], &["nonsense"]] {
        assert_eq!(run(arguments).status.code(), Some(64), "{arguments:?}");
    }
    let short = larder().arg("serve").env("LARDER_SNAPSHOT__POLL_INTERVAL", "1ms").output().unwrap();
    assert_eq!(short.status.code(), Some(64));
    let said = String::from_utf8(short.stderr).unwrap();
    assert!(said.contains("LARDER_SNAPSHOT__POLL_INTERVAL") && said.contains("50ms to 1day"), "{said}");
}

#[test]
fn old_names_and_misspelt_variables_are_warned_of_and_the_server_starts() {
    let mut server = larder()
        .args(["serve", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"])
        .env("LARDER_ADMIN_ADDR", "127.0.0.1:0")
        .env("LARDER_SERVER__THREDS", "1")
        .env("LARDER_SERVICE_HOST", "10.0.0.1")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let seen = log_until(&mut server, "listening");
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(seen.contains("--grpc-addr is an old name: write --server.grpc-addr 127.0.0.1:0"), "{seen}");
    assert!(
        seen.contains("LARDER_ADMIN_ADDR is an old name: write LARDER_SERVER__ADMIN_ADDR=127.0.0.1:0"),
        "{seen}"
    );
    assert!(
        seen.contains("LARDER_SERVER__THREDS is no setting; did you mean LARDER_SERVER__THREADS?"),
        "{seen}"
    );
    assert!(!seen.contains("LARDER_SERVICE_HOST"), "Kubernetes sets it: {seen}");
}

/// Commands that are no server take the same names, and say their warnings on standard error.
#[test]
fn commands_take_the_settings_of_the_server_that_a_snapshot_is_for() {
    let inspect =
        ["snapshot", "inspect", "--json", "--s3.region", "x", "--snapshot.user-features-memory", "2MiB"];
    let plain = run(&inspect);
    assert!(plain.status.success() && plain.stderr.is_empty(), "{}", String::from_utf8_lossy(&plain.stderr));
    let old = run(&["snapshot", "inspect", "--json", "--region", "x", "--user-features-memory", "2MiB"]);
    let said = String::from_utf8(old.stderr).unwrap();
    assert_eq!(old.stdout, plain.stdout);
    assert!(said.contains("warning: --region is an old name: write --s3.region x"), "{said}");
    let wrong = run(&["snapshot", "inspect", "--snapshot.user-features-memory", "1KiB"]);
    assert_eq!(wrong.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("1MiB to 1TiB"));
}

/// The log of a server up to a line with `text`.
fn log_until(server: &mut Child, text: &str) -> String {
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains(text) {
        let read = log.read_line(&mut seen).unwrap();
        assert!(read > 0, "the server ended: {seen}");
    }
    seen
}
