//! Clients that do not read, do not finish what they send, or stay for ever: what they hold has a bound, and others are
//! served.

mod connections;
mod unfinished;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::server::{Admin, AdminService, Config, Control};
use serde_json::json;

use crate::support::raw_http2::{self as raw, RawHttp2};
use crate::support::server::{Server, read_reply, write_head};
use crate::support::shop;

const BATCH: &str = "/v1/recommendations:batch";
const SIMILAR: &str = "/v1/placements/pdp.similar:recommend";
const JSON: &str = "application/json";
const PATIENCE: Duration = Duration::from_secs(20);

/// A page of twenty slates with all attributes: a small request with an answer of some tens of kilobytes.
fn page() -> Vec<u8> {
    let slot = |i: usize| {
        let id = format!("s{i}");
        json!({"slotId": id, "placement": "home.popular", "pageSize": 20, "itemFields": ["*"]})
    };
    json!({"slots": (0..20).map(slot).collect::<Vec<_>>()}).to_string().into_bytes()
}

fn short(config: Config) -> Config {
    Config { send_timeout: Duration::from_secs(1), header_timeout: Duration::from_secs(1), ..config }
}

fn gauge(server: &Server, name: &str) -> f64 {
    server.scrape().value(name, &[]).unwrap_or_default()
}

fn cut(server: &Server, reason: &str) -> f64 {
    server.scrape().value("larder_cut_total", &[("reason", reason)]).unwrap_or_default()
}

fn refused(server: &Server) -> f64 {
    let of = [("code", "RESOURCE_EXHAUSTED")];
    server.scrape().value("larder_requests_total", &of).unwrap_or_default()
}

/// Waits until something holds, which it must within seconds.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Whether the server closes a connection, within seconds.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut some = [0; 1024];
    loop {
        match stream.read(&mut some) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        }
    }
}

#[test]
fn answers_that_nobody_reads_are_bounded_and_their_streams_are_reset() {
    let bound = 512 << 10;
    let config = Config { max_unsent: bound, max_unsent_per_connection: bound / 2, ..Config::default() };
    let server = Server::with(shop::shop(), short(config));
    let mut clients: Vec<RawHttp2> = (0..3).map(|_| RawHttp2::connect(server.http, 0)).collect();
    for _ in 0..40 {
        for client in &mut clients {
            client.post(BATCH, JSON, &page());
        }
        // An answer that is there already counts, room or not: one for each thread and connection.
        assert!(gauge(&server, "larder_unsent_bytes") < 2.0 * bound as f64);
    }
    wait_until("requests are refused", || refused(&server) > 0.0);
    assert_eq!(server.post(SIMILAR, "{}").status, 200, "who holds little is served");
    for client in &mut clients {
        let reset = client.next_of(raw::RESET).expect("the stream is reset, and not the connection");
        assert_eq!(reset.payload, 8_u32.to_be_bytes(), "CANCEL");
    }
    wait_until("all is given back", || gauge(&server, "larder_unsent_bytes") == 0.0);
    assert!(cut(&server, "stream_unread") > 0.0);
    assert_eq!(cut(&server, "unread"), 0.0, "the connections are kept");
    // The same connection is served once its client reads.
    let client = &mut clients[0];
    let stream = client.post(SIMILAR, JSON, b"{}");
    client.open_window(stream, 1 << 20);
    while !client.next().expect("the connection is open").ends_stream() {}
}

#[test]
fn small_answers_and_refusals_that_nobody_reads_add_up() {
    let bound = 256 << 10;
    let config = Config { max_unsent: bound, max_unsent_per_connection: bound, ..Config::default() };
    let server = Server::with(shop::shop(), config);
    let mut clients: Vec<RawHttp2> = (0..4).map(|_| RawHttp2::connect(server.http, 1)).collect();
    for _ in 0..100 {
        for client in &mut clients {
            client.post(SIMILAR, JSON, b"{}");
        }
    }
    wait_until("requests are refused", || refused(&server) > 100.0);
    assert!(gauge(&server, "larder_unsent_bytes") < 1.5 * bound as f64);
    // A refusal takes nothing of a window, so that it is over at once.
    let client = &mut clients[0];
    let mut ended = 0;
    while ended < 10 {
        let frame = client.next().expect("the connection is open");
        ended += usize::from(frame.kind == raw::HEADERS && frame.ends_stream());
    }
}

#[test]
fn an_answer_that_is_read_slowly_is_not_reset() {
    let server = Server::with(shop::shop(), short(Config::default()));
    let mut client = RawHttp2::connect(server.http, 0);
    let stream = client.post(BATCH, JSON, &page());
    let began = Instant::now();
    let mut bytes = 0;
    // Longer than the limit, with some kilobytes in each part of it.
    loop {
        if began.elapsed() < Duration::from_secs(3) {
            client.open_window(stream, 5 << 10);
            std::thread::park_timeout(Duration::from_millis(500));
        } else {
            client.open_window(stream, 1 << 20);
            break;
        }
    }
    loop {
        let frame = client.next().expect("the connection is open");
        assert_ne!(frame.kind, raw::RESET, "after {bytes} bytes");
        if frame.kind == raw::DATA {
            bytes += frame.payload.len();
        }
        if frame.ends_stream() {
            break;
        }
    }
    assert!(bytes > 16 << 10, "the answer must be a large one: {bytes}");
}

