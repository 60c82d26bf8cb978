//! What signals bring about: SIGTERM and SIGINT the drain, SIGHUP a reload.

use std::io;

use tokio::sync::watch;

/// Announces that files which the server has read, or writes to, may have changed. Whoever reads or writes some
/// subscribes, and looks at them again when it is told.
#[derive(Debug)]
pub(crate) struct Reload(watch::Sender<()>);

impl Reload {
    pub(super) fn new() -> Self {
        Self(watch::channel(()).0)
    }

    /// Changes with each announcement.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }

    fn announce(&self) {
        self.0.send_replace(());
    }
}

/// The signals that the process handles, from the moment that this is made. Before, SIGHUP would end the process.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Begins to handle them. Called inside a runtime.
    pub(super) fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            // Without a handler, SIGTERM ends the process as it ends any other, without a drain.
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Completes when the process is to end, with the name of the signal. Announces reloads until then.
    pub(super) async fn shutdown(mut self, reload: Reload) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => {
                    tracing::info!(signal = "SIGHUP", "reloading");
                    reload.announce();
                }
            }
        }
    }
}

/// The one signal that there is everywhere.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn shutdown(self, _reload: Reload) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "interrupt"
    }
}
