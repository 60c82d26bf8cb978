//! Accepts connections to the admin port, with TLS or without.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::server::tls::{Accepted, For, Stream, Tls, accept};

/// Handshakes at once; further connections wait in the system's backlog.
const HANDSHAKES: usize = 64;
/// Pause after a failed accept, as when no file descriptors are left: some connections may end meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    pub(super) addr: SocketAddr,
    /// The name in its certificate.
    pub(super) certificate: Option<Arc<str>>,
}

/// One port.
pub(super) struct AdminListener {
    tcp: TcpListener,
    tls: Option<Arc<Tls>>,
    handshakes: JoinSet<Option<(Stream, Remote)>>,
}

impl AdminListener {
    pub(super) fn new(tcp: TcpListener, tls: Option<Arc<Tls>>) -> Self {
        Self { tcp, tls, handshakes: JoinSet::new() }
    }
}

impl Listener for AdminListener {
    type Io = Stream;
    type Addr = Remote;

    async fn accept(&mut self) -> (Stream, Remote) {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(accepted)) = done {
                        return accepted;
                    }
                }
                accepted = self.tcp.accept(), if self.handshakes.len() < HANDSHAKES => match accepted {
                    Ok((stream, addr)) => {
                        // Aside, so that one who is slow about it does not hold up the next.
                        let tls = self.tls.clone();
                        self.handshakes.spawn(async move {
                            let Accepted { stream, certificate } =
                                accept(tls.as_deref(), stream, For::Admin).await.ok()?;
                            Some((stream, Remote { addr, certificate }))
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the admin port cannot accept");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Remote> {
        Ok(Remote { addr: self.tcp.local_addr()?, certificate: None })
    }
}

impl Connected<IncomingStream<'_, AdminListener>> for Remote {
    fn connect_info(stream: IncomingStream<'_, AdminListener>) -> Self {
        stream.remote_addr().clone()
    }
}
