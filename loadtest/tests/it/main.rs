//! The built program against a small server that speaks the real contract.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod baseline;
mod fake_server;
mod load;
mod reports;
mod scripts;
mod slates;

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

async fn loadtest(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder-loadtest"));
    command.args(line.split_whitespace()).kill_on_drop(true).output().await.unwrap()
}

/// What the program says, after it has ended with the exit code.
#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let said =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// What a run reports after it has ended with the exit code, and what it says.
async fn reported(line: &str, code: i32) -> (Value, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.json");
    let warmup = if line.contains("--warmup") { "" } else { "--warmup 0s" };
    let output = loadtest(&format!("run {line} {warmup} --json {}", path.display())).await;
    let said = said(&output, code);
    (serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(), said)
}

/// Records made-up requests and says where they are.
async fn recorded(dir: &Path, seed: u64, placements: &str) -> String {
    let path = dir.join(format!("mix-{seed}.jsonl")).display().to_string();
    said(&loadtest(&format!("record --out {path} {placements} --count 200 --seed {seed}")).await, 0);
    path
}