#[test]
fn a_byte_now_and_then_is_not_reading() {
    let server = Server::with(shop::shop(), short(Config::default()));
    let mut client = RawHttp2::connect(server.http, 1);
    let stream = client.post(BATCH, JSON, &page());
    let began = Instant::now();
    while cut(&server, "stream_unread") == 0.0 {
        assert!(began.elapsed() < PATIENCE, "a byte at a time holds the answer");
        client.open_window(stream, 1);
        std::thread::park_timeout(Duration::from_millis(100));
    }
    assert!(client.next_of(raw::RESET).is_some());
}

#[test]
fn answers_over_grpc_that_nobody_reads_are_bounded_too() {
    use larder_proto::v1;
    use prost::Message as _;
    let bound = 1 << 20;
    let config = Config { max_unsent: bound, max_unsent_per_connection: bound, ..Config::default() };
    let server = Server::with(shop::shop(), short(config));
    let slot = |i: usize| v1::BatchSlot {
        slot_id: format!("s{i}"),
        placement: "home.popular".to_owned(),
        page_size: Some(20),
        item_fields: vec!["*".to_owned()],
        ..Default::default()
    };
    let message = v1::BatchRecommendRequest { slots: (0..20).map(slot).collect(), ..Default::default() }
        .encode_to_vec();
    let framed = [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat();
    let mut client = RawHttp2::connect(server.grpc, 0);
    for _ in 0..60 {
        client.post("/larder.v1.RecommendationService/BatchRecommend", "application/grpc", &framed);
        assert!(gauge(&server, "larder_unsent_bytes") < 3.0 * bound as f64);
    }
    wait_until("requests are refused", || refused(&server) > 0.0);
    wait_until("streams are reset", || cut(&server, "stream_unread") > 0.0);
    wait_until("all is given back", || gauge(&server, "larder_unsent_bytes") == 0.0);
}

#[test]
fn a_connection_of_http_1_that_is_not_read_is_cut() {
    let server = Server::with(shop::shop(), short(Config::default()));
    let mut stream = TcpStream::connect(server.http).unwrap();
    let page = page();
    let head = format!("POST {BATCH} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", page.len());
    let request = [head.as_bytes(), &page].concat();
    stream.set_nonblocking(true).unwrap();
    // As many requests as are taken: the answers fill what the system holds of them, and then the server's part.
    wait_until("the connection is cut", || {
        let _ = (&stream).write(&request);
        assert!(gauge(&server, "larder_unsent_bytes") < 10e6);
        cut(&server, "unread") > 0.0
    });
    wait_until("all is given back", || gauge(&server, "larder_unsent_bytes") == 0.0);
    let _ = stream.flush();
}

#[test]
fn a_page_that_cannot_be_held_is_told_to_be_smaller() {
    let config = Config { max_unsent_per_connection: 20_000, ..Config::default() };
    let server = Server::with(shop::shop(), config);
    let problem = server.post(BATCH, page()).problem(400, "");
    assert!(problem.contains("ask for fewer slots"), "{problem}");
    assert_eq!(server.post(SIMILAR, "{}").status, 200);
}

#[test]
fn reflection_and_health_have_bounds_of_their_own() {
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let server = Server::with(shop::shop(), short(Config::default()));
    // The message names a file: field 3, and the contract's is the largest.
    let file = b"larder/v1/recommendation.proto";
    let message = [&[0, 0, 0, 0, file.len() as u8 + 2, 3 << 3 | 2, file.len() as u8][..], file].concat();
    let many = message.repeat(10_000);
    let mut clients: Vec<RawHttp2> = (0..12).map(|_| RawHttp2::connect(server.grpc, 0)).collect();
    for client in &mut clients {
        let stream = client.begin(REFLECTION, "application/grpc");
        for part in many.chunks(16 << 10).take(3) {
            let _ = client.try_send(raw::DATA, 0, stream, part);
        }
    }
    let is_small = || gauge(&server, "larder_unsent_bytes") < 4e6;
    let closed: Vec<bool> = clients
        .iter_mut()
        .map(|client| {
            assert!(is_small());
            // Refused with trailers at once, or reset because nobody reads.
            let ended = client.next().expect("the connection is open");
            ended.kind == raw::RESET || ended.ends_stream()
        })
        .collect();
    assert!(closed.iter().filter(|ended| **ended).count() >= 4, "some have to be refused: {closed:?}");
    // Whoever reads is told when there is nothing more to ask for.
    drop(clients);
    wait_until("streams are over", || gauge(&server, "larder_unsent_bytes") == 0.0);
    let mut client = RawHttp2::connect(server.grpc, 1 << 30);
    client.open_window(0, 1 << 30);
    let stream = client.begin(REFLECTION, "application/grpc");
    for part in many.chunks(16 << 10).take(30) {
        if client.try_send(raw::DATA, 0, stream, part).is_err() {
            break;
        }
    }
    while !client.next().is_none_or(|frame| frame.ends_stream() || frame.kind == raw::RESET) {}
    // And none of that keeps a probe from being answered.
    let mut probe = RawHttp2::connect(server.grpc, 1 << 20);
    probe.post("/grpc.health.v1.Health/Check", "application/grpc", &[0; 5]);
    let answer = probe.next_of(raw::DATA).expect("an answer").payload;
    assert_eq!(answer, [0, 0, 0, 0, 2, 8, 1], "SERVING");
    wait_until("all is given back", || gauge(&server, "larder_unsent_bytes") == 0.0);
}
