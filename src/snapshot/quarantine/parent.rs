//! What the parent does: start the child, follow its reports, put an end to it, and say what became of it.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::{Report, Soundness, Trial};
use crate::artifact::Stop;
use crate::snapshot::SnapshotError;

/// Seconds of CPU time for a snapshot, whatever its size, and a second more for each of so many bytes: a tenth of the
/// pace at which a slow core decodes.
const CPU_SECONDS: u64 = 30;
const BYTES_A_SECOND: u64 = 1 << 20;

/// A child that yields to serving may wait for its turn: so many times its CPU time.
const WAITING: u32 = 8;

/// How often it is looked whether a trial was called off.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Upper bound on what is read from a child: names of 256 artifacts and a message.
const MOST_SAID: u64 = 1 << 20;

/// What of its standard error is kept.
const LAST_WORDS: usize = 4 << 10;

/// A way to try snapshots out in processes of their own.
#[derive(Debug, Clone)]
pub struct Quarantine {
    program: PathBuf,
}

/// Why a snapshot could not be tried out; nothing is said of the snapshot.
#[derive(Debug, Error)]
#[error("{program} quarantine cannot be run: {source}")]
pub struct QuarantineError {
    program: String,
    source: io::Error,
}

/// How a child ended without a verdict.
#[derive(Debug, Clone, Copy)]
struct End<'a> {
    status: Option<ExitStatus>,
    last_words: &'a str,
    memory: Option<u64>,
    cpu_seconds: u64,
    out_of_time: bool,
}

impl Quarantine {
    /// By the program that is running.
    pub fn of_this_program() -> Self {
        // Linux finds the file of a running program even where an upgrade has put another in its place.
        let linux = PathBuf::from("/proc/self/exe");
        let other = || std::env::current_exe().unwrap_or_else(|_| PathBuf::from("larder"));
        Self { program: if linux.exists() { linux } else { other() } }
    }

    /// By this program, which must be `larder`.
    pub fn of_program(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// Tries a snapshot out, until it is called off by `stop`.
    ///
    /// # Errors
    /// The inner: why the snapshot is refused. The outer: that no child process could be had.
    pub fn run(
        &self,
        trial: &Trial,
        stop: &Stop,
    ) -> Result<Result<Soundness, SnapshotError>, QuarantineError> {
        let cpu_seconds = CPU_SECONDS + trial.bytes() / BYTES_A_SECOND;
        let mut child = self
            .start(trial, cpu_seconds)
            .map_err(|source| QuarantineError { program: self.program.display().to_string(), source })?;
        let (reports, last_words) = (follow(child.stdout.take()), listen(child.stderr.take()));
        // A child that dies early does not read on; what it said until then is what counts.
        let said = serde_json::to_vec(trial).unwrap_or_default();
        let _ = child.stdin.take().map(|mut pipe| pipe.write_all(&said));
        let patience = Duration::from_secs(cpu_seconds) * WAITING;
        let (at, verdict, out_of_time) = heed(&reports, Instant::now() + patience, stop);
        if verdict.is_none() && out_of_time {
            let _ = child.kill();
        }
        let status = child.wait().ok();
        let last_words = last_words.recv().unwrap_or_default();
        if verdict.is_none() && stop.is_set() {
            return Ok(Err(SnapshotError::Stopped));
        }
        // It went by itself before it had looked at any artifact: what it says is of itself.
        if verdict.is_none() && at.is_none() && status.and_then(|status| status.code()).is_some() {
            let source = io::Error::other(last_words.trim().to_owned());
            return Err(QuarantineError { program: self.program.display().to_string(), source });
        }
        Ok(match verdict {
            Some(Report::Sound(soundness)) => Ok(soundness),
            Some(Report::Refused { artifact, label, needs, reason }) => {
                Err(SnapshotError::rejected(artifact, &label, needs, reason))
            }
            _ => {
                let end =
                    End { status, last_words: &last_words, memory: trial.memory, cpu_seconds, out_of_time };
                Err(SnapshotError::Quarantined { artifact: at, how: end.words() })
            }
        })
    }

    fn start(&self, trial: &Trial, cpu_seconds: u64) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.arg("quarantine").arg("--cpu-seconds").arg(cpu_seconds.to_string());
        if let Some(memory) = trial.memory {
            command.arg("--memory").arg(memory.to_string());
        }
        // No credentials, and no settings. The allocator is told not to map a gigabyte ahead, which the limit on the
        // address space would count.
        command.env_clear().env("MIMALLOC_ARENA_RESERVE", "0");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn()
    }
}

/// Reads reports in a thread of their own, so that they can be waited for with a limit.
fn follow(pipe: Option<ChildStdout>) -> Receiver<Report> {
    let (sender, reports) = sync_channel(16);
    let Some(pipe) = pipe else { return reports };
    // Without the thread there is no report, and the child counts as dead.
    let _ = std::thread::Builder::new().name("larder-trial".to_owned()).spawn(move || {
        for line in BufReader::new(pipe.take(MOST_SAID)).lines().map_while(Result::ok) {
            let Ok(report) = serde_json::from_str(&line) else { continue };
            if sender.send(report).is_err() {
                return;
            }
        }
    });
    reports
}

/// Keeps the last of what a child writes to its standard error.
fn listen(pipe: Option<ChildStderr>) -> Receiver<String> {
    let (sender, words) = sync_channel(1);
    let Some(mut pipe) = pipe else { return words };
    let _ = std::thread::Builder::new().name("larder-trial-error".to_owned()).spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            kept.extend_from_slice(&buffer[..read]);
            let surplus = kept.len().saturating_sub(LAST_WORDS);
            kept.drain(..surplus);
        }
        let _ = sender.send(String::from_utf8_lossy(&kept).into_owned());
    });
    words
}

/// The last artifact named, the verdict if there was one, and whether the time was up or nobody waits any more.
fn heed(reports: &Receiver<Report>, end: Instant, stop: &Stop) -> (Option<String>, Option<Report>, bool) {
    let mut at = None;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match reports.recv_timeout(left.min(LOOK_EVERY)) {
            Ok(Report::At(artifact)) => at = Some(artifact),
            Ok(verdict) => return (at, Some(verdict), false),
            Err(RecvTimeoutError::Timeout) if left > LOOK_EVERY && !stop.is_set() => {}
            Err(RecvTimeoutError::Timeout) => return (at, None, true),
            Err(RecvTimeoutError::Disconnected) => return (at, None, false),
        }
    }
}

impl End<'_> {
    fn words(&self) -> String {
        let Self { cpu_seconds, last_words, .. } = *self;
        // Read from what the runtime says as it aborts: the signal is the same.
        if last_words.contains("overflowed its stack") {
            return "used up its stack".to_owned();
        }
        if last_words.contains("memory allocation of") {
            let memory =
                self.memory.map_or_else(|| "the memory".to_owned(), |bytes| format!("the {bytes} bytes"));
            return format!("needed more than {memory} that there are for the snapshot");
        }
        if self.out_of_time {
            return format!("did not end in {} seconds", cpu_seconds * u64::from(WAITING));
        }
        match self.status.and_then(signal) {
            Some(SIGXCPU) => format!("took more than {cpu_seconds} seconds of CPU time"),
            Some(SIGKILL) => format!(
                "was killed: it ran out of memory, or took more than {cpu_seconds} seconds of CPU time"
            ),
            Some(other) => format!("was ended by signal {other}"),
            None => {
                let status =
                    self.status.map_or_else(|| "nobody knows how".to_owned(), |status| status.to_string());
                format!("ended without a verdict ({status})")
            }
        }
    }
}

const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
