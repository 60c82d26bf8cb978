//! The program itself, as a shell or a supervisor sees it: output, exit codes, signals.

#[cfg(feature = "s3")]
mod aws_environment;
mod directories;
mod keys;
mod output;
mod publish;
mod settings;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn larder() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LARDER_")) {
        command.env_remove(name);
    }
    // Not in the home of whoever runs the tests.
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

fn run(arguments: &[&str]) -> Output {
    larder().args(arguments).output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A server on free ports that follows `store`; its log is read until it serves.
fn serve(
    store: &Path,
    exposure_log: &Path,
    cpu: &str,
) -> (Child, BufReader<std::process::ChildStderr>, String) {
    let mut server = larder()
        .args(["serve", "--server.grpc-addr", "127.0.0.1:0", "--server.http-addr", "127.0.0.1:0", "--store"])
        .arg(store)
        .env("LARDER_EXPOSURE__FILE", exposure_log)
        .env("LARDER_SERVER__CPU", cpu)
        .env("LARDER_SERVER__ADMIN_ADDR", "127.0.0.1:0")
        .env("LARDER_TELEMETRY__LOG_FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("snapshot is served") {
        let read = log.read_line(&mut seen).unwrap();
        assert!(read > 0, "the server ended: {seen}");
    }
    (server, log, seen)
}

/// Asks the HTTP port twice: for a person, and as a probe.
fn ask(address: &str) {
    for class in ["LIVE", "SYNTHETIC"] {
        let body = format!(r#"{{"subject": {{"userId": "ada"}}, "pageSize": 3, "trafficClass": "{class}"}}"#);
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let length = body.len();
        let head = format!(
            "POST /v1/placements/session.next:recommend HTTP/1.1\r\nhost: {address}\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        std::io::Write::write_all(&mut stream, (head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// The manifest says until when the catalogue knows what happened: by its file's time, or as it is told.
fn check_catalog_as_of(out: &str, inputs: &[&str; 4], version: &str) {
    let says = |version: &str| {
        let manifest = std::fs::read(format!("{out}/snapshots/{version}/manifest.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&manifest).unwrap()["catalog_as_of"].clone()
    };
    let written = std::fs::metadata(inputs[3]).unwrap().modified().unwrap();
    let written = chrono::DateTime::<chrono::Utc>::from(written);
    assert_eq!(says(version), written.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    let train = |time: &str| {
        let flags = ["train", "--no-tune", "--json", "--no-channel", "--out", out, "--catalog-as-of", time];
        run(&[&flags[..], inputs].concat())
    };
    let told = json(&train("2026-02-03T04:05:06+01:00"));
    assert_eq!(says(told["snapshot"].as_str().unwrap()), "2026-02-03T03:05:06Z");
    for wrong in ["yesterday", "2099-01-01T00:00:00Z"] {
        let refused = train(wrong);
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(64), "{message}");
        assert!(message.contains("--catalog-as-of") && message.contains(wrong), "{message}");
    }
}

#[test]
fn a_shop_goes_from_events_to_a_server_that_stops_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (sample, out) = (path("sample"), path("store"));
    let sizes = ["--products", "120", "--users", "50", "--sessions", "800"];
    assert!(run(&[&["sample", "--out", &sample][..], &sizes].concat()).status.success());
    let files = [format!("{sample}/events.parquet"), format!("{sample}/catalog.parquet")];
    let inputs = ["--events", &files[0], "--catalog", &files[1]];
    let trained = json(&run(&[&["train", "--no-tune", "--json", "--out", &out][..], &inputs].concat()));
    assert_eq!(trained["items"], 120);
    assert!(trained["artifacts"].as_array().unwrap().len() > 8);
    check_catalog_as_of(&out, &inputs, trained["snapshot"].as_str().unwrap());

    let evaluate = ["evaluate", "--json", "--snapshot", &out, "--events", &files[0], "--placement"];
    let one = json(&run(&[&evaluate[..], &["session.next", "--most", "50"]].concat()));
    for key in ["hr@20", "mrr@20", "ndcg@10", "coverage@20", "empty_rate"] {
        assert!(one["metrics"][key].is_f64(), "{key} in {one}");
    }
    for key in ["p50", "p90", "p99"] {
        assert!(one["latency_us"][key].as_f64().unwrap() > 0.0, "{key} in {one}");
    }
    assert_eq!((&one["placement"], &one["predictions"]), (&"session.next".into(), &50.into()));
    let two = [&evaluate[..], &["session.next", "--placement", "pdp.similar", "--most", "50"]].concat();
    assert_eq!(json(&run(&two)).as_array().unwrap().len(), 2);

    let version = trained["snapshot"].as_str().unwrap();
    let listed = json(&run(&["snapshot", "list", "--json", "--store", &out]));
    assert_eq!((&listed[0]["snapshot"], &listed[0]["channel"]), (&version.into(), &true.into()));
    let verified = run(&["snapshot", "verify", "--store", &out]);
    assert!(String::from_utf8_lossy(&verified.stdout).contains("sound"));

    for signal in ["TERM", "INT"] {
        let log_of_slates = dir.path().join(format!("shown-{signal}.jsonl"));
        let (mut server, mut log, seen) = serve(Path::new(&out), &log_of_slates, "auto");
        let port = |protocol: &str| {
            seen.split(&format!("\"{protocol}\":\"")).nth(1).and_then(|rest| rest.split('"').next())
        };
        ask(port("http").unwrap());
        assert!(seen.contains(version), "{seen}");
        let pid = server.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        assert!(server.wait().unwrap().success(), "SIG{signal}");
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut log, &mut rest).unwrap();
        assert!(rest.contains("draining") && rest.contains("stopped"), "{rest}");
        let told = std::fs::read_to_string(&log_of_slates).unwrap();
        let told: Vec<serde_json::Value> =
            told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(told.len(), 1, "what was shown is flushed before the end; synthetic traffic is not told");
        assert_eq!((&told[0]["placement"], &told[0]["user_id"]), (&"session.next".into(), &"ada".into()));
        assert_eq!(told[0]["impressions"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn a_server_with_fewer_instructions_shows_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let shown = |cpu: &str| {
        let file = dir.path().join(cpu);
        let (mut server, _log, seen) = serve(Path::new("models"), &file, cpu);
        let (_, rest) = seen.split_once("\"http\":\"").unwrap();
        ask(rest.split('"').next().unwrap());
        let pid = server.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        assert!(server.wait().unwrap().success());
        let told: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        told["impressions"].clone()
    };
    let auto = shown("auto");
    assert_eq!(auto.as_array().unwrap().len(), 3);
    for level in larder::cpu::Level::all() {
        assert_eq!(shown(level.name()), auto, "{}", level.name());
    }
}

#[test]
fn a_shop_of_any_size_becomes_a_snapshot_whose_memory_is_known_beforehand() {
    let dir = tempfile::tempdir().unwrap();
    let shop = dir.path().join("shop").display().to_string();
    let sizes = ["--scale", "2k", "--sessions", "5000", "--user-features", "40000"];
    assert!(run(&[&["sample", "--out", &shop][..], &sizes].concat()).status.success());
    let build = |memory: &str| run(&["snapshot", "build", &shop, "--snapshot.user-features-memory", memory]);
    assert_eq!(build("1KiB").status.code(), Some(64));
    let refused = build("1MiB");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("user_features_memory is 1048576"), "{said}");
    let built = run(&["snapshot", "build", &shop]);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let inspected = run(&["snapshot", "inspect", "--load", "--store", &shop]);
    let said = String::from_utf8_lossy(&inspected.stdout).into_owned();
    assert!(inspected.status.success() && said.contains("will take") && said.contains("takes"), "{said}");
    let told = json(&run(&["snapshot", "inspect", "--json", "--store", &shop]));
    let artifacts = told["artifacts"].as_array().unwrap();
    assert!(artifacts.iter().all(|artifact| artifact["predicted_bytes"].as_u64().unwrap() > 0), "{told}");
    for wrong in [&["--scale", "many"][..], &["--scale", "5"], &["--user-features", "10"]] {
        assert_eq!(run(&[&["sample", "--out", &shop], wrong].concat()).status.code(), Some(64), "{wrong:?}");
    }
}

#[test]
fn the_command_line_recommends_without_a_server() {
    let output =
        run(&["recommend", "--placement", "pdp.similar", "--seed", "P00042,nope", "-n", "3", "--json"]);
    let answer = json(&output);
    assert_eq!(answer["items"].as_array().unwrap().len(), 3);
    assert_eq!(answer["missing_item_ids"], serde_json::json!(["nope"]));
    let wrong = run(&["recommend", "--placement", "pdp.simlar"]);
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean \"pdp.similar\""));
}
