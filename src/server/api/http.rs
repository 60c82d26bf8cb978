//! The HTTP/JSON protocol: the same messages as over gRPC, in proto3 JSON.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use larder_proto::v1;
use serde::Serialize;

use super::events::{Body as Recorded, EventService};
use super::service::Service;
use super::{json, openapi, probes, query};
use crate::feature::nearest;
use crate::server::edge::held::NoRoom;
use crate::server::edge::limits;
use crate::server::edge::middleware::{Arrival, RequestGuard, guard};
use crate::server::problem::{Kind, Problem, did_you_mean};

/// The routes of the HTTP port.
pub(crate) fn routes(service: Service, events: EventService, request_guard: Arc<RequestGuard>) -> Router {
    let (recommender, draining) = (Arc::clone(&service.recommender), Arc::clone(&request_guard.draining));
    let readiness = move || recommender.is_ready() && !draining.load(Ordering::Relaxed);
    // Written once: `Bytes` is shared by all answers.
    let document = Bytes::from(openapi::document().to_string());
    Router::new()
        // A router cannot match a suffix behind a parameter: `{placement}:recommend` is split by the handler.
        .route("/v1/placements/{target}", post(recommend))
        .route("/v1/placements/{placement}/recommendations", get(read))
        .route("/v1/recommendations:batch", post(batch))
        .with_state(service)
        .route("/v1/events:record", post(record).with_state(events.clone()))
        .route("/v1/users/{target}", post(forget).with_state(events))
        .route("/openapi.json", get(move || async move { body(StatusCode::OK, document) }))
        .fallback(|uri: Uri| async move {
            Problem::new(
                Kind::UnknownRoute,
                format!("nothing at {}; GET /openapi.json lists what there is", uri.path()),
            )
            .into_http()
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(Kind::MethodNotAllowed, "GET /openapi.json lists what there is").into_http()
        })
        .layer(from_fn_with_state(request_guard, guard))
        // Behind the guard: probes are never refused.
        .merge(probes::routes(readiness))
}

/// Bytes of an answer from which on it is worth a copy to hold no more than them.
const LARGE: usize = 64 << 10;

type Target = Result<Path<String>, PathRejection>;

async fn recommend(
    State(service): State<Service>,
    Extension(arrival): Extension<Arrival>,
    target: Target,
    request: Request,
) -> Response<Body> {
    respond(async {
        let placement = placement_of(&text_of(target)?)?;
        let mut message: v1::RecommendRequest = read_json(request).await?;
        // A client that shares its messages with gRPC has the placement in them already. Two that differ are a mistake
        // whose victim could be either.
        if message.placement.is_empty() {
            message.placement = placement;
        } else if message.placement != placement {
            let reason = format!("is {:?}, but the path says {placement:?}", message.placement);
            return Err(Problem::invalid("placement", reason));
        }
        service.recommend(message, &arrival).await
    })
    .await
}

async fn batch(
    State(service): State<Service>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
) -> Response<Body> {
    respond(async { service.batch(read_json(request).await?, &arrival).await }).await
}

async fn record(State(events): State<EventService>, request: Request) -> Response<Body> {
    respond(async { events.record(read_json::<Recorded>(request).await?.events).await }).await
}

async fn forget(State(events): State<EventService>, target: Target, request: Request) -> Response<Body> {
    respond(async {
        let Path(target) = target.map_err(|_| Problem::invalid("user_id", "the path is not UTF-8"))?;
        let user = match target.rsplit_once(':') {
            Some((user, "forget")) => user.to_owned(),
            _ => {
                let reason = format!("POST to /v1/users/{target}:forget");
                return Err(Problem::new(Kind::UnknownRoute, reason));
            }
        };
        let message: v1::ForgetUserRequest = read_json(request).await?;
        if !message.user_id.is_empty() && message.user_id != user {
            return Err(Problem::invalid("user_id", "is another user than the path says"));
        }
        events.forget(v1::ForgetUserRequest { user_id: user, ..message }).await
    })
    .await
}

/// The cacheable form: no body, no subject, so the answer is the same for everybody.
async fn read(
    State(service): State<Service>,
    Extension(arrival): Extension<Arrival>,
    target: Target,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let answer = match text_of(target).and_then(|placement| query::read(placement, &uri)) {
        Ok(message) => service.recommend(message, &arrival).await,
        Err(problem) => Err(problem),
    };
    match answer {
        Ok(mut answer) => {
            if arrival.principal().is_some() {
                keep_private(&mut answer);
            }
            cached(&answer, &headers)
        }
        Err(problem) => problem.into_http(),
    }
}

