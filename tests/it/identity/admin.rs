//! What the admin port does for whom.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::server::identity::{Audit, Authenticator, Credentials, Scope};
use larder::server::{Admin, AdminService, Control, ControlPlane};
use larder::snapshot::{Health, Outcome, SnapshotError};

use super::{key, rights, written};
use crate::support::server::{Reply, read_reply, write_request};

/// A control plane that has nothing new.
pub(super) struct Quiet;

impl ControlPlane for Quiet {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn channel(&self) -> &'static str {
        "production"
    }

    fn memory_budget(&self) -> Option<u64> {
        None
    }

    fn reserved_memory(&self) -> u64 {
        0
    }

    fn health(&self) -> Health {
        Health::default()
    }

    fn refresh(&self) -> Result<Outcome, SnapshotError> {
        Ok(Outcome::Unchanged)
    }

    fn rollback(&self) -> Result<String, SnapshotError> {
        Ok("V1".to_owned())
    }
}

fn service(authenticator: Option<Arc<Authenticator>>, audit: &Arc<Audit>) -> Arc<AdminService> {
    let service = AdminService::new(Arc::new(Quiet), Arc::default(), prometheus::Registry::new());
    Arc::new(service.with_access(authenticator, Arc::clone(audit), vec!["larder.shop.svc".to_owned()]))
}

fn send(addr: SocketAddr, request: &str, headers: &[&str]) -> Reply {
    let mut stream = TcpStream::connect(("127.0.0.1", addr.port())).unwrap();
    write_request(&mut stream, request, headers);
    read_reply(stream)
}

const ROLLBACK: &str = "POST /snapshots:rollback";
const JSON: &str = "content-type: application/json";

#[test]
fn orders_of_web_pages_are_refused_and_those_of_this_machine_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let audit = Arc::new(Audit::open(Some(&path)).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = Admin::open(listener, Control::Here, service(None, &audit)).unwrap();
    let addr = admin.addr();
    let own = format!("host: {addr}");
    let same = format!("origin: http://{addr}");
    for (headers, status) in [
        (&["host: localhost", JSON][..], 200),
        (&["host: LOCALHOST:9090", JSON], 200),
        (&["host: [::1]:9090", JSON], 200),
        (&["host: larder.shop.svc:9090", JSON], 200),
        (&[&own, JSON, &same, "sec-fetch-site: same-origin"], 200),
        (&[&own, "content-type: application/json; charset=utf-8", "sec-fetch-site: none"], 200),
        (&["host: rebind.evil.example", JSON], 403),
        (&["host: localhost.evil.example", JSON], 403),
        (&["host: evil.example@localhost", JSON], 200), // user information is no host
        (&["host: localhost", "host: localhost", JSON], 400),
        (&["host: ", JSON], 400),
        (&[JSON], 400),
        (&[&own, JSON, "origin: http://evil.example"], 403),
        (&[&own, JSON, "origin: null"], 403),
        (&[&own, JSON, "origin: http://localhost"], 403),
        (&[&own, JSON, &same, "origin: http://evil.example"], 403),
        (&[&own, JSON, "sec-fetch-site: cross-site"], 403),
        (&[&own, JSON, "sec-fetch-site: same-site"], 403),
        (&[&own], 415),
        (&[&own, "content-type: text/plain"], 415),
        (&[&own, "content-type: application/x-www-form-urlencoded"], 415),
        (&[&own, "content-type: application/json-seq"], 415),
        (&[&own, JSON, "content-type: text/plain"], 415),
    ] {
        let reply = send(addr, ROLLBACK, headers);
        assert_eq!(reply.status, status, "{headers:?}: {reply:?}");
    }
    for (headers, status) in [(&["host: evil.example"][..], 403), (&["host: localhost"], 200)] {
        assert_eq!(send(addr, "GET /status", headers).status, status, "{headers:?}");
        assert_eq!(send(addr, "GET /livez", headers).status, 200);
        assert_eq!(send(addr, "GET /metrics", headers).status, 200);
    }
    drop((admin, audit));
    let lines = written(&path, 24);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["event"], &first["outcome"]), (&"control".into(), &"200".into()), "{first}");
    assert_eq!(first["detail"], "serving V1");
    assert!(first["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{first}");
    let refused = lines.lines().filter(|line| line.contains("\"403\"") && line.contains("control")).count();
    assert_eq!(refused, 8, "each attempt is written down\n{lines}");
}

