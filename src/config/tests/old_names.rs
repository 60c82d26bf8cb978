//! Names from before there were sections.

use super::*;

#[test]
fn an_old_name_goes_on_working_and_a_warning_says_what_to_write() {
    let file =
        "linger_ms = 5000\nidle_s = 60\nresult_cache = '16MiB'\nmax_waiting = 7\nexposure_log = '/var/shown'";
    let variables =
        [("LARDER_POLL_INTERVAL_MS", "500"), ("LARDER_MAX_IN_FLIGHT", "9"), ("LARDER_REGION", "x")];
    let loaded = loaded(file, &variables, &["--drain-ms", "1500", "--keep-previous", "false"]).unwrap();
    let config = loaded.config;
    assert_eq!(config.server.shutdown_delay, Duration::from_secs(5));
    assert_eq!(config.server.idle_timeout, Duration::from_secs(60));
    assert_eq!(config.server.drain_timeout, Duration::from_millis(1500));
    assert_eq!((config.server.max_queued, config.server.max_in_flight), (7, 9));
    assert_eq!(config.limits.result_cache_bytes, 16 << 20);
    assert_eq!(config.snapshot.poll_interval, Duration::from_millis(500));
    assert_eq!(config.snapshot.keep_previous, Some(false));
    assert_eq!(config.s3.region.as_deref(), Some("x"));
    assert_eq!(config.exposure.file.as_deref(), Some(Path::new("/var/shown")));
    let said: Vec<String> = loaded.warnings.iter().map(Warning::to_string).collect();
    for expected in [
        "larder.toml: linger_ms (line 1) is an old name: write server.shutdown_delay = \"5000ms\"",
        "larder.toml: max_waiting (line 4) is an old name: write server.max_queued = 7",
        "LARDER_POLL_INTERVAL_MS is an old name: write LARDER_SNAPSHOT__POLL_INTERVAL=500ms",
        "--drain-ms is an old name: write --server.drain-timeout 1500ms",
        "--keep-previous is an old name: write --snapshot.keep-previous false",
    ] {
        assert!(said.iter().any(|warning| warning == expected), "{expected}\n{said:#?}");
    }
    assert_eq!(said.len(), 10, "{said:#?}");
}

#[test]
fn an_old_name_keeps_its_unit() {
    for wrong in ["linger_ms = '5s'", "linger_ms = -1", "linger_ms = 1.5", "linger_ms = true"] {
        let said = bad(wrong);
        assert!(said.contains("linger_ms is") && said.contains("whole number of milliseconds"), "{said}");
    }
    assert!(bad("idle_s = 'x'").contains("whole number of seconds"));
    let said = bad("drain_ms = 99999999999999");
    assert!(said.starts_with("larder.toml, line 1: server.drain_timeout is"), "{said}");
    assert!(
        bad("poll_interval_ms = 1").contains("is 1ms: expected 50ms to 1day"),
        "{}",
        bad("poll_interval_ms = 1")
    );
}

#[test]
fn an_old_and_a_new_name_in_one_source_are_refused_together() {
    let said = bad("drain_ms = 5\n[server]\ndrain_timeout = '5ms'");
    assert_eq!(
        said,
        "larder.toml: drain_ms (line 1) and server.drain_timeout (line 3) are the same setting: remove drain_ms"
    );
    let both = [("LARDER_DRAIN_MS", "5"), ("LARDER_SERVER__DRAIN_TIMEOUT", "5ms")];
    let said = loaded("", &both, &[]).unwrap_err().to_string();
    assert!(
        said.contains("remove LARDER_DRAIN_MS") && said.contains("LARDER_SERVER__DRAIN_TIMEOUT"),
        "{said}"
    );
    let said =
        loaded("", &[], &["--server.drain-timeout", "5ms", "--drain-ms", "5"]).unwrap_err().to_string();
    assert!(said.contains("remove --drain-ms") && said.contains("--server.drain-timeout"), "{said}");
}

#[test]
fn the_old_name_in_one_source_and_the_new_in_a_stronger_one_are_two_values() {
    let new = [("LARDER_SERVER__DRAIN_TIMEOUT", "7s")];
    assert_eq!(
        loaded("drain_ms = 5", &new, &[]).unwrap().config.server.drain_timeout,
        Duration::from_secs(7)
    );
    let old = [("LARDER_DRAIN_MS", "5")];
    let file = "[server]\ndrain_timeout = '7s'";
    assert_eq!(loaded(file, &old, &[]).unwrap().config.server.drain_timeout, Duration::from_millis(5));
}
