//! A file that may not grow further (`ulimit -f`, systemd's `LimitFSIZE`) is an error to whoever writes it, as a full
//! disk is. Without a handler, the signal that comes before the error ends the process.

/// Takes the signal, and does nothing about it. Called inside a runtime.
#[cfg(unix)]
pub(super) fn outlive() {
    use tokio::signal::unix::{SignalKind, signal};
    let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    // Never waited for: that there is a handler is enough.
    if let Err(error) = signal(kind) {
        tracing::warn!(%error, "a file that reaches its limit of size would end the process");
    }
}

#[cfg(not(unix))]
pub(super) fn outlive() {}
