//! The requests themselves: reads, ranges, conditional writes, listings.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;

use super::super::{Condition, Listed, MAX_SMALL_OBJECT, Object, StoreError, key};
use super::error::S3Error;
use super::{ATTEMPTS, CONNECT_TIMEOUT, FIRST_PAUSE, UPLOAD_TIMEOUT, refusal::Refusal};

/// More folders than this below one prefix are refused rather than held in memory.
const MAX_FOLDERS: usize = 100_000;
/// The same for objects.
const MAX_OBJECTS: usize = 1_000_000;

/// One bucket and prefix, and the client to reach it with.
pub(super) struct Bucket {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) location: String,
}

impl Bucket {
    /// The whole of a small object; `None` when it still has this etag.
    pub(super) async fn read(&self, key: &str, etag: Option<String>) -> Result<Option<Object>, StoreError> {
        let mut attempt = 1;
        loop {
            let request = self.client.get_object().bucket(&self.name).key(self.full_key(key));
            let mut answer = match request.set_if_none_match(etag.clone()).send().await {
                Ok(answer) => answer,
                Err(error) => match Refusal::from(error) {
                    Refusal::Unchanged => return Ok(None),
                    refusal => return Err(refusal.into_error(&self.location, key)),
                },
            };
            // A server without etags is read whole at every look, as no etag ever matches.
            let etag = answer.e_tag.take().unwrap_or_default();
            match collect(&mut answer, MAX_SMALL_OBJECT + 1).await {
                Ok(bytes) if bytes.len() as u64 > MAX_SMALL_OBJECT => {
                    return Err(StoreError::too_large(&self.location, key));
                }
                Ok(bytes) => return Ok(Some(Object { bytes, etag })),
                Err(broke_off) => self.pause_or_give_up(key, broke_off.into(), &mut attempt).await?,
            }
        }
    }

    /// Up to `len` bytes from `start`.
    pub(super) async fn read_range(&self, key: &str, start: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        let Some(last) = len.checked_sub(1).map(|more| start.saturating_add(more)) else {
            return Ok(Vec::new());
        };
        let mut attempt = 1;
        loop {
            let request = self.client.get_object().bucket(&self.name).key(self.full_key(key));
            let mut answer = match request.range(format!("bytes={start}-{last}")).send().await {
                Ok(answer) => answer,
                Err(error) => match Refusal::from(error) {
                    Refusal::PastTheEnd => return Ok(Vec::new()),
                    refusal => return Err(refusal.into_error(&self.location, key)),
                },
            };
            // Some proxies answer with the whole object: its beginning must not be taken for the part that was asked
            // for.
            if start > 0 && answer.content_range.is_none() {
                return Err(self.invalid(key, S3Error::IgnoresRanges));
            }
            match collect(&mut answer, len).await {
                Ok(bytes) => return Ok(bytes),
                Err(broke_off) => self.pause_or_give_up(key, broke_off.into(), &mut attempt).await?,
            }
        }
    }

    /// Stores a small object if `condition` holds.
    ///
    /// The SDK does not retry conditional writes here: when the answer to one is lost, the next attempt may
    /// be refused because of our own write, and only a look at what is there can tell.
    pub(super) async fn write(
        &self,
        key: &str,
        bytes: Vec<u8>,
        condition: Condition,
    ) -> Result<String, StoreError> {
        if condition == Condition::Always {
            return self.put(key, bytes.into(), &condition, ATTEMPTS).await;
        }
        let mut attempt = 1;
        loop {
            match self.put(key, bytes.clone().into(), &condition, 1).await {
                Err(StoreError::Unavailable { source, .. }) => {
                    self.pause_or_give_up(key, source, &mut attempt).await?
                }
                // The first attempt may have been written although its answer was lost.
                Err(conflict @ StoreError::Conflict { .. }) if attempt > 1 => {
                    return match self.read(key, None).await? {
                        Some(found) if found.bytes == bytes => Ok(found.etag),
                        _ => Err(conflict),
                    };
                }
                other => return other,
            }
        }
    }

