//! Recordings, and the slates of two servers compared.

use crate::fake_server::FakeServer;
use crate::{loadtest, recorded, said};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slates_are_compared_across_servers_and_protocols() {
    let (server, twin) = (FakeServer::start().await, FakeServer::start().await);
    let dir = tempfile::tempdir().unwrap();
    let mix = recorded(dir.path(), 1, "--placement pdp.similar=3 --placement home.for_you").await;
    let compared = async |a: &str, b: &str, code: i32| {
        let line = format!("compare-slates --a {a} --b {b} --requests {mix} --count 500");
        said(&loadtest(&line).await, code)
    };
    for (a, b) in [(&server.grpc, &twin.grpc), (&server.grpc, &twin.http), (&server.http, &twin.http)] {
        let said = compared(a, b, 0).await;
        assert!(said.contains("500 of 500 slates are the same"), "{said}");
    }
    twin.swap("v2"); // whose scores are another snapshot's
    let said = compared(&server.grpc, &twin.http, 1).await;
    assert!(
        said.contains("0 of 500") && said.contains("request 0, ") && said.contains("score: A has"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_is_the_same_for_the_same_seed() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let placements = "--placement pdp.similar";
    let read = |path: String| std::fs::read(path).unwrap();
    let first = read(recorded(dir.path(), 1, placements).await);
    assert_eq!(first, read(recorded(other.path(), 1, placements).await));
    assert_ne!(first, read(recorded(other.path(), 2, placements).await));
}
