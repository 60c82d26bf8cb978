//! Refuses gRPC requests during an overload before they are routed, timed and decoded.
//!
//! What is spent on requests that are refused is missing for those that are answered. So this stands as near to the
//! connection as it can: it waits for the message, reads the traffic class from it, and asks the admission.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use futures_util::future::Either;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::service::Service;
use larder_proto::v1::recommendation_service_server::SERVICE_NAME;
use tokio::sync::Semaphore;

use super::admission::{Admission, Refusal};
use super::class::class_of;
use super::limits;
use super::middleware::{Arrival, Caller};
use super::protocol::Protocol;
use super::requests::RequestMetrics;
use crate::domain::TrafficClass;
use crate::server::problem::{Kind, Outcome, Problem};

/// Bytes in front of a gRPC message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Decides which requests are refused early.
#[derive(Debug)]
pub(crate) struct EarlyShed {
    admission: Arc<Admission>,
    metrics: Arc<RequestMetrics>,
    /// One permit for each request that is read, as in `RequestGuard`.
    open: Arc<Semaphore>,
    /// The longest that a message may take to arrive.
    limit: Duration,
    /// The headers of the answer to nearly every request that is refused: made once.
    overloaded: HeaderMap,
}

/// Why a message was not read.
enum Unread {
    /// It is over the limit of every message: sending it again would not help.
    TooLarge,
    /// Too many requests are open, or it did not arrive in time. Neither is worth finding out more about during an
    /// overload.
    Overloaded,
}

impl EarlyShed {
    pub(crate) fn new(
        admission: Arc<Admission>,
        metrics: Arc<RequestMetrics>,
        open: Arc<Semaphore>,
        limit: Duration,
    ) -> Arc<Self> {
        let overloaded = refusal(Problem::from(Refusal::Overloaded)).into_parts().0.headers;
        Arc::new(Self { admission, metrics, open, limit, overloaded })
    }

    /// Whether this request may be refused now. Health checks and reflection never are.
    fn may_refuse<B>(&self, request: &Request<B>) -> bool {
        // The path first: to ask the admission takes its lock, which health checks need not wait for.
        let path = request.uri().path();
        let method = path.strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE_NAME));
        method.is_some_and(|method| method.starts_with('/')) && self.admission.is_overloaded()
    }

    /// The request with its message if it is admitted, else the answer.
    async fn admit(
        &self,
        request: Request<Body>,
        caller: Option<&Caller>,
    ) -> Result<Request<Body>, Response<Body>> {
        let arrived = Instant::now();
        let (head, body) = request.into_parts();
        // Counted as of an unknown placement: it stands in the message too, but a label must be checked against what
        // is served, and that is work.
        let (class, outcome, response) = match self.read(body).await {
            Ok(message) => {
                let method = head.uri.path().rsplit('/').next().unwrap_or_default();
                let class =
                    message.get(PREFIX..).map(|message| class_of(method, message)).unwrap_or_default();
                // What it may claim, and not what it claims: else a load test could pass for people.
                let class = caller.map_or(class, |caller| caller.principal.cap(class));
                if self.admission.admits_early(class) {
                    // From here on, it is a request like any other: guarded, timed and queued. The permit for reading
                    // it is free again, and the request guard takes one of its own.
                    return Ok(Request::from_parts(head, Body::from(message)));
                }
                (class, Outcome::ResourceExhausted, self.overloaded())
            }
            Err(Unread::Overloaded) => {
                (TrafficClass::default(), Outcome::ResourceExhausted, self.overloaded())
            }
            Err(Unread::TooLarge) => {
                let limit = limits::BODY_BYTES;
                let problem = Problem::new(Kind::TooLarge, format!("the message may have {limit} bytes"));
                (TrafficClass::default(), problem.outcome(), refusal(problem))
            }
        };
        self.metrics.request(Protocol::Grpc, None, class, outcome, arrived.elapsed());
        Err(response)
    }

    /// The message with its prefix.
    async fn read(&self, body: Body) -> Result<Bytes, Unread> {
        // Not awaited: waiting here would be a second queue, without priorities.
        let _open = self.open.try_acquire().map_err(|_| Unread::Overloaded)?;
        let read = Limited::new(body, PREFIX + limits::BODY_BYTES).collect();
        match tokio::time::timeout(self.limit, read).await {
            Ok(Ok(message)) => Ok(message.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
            // The body was cut off or is too slow. Nobody waits for the answer to the former; the latter may be tried
            // again.
            Ok(Err(_)) | Err(_) => Err(Unread::Overloaded),
        }
    }

    fn overloaded(&self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        // A copy of the headers takes less than making a status, its message and its metadata anew for each refusal.
        *response.headers_mut() = self.overloaded.clone();
        response
    }
}

fn refusal(problem: Problem) -> Response<Body> {
    problem.into_grpc().into_http()
}

/// A service with the early shed in front of it, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct EarlyShedService<S> {
    pub(crate) inner: S,
    pub(crate) early_shed: Option<Arc<EarlyShed>>,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A request, and who sent it where callers are told apart.
pub(crate) type Identified = (Request<Body>, Option<Caller>);

impl<S, E> Service<Identified> for EarlyShedService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = E> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = E;
    type Future = Either<S::Future, Boxed<Result<Response<Body>, E>>>;

    fn call(&self, (request, caller): Identified) -> Self::Future {
        let early_shed = self.early_shed.as_ref().filter(|early_shed| early_shed.may_refuse(&request));
        let Some(early_shed) = early_shed else {
            // No box for the future while there is no overload, which is nearly always.
            return Either::Left(self.inner.call(arrived(request, caller)));
        };
        let (early_shed, inner) = (Arc::clone(early_shed), self.inner.clone());
        Either::Right(Box::pin(async move {
            match early_shed.admit(request, caller.as_ref()).await {
                Ok(request) => inner.call(arrived(request, caller)).await,
                Err(response) => Ok(response),
            }
        }))
    }
}

/// The request with what the handlers need to know of its arrival.
fn arrived(mut request: Request<Body>, caller: Option<Caller>) -> Request<Body> {
    let arrival = Arrival::now(caller, request.extensions().get().cloned());
    request.extensions_mut().insert(arrival);
    request
}
