//! What happens to requests when there are more than can be served. The work is held up by a source that waits for the
//! test.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use larder::domain::{CandidateSet, ItemIdx, ItemMask};
use larder::pipeline::{CandidateSource, Context, Stage, StageError, Stages};
use larder::recommender::{Limits, Recommender, View};
use larder::server::Config;
use larder::server::identity::{Authenticator, Class};
use larder::snapshot::{LoadOptions, Registry, open_directory};
use larder_proto::v1;
use larder_proto::v1::recommend_request::TrafficClass;
use larder_proto::v1::recommendation_service_client::RecommendationServiceClient;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::Channel;

use crate::identity;
use crate::support::server::{Reply, Server, read_reply, write_head};
use crate::support::shop;

const HELD: &str = "/v1/placements/held:recommend";

/// Holds up every request until the test lets go, and remembers which were served by their page sizes.
#[derive(Debug, Default)]
struct Hold {
    state: Mutex<(bool, Vec<usize>)>,
    changed: Condvar,
}

struct Held(Arc<Hold>);

impl Stage for Held {
    fn label(&self) -> &str {
        "held"
    }
}

impl CandidateSource for Held {
    fn retrieve(
        &self,
        ctx: &Context<'_>,
        _mask: &ItemMask,
        out: &mut CandidateSet,
    ) -> Result<(), StageError> {
        let mut state = self.0.state.lock().unwrap();
        state.1.extend(ctx.request.page_size);
        self.0.changed.notify_all();
        drop(self.0.changed.wait_while(state, |state| !state.0).unwrap());
        out.push(ItemIdx(0), 1.0);
        Ok(())
    }
}

impl Hold {
    fn release(&self) {
        self.state.lock().unwrap().0 = true;
        self.changed.notify_all();
    }

    fn served(&self) -> Vec<usize> {
        self.state.lock().unwrap().1.clone()
    }

    fn wait_for(&self, count: usize) {
        drop(self.changed.wait_while(self.state.lock().unwrap(), |state| state.1.len() < count).unwrap());
    }
}

/// The test's end of a hold. A test that fails lets go too, or the server would wait for ever.
struct Holding(Arc<Hold>);

impl std::ops::Deref for Holding {
    type Target = Hold;

