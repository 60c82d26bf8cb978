//! The server as a process of its own, with its admin port.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::server::{Reply, read_reply, write_head};

/// `larder serve` on free ports. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Process {
    /// Serves a store, and returns when its snapshot is served. Slates are written to `exposure_log`.
    pub(crate) fn serve(store: &Path, exposure_log: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LARDER_"))
        {
            command.env_remove(name);
        }
        let any = "127.0.0.1:0";
        command.args([
            "serve",
            "--grpc-addr",
            any,
            "--http-addr",
            any,
            "--admin-addr",
            any,
            "--log-format",
            "json",
        ]);
        command.arg("--store").arg(store).arg("--exposure-log").arg(exposure_log);
        command.arg("--cache-dir").arg(store.join("cache"));
        let mut child = command.current_dir(store).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        while !seen.contains("snapshot is served") {
            assert!(log.read_line(&mut seen).unwrap() > 0, "the server ended: {seen}");
        }
        // Goes on reading, so that the server never waits for its log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let port = |name: &str| {
            let rest = seen.split(&format!("\"{name}\":\"")).nth(1).expect("the line about the ports");
            rest.split('"').next().unwrap().parse().unwrap()
        };
        Self { child, grpc: port("grpc"), http: port("http"), admin: port("admin") }
    }

    /// Sends a request to the HTTP or admin port.
    pub(crate) fn send(&self, port: SocketAddr, method: &str, path: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(port).unwrap();
        write_head(&mut stream, method, path, &[], body.len());
        stream.write_all(body.as_bytes()).unwrap();
        read_reply(stream)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
