//! The gRPC port over real sockets: the service, its errors, health and reflection, and how it drains.

use std::sync::Arc;
use std::time::Duration;

use larder::recommender::{Limits, Recommender};
use larder::server::Config;
use larder_proto::v1;
use prost::Message as _;
use tonic::codegen::Service as _;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::server::Server;
use crate::support::shop::shop;

fn similar() -> v1::RecommendRequest {
    v1::RecommendRequest { placement: "pdp.similar".to_owned(), ..Default::default() }
}

fn refused(server: &Server, request: impl tonic::IntoRequest<v1::RecommendRequest>) -> tonic::Status {
    server.runtime.block_on(server.client().recommend(request)).unwrap_err()
}

#[test]
fn a_slate_comes_with_everything_the_contract_promises() {
    let server = Server::start(shop());
    let request = v1::RecommendRequest {
        page_size: Some(2),
        item_fields: vec!["title".to_owned()],
        seed_items: vec![v1::SeedItem { item_id: "no-such-item".to_owned(), ..Default::default() }],
        ..similar()
    };
    let answer = server.runtime.block_on(server.client().recommend(request)).unwrap().into_inner();
    assert_eq!(answer.items.len(), 2);
    assert_eq!(answer.items.iter().map(|item| item.rank).collect::<Vec<_>>(), [1, 2]);
    assert!(answer.items.iter().all(|item| item.score.is_some() && item.source.is_some()));
    assert_eq!(answer.items[0].properties.as_ref().unwrap().fields[0].key, "title");
    assert_eq!(answer.missing_item_ids, ["no-such-item"]);
    assert!(!answer.attribution_token.is_empty());
    assert_eq!(answer.cache.unwrap().scope(), v1::cache::Scope::Public);
    assert!(answer.trace.is_empty());
}

#[test]
fn a_debug_view_tells_what_each_stage_did_and_is_not_to_be_cached() {
    let server = Server::start(shop());
    let request = v1::RecommendRequest { view: v1::recommend_request::View::Debug.into(), ..similar() };
    let answer = server.runtime.block_on(server.client().recommend(request)).unwrap().into_inner();
    assert!(!answer.trace.is_empty());
    assert_eq!(answer.cache.unwrap().scope(), v1::cache::Scope::None);
}

#[test]
fn before_the_first_snapshot_the_service_is_unavailable_and_says_when_to_come_back() {
    let server = Server::start(Recommender::new(Arc::default(), Limits::default()));
    let status = refused(&server, similar());
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.metadata().get("retry-after").unwrap(), "1");
    let mut health = HealthClient::new(server.channel());
    let answer = server.runtime.block_on(health.check(HealthCheckRequest::default())).unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::NotServing);
}

#[test]
fn a_basic_view_tells_no_scores() {
    let server = Server::start(shop());
    let request = v1::RecommendRequest { view: v1::recommend_request::View::Basic.into(), ..similar() };
    let answer = server.runtime.block_on(server.client().recommend(request)).unwrap().into_inner();
    assert!(answer.items.iter().all(|item| item.score.is_none() && item.source.is_none()));
}

#[test]
fn errors_have_the_code_and_name_the_field() {
    let server = Server::start(shop());
    let unknown = v1::RecommendRequest { placement: "pdp.simila".to_owned(), ..Default::default() };
    let status = refused(&server, unknown);
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("did you mean \"pdp.similar\"?"), "{status:?}");

    for page_size in [0, 101, -1] {
        let status = refused(&server, v1::RecommendRequest { page_size: Some(page_size), ..similar() });
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("page_size: "), "{status:?}");
    }

    let mut request = Request::new(similar());
    request.metadata_mut().insert("grpc-timeout", "soon".parse().unwrap());
    let status = refused(&server, request);
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("grpc-timeout: "), "{status:?}");
}

#[test]
fn messages_that_do_not_decode_are_the_clients_fault() {
    let server = Server::start(shop());
    let status = refused(&server, v1::RecommendRequest { filter: Some("x".repeat(1 << 20)), ..similar() });
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");

    let garbled = v1::RecommendRequest { placement: "pdp".to_owned(), ..Default::default() };
    let bytes = garbled.encode_to_vec().into_iter().map(|byte| if byte == b'd' { 0xff } else { byte });
    let frame: Vec<u8> = [0, 0, 0, 0, 5].into_iter().chain(bytes).collect();
    let status = raw(&server, RECOMMEND, "application/grpc", &[], &frame);
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(status.message().contains("placement"), "{status:?}");
}

const RECOMMEND: &str = "/larder.v1.RecommendationService/Recommend";

/// The status of a request with these bytes.
fn raw(server: &Server, path: &str, kind: &str, headers: &[(&str, &str)], body: &[u8]) -> tonic::Status {
    use http_body_util::BodyExt as _;
    let mut channel = server.channel();
    server.runtime.block_on(async {
        let mut request = tonic::codegen::http::Request::post(path).header("te", "trailers");
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = tonic::body::Body::new(http_body_util::Full::from(body.to_vec()));
        std::future::poll_fn(|context| channel.poll_ready(context)).await.unwrap();
        let response = channel.call(request.body(body).unwrap()).await.unwrap();
        if let Some(status) = tonic::Status::from_header_map(response.headers()) {
            return status;
        }
        let answer = response.into_body().collect().await.unwrap();
        tonic::Status::from_header_map(answer.trailers().unwrap()).unwrap()
    })
}