/// A control plane whose rollback waits for the test.
struct Slow {
    began: Mutex<SyncSender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl ControlPlane for Slow {
    fn location(&self) -> String {
        Quiet.location()
    }

    fn channel(&self) -> &'static str {
        "production"
    }

    fn memory_budget(&self) -> Option<u64> {
        None
    }

    fn reserved_memory(&self) -> u64 {
        0
    }

    fn health(&self) -> Health {
        Health::default()
    }

    fn refresh(&self) -> Result<Outcome, SnapshotError> {
        Quiet.refresh()
    }

    fn rollback(&self) -> Result<String, SnapshotError> {
        self.began.lock().unwrap().send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        Quiet.rollback()
    }
}

#[test]
fn who_hangs_up_is_written_down_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let audit = Arc::new(Audit::open(Some(&path)).unwrap());
    let ((began, has_begun), (go, go_on)) = (sync_channel(1), sync_channel(1));
    let slow = Slow { began: Mutex::new(began), go_on: Mutex::new(go_on) };
    let service = AdminService::new(Arc::new(slow), Arc::default(), prometheus::Registry::new());
    let service = Arc::new(service.with_access(None, audit, Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = Admin::open(listener, Control::Here, service).unwrap();
    let mut stream = TcpStream::connect(admin.addr()).unwrap();
    write_request(&mut stream, ROLLBACK, &["host: localhost", JSON]);
    has_begun.recv_timeout(Duration::from_secs(10)).unwrap();
    drop(stream);
    // The server notices, and another is told that the first is still at it.
    assert_eq!(send(admin.addr(), ROLLBACK, &["host: localhost", JSON]).status, 409);
    go.send(()).unwrap();
    let lines = written(&path, 2);
    assert!(lines.contains("\"409\"") && lines.contains("serving V1"), "{lines}");
}

#[test]
fn a_port_that_others_reach_takes_orders_of_those_with_the_scope_only() {
    let audit = Arc::new(Audit::open(None).unwrap());
    let everywhere = || TcpListener::bind("0.0.0.0:0").unwrap();
    let nobody = Admin::open(everywhere(), Control::Here, service(None, &audit)).unwrap();
    assert_eq!(send(nobody.addr(), ROLLBACK, &["host: localhost", JSON]).status, 403);
    assert_eq!(send(nobody.addr(), "GET /readyz", &["host: x"]).status, 503);

    let (ops, ops_known) = key("ops", rights(&[Scope::Admin], &[]));
    let (reader, reader_known) = key("reader", rights(&[Scope::Status], &[]));
    let credentials = Credentials { keys: vec![ops_known, reader_known], ..Credentials::default() };
    let known = Arc::new(Authenticator::new(&credentials, Arc::clone(&audit)).unwrap());
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin =
        Admin::open(everywhere(), Control::At(inside), service(Some(Arc::clone(&known)), &audit)).unwrap();
    assert_eq!(send(admin.addr(), ROLLBACK, &["host: localhost", JSON]).status, 404, "not there");
    let control = admin.control_addr().unwrap();
    assert_eq!(send(control, ROLLBACK, &["host: localhost", JSON]).status, 200, "this machine's own");

    let admin = Admin::open(everywhere(), Control::Here, service(Some(known), &audit)).unwrap();
    let ask = |request: &str, key: &str| {
        let key = format!("x-api-key: {key}");
        send(admin.addr(), request, &["host: localhost", JSON, &key]).status
    };
    assert_eq!(send(admin.addr(), ROLLBACK, &["host: localhost", JSON]).status, 401);
    assert_eq!(send(admin.addr(), "GET /status", &["host: localhost"]).status, 401);
    assert_eq!([ask(ROLLBACK, &reader), ask("GET /status", &reader)], [403, 200]);
    assert_eq!([ask(ROLLBACK, &ops), ask("GET /status", &ops)], [200, 403]);
    assert_eq!(ask(ROLLBACK, "lk_ops_wrong"), 401);
    assert_eq!(send(admin.addr(), "GET /metrics", &["host: x"]).status, 200);
}
