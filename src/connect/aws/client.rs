//! What the clients of all services have in common, and what can go wrong with them.

#![cfg_attr(
    not(all(feature = "kinesis", feature = "sqs", feature = "firehose", feature = "eventbridge")),
    allow(dead_code, reason = "a service by itself needs only a part of it")
)]

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::artifact::CaBundleError;
use crate::artifact::aws::{CONNECT_TIMEOUT, Environment, with_causes};
use crate::connect::AwsAccess;

/// Codes of answers that say that one asks too often.
const THROTTLED: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "KMSThrottlingException",
    "ThrottlingException",
    "RequestThrottled",
];

/// Codes of answers that say that an entry is not what the service takes, whatever the settings.
const OF_ENTRY: [&str; 1] = ["MalformedDetail"];

/// Codes of answers that say that an entry or the request is not what the service takes. It may be for what the entry
/// has in it or for what the settings have; what is not allowed is neither of the two.
const OF_CONTENT: [&str; 5] = [
    "InvalidArgument",
    "InvalidArgumentException",
    "ValidationException",
    "SerializationException",
    "RequestEntityTooLargeException",
];

/// Finds credentials and region. Requests are sent once: whoever sends has a pause of its own, counts, and says why.
pub(super) async fn connect(access: &AwsAccess, answer: Duration) -> Result<SdkConfig, AwsError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(answer)
        .operation_timeout(answer + CONNECT_TIMEOUT);
    let (region, endpoint) = (access.region.as_deref(), access.endpoint.as_deref());
    let loader = Environment::read()
        .await
        .loader(region, endpoint, access.credentials.as_ref())?
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build());
    let config = loader.load().await;
    if config.region().is_none() { Err(AwsError::NoRegion) } else { Ok(config) }
}

/// Why a service cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AwsError {
    /// The file of certificates to trust.
    #[error(transparent)]
    CaBundle(#[from] CaBundleError),
    /// What the service answered.
    #[error("{code}: {said}")]
    Answer {
        /// The service's name for the error.
        code: String,
        /// What it says.
        said: String,
    },
    /// No answer came, or none could be asked for.
    #[error("{said}{}", hint(.said))]
    NoAnswer {
        /// What the SDK says.
        said: String,
    },
    /// Nobody says which region.
    #[error("no region is known: set region, or AWS_REGION")]
    NoRegion,
}

impl AwsError {
    /// What the SDK says of a request.
    pub(super) fn of(error: impl ProvideErrorMetadata + Error + 'static) -> Self {
        match error.code() {
            Some(code) => {
                let said = error.message().map_or_else(|| with_causes(&error), str::to_owned);
                Self::Answer { code: code.to_owned(), said }
            }
            None => Self::NoAnswer { said: with_causes(&error) },
        }
    }

    /// What the SDK says of a request that it does not make.
    pub(super) fn not_made(error: impl Error + 'static) -> Self {
        Self::NoAnswer { said: with_causes(&error) }
    }

    /// Why one entry of many was refused; `None`: it was taken.
    pub(super) fn refused(code: Option<String>, said: Option<String>) -> Option<Self> {
        code.map(|code| Self::Answer { code, said: said.unwrap_or_default() })
    }

    /// The service says nothing of an entry.
    pub(super) fn unanswered() -> Self {
        Self::Answer { code: "Unanswered".to_owned(), said: "the answer has too few entries".to_owned() }
    }

    /// The service's name for the error; empty if there was no answer.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Answer { code, .. } => code,
            _ => "",
        }
    }

    /// What the service or the SDK says.
    pub(super) fn said(&self) -> &str {
        match self {
            Self::Answer { said, .. } | Self::NoAnswer { said } => said,
            Self::CaBundle(_) | Self::NoRegion => "",
        }
    }

    /// Whether it speaks of an entry, which can never be taken.
    pub(super) fn is_of_entry(&self) -> bool {
        OF_ENTRY.contains(&self.code())
    }

    /// Whether it speaks of what was sent, and sending it again does not help.
    pub(super) fn is_of_content(&self) -> bool {
        OF_CONTENT.contains(&self.code())
    }

    /// Whether one asks too often.
    pub(super) fn is_throttled(&self) -> bool {
        THROTTLED.contains(&self.code())
    }
}

fn hint(said: &str) -> &'static str {
    // The SDK reports missing credentials like a failed connection, and their own types are not public.
    if said.contains("credentials") && !said.contains("timed out") {
        "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role"
    } else {
        ""
    }
}
