//! The one table from what can go wrong to gRPC codes, HTTP statuses and problem documents (RFC 9457).

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, StatusCode as Http, header};
use serde_json::json;
use tonic::Code;

use super::identity::Denial;
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
    Unauthenticated,
    PermissionDenied,
    QuotaExceeded,
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

/// What a kind of error is in each protocol.
struct Row {
    code: Code,
    http: StatusCode,
    /// Ends the problem's `type`.
    name: &'static str,
}

impl Kind {
    #[rustfmt::skip]
    fn row(self) -> Row {
        let row = |code, http, name| Row { code, http, name };
        match self {
            Self::InvalidArgument => row(Code::InvalidArgument, Http::BAD_REQUEST, "invalid-argument"),
            Self::Unauthenticated => row(Code::Unauthenticated, Http::UNAUTHORIZED, "unauthenticated"),
            Self::PermissionDenied => row(Code::PermissionDenied, Http::FORBIDDEN, "permission-denied"),
            Self::QuotaExceeded => row(Code::ResourceExhausted, Http::TOO_MANY_REQUESTS, "quota-exceeded"),
            Self::UnknownPlacement => row(Code::NotFound, Http::NOT_FOUND, "unknown-placement"),
            // The code that gRPC itself gives for a method that does not exist.
            Self::UnknownRoute => row(Code::Unimplemented, Http::NOT_FOUND, "unknown-route"),
            Self::MethodNotAllowed => row(Code::Unimplemented, Http::METHOD_NOT_ALLOWED, "method-not-allowed"),
            // Not OUT_OF_RANGE, which is tonic's, nor RESOURCE_EXHAUSTED, which clients are right to send again.
            Self::TooLarge => row(Code::InvalidArgument, Http::PAYLOAD_TOO_LARGE, "too-large"),
            Self::UnsupportedMediaType =>
                row(Code::InvalidArgument, Http::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type"),
            Self::Overloaded => row(Code::ResourceExhausted, Http::TOO_MANY_REQUESTS, "overloaded"),
            Self::NotReady => row(Code::Unavailable, Http::SERVICE_UNAVAILABLE, "not-ready"),
            Self::DeadlineExceeded => row(Code::DeadlineExceeded, Http::GATEWAY_TIMEOUT, "deadline-exceeded"),
            Self::Internal => row(Code::Internal, Http::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// For people: the problem's `title`.
    fn title(self) -> &'static str {
        match self {
            Self::InvalidArgument => "The request is not valid",
            Self::Unauthenticated => "The caller is not known",
            Self::PermissionDenied => "The caller may not do this",
            Self::QuotaExceeded => "The caller's quota is used up",
            Self::UnknownPlacement => "There is no such placement",
            Self::UnknownRoute => "There is nothing at this path",
            Self::MethodNotAllowed => "The path has no such method",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The body is not JSON",
            Self::Overloaded => "Too many requests at once",
            Self::NotReady => "No snapshot is loaded yet",
            Self::DeadlineExceeded => "The time was up",
            Self::Internal => "The server has a defect",
        }
    }

    /// After how many seconds the client may try again, where that may help. A second outlasts most overloads and the
    /// swap of a small snapshot, and does not make a herd of those that were refused together wait for long.
    fn retry_after(self) -> Option<&'static str> {
        matches!(self, Self::Overloaded | Self::QuotaExceeded | Self::NotReady).then_some("1")
    }
}

/// What a client sent may be quoted in an error, but not at any length: gRPC puts it into a header.
fn shortened(mut text: String) -> String {
    const MAX_BYTES: usize = 1000;
    // At a character's boundary: what a client sent may be any UTF-8.
    if let Some((cut, _)) = text.char_indices().find(|(at, _)| *at >= MAX_BYTES) {
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

    /// The same error with the field at fault named from outside: `prefix.field`.
    pub(super) fn inside(mut self, prefix: &str) -> Self {
        self.field = self.field.map(|field| format!("{prefix}.{field}"));
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.kind.row().http
    }

    pub(super) fn code(&self) -> Code {
        self.kind.row().code
    }

    pub(super) fn outcome(&self) -> Outcome {
        Outcome::of_grpc(self.code())
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
        if let Some(seconds) = self.kind.retry_after() {
            // Under the name of the HTTP header.
            status.metadata_mut().insert("retry-after", tonic::metadata::MetadataValue::from_static(seconds));
        }
        status
    }

    pub(super) fn into_http(self) -> Response<Body> {
        let row = self.kind.row();
        let mut document = json!({
            "type": format!("urn:larder:problem:{}", row.name),
            "title": self.kind.title(),
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
        // Caches keep 404 by default (RFC 9111, section 4.2.2): a placement that is published later would stay
        // unknown.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.kind.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if self.kind == Kind::Unauthenticated {
            // Which a 401 must have (RFC 9110, section 15.5.2).
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"larder\""));
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
            // Fields are named in proto spelling, whatever the protocol: `json_name` spells them for HTTP.
            RecommendError::Invalid { field, reason } => Self::invalid(field, reason),
            RecommendError::DeadlineExceeded => Self::new(Kind::DeadlineExceeded, error.to_string()),
            RecommendError::NotReady => {
                Self::new(Kind::NotReady, "no snapshot is loaded yet; try again shortly")
            }
        }
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        let kind = match &denial {
            Denial::Unauthenticated(_) => Kind::Unauthenticated,
            Denial::Forbidden(_) => Kind::PermissionDenied,
            Denial::Throttled { .. } => Kind::QuotaExceeded,
        };
        Self::new(kind, denial.to_string())
    }
}

/// How a request ended, as metrics name it: in the words of gRPC, on both protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    InvalidArgument,
    Unauthenticated,
    PermissionDenied,
    NotFound,
    ResourceExhausted,
    Unavailable,
    DeadlineExceeded,
    Cancelled,
    Internal,
}

impl Outcome {
    /// All, in the order of their discriminants.
    pub(super) const ALL: [Self; 10] = [
        Self::Ok,
        Self::InvalidArgument,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::NotFound,
        Self::ResourceExhausted,
        Self::Unavailable,
        Self::DeadlineExceeded,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The value of the metric label `code`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::NotFound => "NOT_FOUND",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Unavailable => "UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Cancelled => "CANCELLED",
            Self::Internal => "INTERNAL",
        }
    }

    pub(super) fn of_http(status: StatusCode) -> Self {
        match status.as_u16() {
            // 304 is an answer like 200.
            200..=399 => Self::Ok,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 | 405 => Self::NotFound,
            400..=428 => Self::InvalidArgument,
            429 => Self::ResourceExhausted,
            503 => Self::Unavailable,
            504 => Self::DeadlineExceeded,
            _ => Self::Internal,
        }
    }

    pub(super) fn of_grpc(code: Code) -> Self {
        match code {
            Code::Ok => Self::Ok,
            Code::InvalidArgument | Code::OutOfRange => Self::InvalidArgument,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::NotFound | Code::Unimplemented => Self::NotFound,
            Code::ResourceExhausted => Self::ResourceExhausted,
            Code::Unavailable => Self::Unavailable,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Cancelled => Self::Cancelled,
            _ => Self::Internal,
        }
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
    fn a_problem_says_the_same_on_both_protocols() {
        let problem = Problem::invalid("page_size", "must be between 1 and 100, got 0");
        let status = problem.clone().into_grpc();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "page_size: must be between 1 and 100, got 0");
        let response = problem.into_http();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
