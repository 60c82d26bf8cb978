//! The one table from what can go wrong to gRPC codes, HTTP statuses and problem documents (RFC 9457).

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use tonic::Code;

use crate::recommender::RecommendError;

/// An error on its way to a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    /// What kind of error it is.
    pub(super) kind: Kind,
    /// The field at fault, in proto spelling: `seed_items[3].item_id`.
    pub(super) field: Option<String>,
    /// What is wrong and, where it can be said, what would be right.
    pub(super) detail: String,
}

/// The kinds of errors a client can get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    InvalidArgument,
    UnknownPlacement,
    UnknownRoute,
    MethodNotAllowed,
    TooLarge,
    UnsupportedMediaType,
    Overloaded,
    NotReady,
    DeadlineExceeded,
    Internal,
}

struct Row {
    code: Code,
    http: StatusCode,
    name: &'static str,
    title: &'static str,
    retry_after: Option<&'static str>,
}

impl Kind {
    #[rustfmt::skip]
    fn row(self) -> Row {
        let row = |code, http, name, title, retry_after| Row { code, http, name, title, retry_after };
        match self {
            Kind::InvalidArgument      => row(Code::InvalidArgument,   StatusCode::BAD_REQUEST,            "invalid-argument",       "The request is not valid",        None),
            Kind::UnknownPlacement     => row(Code::NotFound,          StatusCode::NOT_FOUND,              "unknown-placement",      "There is no such placement",      None),
            Kind::UnknownRoute         => row(Code::Unimplemented,     StatusCode::NOT_FOUND,              "unknown-route",          "There is nothing at this path",   None),
            Kind::MethodNotAllowed     => row(Code::Unimplemented,     StatusCode::METHOD_NOT_ALLOWED,     "method-not-allowed",     "The path has no such method",     None),
            Kind::TooLarge             => row(Code::InvalidArgument,   StatusCode::PAYLOAD_TOO_LARGE,      "too-large",              "The request is too large",        None),
            Kind::UnsupportedMediaType => row(Code::InvalidArgument,   StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body is not JSON",            None),
            Kind::Overloaded           => row(Code::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS,      "overloaded",             "Too many requests at once",       Some("1")),
            Kind::NotReady             => row(Code::Unavailable,       StatusCode::SERVICE_UNAVAILABLE,    "not-ready",              "No snapshot is loaded yet",       Some("1")),
            Kind::DeadlineExceeded     => row(Code::DeadlineExceeded,  StatusCode::GATEWAY_TIMEOUT,        "deadline-exceeded",      "The time was up",                 None),
            Kind::Internal             => row(Code::Internal,          StatusCode::INTERNAL_SERVER_ERROR,  "internal",               "The server has a defect",         None),
        }
    }
}

/// What a client sent may be quoted in an error, but not at any length: gRPC puts it into a header.
fn shortened(mut text: String) -> String {
    const MOST: usize = 1000;
    if let Some((cut, _)) = text.char_indices().find(|(at, _)| *at >= MOST) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, field: None, detail: shortened(detail.into()) }
    }

    /// A bad value in `field`.
    pub(super) fn invalid(field: impl ToString, detail: impl Into<String>) -> Self {
        Self {
            kind: Kind::InvalidArgument,
            field: Some(shortened(field.to_string())),
            detail: shortened(detail.into()),
        }
    }

    /// The same error in a field that lies inside `prefix`.
    pub(super) fn inside(mut self, prefix: &str) -> Self {
        self.field = self.field.map(|field| format!("{prefix}.{field}"));
        self
    }

    pub(super) fn code(&self) -> Code {
        self.kind.row().code
    }

    /// The text for a gRPC client: field and detail.
    pub(super) fn message(&self) -> String {
        match &self.field {
            Some(field) => format!("{field}: {}", self.detail),
            None => self.detail.clone(),
        }
    }

    pub(super) fn into_grpc(self) -> tonic::Status {
        let row = self.kind.row();
        let mut status = tonic::Status::new(row.code, self.message());
        if let Some(seconds) = row.retry_after {
            status.metadata_mut().insert("retry-after", tonic::metadata::MetadataValue::from_static(seconds));
        }
        status
    }

    pub(super) fn into_http(self) -> Response<Body> {
        let row = self.kind.row();
        let mut document = json!({
            "type": format!("urn:larder:problem:{}", row.name),
            "title": row.title,
            "status": row.http.as_u16(),
            "detail": self.detail,
        });
        if let Some(field) = &self.field {
            document["field"] = json_name(field).into();
        }
        let mut response = Response::new(Body::from(document.to_string()));
        *response.status_mut() = row.http;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = row.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}

impl From<RecommendError> for Problem {
    fn from(error: RecommendError) -> Self {
        match error {
            RecommendError::UnknownPlacement { name, nearest } => Self {
                kind: Kind::UnknownPlacement,
                field: Some("placement".to_owned()),
                detail: shortened(format!("no placement {name:?}{}", did_you_mean(nearest.as_deref()))),
            },
            RecommendError::Invalid { field, reason } => Self::invalid(field, reason),
            RecommendError::NotReady => {
                Self::new(Kind::NotReady, "no snapshot is loaded yet; try again shortly")
            }
        }
    }
}

/// The metric label of an HTTP answer, in the words of gRPC.
pub(super) fn code_of_http(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=399 => "OK",
        404 | 405 => "NOT_FOUND",
        400..=428 => "INVALID_ARGUMENT",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

/// The metric label of a gRPC answer.
pub(super) fn code_of_grpc(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::InvalidArgument | Code::OutOfRange => "INVALID_ARGUMENT",
        Code::NotFound | Code::Unimplemented => "NOT_FOUND",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::Unavailable => "UNAVAILABLE",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::Cancelled => "CANCELLED",
        _ => "INTERNAL",
    }
}

/// `; did you mean "x"?`, or nothing.
pub(super) fn did_you_mean(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

/// A proto field path in JSON spelling. Map keys, which stand in brackets, keep theirs.
fn json_name(path: &str) -> String {
    let mut name = String::with_capacity(path.len());
    let (mut bracket, mut upper) = (false, false);
    for letter in path.chars() {
        match letter {
            '_' if !bracket => upper = true,
            _ => {
                bracket = (bracket || letter == '[') && letter != ']';
                if std::mem::take(&mut upper) {
                    name.extend(letter.to_uppercase());
                } else {
                    name.push(letter);
                }
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_paths_are_spelled_as_the_client_spells_them() {
        assert_eq!(json_name("seed_items[3].item_id"), "seedItems[3].itemId");
        assert_eq!(json_name("filter_params[max_price]"), "filterParams[max_price]");
        assert_eq!(json_name("pageSize"), "pageSize");
    }

    #[test]
    fn a_problem_says_the_same_on_both_faces() {
        let problem = Problem::invalid("page_size", "must be between 1 and 100, got 0");
        let status = problem.clone().into_grpc();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "page_size: must be between 1 and 100, got 0");
        let response = problem.into_http();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
