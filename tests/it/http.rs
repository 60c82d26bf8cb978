//! The HTTP/JSON and admin ports over real sockets: what a client may send, what it gets, and how the server goes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::recommender::{Limits, Recommender};
use larder::server::{Admin, AdminService, Config, Control, ControlPlane, PageTokenKey};
use larder::snapshot::{Failure, Health, Outcome, SnapshotError};
use serde_json::{Value, json};

use crate::support::server::{Server, read_reply, write_head};
use crate::support::shop::{shop, shop_of};

const SIMILAR: &str = "/v1/placements/pdp.similar:recommend";

#[test]
fn the_least_request_gets_a_slate() {
    let server = Server::start(shop());
    for body in ["", "{}", r#"{"seedItems": [{"itemId": "i1"}]}"#] {
        let reply = server.post(SIMILAR, body);
        assert_eq!(reply.status, 200, "{reply:?}");
        let answer = reply.json();
        assert!(!answer["items"].as_array().unwrap().is_empty());
        assert_eq!(answer["items"][0]["rank"], 1);
        assert!(answer["serving"]["snapshotVersion"].is_string());
        assert_eq!(answer["recommendationId"].as_str().unwrap().len(), 36);
    }
}

#[test]
fn named_attributes_are_returned_and_unknown_ones_refused_with_the_nearest_name() {
    let server = Server::start(shop());
    let answer = server.post(SIMILAR, r#"{"itemFields": ["title"], "pageSize": 2}"#).json();
    assert!(answer["items"][0]["properties"]["title"].is_string(), "{answer}");
    let all = server.post(SIMILAR, r#"{"itemFields": ["*"], "pageSize": 2}"#).json();
    assert!(all["items"][1]["properties"]["title"].is_string(), "{all}");

    let detail = server.post(SIMILAR, r#"{"itemFields": ["titel"]}"#).problem(400, "itemFields[0]");
    assert!(detail.contains(r#"did you mean "title"?"#), "{detail}");
}

#[test]
fn an_unknown_placement_is_404_and_names_the_nearest() {
    let server = Server::start(shop());
    let detail = server.post("/v1/placements/pdp.simila:recommend", "{}").problem(404, "placement");
    assert!(detail.contains(r#"did you mean "pdp.similar"?"#), "{detail}");
}

#[test]
fn an_unknown_route_or_method_says_so() {
    let server = Server::start(shop());
    assert!(server.post("/v1/placements/pdp.similar:recomend", "{}").problem(404, "").contains("recommend"));
    assert!(server.get("/v2/anything").problem(404, "").contains("/v2/anything"));
    server.get("/v1/recommendations:batch").problem(405, "");
}

#[test]
fn a_bad_body_is_400_and_names_the_field() {
    let server = Server::start(shop());
    let cases: [(&[u8], &str, &str); 11] = [
        (br#"{"pageSize": 0}"#, "pageSize", "between 1 and 100"),
        (br#"{"pageSize": 101}"#, "pageSize", "between 1 and 100"),
        (br#"{"pageSize": 99999999999}"#, "pageSize", ""),
        (br#"{"pageSize": "many"}"#, "pageSize", ""),
        (br#"{"pageSize": "#, "", "malformed JSON at line 1 column 13"),
        (b"{\"filter\": \"\xff\"}", "", "not UTF-8"),
        (br#"{"seedItem": []}"#, "seedItem", r#"did you mean "seedItems"?"#),
        (br#"{"seedItems": "i1"}"#, "seedItems", "expected a sequence"),
        (br#"{"seedItems": [{"itemId": ""}]}"#, "seedItems[0].itemId", "must not be empty"),
        (br#"{"pageToken": "AAAA"}"#, "pageToken", "is not a next_page_token"),
        (br#"{"placement": "home.for_you"}"#, "placement", "the path says"),
    ];
    for (body, field, text) in cases {
        let detail = server.post(SIMILAR, body).problem(400, field);
        assert!(detail.contains(text), "{detail}");
    }
    let seeds: Vec<_> = (0..101).map(|i| json!({"itemId": format!("s{i}")})).collect();
    let detail = server.post(SIMILAR, json!({"seedItems": seeds}).to_string()).problem(400, "seedItems");
    assert!(detail.contains("at most 100 entries, got 101"), "{detail}");
}

#[test]
fn a_body_too_large_or_of_another_kind_is_refused() {
    let server = Server::start(shop());
    let body = format!(r#"{{"filter": "{}"}}"#, "x".repeat(1 << 20));
    server.post(SIMILAR, body).problem(413, "");
    server.send("POST", SIMILAR, &["content-type: application/xml"], b"<x/>").problem(415, "");
}

#[test]
fn unknown_items_and_users_get_a_slate_that_says_so() {
    let server = Server::start(shop());
    let body = r#"{"subject": {"userId": "nobody"}, "seedItems": [{"itemId": "no-such-item"}]}"#;
    let reply = server.post(SIMILAR, body);
    assert_eq!(reply.status, 200);
    let answer = reply.json();
    assert_eq!(answer["missingItemIds"], json!(["no-such-item"]));
    assert!(!answer["items"].as_array().unwrap().is_empty());
    assert_ne!(answer["degradation"]["level"], "NONE", "{answer}");
}

#[test]
fn a_page_token_leads_to_the_items_that_follow() {
    let server = Server::start(shop());
    let page = |server: &Server, token: &Value| {
        let request = json!({"seedItems": [{"itemId": "i1"}], "pageSize": 2, "pageToken": token});
        server.post(SIMILAR, request.to_string()).json()
    };
    let first = page(&server, &Value::Null);
    let second = page(&server, &first["nextPageToken"]);
    assert_eq!(ids(&first), ["i2", "i3"]);
    assert_eq!(ids(&second), ["i4", "i5"]);
    assert_eq!(second["items"][0]["rank"], 3);
    assert_eq!(second["warnings"], json!([]));
}

/// Servers that share a key, with the shop of these days.
fn replicas(days: [u32; 2]) -> [Server; 2] {
    let key = PageTokenKey::new(b"a key that both of the replicas have").unwrap();
    days.map(|day| Server::with(shop_of(day), Config { page_token_key: key.clone(), ..Config::default() }))
}

#[test]
fn a_page_token_is_good_at_a_replica_with_the_same_key_and_says_so_if_the_snapshot_is_another() {
    let request = |token: &Value| {
        json!({"seedItems": [{"itemId": "i1"}], "pageSize": 2, "pageToken": token}).to_string()
    };
    for (days, warning) in [
        ([20, 20], None),
        ([20, 21], Some("another snapshot or other rules: items may repeat or be missing")),
    ] {
        let [one, other] = replicas(days);
        let token = &one.post(SIMILAR, request(&Value::Null)).json()["nextPageToken"];
        let page = other.post(SIMILAR, request(token)).json();
        assert_eq!(ids(&page), ["i4", "i5"]);
        assert_eq!(page["warnings"].as_array().unwrap().len(), usize::from(warning.is_some()), "{page}");
        assert!(page["warnings"].to_string().contains(warning.unwrap_or_default()), "{page}");
    }
}

#[test]
fn a_page_token_of_another_request_or_placement_or_key_is_refused() {
    let server = Server::start(shop());
    let body = |change: Value| {
        let mut request = json!({"seedItems": [{"itemId": "i1"}], "subject": {"userId": "u"}, "pageSize": 2});
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        request.to_string()
    };
    let token = server.post(SIMILAR, body(json!({}))).json()["nextPageToken"].clone();
    let text = token.as_str().unwrap();
    let with_token = |mut change: Value| {
        change["pageToken"] = token.clone();
        body(change)
    };
    for change in [
        json!({}),
        json!({"pageSize": 3}),
        json!({"itemFields": ["title"]}),
        json!({"view": "DEBUG"}),
        json!({"trafficClass": "SHADOW"}),
    ] {
        let page = server.post(SIMILAR, with_token(change));
        assert_eq!(page.status, 200, "{page:?}");
        assert_eq!(page.json()["items"][0]["itemId"], "i4");
    }
    for change in [
        json!({"seedItems": [{"itemId": "i2"}]}),
        json!({"subject": {"userId": "other"}}),
        json!({"filter": "price < 20"}),
        json!({"excludeItemIds": ["i9"]}),
        json!({"candidateItemIds": ["i4", "i5"]}),
        json!({"context": {"country": "CH"}}),
        json!({"sessionEvents": [{"itemId": "i3"}]}),
    ] {
        let detail = server.post(SIMILAR, with_token(change)).problem(400, "pageToken");
        assert!(detail.starts_with("is of another request"), "{detail}");
    }
    let elsewhere = "/v1/placements/home.popular:recommend";
    let detail = server.post(elsewhere, with_token(json!({}))).problem(400, "pageToken");
    assert!(detail.starts_with("is of another request"), "{detail}");

    let mut forged = text.to_owned();
    forged.replace_range(2..3, if &text[2..3] == "A" { "B" } else { "A" });
    for text in [forged.as_str(), &text[..text.len() - 1], &text[1..]] {
        let detail = server.post(SIMILAR, body(json!({"pageToken": text}))).problem(400, "pageToken");
        assert!(detail.starts_with("is not a next_page_token"), "{detail}");
    }
    let restarted = Server::start(shop());
    let detail = restarted.post(SIMILAR, with_token(json!({}))).problem(400, "pageToken");
    assert!(detail.contains("older than the server's key"), "{detail}");
}

#[test]
fn before_the_first_snapshot_everything_is_unavailable() {
    let server = Server::start(Recommender::new(Arc::default(), Limits::default()));
    let reply = server.post(SIMILAR, "{}");
    reply.problem(503, "");
    assert_eq!(reply.header("retry-after"), Some("1"));
    let page = r#"{"slots": [{"slotId": "a", "placement": "pdp.similar"}]}"#;
    server.post("/v1/recommendations:batch", page).problem(503, "");
}

#[test]
fn the_get_route_can_be_cached() {
    let server = Server::start(shop());
    let path = "/v1/placements/pdp.similar/recommendations?seed=i1,i2&n=2&fields=title";
    let reply = server.get(path);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(reply.header("cache-control"), Some("public, max-age=60"));
    let etag = reply.header("etag").unwrap().to_owned();
    assert_eq!(server.get(path).header("etag"), Some(etag.as_str()));

    let header = format!("if-none-match: {etag}");
    let unchanged = server.send("GET", path, &[&header], b"");
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    let other = "/v1/placements/pdp.similar/recommendations?seed=i1&n=2";
    assert_eq!(server.send("GET", other, &[&header], b"").status, 200);

    server.get("/v1/placements/pdp.similar/recommendations?n=0").problem(400, "n");
    server.get("/v1/placements/pdp.similar/recommendations?seeds=i1").problem(400, "seeds");
}

#[test]
fn a_batch_answers_its_good_slots_and_explains_the_bad_ones() {
    let server = Server::start(shop());
    let body = json!({
        "deduplicate": true,
        "slots": [
            {"slotId": "top", "placement": "pdp.similar", "pageSize": 2},
            {"slotId": "odd", "placement": "pdp.similarr"},
            {"slotId": "low", "placement": "pdp.similar", "pageSize": 2},
        ],
    });
    let reply = server.post("/v1/recommendations:batch", body.to_string());
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = reply.json();
    let items = |slot: usize| ids(&answer["slots"][slot]["response"]);
    assert_eq!(answer["slots"][1]["slotId"], "odd");
    assert_eq!(answer["slots"][1]["error"]["code"], 5);
    assert_eq!(answer["slots"][1]["error"]["field"], "slots[1].placement");
    assert_eq!((items(0).len(), items(2).len()), (2, 2));
    assert!(items(0).iter().all(|item| !items(2).contains(item)), "an item is shown twice: {answer}");
}

#[test]
fn a_deadline_that_is_no_number_is_400() {
    let server = Server::start(shop());
    for value in ["soon", "0", "-5"] {
        let header = format!("x-request-timeout-ms: {value}");
        server.send("POST", SIMILAR, &[&header], b"{}").problem(400, "x-request-timeout-ms");
    }
    assert_eq!(server.send("POST", SIMILAR, &["x-request-timeout-ms: 250"], b"{}").status, 200);
}

#[test]
fn the_contract_can_be_fetched() {
    let server = Server::start(shop());
    let document = server.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["components"]["schemas"]["RecommendResponse"]["properties"]["items"].is_object());
}

#[test]
fn a_drain_answers_what_is_in_flight_and_accepts_nothing_new() {
    let server = Server::start(shop());
    let (http, grpc) = (server.http, server.grpc);
    let mut slow = in_flight(&server);
    let ended = server.stop();
    let deadline = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(http).is_ok() || TcpStream::connect(grpc).is_ok() {
        assert!(Instant::now() < deadline, "the ports are still open");
    }
    slow.write_all(b"{}").unwrap();
    let reply = read_reply(slow);
    assert_eq!(reply.status, 200, "{reply:?}");
    let start = Instant::now();
    ended();
    assert!(start.elapsed() < Duration::from_secs(2), "nothing was left to wait for");
}

#[test]
fn a_drain_ends_though_a_client_does_not() {
    let server =
        Server::with(shop(), Config { drain_timeout: Duration::from_millis(200), ..Config::default() });
    let _stuck = in_flight(&server);
    let start = Instant::now();
    server.stop()();
    assert!(start.elapsed() < Duration::from_secs(3));
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["itemId"].as_str().unwrap()).collect()
}

/// A request that has reached its handler, which waits for two bytes of body.
fn in_flight(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.http).unwrap();
    write_head(&mut stream, "POST", SIMILAR, &["expect: 100-continue"], 2);
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

/// A control plane whose first snapshot could not be loaded, and that has nothing to go back to.
pub(crate) struct Failing;

impl ControlPlane for Failing {
    fn location(&self) -> String {
        "s3://shop/models".to_owned()
    }

    fn channel(&self) -> &str {
        "production"
    }

    fn memory_budget(&self) -> Option<u64> {
        None
    }

    fn reserved_memory(&self) -> u64 {
        0
    }

    fn health(&self) -> Health {
        let failure = Failure {
            at: std::time::SystemTime::UNIX_EPOCH,
            version: "20261120T030000Z-7f3a9c".to_owned(),
            artifact: Some("similar".to_owned()),
            reason: "similar: row 7 is odd".to_owned(),
            count: 2,
        };
        Health { last_failure: Some(failure), ..Health::default() }
    }

    fn refresh(&self) -> Result<Outcome, SnapshotError> {
        Ok(Outcome::Unchanged)
    }

    fn rollback(&self) -> Result<String, SnapshotError> {
        Err(SnapshotError::NoRollback { channel: "production".to_owned() })
    }
}

#[test]
fn the_admin_port_answers_probes_and_orders() {
    let metrics = prometheus::Registry::new();
    let served = prometheus::IntGauge::new("x_served", "Served.").unwrap();
    metrics.register(Box::new(served)).unwrap();
    let service = Arc::new(AdminService::new(Arc::new(Failing), Arc::default(), metrics));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = Admin::open(listener, Control::Here, Arc::clone(&service)).unwrap();
    let addr = admin.addr();
    let send = |method: &str, path: &str| {
        let mut stream = TcpStream::connect(addr).unwrap();
        write_head(&mut stream, method, path, &["content-type: application/json"], 0);
        read_reply(stream)
    };
    assert_eq!(send("GET", "/livez").status, 200);
    let ready = send("GET", "/readyz");
    let expected = "not ready: no snapshot: similar: row 7 is odd\n";
    assert_eq!((ready.status, ready.body.as_str()), (503, expected));
    assert!(send("GET", "/metrics").body.ends_with("x_served 0\n"));
    let status = send("GET", "/status").json();
    assert_eq!(status["channel"], "production");
    assert_eq!(status["ready"], "no snapshot: similar: row 7 is odd");
    let error = json!({"at": "1970-01-01T00:00:00.000Z", "snapshot": "20261120T030000Z-7f3a9c",
        "artifact": "similar", "reason": "similar: row 7 is odd", "in_a_row": 2});
    assert_eq!((&status["snapshot"], &status["last_refresh_error"]), (&Value::Null, &error));
    assert_eq!(send("POST", "/snapshots:refresh").json(), json!({"result": "nothing new"}));
    let rollback = send("POST", "/snapshots:rollback");
    assert_eq!(rollback.status, 409);
    assert!(
        rollback.json()["error"].as_str().unwrap().contains("there is no previous snapshot"),
        "{rollback:?}"
    );
    assert_eq!(send("GET", "/snapshots:refresh").status, 405, "a GET changes nothing");
    service.drain();
    assert_eq!(send("GET", "/readyz").body, "not ready: draining\n");
    drop(admin);
    assert!(TcpStream::connect(addr).is_err());
}
