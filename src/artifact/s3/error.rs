//! What goes wrong in S3, or on the way there.

use aws_sdk_s3::primitives::ByteStreamError;
use thiserror::Error;

use super::super::aws::with_causes;

/// What went wrong; whether it may pass says the [`super::super::StoreError`] around it.
#[derive(Debug, Error)]
pub(super) enum S3Error {
    /// The server answered with an error.
    #[error("{0}")]
    Answer(Answer),
    /// The server refused access.
    #[error(
        "{0}; check the credentials, the clock, and that they allow s3:GetObject, s3:PutObject and s3:ListBucket \
         (without the last, a missing object looks like this too)"
    )]
    Denied(Answer),
    /// The server sent the request elsewhere.
    #[error("{0}; the bucket is in another region: set the region")]
    Region(Answer),
    /// No request was made, for want of credentials.
    #[error("{}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role", with_causes(&**.0))]
    Credentials(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer came.
    #[error("{}", with_causes(&**.0))]
    NoAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer broke off: {0}")]
    BrokeOff(#[from] ByteStreamError),
    #[error("the request was abandoned")]
    Abandoned,
    #[error("the server says it is unchanged without having been asked")]
    UnaskedUnchanged,
    #[error("the server ignores byte ranges; use one that serves them")]
    IgnoresRanges,
    #[error("the server gives no id for a multipart upload")]
    NoUploadId,
    #[error("an upload thread failed: {0}")]
    UploadThread(#[from] tokio::task::JoinError),
    #[error("there are more than {limit} folders in it; delete old ones")]
    TooManyFolders { limit: usize },
    #[error("there are more than {limit} objects in it; name a smaller part of it")]
    TooManyObjects { limit: usize },
    #[error("the answer makes no sense here: HTTP {status}")]
    Unexpected { status: u16 },
}

/// An error that the server answered with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("HTTP {status}{}{}", led_by(" ", code), led_by(": ", said))]
pub(super) struct Answer {
    pub(super) status: u16,
    /// S3's name for the error; empty where the server gives none.
    pub(super) code: String,
    /// What the server, or the SDK for it, says.
    pub(super) said: String,
}

/// `text` after `lead`; nothing where there is no text.
fn led_by(lead: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{lead}{text}") }
}
