//! The one table from what S3 and the SDK say went wrong to what a store says.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::super::aws::with_causes;
use super::super::{LocationError, StoreError};
use super::error::{Answer, S3Error};

/// How servers name what they do not know, if they do.
const UNKNOWN: [&str; 6] =
    ["", "InvalidArgument", "InvalidRequest", "MethodNotAllowed", "NotImplemented", "NotSupported"];

/// What an unsuccessful answer means.
#[derive(Debug)]
pub(super) enum Refusal {
    Unchanged,
    PastTheEnd,
    NotFound,
    /// A condition does not hold.
    Conflict,
    /// Another write of the same object is under way.
    Busy(S3Error),
    /// Something in the request is not known to the server.
    Unsupported(Answer),
    NoBucket,
    Denied(S3Error),
    Unavailable(S3Error),
    Other(S3Error),
}

impl<E: ProvideErrorMetadata + Error + Send + Sync + 'static> From<SdkError<E, HttpResponse>> for Refusal {
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let status = match &error {
            SdkError::ServiceError(answer) => answer.raw().status().as_u16(),
            _ => return Self::without_answer(error.into()),
        };
        let code = error.code().unwrap_or_default().to_owned();
        let said = match error.message() {
            Some(message) => message.to_owned(),
            // An answer without a body is all there is to say of "not modified".
            None if code.is_empty() && status != 304 => with_causes(&error),
            None => String::new(),
        };
        Self::from_answer(Answer { status, code, said })
    }
}

impl Refusal {
    fn from_answer(answer: Answer) -> Self {
        match (answer.status, answer.code.as_str()) {
            (304, _) => Self::Unchanged,
            (404, "NoSuchBucket") => Self::NoBucket,
            (404, _) => Self::NotFound,
            (412, _) => Self::Conflict,
            (409, "ConditionalRequestConflict" | "OperationAborted" | "") => {
                Self::Busy(S3Error::Answer(answer))
            }
            (501, _) => Self::Unsupported(answer),
            (400 | 405 | 417, code) if UNKNOWN.contains(&code) => Self::Unsupported(answer),
            (416, _) => Self::PastTheEnd,
            (401 | 403, _) | (_, "ExpiredToken" | "InvalidToken") => Self::Denied(S3Error::Denied(answer)),
            (301 | 307, _) => Self::Other(S3Error::Region(answer)),
            // Some of them come with success, because it was said before the error was known.
            (408 | 429 | 500.., _)
            | (_, "InternalError" | "RequestTimeout" | "ServiceUnavailable" | "SlowDown") => {
                Self::Unavailable(S3Error::Answer(answer))
            }
            _ => Self::Other(S3Error::Answer(answer)),
        }
    }

    /// Whether a request without a condition may be answered otherwise.
    pub(super) fn may_be_of_condition(&self) -> bool {
        matches!(self, Self::Conflict | Self::Busy(_) | Self::Unsupported(_))
    }

    /// No answer came, because none could be asked for or the connection failed.
    fn without_answer(error: Box<dyn Error + Send + Sync>) -> Self {
        let said = with_causes(&*error);
        // The SDK reports missing credentials like a failed connection, and their own types are not public.
        if said.contains("credentials") && !said.contains("timed out") {
            return Self::Denied(S3Error::Credentials(error));
        }
        Self::Unavailable(S3Error::NoAnswer(error))
    }

    /// The error for a request about `key` to the bucket at `location`.
    pub(super) fn into_error(self, location: &str, key: &str) -> StoreError {
        let invalid = |error| StoreError::invalid(location, key, error);
        let (location, key) = (location.to_owned(), key.to_owned());
        match self {
            Self::NotFound => StoreError::NotFound { location, key },
            Self::Conflict => StoreError::Conflict { location, key },
            Self::Denied(error) => StoreError::Denied { location, key, source: error.into() },
            Self::Unsupported(answer) => invalid(S3Error::Answer(answer)),
            Self::Busy(error) | Self::Unavailable(error) => {
                StoreError::Unavailable { location, key, source: error.into() }
            }
            Self::NoBucket => StoreError::Location { location, source: LocationError::UnknownBucket },
            Self::Unchanged => invalid(S3Error::Unexpected { status: 304 }),
            Self::PastTheEnd => invalid(S3Error::Unexpected { status: 416 }),
            Self::Other(error) => invalid(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str) -> Refusal {
        Refusal::from_answer(Answer { status, code: code.to_owned(), said: String::new() })
    }

    #[test]
    fn only_what_may_pass_is_called_unavailable() {
        for (status, code) in
            [(500, "InternalError"), (503, "SlowDown"), (429, ""), (400, "RequestTimeout"), (200, "SlowDown")]
        {
            assert!(matches!(refusal(status, code), Refusal::Unavailable(_)), "{status} {code}");
        }
        for (status, code) in [(403, "AccessDenied"), (401, ""), (400, "ExpiredToken")] {
            assert!(matches!(refusal(status, code), Refusal::Denied(_)), "{status} {code}");
        }
        assert!(matches!(refusal(404, "NoSuchKey"), Refusal::NotFound));
        assert!(matches!(refusal(404, "NoSuchBucket"), Refusal::NoBucket));
        assert!(matches!(refusal(412, "PreconditionFailed"), Refusal::Conflict));
        assert!(matches!(refusal(409, "ConditionalRequestConflict"), Refusal::Busy(_)));
        assert!(matches!(refusal(409, "InvalidBucketState"), Refusal::Other(S3Error::Answer(_))));
        for (status, code) in [(501, "NotImplemented"), (400, "InvalidArgument"), (405, "")] {
            assert!(matches!(refusal(status, code), Refusal::Unsupported(_)), "{status} {code}");
        }
        assert!(matches!(refusal(400, "AuthorizationHeaderMalformed"), Refusal::Other(_)));
        assert!(matches!(refusal(301, "PermanentRedirect"), Refusal::Other(S3Error::Region(_))));
    }

    #[test]
    fn what_is_said_of_an_answer_has_status_code_and_message() {
        let said = |code: &str, said: &str| {
            Answer { status: 503, code: code.to_owned(), said: said.to_owned() }.to_string()
        };
        assert_eq!(said("SlowDown", "Please reduce your rate"), "HTTP 503 SlowDown: Please reduce your rate");
        assert_eq!(said("SlowDown", ""), "HTTP 503 SlowDown");
        assert_eq!(said("", "service error"), "HTTP 503: service error");
    }
}