    fn deref(&self) -> &Hold {
        &self.0
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// A server that serves one request at a time and queues `max_queued`.
fn server(max_queued: usize) -> (Server, Holding) {
    server_for(max_queued, None)
}

/// The same, for those whom `authenticator` knows.
fn server_for(max_queued: usize, authenticator: Option<Arc<Authenticator>>) -> (Server, Holding) {
    let hold = Arc::new(Hold::default());
    let recipes = "[placements.held]\nsources = [ { kind = \"held\" } ]";
    let captured = Arc::clone(&hold);
    let stages = Stages::default().source("held", move |_| Ok(Box::new(Held(Arc::clone(&captured)))));
    let snapshot = open_directory(shop::snapshot(20).path(), "production", &LoadOptions::default()).unwrap();
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(View::compile(Arc::new(snapshot), recipes, &stages).unwrap()), false);
    let recommender = Recommender::new(registry, Limits::default());
    let config = Config { max_in_flight: 1, max_queued, authenticator, ..Config::default() };
    (Server::with(recommender, config), Holding(hold))
}

/// Sends a request that asks for so many items, as traffic of a class, without reading the answer.
fn sent(server: &Server, size: usize, class: &str) -> TcpStream {
    sent_with(server, size, class, &[])
}

fn sent_with(server: &Server, size: usize, class: &str, headers: &[&str]) -> TcpStream {
    let body = format!(r#"{{"pageSize":{size},"trafficClass":"{class}"}}"#);
    let mut stream = TcpStream::connect(server.http).unwrap();
    write_head(
        &mut stream,
        "POST",
        HELD,
        &[&["content-type: application/json"], headers].concat(),
        body.len(),
    );
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

fn reading(stream: TcpStream) -> JoinHandle<Reply> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    std::thread::spawn(move || read_reply(stream))
}

/// Lets the server read what was sent; there is no way to see a request that waits from outside.
fn settle() {
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    let _ = never.recv_timeout(Duration::from_millis(50));
}

#[test]
fn over_the_limit_the_oldest_are_refused_at_once_and_the_rest_is_served() {
    let (server, hold) = server(1);
    let first = reading(sent(&server, 1, "LIVE"));
    hold.wait_for(1);
    let second = reading(sent(&server, 2, "LIVE"));
    settle();
    let third = reading(sent(&server, 3, "LIVE"));
    let refused = second.join().unwrap();
    refused.problem(429, "");
    assert_eq!(refused.header("retry-after"), Some("1"));
    hold.release();
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(third.join().unwrap().status, 200);
    assert_eq!(hold.served(), [1, 3]);
}

#[test]
fn a_synthetic_request_is_evicted_for_a_live_one() {
    let (server, hold) = server(1);
    let first = reading(sent(&server, 1, "SYNTHETIC"));
    hold.wait_for(1);
    let test = reading(sent(&server, 2, "SYNTHETIC"));
    settle();
    let person = reading(sent(&server, 3, "LIVE"));
    assert_eq!(test.join().unwrap().status, 429);
    let other_test = reading(sent(&server, 4, "SYNTHETIC"));
    assert_eq!(other_test.join().unwrap().status, 429, "and never the other way round");
    hold.release();
    assert_eq!((first.join().unwrap().status, person.join().unwrap().status), (200, 200));
    assert_eq!(hold.served(), [1, 3]);
}

#[test]
fn a_request_whose_caller_has_gone_is_never_served() {
    let (server, hold) = server(10);
    let first = reading(sent(&server, 1, "LIVE"));
    hold.wait_for(1);
    let gone = sent(&server, 2, "LIVE");
    settle();
    drop(gone);
    settle();
    let mut client = server.client();
    server.runtime.block_on(async {
        let request =
            v1::RecommendRequest { placement: "held".into(), page_size: Some(3), ..Default::default() };
        let cancelled = tokio::time::timeout(Duration::from_millis(50), client.recommend(request));
        assert!(cancelled.await.is_err(), "it waits");
    });
    let last = reading(sent(&server, 4, "LIVE"));
    settle();
    hold.release();
    assert_eq!((first.join().unwrap().status, last.join().unwrap().status), (200, 200));
    assert_eq!(hold.served(), [1, 4]);
}

#[test]
fn a_request_whose_deadline_passes_in_the_queue_is_told_so_and_not_served() {
    let (server, hold) = server(10);
    let first = reading(sent(&server, 1, "LIVE"));
    hold.wait_for(1);
    let late = reading(sent_with(&server, 2, "LIVE", &["x-request-timeout-ms: 20"]));
    let patient = reading(sent_with(&server, 3, "LIVE", &["x-request-timeout-ms: 60000"]));
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(500) {
        settle();
    }
    hold.release();
    assert_eq!((first.join().unwrap().status, patient.join().unwrap().status), (200, 200));
    late.join().unwrap().problem(504, "");
    assert_eq!(hold.served(), [1, 3]);
}

#[test]
fn a_full_server_says_so_over_grpc_with_the_time_to_wait() {
    let (server, hold) = server(1);
    let first = reading(sent(&server, 1, "LIVE"));
    hold.wait_for(1);
    let waiting = reading(sent(&server, 2, "LIVE"));
    settle();
    let mut client = server.client();
    let request = v1::RecommendRequest {
        placement: "held".into(),
        traffic_class: TrafficClass::Shadow.into(),
        ..Default::default()
    };
    let refused = server.runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(20), client.recommend(request)).await.unwrap().unwrap_err()
    });
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.metadata().get("retry-after").unwrap(), "1");
    hold.release();
    assert_eq!((first.join().unwrap().status, waiting.join().unwrap().status), (200, 200));
}

/// One who asks over gRPC, as traffic of a class.
#[derive(Clone)]
struct Asker {
    client: RecommendationServiceClient<Channel>,
    class: TrafficClass,
    key: Option<String>,
}

impl Asker {
    fn new(client: &RecommendationServiceClient<Channel>, class: TrafficClass) -> Self {
        Self { client: client.clone(), class, key: None }
    }

    /// Asks for so many items.
    async fn asked(mut self, size: i32) -> Result<(), tonic::Status> {
        let mut request = tonic::Request::new(v1::RecommendRequest {
            placement: "held".into(),
            page_size: Some(size),
            traffic_class: self.class.into(),
            ..Default::default()
        });
        if let Some(key) = &self.key {
            request.metadata_mut().insert("x-api-key", key.parse().unwrap());
        }
        self.client.recommend(request).await.map(drop)
    }
}

/// Sends tests for long enough that the server knows how many arrive and how few it serves. All but one are refused.
async fn flood(tester: &Asker) -> JoinSet<Result<(), tonic::Status>> {
    let mut flood = JoinSet::new();
    for _ in 0..5 {
        for _ in 0..50 {
            flood.spawn(tester.clone().asked(2));
        }
        while flood.len() > 1 {
            let answer = tokio::time::timeout(Duration::from_secs(20), flood.join_next()).await;
            let refused = answer.unwrap().unwrap().unwrap().unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted);
            assert_eq!(refused.metadata().get("retry-after").unwrap(), "1");
        }
        settle();
    }
    flood
}