/// The placement of a path that ends in `:recommend`, the only method.
fn placement_of(target: &str) -> Result<String, Problem> {
    // From the right: the placement's own name may have a colon, the method has none.
    match target.rsplit_once(':') {
        Some((placement, "recommend")) => Ok(placement.to_owned()),
        Some((_, method)) => Err(Problem::new(
            Kind::UnknownRoute,
            format!("no method {method:?}{}", did_you_mean(nearest(method, ["recommend"]))),
        )),
        None => Err(Problem::new(Kind::UnknownRoute, format!("POST to /v1/placements/{target}:recommend"))),
    }
}

fn text_of(target: Target) -> Result<String, Problem> {
    let Path(text) = target.map_err(|_| Problem::invalid("placement", "the path is not UTF-8"))?;
    Ok(text)
}

async fn read_json<T: serde::de::DeserializeOwned>(request: Request) -> Result<T, Problem> {
    json::check_content_type(request.headers())?;
    let collected = Limited::new(request.into_body(), limits::BODY_BYTES).collect().await;
    let bytes = collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::new(Kind::TooLarge, format!("the body may have {} bytes", limits::BODY_BYTES))
        } else if NoRoom::is_cause_of(&*error) {
            NoRoom::problem()
        } else {
            Problem::new(Kind::InvalidArgument, "the body was cut off")
        }
    })?;
    json::read(&bytes.to_bytes())
}

async fn respond<T: Serialize>(answer: impl Future<Output = Result<T, Problem>>) -> Response<Body> {
    // Written before the head is made, so that a failure is still a 500.
    match answer.await.and_then(|answer| written(&answer)) {
        Ok(text) => {
            let mut response = body(StatusCode::OK, text);
            // A POST is not cached by anybody who keeps to the standard; this is for those who do not.
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(problem) => problem.into_http(),
    }
}

/// Caches between here and the caller do not know who may ask: they must not give this answer to others.
fn keep_private(answer: &mut v1::RecommendResponse) {
    use v1::cache::Scope;
    if let Some(cache) = answer.cache.as_mut().filter(|cache| cache.scope == Scope::Public as i32) {
        cache.scope = Scope::Private.into();
    }
}

/// Adds what caches need, and leaves the body out if the client has it.
fn cached(answer: &v1::RecommendResponse, headers: &HeaderMap) -> Response<Body> {
    let cache = answer.cache.clone().unwrap_or_default();
    let age = cache.max_age.map_or(0, |age| age.seconds);
    let (control, etag) = match (v1::cache::Scope::try_from(cache.scope), cache.key) {
        (Ok(v1::cache::Scope::Public), Some(key)) => (format!("public, max-age={age}"), Some(key)),
        (Ok(v1::cache::Scope::Private), Some(key)) => (format!("private, max-age={age}"), Some(key)),
        _ => ("no-store".to_owned(), None),
    };
    // Weak: two answers of one key have the same items, but each its own id and time.
    let etag = etag.map(|key| format!("W/\"{key}\""));
    let known = |header: &HeaderValue| {
        let tags = header.to_str().unwrap_or_default();
        tags.split(',').any(|tag| etag.as_deref().is_some_and(|etag| same_tag(tag.trim(), etag)))
    };
    let mut response = if headers.get_all(header::IF_NONE_MATCH).iter().any(known) {
        body(StatusCode::NOT_MODIFIED, Bytes::new())
    } else {
        match written(answer) {
            Ok(text) => body(StatusCode::OK, text),
            Err(problem) => return problem.into_http(),
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [(header::CACHE_CONTROL, Some(control)), (header::ETAG, etag)] {
        // Both are made of digits and letters: nothing is lost here.
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

fn same_tag(given: &str, etag: &str) -> bool {
    // The comparison is the weak one (RFC 9110, section 8.8.3.2): W/ does not count.
    given == "*" || given.trim_start_matches("W/") == etag.trim_start_matches("W/")
}

fn written(answer: &impl Serialize) -> Result<Bytes, Problem> {
    // A vector that grows has room for up to twice what it has, which large answers would hold until they are read.
    let exact = |mut text: Vec<u8>| {
        if text.len() > LARGE {
            text.shrink_to_fit();
        }
        Bytes::from(text)
    };
    serde_json::to_vec(answer).map(exact).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        Problem::new(Kind::Internal, "the answer could not be written")
    })
}

fn body(status: StatusCode, text: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    if status != StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}
