//! The empty handlers give what the server gave, to the byte.

use std::process::Stdio;

use larder_proto::v1;
use larder_proto::v1::recommendation_service_client::RecommendationServiceClient;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::loadtest;
use crate::shop::Shop;

/// The running server and where its ports are.
struct Bare {
    _process: Child,
    grpc: String,
    http: String,
    admin: String,
}

impl Bare {
    async fn of(shop: &Shop, asked: &str) -> Bare {
        let mut process = Command::new(env!("CARGO_BIN_EXE_larder-loadtest"))
            .args(format!("bare --of {} --of {} {asked}", shop.grpc(), shop.http()).split_whitespace())
            .kill_on_drop(true)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut addresses = Vec::new();
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            match line.split_once(' ') {
                Some(("grpc" | "http" | "admin", address)) => addresses.push(address.to_owned()),
                _ if line == "ready" => break,
                _ => {}
            }
        }
        let [grpc, http, admin] = addresses.try_into().unwrap();
        Bare { _process: process, grpc, http, admin }
    }
}

/// The body of the answer, as it came.
async fn http(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

async fn slate(address: &str, request: &v1::RecommendRequest) -> v1::RecommendResponse {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = RecommendationServiceClient::new(endpoint.connect().await.unwrap());
    client.recommend(request.clone()).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_empty_handlers_return_the_bytes_of_the_server_on_both_faces() {
    let shop = Shop::open().await;
    let bare =
        Bare::of(&shop, "--placement pdp.similar --placement degraded.one --answers 1 --count 50").await;
    let (real_grpc, real_http) = (&shop.grpc()["grpc://".len()..], &shop.http()["http://".len()..]);
    for placement in ["pdp.similar", "degraded.one"] {
        // The shop's slates depend on the length of the session: ask for the one that was kept.
        let kept = shop.seen().into_iter().find(|request| request.placement == placement).unwrap();
        assert_eq!(slate(&bare.grpc, &kept).await, slate(real_grpc, &kept).await, "{placement}");

        let (path, body) =
            (format!("/v1/placements/{placement}:recommend"), serde_json::to_string(&kept).unwrap());
        let real = http(real_http, "POST", &path, &body).await;
        assert!(real.contains("item-12"), "{real}");
        assert_eq!(http(&bare.http, "POST", &path, &body).await, real, "{placement}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_empty_handlers_give_their_answers_in_turn_and_tell_what_they_cost() {
    let shop = Shop::open().await;
    let bare = Bare::of(&shop, "--placement pdp.similar --answers 2 --count 50").await;
    let request = v1::RecommendRequest { placement: "pdp.similar".into(), ..Default::default() };
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(slate(&bare.grpc, &request).await);
    }
    assert_eq!(answers[..2], answers[2..]);
    assert_eq!(shop.seen().len(), 4, "two of each protocol, and none for the requests to the empty handlers");

    let metrics = http(&bare.admin, "GET", "/metrics", "").await;
    let value = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    };
    assert!(value("process_cpu_seconds_total ") > 0.0, "{metrics}");
    assert!(!cfg!(target_os = "linux") || value("process_resident_memory_bytes ") > 1e6, "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_has_no_answers_to_give() {
    let shop = Shop::open().await;
    for url in [shop.grpc(), shop.http()] {
        let output = loadtest(&format!("bare --of {url} --placement no.such")).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(69), "{told}");
        assert!(told.contains("\"no.such\": NOT_FOUND"), "{told}");
    }
}