    /// One PUT of a whole object.
    pub(super) async fn put(
        &self,
        key: &str,
        body: ByteStream,
        condition: &Condition,
        attempts: u32,
    ) -> Result<String, StoreError> {
        let request = self.client.put_object().bucket(&self.name).key(self.full_key(key)).body(body);
        let request = match condition {
            Condition::Always => request,
            Condition::IfAbsent => request.if_none_match("*"),
            Condition::IfMatch(etag) => request.if_match(etag),
        };
        match request.customize().config_override(with_body(attempts)).send().await {
            Ok(answer) => Ok(answer.e_tag.unwrap_or_default()),
            // The object whose etag should match is gone.
            Err(error) => match (Refusal::from(error), condition) {
                (Refusal::NotFound, Condition::IfMatch(_)) => {
                    Err(Refusal::Conflict.into_error(&self.location, key))
                }
                (refusal, _) => Err(refusal.into_error(&self.location, key)),
            },
        }
    }

    /// The folders directly below `prefix`.
    pub(super) async fn list_dirs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let subject = format!("{prefix}/");
        let mut below = self.full_key(prefix);
        if !below.is_empty() {
            below.push('/');
        }
        let request = self.client.list_objects_v2().bucket(&self.name).prefix(&below).delimiter("/");
        let mut pages = request.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Refusal::from(error).into_error(&self.location, &subject))?;
            let folders = page.common_prefixes().iter().filter_map(|folder| folder.prefix());
            let found = folders.filter_map(|folder| folder.strip_prefix(&below)?.strip_suffix('/'));
            names.extend(found.filter(|name| key::is_segment(name)).map(str::to_owned));
            if names.len() > MAX_FOLDERS {
                return Err(self.invalid(&subject, S3Error::TooManyFolders { limit: MAX_FOLDERS }));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// All objects below the folder `prefix`, or the one of that name.
    pub(super) async fn list_objects(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let own = self.full_key(prefix);
        let folder = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
        let below = if own.is_empty() { String::new() } else { format!("{own}/") };
        // Without a slash at its end, for the object of that name: what else begins so is left out below.
        let mut pages = self.client.list_objects_v2().bucket(&self.name).prefix(&own).into_paginator().send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Refusal::from(error).into_error(&self.location, prefix))?;
            for object in page.contents() {
                let Some(full) = object.key().filter(|key| *key == own || key.starts_with(&below)) else {
                    continue;
                };
                let Some(key) = full.strip_prefix(&folder).filter(|key| key::is_key(key)) else { continue };
                let bytes = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
                let etag = object.e_tag().unwrap_or_default().to_owned();
                objects.push(Listed { key: key.to_owned(), bytes, etag });
            }
            if objects.len() > MAX_OBJECTS {
                return Err(self.invalid(prefix, S3Error::TooManyObjects { limit: MAX_OBJECTS }));
            }
        }
        objects.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(objects)
    }

    /// The key in the bucket.
    pub(super) fn full_key(&self, key: &str) -> String {
        match (self.prefix.as_str(), key) {
            ("", key) => key.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, key) => format!("{prefix}/{key}"),
        }
    }

    pub(super) fn invalid(&self, key: &str, error: S3Error) -> StoreError {
        StoreError::invalid(&self.location, key, error)
    }

    async fn pause_or_give_up(
        &self,
        key: &str,
        source: Box<dyn std::error::Error + Send + Sync>,
        attempt: &mut u32,
    ) -> Result<(), StoreError> {
        if *attempt >= ATTEMPTS {
            let (location, key) = (self.location.clone(), key.to_owned());
            return Err(StoreError::Unavailable { location, key, source });
        }
        // Longer each time and jittered: many servers that lose one store must not come back together.
        tokio::time::sleep(FIRST_PAUSE.mul_f64(f64::from(*attempt) * (0.5 + fastrand::f64()))).await;
        *attempt += 1;
        Ok(())
    }
}

/// Settings for a request whose body takes its time.
pub(super) fn with_body(attempts: u32) -> Builder {
    let retries = RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(FIRST_PAUSE);
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(UPLOAD_TIMEOUT);
    Builder::new().retry_config(retries).timeout_config(timeouts.build())
}

/// Reads the body of an answer up to `limit` bytes; the connection may break meanwhile.
async fn collect(answer: &mut GetObjectOutput, limit: u64) -> Result<Vec<u8>, S3Error> {
    let promised = answer.content_length.and_then(|len| u64::try_from(len).ok()).unwrap_or(0);
    // What the header promises is believed up to 64 MiB, and grown into beyond.
    let mut bytes = Vec::with_capacity(promised.min(limit).min(64 << 20) as usize);
    while let Some(chunk) = answer.body.next().await {
        let chunk = chunk?;
        let left = limit as usize - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(left)]);
        if chunk.len() >= left {
            break;
        }
    }
    Ok(bytes)
}