#[test]
fn a_flood_of_tests_over_grpc_is_refused_and_a_person_is_served() {
    let (server, hold) = server(1);
    let first = reading(sent(&server, 1, "LIVE"));
    hold.wait_for(1);
    let client = server.client();
    server.runtime.block_on(async {
        let mut flood = flood(&Asker::new(&client, TrafficClass::Synthetic)).await;
        let person = tokio::spawn(Asker::new(&client, TrafficClass::Live).asked(3));
        let test = flood.join_next().await.unwrap().unwrap();
        assert_eq!(test.unwrap_err().code(), Code::ResourceExhausted, "it was evicted");
        hold.release();
        assert!(person.await.unwrap().is_ok());
    });
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(hold.served(), [1, 3]);
    let refused = server.scrape().value("larder_refused_total", &[("class", "SYNTHETIC")]).unwrap();
    assert!(refused >= 249.0, "{refused}");
}

/// The class that counts is one that the caller may claim: a test that says nothing of its class is no person.
#[test]
fn a_flood_by_a_key_for_tests_does_not_pass_for_people() {
    let (tests, tests_known) = identity::key("tests", identity::of_class(Class::Synthetic));
    let (people, people_known) = identity::key("people", identity::of_class(Class::Live));
    let authenticator = identity::authenticator(vec![tests_known, people_known]);
    let (server, hold) = server_for(1, Some(authenticator));
    let first = reading(sent_with(&server, 1, "LIVE", &[&format!("x-api-key: {people}")]));
    hold.wait_for(1);
    let client = server.client();
    let asker =
        |key: &str| Asker { key: Some(key.to_owned()), ..Asker::new(&client, TrafficClass::Unspecified) };
    server.runtime.block_on(async {
        let mut flood = flood(&asker(&tests)).await;
        let person = tokio::spawn(asker(&people).asked(3));
        let test = flood.join_next().await.unwrap().unwrap();
        assert_eq!(test.unwrap_err().code(), Code::ResourceExhausted, "it was evicted");
        hold.release();
        assert!(person.await.unwrap().is_ok());
    });
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(hold.served(), [1, 3]);
    let scrape = server.scrape();
    let refused =
        |class| scrape.value("larder_requests_total", &[("class", class), ("code", "RESOURCE_EXHAUSTED")]);
    assert!(refused("SYNTHETIC").unwrap() >= 249.0, "{:?}", refused("SYNTHETIC"));
    assert_eq!(refused("LIVE"), None, "also those that were refused early");
}

#[test]
fn a_message_over_the_limit_is_told_so_in_the_midst_of_a_flood_too() {
    let (server, hold) = server(1);
    let first = reading(sent(&server, 1, "LIVE"));
    hold.wait_for(1);
    let mut client = server.client();
    let answers = server.runtime.block_on(async {
        let tester = Asker::new(&client, TrafficClass::Synthetic);
        let mut flood = flood(&tester).await;
        let mut answers = Vec::new();
        for _ in 0..20 {
            for _ in 0..50 {
                flood.spawn(tester.clone().asked(2));
            }
            let filter = Some("x".repeat(1 << 20));
            let request = v1::RecommendRequest { placement: "held".into(), filter, ..Default::default() };
            answers.push(client.recommend(request).await.unwrap_err());
        }
        answers
    });
    hold.release();
    assert_eq!(first.join().unwrap().status, 200);
    for answer in &answers {
        assert_eq!(answer.code(), Code::InvalidArgument, "{answer:?}");
        assert!(answer.metadata().get("retry-after").is_none(), "sending it again does not help");
    }
    let early = "the message may have 1048576 bytes";
    assert!(answers.iter().any(|answer| answer.message() == early), "none was refused early: {answers:?}");
}

#[test]
fn a_connection_without_a_request_is_closed_after_a_while_on_both_ports() {
    use std::io::Read as _;
    let config = Config { idle_timeout: Duration::from_secs(1), ..Config::default() };
    let server = Server::with(shop::shop(), config);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for (port, begin) in [(server.http, &b""[..]), (server.grpc, &preface[..]), (server.grpc, &b"PRI"[..])] {
        let mut stream = TcpStream::connect(port).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(begin).unwrap();
        let mut said = Vec::new();
        let mut some = [0; 64];
        let is_goaway = |frame: &[u8]| frame.get(3) == Some(&7);
        loop {
            match stream.read(&mut some) {
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break, // closed with something unread
                Ok(n) => said.extend_from_slice(&some[..n]),
                Err(error) => panic!("{error}"),
            }
            if said.windows(9).any(is_goaway) {
                break; // a client of HTTP/2 is told, and closes
            }
        }
    }
}

#[test]
fn clients_are_told_how_many_streams_they_may_open() {
    use std::io::Read as _;
    let server = Server::with(shop::shop(), Config { max_streams: 7, ..Config::default() });
    let mut stream = TcpStream::connect(server.grpc).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut settings = [0; 64];
    stream.read_exact(&mut settings[..9]).unwrap();
    let length = usize::from(settings[2]);
    assert_eq!((settings[3], length % 6), (4, 0), "the first frame is SETTINGS");
    stream.read_exact(&mut settings[..length]).unwrap();
    assert!(settings[..length].chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 7]), "{settings:?}");
}
