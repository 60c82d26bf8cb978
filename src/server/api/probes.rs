//! Probes on the HTTP port, for load balancers that can only ask the port that they send requests to.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use axum::routing::get;

use crate::server::edge::middleware::check_head;
use crate::server::edge::protocol::Protocol;
use crate::server::problem::{Kind, Problem};

/// Paths that tell whether requests should be sent here. The first is what an Application Load Balancer asks for where
/// nothing else is set, the others are habits of clouds and of Kubernetes.
const READY: [&str; 4] = ["/", "/readyz", "/healthz", "/health"];

/// The routes of probes: short answers from memory, which take no place in any queue.
pub(super) fn routes(is_ready: impl Fn() -> bool + Clone + Send + Sync + 'static) -> Router {
    let ready = move || {
        let is_ready = is_ready.clone();
        async move {
            if is_ready() {
                answer(StatusCode::OK, "ready\n")
            } else {
                // Why it is not is for those who may ask the admin port.
                answer(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
            }
        }
    };
    READY
        .iter()
        .fold(Router::new(), |router, path| router.route(path, get(ready.clone())))
        .route("/livez", get(|| async { answer(StatusCode::OK, "alive\n") }))
        .method_not_allowed_fallback(|| async {
            Problem::new(Kind::MethodNotAllowed, "probes are asked with GET or HEAD").into_http()
        })
        .layer(from_fn(checked))
}

async fn checked(request: Request, next: Next) -> Response<Body> {
    match check_head(Protocol::Http, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_http(),
    }
}

fn answer(status: StatusCode, text: &'static str) -> Response<Body> {
    // A cache in between would answer for a server that has gone.
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, headers, text).into_response()
}
