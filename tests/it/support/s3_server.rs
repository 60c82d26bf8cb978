//! Starts moto, an S3 server in a process of its own, for as long as a test needs it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::skip::skip;
use larder::artifact::{ArtifactStore, Credentials, OpenOptions, open};

/// A running server, killed when dropped.
#[derive(Debug)]
pub(crate) struct S3Server {
    process: Child,
    address: SocketAddr,
}

impl S3Server {
    /// Starts a server. Without moto, says that `test` is skipped and returns `None`; under CI that is a failure.
    pub(crate) fn start(test: &str) -> Option<Self> {
        // Freed again at once: another process could take it, but the kernel hands out others first.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let started = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            skip(test, "moto_server: pip install 'moto[server]'");
            return None;
        };
        let server = Self { process, address };
        server.wait_until_it_answers();
        Some(server)
    }

    /// Where it listens, as an endpoint URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Options with which [`open`] reaches this server.
    pub(crate) fn options(&self) -> OpenOptions {
        let credentials = Credentials { access_key_id: "larder".into(), secret_access_key: "testing".into() };
        OpenOptions {
            endpoint_url: Some(self.endpoint()),
            credentials: Some(credentials),
            ..Default::default()
        }
    }

    /// Creates a bucket and opens a store on it.
    pub(crate) fn store(&self, bucket: &str) -> Arc<dyn ArtifactStore> {
        let answer = self.request(&format!("PUT /{bucket}")).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        open(&format!("s3://{bucket}/some/prefix"), &self.options()).unwrap()
    }

    fn wait_until_it_answers(&self) {
        let began = Instant::now();
        while self.request("GET /moto-api/").is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "moto_server does not answer on {}",
                self.address
            );
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn request(&self, line: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
