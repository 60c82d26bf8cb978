//! Refuses gRPC requests while there are more than can be answered, before they are routed, timed and decoded.
//!
//! What is spent on those who are refused is missing for those who are answered. So this stands as near to the connection as it
//! can: it waits for the message, finds the caller's class in it, and asks the admission.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use futures_util::future::Either;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::Service;
use larder_proto::v1::recommendation_service_server::SERVICE_NAME;
use tokio::sync::Semaphore;

use super::admission::{Admission, Refusal};
use super::class::class_of;
use super::limits;
use super::middleware::Protocol;
use super::observe;
use crate::server::problem::Problem;

/// Bytes in front of a gRPC message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Who asks the admission.
#[derive(Debug)]
pub(crate) struct EarlyShed {
    admission: Arc<Admission>,
    /// One permit a request that is being read, as [`super::middleware::RequestGuard`] has them.
    open: Arc<Semaphore>,
    /// The longest a message may take to arrive.
    limit: Duration,
    refusal: HeaderMap,
}

impl EarlyShed {
    pub(crate) fn new(admission: Arc<Admission>, open: Arc<Semaphore>, limit: Duration) -> Arc<Self> {
        let refusal = Problem::from(Refusal::Full).into_grpc().into_http::<Body>();
        Arc::new(Self { admission, open, limit, refusal: refusal.into_parts().0.headers })
    }

    /// Whether the request may be refused now. Probes never are.
    fn stops<B>(&self, request: &Request<B>) -> bool {
        let inside = request.uri().path().strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE_NAME));
        inside.is_some_and(|method| method.starts_with('/')) && self.admission.overflows()
    }

    /// The request with its message, if it may come in.
    async fn receive(&self, request: Request<Incoming>) -> Option<Request<Body>> {
        let came = Instant::now();
        let (head, body) = request.into_parts();
        let method = head.uri.path().rsplit('/').next().unwrap_or_default();
        let message = self.read(body).await.filter(|message| {
            let class = message.get(PREFIX..).map(|message| class_of(method, message));
            self.admission.lets_in(class.unwrap_or_default())
        });
        if message.is_none() {
            observe::request(Protocol::Grpc.label(), None, observe::REFUSED, came.elapsed(), Duration::ZERO);
        }
        Some(Request::from_parts(head, Body::from(message?)))
    }

    /// The message with what is in front of it. One that is too long or too slow is not worth more words now.
    async fn read(&self, body: Incoming) -> Option<Bytes> {
        let _open = self.open.try_acquire().ok()?;
        let read = Limited::new(body, PREFIX + limits::BODY_BYTES).collect();
        let read = tokio::time::timeout(self.limit, read).await.ok()?;
        Some(read.ok()?.to_bytes())
    }

    fn refusal(&self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = self.refusal.clone();
        response
    }
}

/// A service behind a door; without a early_shed the door stands open.
#[derive(Debug, Clone)]
pub(crate) struct Guarded<S> {
    pub(crate) service: S,
    pub(crate) early_shed: Option<Arc<EarlyShed>>,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S, E> Service<Request<Incoming>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = E> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = E;
    type Future = Either<S::Future, Boxed<Result<Response<Body>, E>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        match self.early_shed.as_ref().filter(|early_shed| early_shed.stops(&request)) {
            None => Either::Left(self.service.call(request.map(Body::new))),
            Some(early_shed) => {
                let (early_shed, service) = (Arc::clone(early_shed), self.service.clone());
                Either::Right(Box::pin(async move {
                    match early_shed.receive(request).await {
                        Some(request) => service.call(request).await,
                        None => Ok(early_shed.refusal()),
                    }
                }))
            }
        }
    }
}
