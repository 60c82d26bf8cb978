//! An object store over HTTP in this process, with the troubles and the manners of servers that people have.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use larder::artifact::{ArtifactStore, Conditional, Credentials, OpenOptions, open, sha256_bytes};

/// What the server does to requests for keys that have [`Trouble::about`] in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// It takes the request, and that is all.
    Hangs,
    /// It sends a hundred bytes a second.
    Drips,
    /// It answers with a page, and success.
    Page(&'static str, &'static str),
    Refuses(u16, &'static str),
    /// It says that something is wrong, and goes on saying so.
    Laments,
}

/// How it speaks of etags and conditions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manners {
    /// What stands before the digest, and after it; none: it gives no etags.
    pub(crate) etag: Option<(&'static str, &'static str)>,
    /// The answer to a write whose condition does not hold.
    pub(crate) refusal: (u16, &'static str),
    /// The answer to any conditional write, if it knows none.
    pub(crate) no_conditions: Option<(u16, &'static str)>,
    /// The answer to any conditional read, if it knows none.
    pub(crate) no_conditional_reads: Option<(u16, &'static str)>,
    /// Whether it reads `If-None-Match` at all.
    pub(crate) is_deaf: bool,
}

pub(crate) const AMAZON: Manners = Manners {
    etag: Some(("\"", "\"")),
    refusal: (412, "PreconditionFailed"),
    no_conditions: None,
    no_conditional_reads: None,
    is_deaf: false,
};

/// A request: its method, its key, and what it says in its head.
pub(crate) type Seen = (String, String, String);

#[derive(Debug)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    mood: Mood,
    about: String,
    manners: Manners,
    seen: Vec<Seen>,
    /// Writes that are answered with "another one is under way" before the next is taken.
    busy: u32,
}

/// A running server; it ends with the test's process.
#[derive(Debug)]
pub(crate) struct ObjectServer {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

impl ObjectServer {
    pub(crate) fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (objects, seen) = (BTreeMap::new(), Vec::new());
        let state = State { objects, mood: Mood::Well, about: String::new(), manners, seen, busy: 0 };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || answer(stream.unwrap(), &shared));
            }
        });
        Self { endpoint, state }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn options(&self) -> OpenOptions {
        let credentials = Credentials { access_key_id: "larder".into(), secret_access_key: "testing".into() };
        let (endpoint_url, credentials) = (Some(self.endpoint.clone()), Some(credentials));
        OpenOptions { endpoint_url, credentials, ..Default::default() }
    }

    /// A store on it, without a floor under its speed.
    pub(crate) fn store(&self) -> Arc<dyn ArtifactStore> {
        open("s3://shop/prefix", &OpenOptions { min_throughput: 1, ..self.options() }).unwrap()
    }

    pub(crate) fn store_that(&self, conditional: Conditional) -> Arc<dyn ArtifactStore> {
        open("s3://shop/prefix", &OpenOptions { conditional, ..self.options() }).unwrap()
    }

    /// From now on, for keys with `about` in them.
    pub(crate) fn set(&self, mood: Mood, about: &str) {
        let mut state = self.state.lock().unwrap();
        (state.mood, state.about) = (mood, about.to_owned());
    }

    pub(crate) fn be_busy(&self, times: u32) {
        self.state.lock().unwrap().busy = times;
    }

    /// The requests since the last call.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    /// Whether a key with all of these parts was asked for since then.
    pub(crate) fn has_seen(&self, parts: &[&str]) -> bool {
        let state = self.state.lock().unwrap();
        state.seen.iter().any(|(_, key, _)| parts.iter().all(|part| key.contains(part)))
    }
}