#[test]
fn whatever_is_wrong_with_a_message_is_the_clients_fault() {
    let server = Server::start(shop());
    let gzip = [("grpc-encoding", "gzip")];
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8]);
    let cases: [Case<'_>; 12] = [
        ("an unknown flag", "application/grpc", &[], &[7, 0, 0, 0, 0]),
        ("a prefix cut short", "application/grpc", &[], &[0, 0]),
        ("a message cut short", "application/grpc", &[], &[0, 0, 0, 0, 9, 1]),
        ("no message", "application/grpc", &[], &[]),
        ("four gigabytes", "application/grpc", &[], &[0, 0xff, 0xff, 0xff, 0xff]),
        ("over the limit", "application/grpc", &[], &[0, 0, 0x20, 0, 0]),
        ("no protobuf", "application/grpc", &[], &[0, 0, 0, 0, 2, 0xff, 0xff]),
        ("compressed, and not said how", "application/grpc", &[], &[1, 0, 0, 0, 1, 0]),
        ("an encoding that is not known", "application/grpc", &gzip, &[1, 0, 0, 0, 1, 0]),
        ("JSON", "application/json", &[], b"{}"),
        ("gRPC-Web", "application/grpc-web+proto", &[], &[0, 0, 0, 0, 0]),
        ("nothing said of the kind", "", &[], &[0, 0, 0, 0, 0]),
    ];
    let services = ["grpc.health.v1.Health/Check", "larder.v1.EventService/RecordEvents"];
    for (what, kind, headers, body) in cases {
        for path in [RECOMMEND, &format!("/{}", services[0]), &format!("/{}", services[1])] {
            let status = raw(&server, path, kind, headers, body);
            let is_theirs = [Code::InvalidArgument, Code::ResourceExhausted, Code::Unimplemented];
            assert!(is_theirs.contains(&status.code()), "{path}, {what}: {status:?}");
        }
    }
    let internal = server.scrape().value("larder_requests_total", &[("code", "INTERNAL")]);
    assert_eq!(internal.unwrap_or_default(), 0.0);
}

#[test]
fn a_deadline_is_honoured_and_not_an_error() {
    let server = Server::start(shop());
    let mut request = Request::new(similar());
    request.set_timeout(Duration::from_millis(500));
    let answer = server.runtime.block_on(server.client().recommend(request)).unwrap().into_inner();
    assert!(!answer.items.is_empty());
}

#[test]
fn a_batch_reports_slot_by_slot() {
    let server = Server::start(shop());
    let slot = |id: &str, placement: &str, page_size| v1::BatchSlot {
        slot_id: id.to_owned(),
        placement: placement.to_owned(),
        page_size,
        ..Default::default()
    };
    let slots =
        vec![slot("a", "pdp.similar", Some(0)), slot("b", "pdp.similar", None), slot("c", "nowhere", None)];
    let request = v1::BatchRecommendRequest { slots, ..Default::default() };
    let answer = server.runtime.block_on(server.client().batch_recommend(request)).unwrap().into_inner();
    let codes: Vec<_> = answer
        .slots
        .iter()
        .map(|slot| match slot.result.as_ref().unwrap() {
            v1::slot_result::Result::Response(_) => (0, None),
            v1::slot_result::Result::Error(error) => (error.code, error.field.as_deref()),
        })
        .collect();
    assert_eq!(codes, [(3, Some("slots[0].page_size")), (0, None), (5, Some("slots[2].placement"))]);
}

#[test]
fn health_says_serving_and_lets_watchers_go_when_it_drains() {
    let server = Server::start(shop());
    let mut health = HealthClient::new(server.channel());
    let request = || HealthCheckRequest { service: "larder.v1.RecommendationService".to_owned() };
    let mut watched = server.runtime.block_on(health.watch(request())).unwrap().into_inner();
    let mut next = || server.runtime.block_on(watched.message());
    while next().unwrap().unwrap().status() != ServingStatus::Serving {}
    let answer = server.runtime.block_on(health.check(HealthCheckRequest::default())).unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);

    let start = std::time::Instant::now();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ended = server.stop();
    let last = runtime.block_on(async {
        let mut last = None;
        while let Ok(Some(answer)) = watched.message().await {
            last = Some(answer.status());
        }
        last
    });
    assert_eq!(last, Some(ServingStatus::NotServing));
    ended();
    assert!(start.elapsed() < Config::default().drain_timeout, "a watcher held the server open");
}

#[test]
fn both_versions_of_reflection_list_the_service() {
    use tonic_reflection::pb::{v1 as new, v1alpha as old};

    let server = Server::start(shop());
    let mut client = new::server_reflection_client::ServerReflectionClient::new(server.channel());
    let list = new::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = new::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let answer = server.runtime.block_on(async {
        let stream = tonic::codegen::tokio_stream::once(request);
        client.server_reflection_info(stream).await.unwrap().into_inner().message().await.unwrap().unwrap()
    });
    assert!(format!("{answer:?}").contains("larder.v1.RecommendationService"), "{answer:?}");

    let mut client = old::server_reflection_client::ServerReflectionClient::new(server.channel());
    let list = old::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = old::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let answer = server.runtime.block_on(async {
        let stream = tonic::codegen::tokio_stream::once(request);
        client.server_reflection_info(stream).await.unwrap().into_inner().message().await.unwrap().unwrap()
    });
    assert!(format!("{answer:?}").contains("larder.v1.RecommendationService"), "{answer:?}");
}
