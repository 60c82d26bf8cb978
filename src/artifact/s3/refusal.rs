//! The one table from what S3 and the SDK say went wrong to what a store says.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::super::StoreError;
use super::bucket::Bucket;

/// What an unsuccessful answer means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Unchanged,
    PastTheEnd,
    NotFound,
    Conflict,
    NoBucket,
    Denied(String),
    Unavailable(String),
    Other(String),
}

impl<E: ProvideErrorMetadata + Error + 'static> From<SdkError<E, HttpResponse>> for Refusal {
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let status = match &error {
            SdkError::ServiceError(answer) => answer.raw().status().as_u16(),
            _ => return Self::without_answer(&error),
        };
        let code = error.code().unwrap_or_default();
        let said = match error.message() {
            Some(message) => format!("HTTP {status} {code}: {message}"),
            None if code.is_empty() && status != 304 => format!("HTTP {status}: {}", with_causes(&error)),
            None => format!("HTTP {status} {code}"),
        };
        Self::from_answer(status, code, said)
    }
}

impl Refusal {
    fn from_answer(status: u16, code: &str, said: String) -> Self {
        match (status, code) {
            (304, _) => Self::Unchanged,
            (404, "NoSuchBucket") => Self::NoBucket,
            (404, _) => Self::NotFound,
            (409 | 412, _) => Self::Conflict,
            (416, _) => Self::PastTheEnd,
            (401 | 403, _) | (_, "ExpiredToken" | "InvalidToken") => Self::Denied(format!(
                "{said}; check the credentials, the clock, and that they allow s3:GetObject, s3:PutObject and \
                 s3:ListBucket (without the last, a missing object looks like this too)"
            )),
            (301 | 307, _) => Self::Other(format!("{said}; the bucket is in another region: set the region")),
            (408 | 429 | 500.., _) | (_, "RequestTimeout") => Self::Unavailable(said),
            _ => Self::Other(said),
        }
    }

    /// No answer came, because none could be asked for or the connection failed.
    fn without_answer(error: &(dyn Error + 'static)) -> Self {
        let said = with_causes(error);
        // The SDK reports missing credentials like a failed connection, and their own types are not public.
        if said.contains("credentials") && !said.contains("timed out") {
            return Self::Denied(format!(
                "{said}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role"
            ));
        }
        Self::Unavailable(said)
    }

    /// The error for a request about `key`.
    pub(super) fn into_error(self, bucket: &Bucket, key: &str) -> StoreError {
        let (location, key) = (bucket.location.clone(), key.to_owned());
        match self {
            Self::NotFound => StoreError::NotFound { location, key },
            Self::Conflict => StoreError::Conflict { location, key },
            Self::Denied(reason) => StoreError::Denied { location, key, reason },
            Self::Unavailable(reason) => StoreError::Unavailable { location, key, reason },
            Self::NoBucket => {
                let reason =
                    "the bucket does not exist; check its name and the endpoint, or create it".to_owned();
                StoreError::Location { location, reason }
            }
            Self::Unchanged | Self::PastTheEnd => StoreError::Invalid {
                location,
                key,
                reason: format!("the answer makes no sense here: {self:?}"),
            },
            Self::Other(reason) => StoreError::Invalid { location, key, reason },
        }
    }
}

/// An SDK error says little by itself; its causes say more.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let mut said: Vec<String> = causes.map(ToString::to_string).collect();
    said.dedup();
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_called_unavailable() {
        for (status, code) in [(500, "InternalError"), (503, "SlowDown"), (429, ""), (400, "RequestTimeout")]
        {
            assert!(
                matches!(Refusal::from_answer(status, code, String::new()), Refusal::Unavailable(_)),
                "{status} {code}"
            );
        }
        for (status, code) in [(403, "AccessDenied"), (401, ""), (400, "ExpiredToken")] {
            assert!(
                matches!(Refusal::from_answer(status, code, String::new()), Refusal::Denied(_)),
                "{status} {code}"
            );
        }
        assert_eq!(Refusal::from_answer(404, "NoSuchKey", String::new()), Refusal::NotFound);
        assert_eq!(Refusal::from_answer(404, "NoSuchBucket", String::new()), Refusal::NoBucket);
        assert_eq!(Refusal::from_answer(409, "ConditionalRequestConflict", String::new()), Refusal::Conflict);
        assert!(matches!(Refusal::from_answer(301, "PermanentRedirect", String::new()), Refusal::Other(_)));
    }
}
