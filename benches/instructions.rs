//! How many instructions does one warm request take, by placement? Counted by callgrind on the sample snapshot in
//! `models/`, where the clock is no help: the count is the same on a busy machine.
//!
//! Three shapes: a user with a session, who gets an answer of their own; the same page for anybody, worked out; and the
//! same from the result cache.
//!
//! `just instructions` writes `benches/instructions.json`. Valgrind knows no AVX-512, so what is counted is at most the
//! `avx2` level.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot begin must stop"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use larder::domain::{Request, Slate};
use larder::recommender::{Limits, Recommender};
use larder::snapshot::Registry;
use serde_json::{Value, json};

/// Distinct requests, and how often each is asked while it is counted.
const REQUESTS: usize = 50;
const ROUNDS: usize = 4;

/// What is asked: the name in the record, and in the environment of the counted process.
const SHAPES: [&str; 3] = ["personal", "common", "cached"];

fn main() -> ExitCode {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let recommender = Recommender::open(models).expect("the sample snapshot");
    match std::env::var("LARDER_COUNTED_PLACEMENT") {
        Ok(placement) => {
            ask(&recommender, &placement);
            ExitCode::SUCCESS
        }
        Err(_) => record(&recommender),
    }
}

/// Warms up, then asks what is counted.
fn ask(recommender: &Recommender, placement: &str) {
    let served = recommender.served().expect("a snapshot");
    let shape = std::env::var("LARDER_COUNTED_SHAPE").expect("a shape");
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::clone(&served), false);
    let result_cache_bytes = if shape == "cached" { 8 << 20 } else { 0 };
    let recommender = &Recommender::new(registry, Limits { result_cache_bytes, ..Limits::default() });
    let items = served.snapshot.items();
    let id = |at: usize| items.text((at * 7919 % items.len()) as u32);
    let one = |at: usize| {
        if shape != "personal" {
            return Request::new(placement).viewing(id(at));
        }
        let session = (0..4).fold(Request::new(placement), |request, step| request.event(id(at * 5 + step)));
        session.viewing(id(at)).user(format!("U{:05}", at * 31))
    };
    let requests: Vec<Request> = (0..REQUESTS).map(one).collect();
    let mut slate = Slate::default();
    for request in requests.iter().chain(&requests) {
        recommender.recommend_into(request, &mut slate).expect("an answer");
    }
    for _ in 0..ROUNDS {
        for request in &requests {
            counted_request(recommender, request, &mut slate);
        }
    }
}

/// Callgrind counts while this function runs; its name is in the command below.
#[inline(never)]
fn counted_request(recommender: &Recommender, request: &Request, slate: &mut Slate) {
    recommender.recommend_into(request, slate).expect("an answer");
}

/// Runs this program under callgrind, a placement at a time, and writes down what it says.
fn record(recommender: &Recommender) -> ExitCode {
    let program = std::env::current_exe().expect("this program");
    let scratch = tempfile::tempdir().expect("a directory");
    let arguments = ["--tool=callgrind", "--toggle-collect=*counted_request*", "--callgrind-out-file"];
    let mut counts: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
    let served = recommender.served().expect("a snapshot");
    for (placement, shape) in served.placements.keys().flat_map(|name| SHAPES.map(|shape| (name, shape))) {
        let out = scratch.path().join("callgrind.out");
        let ran = Command::new("valgrind")
            .args(&arguments[..2])
            .arg(format!("{}={}", arguments[2], out.display()))
            .arg(&program)
            .env("LARDER_COUNTED_PLACEMENT", placement)
            .env("LARDER_COUNTED_SHAPE", shape)
            .output();
        let Ok(output) = ran else {
            eprintln!("valgrind is not installed: nothing was counted");
            return ExitCode::FAILURE;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        let Some(count) = collected(&said) else {
            eprintln!("{placement}: callgrind said no count:\n{said}");
            return ExitCode::FAILURE;
        };
        let each = count / (REQUESTS * ROUNDS) as u64;
        println!("{placement:<24} {shape:<10} {each:>10} instructions a request");
        counts.entry(shape).or_default().insert(placement.clone(), each);
    }
    let record = json!({
        "command": "cargo bench --bench instructions --no-default-features",
        "tool": format!("valgrind {} {}", arguments[0], arguments[1]),
        "machine": machine(),
        "snapshot": served.snapshot.version(),
        "instructions_per_request": counts.get("personal"),
        "instructions_per_common_request": counts.get("common"),
        "instructions_per_cached_request": counts.get("cached"),
    });
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.json");
    std::fs::write(&file, format!("{record:#}\n")).expect("benches/ can be written");
    ExitCode::SUCCESS
}

/// The number behind `Collected :`.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok().filter(|count| *count > 0)
}

fn machine() -> Value {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(Value::Null, |(_, name)| name.into())
}
