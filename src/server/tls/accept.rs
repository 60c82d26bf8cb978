//! The handshake of a connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use webpki::EndEntityCert;

/// The longest that a handshake may take. Raising it lets silent clients hold connections for longer.
const LIMIT: Duration = Duration::from_secs(10);
/// Handshakes at once. Each takes tens of kilobytes and some hundred microseconds of CPU; raising it lets a flood of
/// new connections take more of both. One that has sent nothing yet does not count, or silence would keep others out.
const AT_ONCE: usize = 256;

/// A connection with TLS or without.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// What connections are accepted with.
#[derive(Debug)]
pub struct Tls {
    configs: ArcSwap<Configs>,
    handshakes: Semaphore,
}

/// What one content of the files makes.
#[derive(Debug)]
pub(super) struct Configs {
    /// For gRPC and HTTP.
    pub(super) serving: Arc<ServerConfig>,
    /// For the admin port.
    pub(super) admin: Arc<ServerConfig>,
}

/// A connection that is ready for requests.
pub(crate) struct Accepted {
    pub(crate) stream: Stream,
    /// The name in the client's certificate.
    pub(crate) certificate: Option<Arc<str>>,
}

/// Which of the configurations a port takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Serving,
    Admin,
}

impl Tls {
    pub(super) fn new(configs: Configs) -> Self {
        Self { configs: ArcSwap::from_pointee(configs), handshakes: Semaphore::new(AT_ONCE) }
    }

    /// From now on, new connections get these; those that are open keep theirs.
    pub(super) fn replace(&self, configs: Configs) {
        self.configs.store(Arc::new(configs));
    }

    async fn handshake(&self, stream: TcpStream, purpose: For) -> io::Result<Accepted> {
        let greeted = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let _one = self.handshakes.acquire().await.map_err(io::Error::other)?;
        let config = {
            let configs = self.configs.load();
            Arc::clone(if purpose == For::Admin { &configs.admin } else { &configs.serving })
        };
        let stream = greeted.into_stream(config).await?;
        let certificate = name_of(&stream);
        Ok(Accepted { stream: Either::Right(Box::new(stream)), certificate })
    }
}

/// Makes a connection ready: at once without `tls`, else by its handshake.
pub(crate) async fn accept(tls: Option<&Tls>, stream: TcpStream, purpose: For) -> io::Result<Accepted> {
    let Some(tls) = tls else { return Ok(Accepted { stream: Either::Left(stream), certificate: None }) };
    let handshake = tokio::time::timeout(LIMIT, tls.handshake(stream, purpose)).await;
    handshake.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long"))?
}

/// The name in the certificate that the client showed: its SPIFFE id or other URI, else its DNS name. The common name
/// is for people, and is not looked at.
fn name_of(stream: &TlsStream<TcpStream>) -> Option<Arc<str>> {
    let leaf = stream.get_ref().1.peer_certificates()?.first()?;
    let cert = EndEntityCert::try_from(leaf).ok()?;
    let uri = cert.valid_uri_names().next();
    uri.or_else(|| cert.valid_dns_names().next()).map(Arc::from)
}