fn answer(mut stream: TcpStream, shared: &Mutex<State>) {
    let Some((head, body)) = read_request(&mut stream) else { return };
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap());
    let key = target.split('?').next().unwrap().to_owned();
    let mut state = shared.lock().unwrap();
    state.seen.push((method.clone(), key.clone(), head.to_lowercase()));
    let mood = if key.contains(&state.about) { state.mood } else { Mood::Well };
    let (status, headers, content) = match mood {
        Mood::Hangs => {
            drop(state);
            // Until the client goes away.
            let _ = stream.read(&mut [0]);
            return;
        }
        Mood::Page(kind, page) => (200, format!("Content-Type: {kind}\r\n"), page.as_bytes().to_vec()),
        Mood::Refuses(status, code) => (status, String::new(), error(code)),
        Mood::Laments => {
            drop(state);
            let _ = stream.write_all(b"HTTP/1.1 500 x\r\nConnection: close\r\n\r\n<Error><Message>");
            while stream.write_all(&[b'x'; 1 << 16]).is_ok() {}
            return;
        }
        Mood::Well | Mood::Drips if method == "PUT" => put(&mut state, &key, &head, body),
        Mood::Well | Mood::Drips => get(&state, &key, &head),
    };
    drop(state);
    let length = content.len();
    let head =
        format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    let content = if method == "HEAD" { Vec::new() } else { content };
    if stream.write_all(head.as_bytes()).is_err() || mood != Mood::Drips {
        let _ = stream.write_all(&content);
        return;
    }
    for piece in content.chunks(50) {
        if stream.write_all(piece).is_err() {
            return;
        }
        thread::park_timeout(Duration::from_millis(500));
    }
}

type Answer = (u16, String, Vec<u8>);

fn put(state: &mut State, key: &str, head: &str, body: Vec<u8>) -> Answer {
    let (if_match, if_none_match) = (header(head, "if-match"), header(head, "if-none-match"));
    let manners = state.manners;
    if if_match.is_some() || if_none_match.is_some() {
        if let Some((status, code)) = manners.no_conditions {
            return (status, String::new(), error(code));
        }
        if state.busy > 0 {
            state.busy -= 1;
            return (409, String::new(), error("ConditionalRequestConflict"));
        }
    }
    let there = state.objects.get(key);
    // A weak etag never matches (RFC 9110, 13.1.1).
    let holds =
        if_match.is_none_or(|etag| there.is_some_and(|there| etag == format!("\"{}\"", digest(there))));
    if !holds || (if_none_match.is_some() && there.is_some()) {
        let (status, code) = manners.refusal;
        return (status, String::new(), error(code));
    }
    let headers = etag_header(manners, &body);
    state.objects.insert(key.to_owned(), body);
    (200, headers, Vec::new())
}

fn get(state: &State, key: &str, head: &str) -> Answer {
    let Some(object) = state.objects.get(key) else { return (404, String::new(), error("NoSuchKey")) };
    let headers = etag_header(state.manners, object);
    if let Some(etag) = header(head, "if-none-match").filter(|_| !state.manners.is_deaf) {
        if let Some((status, code)) = state.manners.no_conditional_reads {
            return (status, String::new(), error(code));
        }
        if etag.contains(&digest(object)) {
            return (304, headers, Vec::new());
        }
    }
    let Some(range) = header(head, "range") else { return (200, headers, object.clone()) };
    let (first, last) = range.trim_start_matches("bytes=").split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    if first >= object.len() {
        return (416, String::new(), error("InvalidRange"));
    }
    let last = last.min(object.len() - 1);
    let headers = format!("{headers}Content-Range: bytes {first}-{last}/{}\r\n", object.len());
    (206, headers, object[first..=last].to_vec())
}

fn etag_header(manners: Manners, content: &[u8]) -> String {
    let quoted = |(before, after)| format!("ETag: {before}{}{after}\r\n", digest(content));
    manners.etag.map(quoted).unwrap_or_default()
}

fn digest(content: &[u8]) -> String {
    sha256_bytes(content)[..32].to_owned()
}

fn error(code: &str) -> Vec<u8> {
    format!("<Error><Code>{code}</Code><Message>as told</Message></Error>").into_bytes()
}

fn header(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
    Some(line[name.len() + 1..].trim().to_owned())
}

/// The head and the body of a request; `None` if the client went away.
fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut request = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&request[..end]).into_owned();
            let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
            if request.len() >= end + 4 + length {
                return Some((head, request[end + 4..].to_vec()));
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(n) => request.extend_from_slice(&buffer[..n]),
        }
    }
}
