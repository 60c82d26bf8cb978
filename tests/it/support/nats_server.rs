//! Starts a server of NATS with JetStream in a process of its own, and writes to its streams.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Config;
use async_nats::{ConnectOptions, HeaderMap};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::skip::skip;

/// The user that may sign in, and the password.
pub(crate) const USER: (&str, &str) = ("larder", "honey");

/// A running server, killed when dropped. What it has is on the disk.
pub(crate) struct NatsServer {
    process: Child,
    address: SocketAddr,
    dir: TempDir,
    runtime: Runtime,
    jetstream: Context,
}

impl NatsServer {
    /// Starts a server. Without nats-server, says that `test` is skipped and returns `None`; under CI that is a
    /// failure.
    pub(crate) fn start(test: &str) -> Option<Self> {
        if Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            skip(test, "a server of NATS: nats-server of Debian, or of github.com/nats-io/nats-server");
            return None;
        }
        // Freed again at once: another process could take it, but the kernel hands out others first.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let process = run(address, &dir);
        let runtime = Runtime::new().unwrap();
        let options = ConnectOptions::new().user_and_password(USER.0.to_owned(), USER.1.to_owned());
        let jetstream = runtime.block_on(async {
            async_nats::jetstream::new(options.connect(address.to_string()).await.unwrap())
        });
        Some(Self { process, address, dir, runtime, jetstream })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Whether a consumer of it may have several subjects: servers from 2.10 on.
    pub(crate) fn can_filter_by_several(&self) -> bool {
        self.jetstream.client().is_server_compatible(2, 10, 0)
    }

    /// Ends it without a warning.
    pub(crate) fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again at the same address, with what it had.
    pub(crate) fn start_again(&mut self) {
        self.process = run(self.address, &self.dir);
    }

    /// Makes a stream of subjects.
    pub(crate) fn create(&self, stream: &str, subjects: &[&str]) {
        let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        let config = Config { name: stream.to_owned(), subjects, ..Config::default() };
        self.runtime.block_on(self.jetstream.create_stream(config)).unwrap();
    }

    /// Takes a stream away.
    pub(crate) fn delete(&self, stream: &str) {
        self.runtime.block_on(self.jetstream.delete_stream(stream)).unwrap();
    }

    /// Drops the messages of a stream that are before this sequence.
    pub(crate) fn purge_before(&self, stream: &str, sequence: u64) {
        let purge = async {
            let stream = self.jetstream.get_stream(stream).await.unwrap();
            stream.purge().sequence(sequence).await.unwrap();
        };
        self.runtime.block_on(purge);
    }

    /// Writes a message with headers; it is in its stream when this returns.
    pub(crate) fn publish(&self, subject: &str, headers: &[(&str, &str)], body: &str) {
        let map: HeaderMap = headers.iter().fold(HeaderMap::new(), |mut map, (name, value)| {
            map.insert(*name, *value);
            map
        });
        let began = Instant::now();
        // The server may have started again just now.
        let publish = || async {
            let sent =
                self.jetstream.publish_with_headers(subject.to_owned(), map.clone(), body.to_owned().into());
            sent.await?.await
        };
        while let Err(error) = self.runtime.block_on(publish()) {
            assert!(began.elapsed() < Duration::from_secs(60), "{subject}: {error}");
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(address: SocketAddr, dir: &TempDir) -> Child {
    let (user, password) = USER;
    let store = dir.path().display();
    let config = dir.path().join("nats.conf");
    let text = format!(
        "listen: \"{address}\"\njetstream {{ store_dir: \"{store}\" }}\n\
         authorization {{ user: {user}, password: {password} }}\n"
    );
    std::fs::write(&config, text).unwrap();
    let process = Command::new("nats-server")
        .arg("--config")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "nats-server does not listen on {address}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    process
}
