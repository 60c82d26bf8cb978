//! The table of what is refused: for each case a request, and what both protocols say to it.

use std::net::TcpStream;
use std::sync::Arc;

use larder::server::identity::{Audit, Authenticator, Class, Credentials, Key, NewKey, Scope};
use larder_proto::v1;
use tonic::{Code, Request};

use super::table::case;
use super::{authenticator, key, of_class, rights, seconds_now, server, written};
use crate::support::server::{Server, read_reply, write_request};
use crate::support::shop;

const PLAIN: &str = r#"{"pageSize": 2}"#;
const LIVE: &str = r#"{"trafficClass": "LIVE"}"#;
const RANKED: &str = r#"{"candidateItemIds": ["i1", "i2"]}"#;
const DEBUG: &str = r#"{"view": "DEBUG"}"#;

#[test]
fn each_way_to_be_nobody_or_to_ask_for_too_much_is_refused_on_both_protocols() {
    let (all, known) = key("all", rights(&Scope::ALL, &["*"]));
    let (pdp, pdp_known) = key("pdp", rights(&[Scope::Recommend], &["pdp.*"]));
    let (home, home_known) = key("home", rights(&[Scope::Recommend], &["home.*", "*.popular"]));
    let (ranks, ranks_known) = key("ranks", rights(&[Scope::Rank], &["*"]));
    let (records, records_known) = key("records", rights(&[Scope::Events], &[]));
    let (ops, ops_known) = key("ops", rights(&[Scope::Status, Scope::Admin], &[]));
    let (load, load_known) = key("load", of_class(Class::Synthetic));
    let (live, live_known) = key("live", of_class(Class::Live));
    let (old, old_known) = key("old", rights(&[Scope::Recommend], &["*"]));
    let old_known = Key { expires_at: Some(seconds_now() - 1), ..old_known };
    let (fresh, fresh_known) = key("fresh", rights(&[Scope::Recommend], &["*"]));
    let fresh_known = Key { expires_at: Some(seconds_now() + 3600), ..fresh_known };
    let (one, one_known) = key("twice", rights(&[Scope::Recommend], &["*"]));
    let (two, two_known) = key("twice", rights(&[Scope::Recommend], &["*"]));
    let keys = vec![
        known,
        pdp_known,
        home_known,
        ranks_known,
        records_known,
        ops_known,
        load_known,
        live_known,
        old_known,
        fresh_known,
        one_known,
        two_known,
    ];
    let server = server(&authenticator(keys));
    let unknown = NewKey::draw("all").unwrap().text;
    let bearer = |text: &str| format!("Bearer {text}");
    let cut = &all[..all.len() - 1];
    let longer = format!("{all}A");
    let other_case = format!("{}{}", &all[..7], all[7..].to_ascii_uppercase());
    let digest = larder::server::identity::Digest::of(&all).to_string();
    let auth = |text: &str| [("authorization", bearer(text))];
    let key = |text: &str| auth(text).map(|(name, value)| (name, value));

    let mut cases = vec![
        case("no credential", &[], PLAIN, 401, "no credential"),
        case("an empty header", &[("authorization", "")], PLAIN, 401, "Bearer"),
        case("a scheme alone", &[("authorization", "Bearer")], PLAIN, 401, "Bearer"),
        case("a key without a scheme", &[("authorization", &all)], PLAIN, 401, "Bearer"),
        case("Basic", &[("authorization", "Basic YWxsOng=")], PLAIN, 401, "Bearer"),
        case("a key with Basic", &[("authorization", &format!("Basic {all}"))], PLAIN, 401, "Bearer"),
        case(
            "two keys in one header",
            &[("authorization", &format!("Bearer {all}, Bearer {all}"))],
            PLAIN,
            401,
            "no API key",
        ),
        case(
            "the header twice",
            &[("authorization", &bearer(&all)), ("authorization", &bearer(&all))],
            PLAIN,
            401,
            "more than once",
        ),
        case("x-api-key twice", &[("x-api-key", &all), ("x-api-key", &all)], PLAIN, 401, "more than once"),
        case("both headers", &[("authorization", &bearer(&all)), ("x-api-key", &all)], PLAIN, 401, "both"),
        case("an empty key", &[("x-api-key", "")], PLAIN, 401, "no API key"),
        case("something else", &[("x-api-key", "hunter2")], PLAIN, 401, "no API key"),
        case("8 KB and more", &[("x-api-key", &"a".repeat(8193))], PLAIN, 401, "8192"),
        case("a scheme in x-api-key", &[("x-api-key", &bearer(&all))], PLAIN, 401, "no API key"),
        case("a key that was cut", &[("x-api-key", cut)], PLAIN, 401, "no API key"),
        case("a key that is too long", &[("x-api-key", &longer)], PLAIN, 401, "no API key"),
        case("a key in capitals", &[("x-api-key", &other_case)], PLAIN, 401, "not known"),
        case("the digest for the key", &[("x-api-key", &digest)], PLAIN, 401, "no API key"),
        case("a key of nobody", &[("x-api-key", &unknown)], PLAIN, 401, "not known"),
        case("an expired key", &[("x-api-key", &old)], PLAIN, 401, "expired"),
        case("a key that will expire", &[("x-api-key", &fresh)], PLAIN, 200, ""),
        case("lower-case scheme", &[("authorization", &format!("bearer {all}"))], PLAIN, 200, ""),
        case("upper-case scheme", &[("authorization", &format!("BEARER {all}"))], PLAIN, 200, ""),
        case("two spaces", &[("authorization", &format!("Bearer  {all}"))], PLAIN, 200, ""),
        case("x-api-key", &[("x-api-key", &all)], PLAIN, 200, ""),
        case("the older of two", &[("x-api-key", &one)], PLAIN, 200, ""),
        case("the newer of two", &[("x-api-key", &two)], PLAIN, 200, ""),
        case("its placement", &[("x-api-key", &pdp)], PLAIN, 200, ""),
        case("another placement", &[("x-api-key", &home)], PLAIN, 403, "placement"),
        case("events only", &[("x-api-key", &records)], PLAIN, 403, "recommend"),
        case("operators only", &[("x-api-key", &ops)], PLAIN, 403, "recommend"),
        case("ranking only, asks for a slate", &[("x-api-key", &ranks)], PLAIN, 403, "scope recommend"),
        case("ranking only, ranks", &[("x-api-key", &ranks)], RANKED, 200, ""),
        case("slates only, ranks", &[("x-api-key", &pdp)], RANKED, 403, "scope rank"),
        case("all, ranks", &[("x-api-key", &all)], RANKED, 200, ""),
        case("no scores for it", &[("x-api-key", &pdp)], DEBUG, 403, "scope explain"),
        case("scores for it", &[("x-api-key", &all)], DEBUG, 200, ""),
        case("LIVE claimed by SYNTHETIC", &[("x-api-key", &load)], LIVE, 403, "LIVE"),
        case("SYNTHETIC by default", &[("x-api-key", &load)], PLAIN, 200, ""),
        case("LIVE claimed by LIVE", &[("x-api-key", &live)], LIVE, 200, ""),
        case(
            "SHADOW claimed by LIVE",
            &[("x-api-key", &live)],
            r#"{"trafficClass": "SHADOW"}"#,
            403,
            "SHADOW",
        ),
    ];
    cases.extend(key(&live).map(|(name, value)| case("a bearer", &[(name, &value)], PLAIN, 200, "")));
    assert!(cases.len() >= 40);
    for case in &cases {
        case.check(&server);
    }
    let scrape = server.scrape();
    let refused = cases.iter().filter(|case| case.status == 401).count() as f64;
    for protocol in ["http", "grpc"] {
        let count = scrape
            .value("larder_requests_total", &[("protocol", protocol), ("code", "UNAUTHENTICATED")])
            .unwrap_or_default();
        assert_eq!(count, refused, "{protocol}");
    }
}

