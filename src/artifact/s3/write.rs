//! Writes of small objects, on a condition: a channel is switched only if nobody else did. How servers say that the
//! condition does not hold, or that they know none, differs.

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;

use super::super::{Condition, Conditional, StoreError};
use super::bucket::{Bucket, etag_of, is_own_etag};
use super::error::S3Error;
use super::{ATTEMPTS, CONNECT_TIMEOUT, FIRST_PAUSE, UPLOAD_TIMEOUT, refusal::Refusal};

/// Why one attempt to write failed.
enum Failed {
    /// The condition does not hold.
    Conflict,
    /// The next attempt may go better.
    Passing(S3Error),
    Finally(StoreError),
}

impl Bucket {
    /// Stores a small object if `condition` holds.
    pub(super) async fn write(
        &self,
        key: &str,
        bytes: Vec<u8>,
        condition: Condition,
    ) -> Result<String, StoreError> {
        match (&condition, self.conditional) {
            (Condition::Always, _) => {}
            (Condition::IfMatch(etag), Conditional::On) if is_own_etag(etag) => {
                return Err(self.invalid(key, S3Error::NoEtag));
            }
            (_, Conditional::On) => return self.write_if(key, bytes, &condition).await,
            (_, Conditional::Off) => self.check_by_reading(key, &condition).await?,
        }
        let given = self.put(key, bytes.clone().into(), ATTEMPTS).await?;
        self.accept(key, given, &bytes).await
    }

    /// The SDK does not retry conditional writes here: when the answer to one is lost, the next attempt may
    /// be refused because of our own write, and only a look at what is there can tell.
    async fn write_if(&self, key: &str, bytes: Vec<u8>, condition: &Condition) -> Result<String, StoreError> {
        let mut attempt = 1;
        loop {
            let conflict = || Refusal::Conflict.into_error(&self.location, key);
            match self.put_if(key, bytes.clone().into(), condition).await {
                Ok(given) => return self.accept(key, given, &bytes).await,
                Err(Failed::Passing(source)) => self.pause_or_give_up(key, source, &mut attempt).await?,
                // The first attempt may have been written although its answer was lost.
                Err(Failed::Conflict) if attempt > 1 => {
                    let found = self.read(key, None).await?.filter(|found| found.bytes == bytes);
                    return found.map(|found| found.etag).ok_or_else(conflict);
                }
                Err(Failed::Conflict) => return Err(conflict()),
                Err(Failed::Finally(error)) => return Err(error),
            }
        }
    }

    /// One conditional PUT.
    async fn put_if(
        &self,
        key: &str,
        body: ByteStream,
        condition: &Condition,
    ) -> Result<Option<String>, Failed> {
        let request = self.client.put_object().bucket(&self.name).key(self.full_key(key)).body(body);
        let request = match condition {
            Condition::Always => request,
            Condition::IfAbsent => request.if_none_match("*"),
            Condition::IfMatch(etag) => request.if_match(etag),
        };
        let error = match request.customize().config_override(with_body(1)).send().await {
            Ok(answer) => return Ok(answer.e_tag),
            Err(error) => Refusal::from(error),
        };
        Err(match (error, condition) {
            (Refusal::Conflict, _) => Failed::Conflict,
            // It is gone.
            (Refusal::NotFound, Condition::IfMatch(_)) => Failed::Conflict,
            // To some servers "not modified" is the answer to any `If-None-Match`.
            (Refusal::Unchanged, Condition::IfAbsent) => Failed::Conflict,
            // Another write is under way: which of the two wins is not decided yet.
            (Refusal::Busy(error) | Refusal::Unavailable(error), _) => Failed::Passing(error),
            (Refusal::Unsupported(answer), _) => {
                Failed::Finally(self.invalid(key, S3Error::NoConditions(answer)))
            }
            (refusal, _) => Failed::Finally(refusal.into_error(&self.location, key)),
        })
    }

    /// One unconditional PUT of a whole object; gives the etag, if the server does.
    pub(super) async fn put(
        &self,
        key: &str,
        body: ByteStream,
        attempts: u32,
    ) -> Result<Option<String>, StoreError> {
        let request = self.client.put_object().bucket(&self.name).key(self.full_key(key)).body(body);
        match request.customize().config_override(with_body(attempts)).send().await {
            Ok(answer) => Ok(answer.e_tag),
            Err(error) => Err(Refusal::from(error).into_error(&self.location, key)),
        }
    }

    /// The etag of what was written. An answer without one may be a proxy's or a login page's: then it is looked what
    /// is there.
    async fn accept(&self, key: &str, given: Option<String>, bytes: &[u8]) -> Result<String, StoreError> {
        if given.as_deref().is_some_and(|etag| !etag.is_empty()) {
            return Ok(etag_of(given, bytes));
        }
        match self.read(key, None).await {
            Ok(Some(found)) if found.bytes == bytes => Ok(found.etag),
            Ok(_) | Err(StoreError::NotFound { .. }) => Err(self.invalid(key, S3Error::NotStored)),
            Err(error) => Err(error),
        }
    }

    /// Holds the condition against what is there now. Somebody may write between this and the write.
    async fn check_by_reading(&self, key: &str, condition: &Condition) -> Result<(), StoreError> {
        let holds = match (self.read(key, None).await, condition) {
            (_, Condition::Always) => true,
            (Ok(found), Condition::IfMatch(etag)) => found.is_some_and(|found| found.etag == *etag),
            (Ok(found), Condition::IfAbsent) => found.is_none(),
            (Err(StoreError::NotFound { .. }), condition) => *condition == Condition::IfAbsent,
            (Err(error), _) => return Err(error),
        };
        if holds { Ok(()) } else { Err(Refusal::Conflict.into_error(&self.location, key)) }
    }
}

/// Settings for a request whose body takes its time.
pub(super) fn with_body(attempts: u32) -> Builder {
    let retries = RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(FIRST_PAUSE);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(UPLOAD_TIMEOUT)
        .operation_attempt_timeout(UPLOAD_TIMEOUT);
    Builder::new().retry_config(retries).timeout_config(timeouts.build())
}
