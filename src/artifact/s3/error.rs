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
    /// The answer comes, and too slowly.
    #[error(
        "the answer came at {rate} bytes a second, below s3.min_throughput of {floor}; see to the store or the way \
         there, or lower it"
    )]
    TooSlow { rate: u64, floor: u64 },
    /// Something else answered, with success.
    #[error("{0}")]
    Page(Page),
    /// Conditions are not understood.
    #[error(
        "{0}; that is the answer to a conditional write (If-Match, If-None-Match), which the server seems not to \
         know: use one that does, or set s3.conditional = \"off\", with which two publishers at the same moment are \
         not told apart"
    )]
    NoConditions(Answer),
    /// No conditional write is possible.
    #[error(
        "the server gives no etag, so it cannot be told whether somebody else writes it meanwhile: use one that does, \
         or set s3.conditional = \"off\", with which two publishers at the same moment are not told apart"
    )]
    NoEtag,
    #[error(
        "the server answered with success and without an etag, but something else is there: a proxy or a login page \
         may answer in its place"
    )]
    NotStored,
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

/// A page of HTML, or an error in XML, that came with success in the place of an object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "HTTP 200 with a page in the place of the object: {begin:?}; a proxy or a login page may answer in the store's \
     place, or the store is in trouble"
)]
pub(super) struct Page {
    /// How it begins.
    begin: String,
}

impl Page {
    /// The page that an answer is, if it says so itself and looks like one.
    pub(super) fn told_by(content_type: Option<&str>, body: &[u8]) -> Option<Self> {
        let kind = content_type?.to_ascii_lowercase();
        let begin = body.trim_ascii_start();
        let is_page = (kind.contains("html") || kind.contains("xml")) && begin.starts_with(b"<");
        is_page.then(|| Self { begin: String::from_utf8_lossy(begin).chars().take(80).collect() })
    }
}

/// `text` after `lead`; nothing where there is no text.
fn led_by(lead: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{lead}{text}") }
}