#[test]
fn probes_need_nothing_and_everything_else_a_credential() {
    let (text, known) = key("a", rights(&[Scope::Recommend], &["*"]));
    let server = server(&authenticator(vec![known]));
    for path in ["/openapi.json", "/nowhere", "/v1/placements/x/recommendations", "/v1/new"] {
        assert_eq!(server.get(path).status, 401, "{path}");
    }
    let with = |path: &str| server.send("GET", path, &[&format!("x-api-key: {text}")], b"").status;
    assert_eq!(with("/openapi.json"), 200);
    assert_eq!(with("/nowhere"), 404);
    assert_eq!(with("/v1/new"), 403, "what is not listed is for nobody");
    let check = async {
        let mut health = tonic_health_client(&server).await;
        health.check(tonic_health::pb::HealthCheckRequest { service: String::new() }).await
    };
    server.runtime.block_on(check).unwrap();
}

async fn tonic_health_client(
    server: &Server,
) -> tonic_health::pb::health_client::HealthClient<tonic::transport::Channel> {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", server.grpc)).unwrap();
    tonic_health::pb::health_client::HealthClient::new(endpoint.connect().await.unwrap())
}

#[test]
fn events_are_recorded_by_those_who_may() {
    let (text, known) = key("a", rights(&[Scope::Recommend], &["*"]));
    let (records, records_known) = key("b", rights(&[Scope::Events], &[]));
    let server = server(&authenticator(vec![known, records_known]));
    let send = |path: &str, key: &str| {
        let key = format!("x-api-key: {key}");
        server.send("POST", path, &["content-type: application/json", &key], b"{}").status
    };
    for path in ["/v1/events:record", "/v1/users/u:forget"] {
        assert_eq!(send(path, &text), 403, "{path}");
        assert_ne!(send(path, &records), 403, "{path}");
        assert_ne!(send(path, &records), 401, "{path}");
    }
}

