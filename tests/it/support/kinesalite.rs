//! Starts kinesalite, a server that speaks Kinesis' protocol and splits and merges shards as Kinesis does.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::skip::say;

/// A running kinesalite, killed when dropped. It keeps everything in memory.
pub(crate) struct Kinesalite {
    process: Child,
    address: SocketAddr,
}

impl Kinesalite {
    /// Starts it. Without Node or kinesalite, says that `test` is skipped and returns `None`, under CI as well: not
    /// every machine has Node.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let found = Command::new("node").args(["-e", "require('kinesalite')"]).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            say(test, "kinesalite: npm install kinesalite, and NODE_PATH with its folder");
            return None;
        }
        // Freed again at once: another process could take it, but the kernel hands out others first.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let times = "{createStreamMs: 5, deleteStreamMs: 5, updateStreamMs: 5}";
        let script = format!("require('kinesalite')({times}).listen({}, '127.0.0.1')", address.port());
        let process = Command::new("node")
            .args(["-e", &script])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "kinesalite does not listen on {address}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Some(Self { process, address })
    }

    /// Where it listens, as an endpoint URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Kinesalite {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
