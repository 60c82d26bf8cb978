//! One bucket, and the requests that read from it: objects, ranges, listings.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use tokio::time::timeout_at;

use super::super::{Conditional, Listed, MAX_SMALL_OBJECT, Object, StoreError, key, sha256_bytes};
use super::error::{Page, S3Error};
use super::{ATTEMPTS, FIRST_PAUSE, pace::Pace, refusal::Refusal};

/// More folders than this below one prefix are refused rather than held in memory.
const MAX_FOLDERS: usize = 100_000;
/// The same for objects.
const MAX_OBJECTS: usize = 1_000_000;

/// What begins the etags that are made here, of the content, for servers that give none.
const OWN_ETAG: &str = "sha256-";

/// One bucket and prefix, and the client to reach it with.
pub(super) struct Bucket {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) location: String,
    pub(super) conditional: Conditional,
    /// Bytes a second that an answer must bring.
    pub(super) min_throughput: u64,
    /// Whether the server turned out not to understand conditions of reads.
    pub(super) reads_plainly: AtomicBool,
}

impl Bucket {
    /// The whole of a small object; `None` when it still has this etag.
    pub(super) async fn read(&self, key: &str, etag: Option<String>) -> Result<Option<Object>, StoreError> {
        let asks = self.conditional == Conditional::On && !self.reads_plainly.load(Ordering::Relaxed);
        let condition = etag.clone().filter(|etag| asks && !is_own_etag(etag));
        let mut attempt = 1;
        let mut condition = condition.as_deref();
        loop {
            let request = self.client.get_object().bucket(&self.name).key(self.full_key(key));
            let mut answer = match request.set_if_none_match(condition.map(str::to_owned)).send().await {
                Ok(answer) => answer,
                Err(error) => match Refusal::from(error) {
                    Refusal::Unchanged if condition.is_some() => return Ok(None),
                    Refusal::Unchanged => return Err(self.invalid(key, S3Error::UnaskedUnchanged)),
                    // Nobody wrote anything: it takes the condition for one of a write, or does not know it.
                    refusal if condition.is_some() && refusal.may_be_of_condition() => {
                        self.reads_plainly.store(true, Ordering::Relaxed);
                        condition = None;
                        continue;
                    }
                    refusal => return Err(refusal.into_error(&self.location, key)),
                },
            };
            let given = answer.e_tag.take();
            match self.collect(&mut answer, MAX_SMALL_OBJECT + 1).await {
                Ok(bytes) if bytes.len() as u64 > MAX_SMALL_OBJECT => {
                    return Err(StoreError::too_large(&self.location, key));
                }
                Ok(bytes) => {
                    let found = etag_of(given, &bytes);
                    // A server that knows no conditions answers with what is known already.
                    let unchanged = etag.as_deref() == Some(found.as_str());
                    return Ok((!unchanged).then_some(Object { bytes, etag: found }));
                }
                Err(failure) => self.pause_or_give_up(key, failure, &mut attempt).await?,
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
            match self.collect(&mut answer, len).await {
                Ok(bytes) => return Ok(bytes),
                Err(failure) => self.pause_or_give_up(key, failure, &mut attempt).await?,
            }
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

    /// Waits before the next attempt, if there is one and it may go better.
    pub(super) async fn pause_or_give_up(
        &self,
        key: &str,
        source: S3Error,
        attempt: &mut u32,
    ) -> Result<(), StoreError> {
        // A slow server is no faster when it is asked again at once, and has taken its time already.
        if *attempt >= ATTEMPTS || matches!(source, S3Error::TooSlow { .. }) {
            let (location, key) = (self.location.clone(), key.to_owned());
            return Err(StoreError::Unavailable { location, key, source: source.into() });
        }
        // Longer each time and jittered: many servers that lose one store must not come back together.
        tokio::time::sleep(FIRST_PAUSE.mul_f64(f64::from(*attempt) * (0.5 + fastrand::f64()))).await;
        *attempt += 1;
        Ok(())
    }

    /// Reads the body of an answer up to `limit` bytes; the connection may break meanwhile, or bring too little.
    async fn collect(&self, answer: &mut GetObjectOutput, limit: u64) -> Result<Vec<u8>, S3Error> {
        let promised = answer.content_length.and_then(|len| u64::try_from(len).ok()).unwrap_or(0);
        // What the header promises is believed up to 64 MiB, and grown into beyond.
        let mut bytes = Vec::with_capacity(promised.min(limit).min(64 << 20) as usize);
        let mut pace = Pace::new(self.min_throughput);
        loop {
            let Ok(next) = timeout_at(pace.deadline(), answer.body.next()).await else {
                return Err(S3Error::TooSlow { rate: pace.rate(), floor: self.min_throughput });
            };
            let Some(chunk) = next.transpose()? else { break };
            pace.count(chunk.len());
            let left = limit as usize - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(left)]);
            if chunk.len() >= left {
                break;
            }
        }
        match Page::told_by(answer.content_type(), &bytes) {
            Some(page) => Err(S3Error::Page(page)),
            None => Ok(bytes),
        }
    }
}

/// The etag of a content, in the form in which it can be a condition. A server may give none, or a weak one, which an
/// `If-Match` never matches as it was given (RFC 9110, 13.1.1).
pub(super) fn etag_of(given: Option<String>, bytes: &[u8]) -> String {
    match given.as_deref().map(|etag| etag.strip_prefix("W/").unwrap_or(etag)) {
        Some(etag) if !etag.is_empty() => etag.to_owned(),
        _ => format!("{OWN_ETAG}{}", sha256_bytes(bytes)),
    }
}

/// Whether an etag was made here, so that the server does not know it.
pub(super) fn is_own_etag(etag: &str) -> bool {
    etag.starts_with(OWN_ETAG)
}
