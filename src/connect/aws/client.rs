//! What the clients of all services have in common, and what can go wrong with them.

#![cfg_attr(
    not(all(feature = "kinesis", feature = "sqs", feature = "firehose", feature = "eventbridge")),
    allow(dead_code, reason = "a service by itself needs only a part of it")
)]

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::artifact::CaBundleError;
use crate::artifact::aws::{CONNECT_TIMEOUT, Environment, with_causes};
use crate::connect::AwsAccess;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Codes of answers that say that one asks too often.
const THROTTLED: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "KMSThrottlingException",
    "ThrottlingException",
    "RequestThrottled",
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

/// How long to wait after this many failures in a row: longer each time, and not all servers at once.
pub(super) fn pause(failures: u32) -> Duration {
    jittered((Duration::from_millis(100) * 2u32.pow(failures.min(9))).min(LONGEST_PAUSE))
}

/// Between half of it and all of it.
pub(super) fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.5 + fastrand::f64() / 2.0)
}

pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
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
