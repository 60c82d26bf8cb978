//! A server on free ports of 127.0.0.1, and the plainest of HTTP clients.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use larder::recommender::Recommender;
use larder::server::{self, Config, Listeners, Metrics};
use larder_proto::v1::recommendation_service_client::RecommendationServiceClient;
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use super::scrape::Scrape;

/// A running server. Dropping it kills it; [`Server::stop`] drains it.
pub(crate) struct Server {
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) runtime: Runtime,
    metrics: Registry,
    shutdown: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

/// What came back over HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Server {
    pub(crate) fn start(recommender: Recommender) -> Self {
        Self::with(recommender, Config { drain_timeout: Duration::from_secs(5), ..Config::default() })
    }

    pub(crate) fn with(recommender: Recommender, config: Config) -> Self {
        let runtime = Runtime::new().unwrap();
        let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let listeners = Listeners { grpc: bind(), http: bind() };
        let (grpc, http) = (listeners.grpc.local_addr().unwrap(), listeners.http.local_addr().unwrap());
        let metrics = Registry::new();
        let own = Metrics::new(metrics.clone()).unwrap();
        let (shutdown, stopped) = oneshot::channel::<()>();
        let done = runtime.spawn(async move {
            let stopped = async { stopped.await.unwrap_or_default() };
            server::run(listeners, Arc::new(recommender), config, own, stopped).await.unwrap();
        });
        Self { grpc, http, runtime, metrics, shutdown, done }
    }

    pub(crate) fn client(&self) -> RecommendationServiceClient<Channel> {
        RecommendationServiceClient::new(self.channel())
    }

    pub(crate) fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.grpc)).unwrap();
        self.runtime.block_on(endpoint.connect()).unwrap()
    }

    /// The metrics of the server itself.
    pub(crate) fn scrape(&self) -> Scrape {
        Scrape::parse(&TextEncoder.encode_to_string(&self.metrics.gather()).unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        self.send("POST", path, &["content-type: application/json"], body.as_ref())
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.http).unwrap();
        write_head(&mut stream, method, path, headers, body.len());
        let _ = stream.write_all(body); // the server may refuse before it has read everything
        read_reply(stream)
    }

    /// Starts the drain; the returned function waits for its end.
    pub(crate) fn stop(self) -> impl FnOnce() {
        let Self { runtime, shutdown, done, .. } = self;
        shutdown.send(()).unwrap();
        move || runtime.block_on(done).unwrap()
    }
}

pub(crate) fn write_head(stream: &mut TcpStream, method: &str, path: &str, headers: &[&str], length: usize) {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n"
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

/// Sends a request without a body and with these headers alone.
pub(crate) fn write_request(stream: &mut TcpStream, request: &str, headers: &[&str]) {
    let mut head = format!("{request} HTTP/1.1\r\nconnection: close\r\ncontent-length: 0\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

pub(crate) fn read_reply(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes); // a reset after the answer is no matter
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

impl Reply {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that this is a problem of this status about this field, and returns what it says.
    pub(crate) fn problem(&self, status: u16, field: &str) -> String {
        let document = self.json();
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("application/problem+json"), "{self:?}");
        assert_eq!(document["status"], status);
        assert_eq!(document["field"].as_str().unwrap_or_default(), field, "{self:?}");
        document["detail"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}
