//! What every HTTP server is asked: for probes, and by clients that do not know the protocol.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;

use larder::recommender::{Limits, Recommender};

use crate::support::server::{Server, read_reply};
use crate::support::shop::shop;

#[test]
fn a_request_without_its_host_is_400() {
    let server = Server::start(shop());
    for (head, expected) in [
        ("GET /openapi.json HTTP/1.1\r\n", 400),
        ("GET /livez HTTP/1.1\r\n", 400),
        ("GET /openapi.json HTTP/1.1\r\nhost: a\r\nhost: b\r\n", 400),
        ("GET /openapi.json HTTP/1.1\r\nhost: a\r\n", 200),
        ("GET /openapi.json HTTP/1.0\r\n", 200), // knows no hosts
    ] {
        let mut stream = TcpStream::connect(server.http).unwrap();
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(read_reply(stream).status, expected, "{head}");
    }
}

#[test]
fn load_balancers_can_probe_the_port_that_they_send_requests_to() {
    let ready = Server::start(shop());
    let loading = Server::start(Recommender::new(Arc::default(), Limits::default()));
    for path in ["/", "/readyz", "/healthz", "/health"] {
        assert_eq!((ready.get(path).status, loading.get(path).status), (200, 503), "{path}");
        assert_eq!(ready.send("HEAD", path, &[], b"").status, 200, "{path}");
    }
    assert_eq!((ready.get("/livez").status, loading.get("/livez").status), (200, 200));
    ready.post("/", "{}").problem(405, "");
    ready.get("/no-such-path").problem(404, "");
}
