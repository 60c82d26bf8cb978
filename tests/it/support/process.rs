//! The server as a process of its own, with its admin port.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use crate::support::server::{Reply, read_reply, write_head};

/// `larder serve` on free ports, with everything logged that can be. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    /// Reads the log to its end.
    log: Option<JoinHandle<String>>,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Process {
    /// Serves a store, and returns when its snapshot is served. Slates are written to `exposure_log`.
    pub(crate) fn serve(store: &Path, exposure_log: &Path) -> Self {
        Self::serve_with(store, &[("--exposure.file", exposure_log)])
    }

    /// Serves a store with flags that name files or directories.
    pub(crate) fn serve_with(store: &Path, paths: &[(&str, &Path)]) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_larder"));
        Self::start(command, store, paths, None)
    }

    /// Serves a store with a log in a file.
    #[cfg(unix)]
    pub(crate) fn serve_logging_to(store: &Path, log: &Path, paths: &[(&str, &Path)]) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_larder"));
        let paths = [paths, &[("--telemetry.log-file", log)]].concat();
        Self::start(command, store, &paths, Some(log))
    }

    /// Serves a store with no more than so many file descriptors.
    #[cfg(unix)]
    pub(crate) fn serve_with_descriptors(store: &Path, descriptors: usize) -> Self {
        let mut command = Command::new("sh");
        let limited = format!("ulimit -n {descriptors}; exec \"$@\"");
        command.args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_larder")]);
        Self::start(command, store, &[], None)
    }

    /// Starts the command with the arguments of a server, and reads its log until it serves.
    fn start(mut command: Command, store: &Path, paths: &[(&str, &Path)], log: Option<&Path>) -> Self {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LARDER_"))
        {
            command.env_remove(name);
        }
        // Not in the home of whoever runs the tests.
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        // What stands for Amazon in tests takes any.
        command.env("AWS_ACCESS_KEY_ID", "larder").env("AWS_SECRET_ACCESS_KEY", "testing");
        let any = "127.0.0.1:0";
        command.arg("serve").arg("--store").arg(store);
        for (flag, path) in paths {
            command.arg(flag).arg(path);
        }
        for (setting, value) in [
            ("--server.grpc-addr", any),
            ("--server.http-addr", any),
            ("--server.admin-addr", any),
            ("--telemetry.log", "trace"),
            ("--telemetry.log-format", "json"),
        ] {
            command.args([setting, value]);
        }
        command.arg("--cache-dir").arg(store.join("cache"));
        let mut child = command.current_dir(store).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let mut log: Box<dyn BufRead + Send> = match log {
            Some(log) => Box::new(BufReader::new(Growing::open(log))),
            None => Box::new(BufReader::new(stderr)),
        };
        let mut seen = String::new();
        while !seen.contains("snapshot is served") {
            assert!(log.read_line(&mut seen).unwrap() > 0, "the server ended: {seen}");
        }
        let port = |name: &str| {
            let rest = seen.split(&format!("\"{name}\":\"")).nth(1).expect("the line about the ports");
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let [grpc, http, admin] = ["grpc", "http", "admin"].map(port);
        // Goes on reading, so that the server never waits for its log.
        let rest = std::thread::spawn(move || {
            let _ = log.read_to_string(&mut seen);
            seen
        });
        Self { child, log: Some(rest), grpc, http, admin }
    }

    /// Ends it, and returns all that it has logged.
    pub(crate) fn end(mut self) -> String {
        let terminated = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(terminated, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.log.take().unwrap().join().unwrap()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it, as a machine that has no memory left does.
    #[cfg(unix)]
    pub(crate) fn kill(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    /// Files of it may not grow beyond these bytes; `None`: they may again.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, limit).unwrap();
    }

    /// Sends a request; `None` if the server is gone before its answer.
    pub(crate) fn try_send(&self, port: SocketAddr, method: &str, path: &str, body: &str) -> Option<Reply> {
        let mut stream = TcpStream::connect(port).ok()?;
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ");
        stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).ok()?;
        Some(read_reply(stream)).filter(|reply| reply.status != 0)
    }

    /// Sends a request to the HTTP or admin port.
    pub(crate) fn send(&self, port: SocketAddr, method: &str, path: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(port).unwrap();
        write_head(&mut stream, method, path, &["content-type: application/json"], body.len());
        stream.write_all(body.as_bytes()).unwrap();
        read_reply(stream)
    }
}

/// A file that another process writes to. Read until it serves; what follows is for the test to read.
struct Growing(std::fs::File);

impl Growing {
    fn open(path: &Path) -> Self {
        loop {
            match std::fs::File::open(path) {
                Ok(file) => return Self(file),
                Err(_) => std::thread::park_timeout(std::time::Duration::from_millis(10)),
            }
        }
    }
}

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        // Some time without a byte is its end.
        for _ in 0..1000 {
            match self.0.read(into)? {
                0 => std::thread::park_timeout(std::time::Duration::from_millis(10)),
                count => return Ok(count),
            }
        }
        Ok(0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
