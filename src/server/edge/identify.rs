//! Finds out who calls, before anything else is done for a request: the traffic class that counts during an overload is
//! one that the caller may claim.

use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use futures_util::future::Either;
use hyper::service::Service;

use super::early_shed::EarlyShedService;
use super::middleware::{Caller, TRACE};
use super::protocol::Protocol;
use super::requests::RequestMetrics;
use crate::domain::TrafficClass;
use crate::server::identity::{Authenticator, Denial, Memory, Needs, Origin, Principal};
use crate::server::page;
use crate::server::problem::Problem;
use crate::server::tls::{For, Tls};

/// Who may send requests to one port.
#[derive(Debug)]
pub(crate) struct PortAccess {
    pub(crate) protocol: Protocol,
    /// `None`: there are no credentials and everybody may ask, or the handlers tell callers apart.
    pub(crate) callers: Option<Callers>,
    /// `None` on the admin port, whose requests are not counted.
    pub(crate) metrics: Option<Arc<RequestMetrics>>,
    /// What the port's connections are encrypted with.
    pub(crate) tls: Option<Arc<Tls>>,
    /// Which of the configurations of TLS it takes. On the admin port, handlers find the [`Peer`] among the extensions.
    pub(crate) purpose: For,
}

/// Tells the callers of a port apart.
#[derive(Debug)]
pub(crate) struct Callers {
    pub(crate) authenticator: Arc<Authenticator>,
    /// What a request to a path needs.
    pub(crate) needs: fn(&str) -> Needs,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) addr: SocketAddr,
    /// The name in its certificate, if it showed one that is good.
    pub(crate) certificate: Option<Arc<str>>,
}

impl PortAccess {
    /// Refuses what would change something for a page of another site, whoever looks at it.
    fn refuse_foreign_page<B>(&self, request: &Request<B>) -> Result<(), Problem> {
        let headers = request.headers();
        let changes = !request.method().is_safe();
        // On the admin port the handlers see to it.
        let Some(metrics) = self.metrics.as_ref().filter(|_| changes) else { return Ok(()) };
        if !page::is_foreign(headers, page::host_of(request.uri(), headers)) {
            return Ok(());
        }
        let problem = Problem::from(Denial::Forbidden(page::REFUSED.to_owned()));
        metrics.request(self.protocol, None, TrafficClass::default(), problem.outcome(), Duration::ZERO);
        Err(problem)
    }

    /// The caller of a request that may go on; `None` if there are no callers to tell apart.
    fn admit<B>(
        &self,
        request: &Request<B>,
        peer: &Peer,
        memory: &Memory,
    ) -> Result<Option<Caller>, Problem> {
        self.refuse_foreign_page(request)?;
        let Some(Callers { authenticator, needs }) = &self.callers else { return Ok(None) };
        let needs = needs(request.uri().path());
        if needs == Needs::Nothing {
            return Ok(None);
        }
        let arrived = Instant::now();
        let headers = request.headers();
        let identified = authenticator.authenticate(headers, peer.certificate.as_deref(), memory);
        let (principal, denial) = match identified {
            Ok(principal) => match allow(&principal, needs) {
                Ok(()) => return Ok(Some(Caller { principal, peer: peer.addr })),
                Err(denial) => (Some(principal), denial),
            },
            Err(denial) => (None, denial),
        };
        let detail = denial.to_string();
        let problem = Problem::from(denial);
        let outcome = problem.outcome();
        // Under no placement and as LIVE, like everything that is refused before it is decoded.
        if let Some(metrics) = &self.metrics {
            metrics.request(self.protocol, None, TrafficClass::default(), outcome, arrived.elapsed());
        }
        let origin = Origin {
            principal: principal.as_deref(),
            peer: Some(peer.addr),
            method: request.uri().path(),
            trace: trace_of(headers),
        };
        authenticator.audit().denied(origin, outcome.as_str(), &detail);
        Err(problem)
    }
}

/// Checks scopes and the quota of requests; what else there is to be checked stands in the message.
fn allow(principal: &Principal, needs: Needs) -> Result<(), Denial> {
    if let Needs::OneOf(scopes) = needs
        && !scopes.iter().any(|scope| principal.may(*scope))
    {
        return Err(Denial::lacks(principal, scopes));
    }
    principal.take_requests(1).map_err(|throttled| Denial::throttled(principal, throttled))
}

fn trace_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(TRACE).and_then(|value| value.to_str().ok())
}

/// A connection's requests, each with its caller.
#[derive(Debug)]
pub(crate) struct IdentifyService<S> {
    pub(crate) inner: EarlyShedService<S>,
    pub(crate) access: Arc<PortAccess>,
    pub(crate) peer: Peer,
    pub(crate) memory: Memory,
}

impl<S, E> Service<Request<Body>> for IdentifyService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = E> + Clone + Send + 'static,
    S::Future: Send,
    E: Send,
{
    type Response = Response<Body>;
    type Error = E;
    type Future = Either<
        Ready<Result<Response<Body>, E>>,
        <EarlyShedService<S> as Service<super::early_shed::Identified>>::Future,
    >;

    fn call(&self, mut request: Request<Body>) -> Self::Future {
        if self.access.purpose == For::Admin {
            request.extensions_mut().insert(self.peer.clone());
        }
        match self.access.admit(&request, &self.peer, &self.memory) {
            Ok(caller) => Either::Right(self.inner.call((request, caller))),
            Err(problem) => Either::Left(ready(Ok(self.access.protocol.refuse(problem)))),
        }
    }
}