#[test]
fn a_slot_that_the_caller_may_not_have_is_refused_alone() {
    let (text, known) = key("a", rights(&[Scope::Recommend], &["pdp.*"]));
    let server = server(&authenticator(vec![known]));
    let body = r#"{"slots": [{"slotId": "a", "placement": "pdp.similar"},
                             {"slotId": "b", "placement": "home.popular"}]}"#;
    let headers = ["content-type: application/json", &format!("x-api-key: {text}")];
    let reply = server.send("POST", "/v1/recommendations:batch", &headers, body.as_bytes());
    let answer = reply.json();
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(answer["slots"][0]["response"]["items"].is_array(), "{answer}");
    assert_eq!(answer["slots"][1]["error"]["code"], Code::PermissionDenied as i32, "{answer}");
    let whole = r#"{"trafficClass": "LIVE", "slots": [{"slotId": "a", "placement": "home.popular"}]}"#;
    let reply = server.send("POST", "/v1/recommendations:batch", &headers, whole.as_bytes());
    assert_eq!(reply.json()["slots"][0]["error"]["code"], Code::PermissionDenied as i32);
}

#[test]
fn answers_to_known_callers_are_not_kept_for_others() {
    let (text, known) = key("a", rights(&[Scope::Recommend], &["*"]));
    let server = server(&authenticator(vec![known]));
    let path = "/v1/placements/home.popular/recommendations";
    let reply = server.send("GET", path, &[&format!("x-api-key: {text}")], b"");
    let control = reply.header("cache-control").unwrap();
    assert!(control.starts_with("private"), "{control}");
}

