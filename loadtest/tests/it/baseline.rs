//! The empty handlers give what the server gave, to the byte.

use std::process::Stdio;

use larder_proto::v1;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::fake_server::FakeServer;
use crate::{loadtest, recorded, said};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_empty_handlers_give_the_answers_of_the_server_in_turn() {
    let server = FakeServer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mix = recorded(dir.path(), 1, "--placement pdp.similar --placement degraded.one").await;
    let line = format!("baseline --of {},{} --requests {mix} --answers 2", server.grpc, server.http);
    let mut process = Command::new(env!("CARGO_BIN_EXE_larder-loadtest"));
    process.args(line.split_whitespace()).kill_on_drop(true).stdout(Stdio::piped());
    let mut process = process.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut addresses = Vec::new();
    while let Some((protocol, address)) = lines.next_line().await.unwrap().unwrap().split_once(' ') {
        addresses.push(format!("{protocol}://{address}"));
    }
    let asked = server.seen();
    assert_eq!(asked.len(), 8, "two of each placement and protocol");

    // The slates depend on the request: ask for what was kept, in the order in which it was.
    let kept: Vec<&v1::RecommendRequest> = asked[..4].iter().collect();
    let lines: Vec<String> = kept.iter().map(|request| serde_json::to_string(request).unwrap()).collect();
    let again = dir.path().join("again.jsonl");
    std::fs::write(&again, lines.join("\n")).unwrap();
    for (own, of) in addresses.iter().zip([&server.grpc, &server.http]) {
        let flags = format!("--requests {} --count 12 --at-a-time 1", again.display());
        let said = said(&loadtest(&format!("compare-slates --a {own} --b {of} {flags}")).await, 0);
        assert!(said.contains("12 of 12"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_has_no_answers_to_give() {
    let server = FakeServer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mix = recorded(dir.path(), 1, "--placement no.such").await;
    for url in [&server.grpc, &server.http] {
        let said = said(&loadtest(&format!("baseline --of {url} --requests {mix}")).await, 69);
        assert!(said.contains("\"no.such\": NOT_FOUND"), "{said}");
    }
}
