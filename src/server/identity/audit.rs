//! What was refused, and what was done to the server and by whom, as one line of JSON each; never a credential.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use chrono::{SecondsFormat, Utc};
use serde::Serialize;

use super::gcra::Gcra;
use super::principal::{Principal, now};

/// Lines that wait to be written; further ones are lost and counted. Raising it bridges longer pauses of the disk.
const QUEUED: usize = 1024;
/// Denials a second of callers that are nobody yet; further ones are left out and counted.
const NOBODYS_DENIALS: u64 = 10;
/// Bytes of a text that came from a caller.
const MOST_BYTES: usize = 300;

/// Where lines go.
#[derive(Debug)]
pub struct Audit {
    /// To the thread that writes the file; `None`: into the log.
    lines: Option<SyncSender<String>>,
    nobodys: Gcra,
    left_out: AtomicU64,
    lost: AtomicU64,
}

/// The audit's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("auth.audit {}: {source}", .path.display())]
pub struct AuditError {
    path: PathBuf,
    source: io::Error,
}

/// Where a request came from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Origin<'a> {
    pub(crate) principal: Option<&'a Principal>,
    pub(crate) peer: Option<SocketAddr>,
    /// The method and path, or what stands for them.
    pub(crate) method: &'a str,
    /// The caller's `traceparent`.
    pub(crate) trace: Option<&'a str>,
}

/// A line. Its keys stay: scripts read them.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: String,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<SocketAddr>,
    #[serde(skip_serializing_if = "str::is_empty")]
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    outcome: &'a str,
    detail: &'a str,
}

impl Audit {
    /// Appends to a file, created if need be; `None`: writes into the log.
    ///
    /// # Errors
    /// The file cannot be opened, or the thread that writes it not be started.
    pub fn open(path: Option<&Path>) -> Result<Self, AuditError> {
        let lines = path.map(start).transpose()?;
        let nobodys = Gcra::new(NOBODYS_DENIALS, NOBODYS_DENIALS);
        Ok(Self { lines, nobodys, left_out: AtomicU64::new(0), lost: AtomicU64::new(0) })
    }

    /// A request was refused: `outcome` in the words of gRPC.
    pub(crate) fn denied(&self, origin: Origin<'_>, outcome: &str, detail: &str) {
        let is_kept = match origin.principal {
            Some(principal) => principal.audits_denial(),
            None => self.nobodys.take(now(), 1).is_ok(),
        };
        if is_kept {
            self.write("denied", origin, outcome, detail);
        } else {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Somebody did, or tried to do, something to the server.
    pub(crate) fn control(&self, origin: Origin<'_>, outcome: &str, detail: &str) {
        self.write("control", origin, outcome, detail);
    }

    /// Credentials or certificates were read anew.
    pub(crate) fn reloaded(&self, what: &str, outcome: &str, detail: &str) {
        self.write("reload", Origin { method: what, ..Origin::default() }, outcome, detail);
    }

    /// Denials that were left out, as there were many, and lines that were lost, as they could not be written.
    pub(crate) fn counts(&self) -> [(&'static str, u64); 2] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [("left_out", read(&self.left_out)), ("lost", read(&self.lost))]
    }

    fn write(&self, event: &'static str, origin: Origin<'_>, outcome: &str, detail: &str) {
        let Origin { principal, peer, method, trace } = origin;
        let (principal, method) = (principal.map(Principal::name), start_of(method));
        let (detail, trace) = (start_of(detail), trace.map(start_of));
        let Some(lines) = &self.lines else {
            // As `Debug`, which escapes line breaks: no caller can write a line of its own into the log.
            tracing::info!(
                target: "larder::audit", event, principal, peer = peer.map(tracing::field::display), ?method,
                trace = trace.map(tracing::field::debug), outcome, ?detail
            );
            return;
        };
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let line = Line { time, event, principal, peer, method, trace, outcome, detail };
        let line = serde_json::to_string(&line).unwrap_or_default() + "\n";
        if lines.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// As much of a text as a line has of it.
fn start_of(text: &str) -> &str {
    text.char_indices().find(|(at, _)| *at >= MOST_BYTES).map_or(text, |(at, _)| &text[..at])
}

/// Opens the file and starts the thread that writes it.
fn start(path: &Path) -> Result<SyncSender<String>, AuditError> {
    let failed = |source| AuditError { path: path.to_owned(), source };
    append(path, "").map_err(failed)?;
    let (sender, lines) = sync_channel(QUEUED);
    let file = path.to_owned();
    let work = move || write_all(&file, &lines);
    thread::Builder::new().name("larder-audit".to_owned()).spawn(work).map_err(failed)?;
    Ok(sender)
}

/// Writes lines until nobody sends any more.
fn write_all(path: &Path, lines: &Receiver<String>) {
    while let Ok(mut text) = lines.recv() {
        text.extend(lines.try_iter().take(QUEUED));
        if let Err(error) = append(path, &text) {
            tracing::error!(%error, file = %path.display(), bytes = text.len(), "lines of the audit were not written");
        }
    }
}

/// Opened for each batch: a file that was moved away, as logrotate does, is begun anew.
fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    let written = file.write_all(text.as_bytes());
    if written.is_err() && file.metadata()?.is_file() {
        file.set_len(before)?; // a disk that is full takes half a line
    }
    written
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::principal::Usage;
    use super::super::rights::Rights;
    use super::*;

    fn written(path: &Path, count: usize) -> Vec<serde_json::Value> {
        let began = Instant::now();
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.lines().count() >= count {
                return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{text}");
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    #[test]
    fn lines_say_who_did_what_and_follow_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let audit = Audit::open(Some(&path)).unwrap();
        let principal = Principal::new("ops", &Rights::default(), Usage::new(&Rights::default()));
        let peer = Some("10.0.0.1:5".parse().unwrap());
        let origin = Origin { principal: Some(&principal), peer, method: "POST /x\n{", trace: None };
        audit.control(origin, "OK", "serving V1");
        let lines = written(&path, 1);
        assert_eq!(
            (&lines[0]["event"], &lines[0]["principal"], &lines[0]["peer"], &lines[0]["method"]),
            (&"control".into(), &"ops".into(), &"10.0.0.1:5".into(), &"POST /x\n{".into())
        );
        std::fs::rename(&path, dir.path().join("old")).unwrap();
        audit.reloaded("keys", "OK", &"é".repeat(1000));
        assert_eq!(written(&path, 1)[0]["detail"].as_str().unwrap().len(), MOST_BYTES);
        assert!(Audit::open(Some(&dir.path().join("no/such"))).unwrap_err().to_string().contains("no/such"));
    }

    #[test]
    fn a_flood_of_denials_is_sampled_for_each_principal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let audit = Audit::open(Some(&path)).unwrap();
        let principal = Principal::new("p", &Rights::default(), Usage::new(&Rights::default()));
        for _ in 0..1000 {
            audit.denied(Origin::default(), "UNAUTHENTICATED", "no credential");
        }
        audit.denied(Origin { principal: Some(&principal), ..Origin::default() }, "PERMISSION_DENIED", "no");
        let [(_, left_out), (_, lost)] = audit.counts();
        let lines = written(&path, 1001 - left_out as usize);
        assert!((11..100).contains(&lines.len()), "{} lines", lines.len());
        assert_eq!((lost, &lines.last().unwrap()["principal"]), (0, &"p".into()));
    }
}