#[test]
fn a_key_that_is_revoked_ends_on_open_connections_too() {
    let (text, known) = key("a", rights(&[Scope::Recommend], &["*"]));
    let (other, other_known) = key("b", rights(&[Scope::Recommend], &["*"]));
    let authenticator = authenticator(vec![known, other_known.clone()]);
    let server = server(&authenticator);
    let mut client = server.client();
    let mut ask = |key: &str| {
        let message = v1::RecommendRequest { placement: "pdp.similar".to_owned(), ..Default::default() };
        let mut request = Request::new(message);
        request.metadata_mut().insert("x-api-key", key.parse().unwrap());
        server.runtime.block_on(client.recommend(request)).map_or_else(|status| status.code(), |_| Code::Ok)
    };
    assert_eq!([ask(&text), ask(&text), ask(&other)], [Code::Ok; 3]);
    let rest = Credentials { keys: vec![other_known], ..Credentials::default() };
    authenticator.replace(&rest).unwrap();
    assert_eq!([ask(&text), ask(&other)], [Code::Unauthenticated, Code::Ok]);
    let twice =
        Credentials { keys: [rest.keys.clone(), rest.keys.clone()].concat(), ..Credentials::default() };
    authenticator.replace(&twice).unwrap_err();
    assert_eq!(ask(&other), Code::Ok, "what cannot be used changes nothing");
}

#[test]
fn what_was_refused_and_to_whom_is_written_down_without_its_credential() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let (text, known) = key("a", rights(&[Scope::Recommend], &["pdp.*"]));
    let credentials = Credentials { keys: vec![known], ..Credentials::default() };
    let audit = Arc::new(Audit::open(Some(&path)).unwrap());
    let server = server(&Arc::new(Authenticator::new(&credentials, audit).unwrap()));
    let trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let send = |path: &str, key: &str, body: &str| {
        let headers = ["content-type: application/json", trace, key];
        server.send("POST", path, &headers, body.as_bytes()).status
    };
    let own = format!("x-api-key: {text}");
    assert_eq!(send("/v1/placements/home.popular:recommend", &own, "{}"), 403);
    let slots = r#"{"slots": [{"slotId": "a", "placement": "cart"}]}"#;
    assert_eq!(send("/v1/recommendations:batch", &own, slots), 200);
    assert_eq!(send("/v1/events:record", &own, "{}"), 403);
    assert_eq!(send("/v1/placements/pdp.similar:recommend", &format!("x-api-key: {text}x"), "{}"), 401);
    assert_eq!(send("/v1/placements/pdp.similar:recommend", &own, "{}"), 200);
    let lines = written(&path, 4);
    for (line, expected) in lines.lines().zip([
        ["PERMISSION_DENIED", "home.popular", "\"principal\":\"a\""],
        ["PERMISSION_DENIED", "cart", "\"principal\":\"a\""],
        ["PERMISSION_DENIED", "scope events", "/v1/events:record"],
        ["UNAUTHENTICATED", "no API key", "127.0.0.1:"],
    ]) {
        assert!(expected.iter().all(|part| line.contains(part)), "{expected:?}: {line}");
        assert!(line.contains("0af7651916cd43dd8448eb211c80319c"), "{line}");
    }
    assert_eq!(lines.lines().count(), 4, "what is allowed is not in it\n{lines}");
    assert!(!lines.contains(&text[10..]), "{lines}");
}

#[test]
fn pages_of_other_sites_change_nothing() {
    let server = Server::start(shop::shop());
    let own = format!("host: {}", server.http);
    let same = format!("origin: http://{}", server.http);
    for path in ["/v1/users/u:forget", "/v1/events:record", "/v1/placements/pdp.similar:recommend"] {
        for (headers, is_refused) in [
            (&[][..], false),
            (&[same.as_str()], false),
            (&["sec-fetch-site: same-origin"], false),
            (&["sec-fetch-site: same-origin", "origin: https://shop.example"], false), // through a proxy
            (&["origin: http://evil.example"], true),
            (&["origin: null"], true),
            (&["sec-fetch-site: cross-site"], true),
        ] {
            let mut stream = TcpStream::connect(server.http).unwrap();
            let headers = [&[own.as_str()], headers].concat();
            write_request(&mut stream, &format!("POST {path}"), &headers);
            let reply = read_reply(stream);
            assert_eq!(reply.status == 403, is_refused, "{path} {headers:?}: {reply:?}");
        }
    }
    let seen = server.send("GET", "/openapi.json", &["origin: http://evil.example"], b"");
    assert_eq!(seen.status, 200, "what is only read is not shown to such a page by its browser");
}
