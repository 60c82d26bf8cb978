//! Files into the bucket: in one piece when small, in parallel parts when large, never whole in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use tokio::task::JoinSet;

use super::super::StoreError;
use super::bucket::Bucket;
use super::write::with_body;
use super::{ATTEMPTS, error::S3Error, refusal::Refusal};

/// Files of more bytes go up in parts, each of which is tried again by itself.
const ONE_PIECE: u64 = 64 << 20;
/// Bytes of a part; S3 takes no smaller ones than 5 MiB.
const PART: u64 = 16 << 20;
/// S3 takes no more parts than this.
const MAX_PARTS: u64 = 10_000;
/// Parts on their way at once: more of them use a wide line better.
const PARALLEL: usize = 4;
/// The metadata by which an upload in parts recognises its own object.
const TICKET: &str = "larder-upload";

impl Bucket {
    /// Stores a file of any size.
    pub(super) async fn write_file(self: &Arc<Self>, key: &str, source: &Path) -> Result<(), StoreError> {
        let found = std::fs::metadata(source).map_err(|error| self.unreadable(key, source, error))?;
        if found.len() <= ONE_PIECE {
            let body = ByteStream::from_path(source)
                .await
                .map_err(|error| self.unreadable(key, source, error.into()))?;
            let given = self.put(key, body, ATTEMPTS).await?;
            return self.check_size(key, given, found.len()).await;
        }
        // A random ticket in the metadata: an etag of several parts is no digest that could be recomputed.
        let ticket = format!("{:032x}", fastrand::u128(..));
        let request = self.client.create_multipart_upload().bucket(&self.name).key(self.full_key(key));
        let started = request.metadata(TICKET, &ticket).send().await;
        let started = started.map_err(|error| Refusal::from(error).into_error(&self.location, key))?;
        let Some(id) = started.upload_id else {
            return Err(self.invalid(key, S3Error::NoUploadId));
        };
        let stored = match self.upload_parts(key, source, found.len(), &id).await {
            Ok(parts) => self.complete(key, &id, &ticket, parts).await,
            Err(error) => Err(error),
        };
        if stored.is_err() {
            // Parts of an upload that is never finished are invisible, and paid for.
            let abort = self
                .client
                .abort_multipart_upload()
                .bucket(&self.name)
                .key(self.full_key(key))
                .upload_id(&id);
            if let Err(error) = abort.send().await {
                tracing::warn!(key, upload_id = id, %error, "an unfinished upload could not be removed");
            }
        }
        stored
    }

    /// Looks what is there after an answer without an etag, which may be a proxy's or a login page's.
    async fn check_size(&self, key: &str, etag: Option<String>, bytes: u64) -> Result<(), StoreError> {
        if etag.is_some_and(|etag| !etag.is_empty()) {
            return Ok(());
        }
        let there = self.client.head_object().bucket(&self.name).key(self.full_key(key)).send().await;
        match there.map_err(Refusal::from) {
            Ok(there) if there.content_length.and_then(|len| u64::try_from(len).ok()) == Some(bytes) => {
                Ok(())
            }
            Ok(_) | Err(Refusal::NotFound) => Err(self.invalid(key, S3Error::NotStored)),
            Err(refusal) => Err(refusal.into_error(&self.location, key)),
        }
    }

    async fn upload_parts(
        self: &Arc<Self>,
        key: &str,
        source: &Path,
        bytes: u64,
        id: &str,
    ) -> Result<Vec<CompletedPart>, StoreError> {
        // Larger parts where there would be too many of them.
        let part_bytes = PART.max(bytes.div_ceil(MAX_PARTS));
        let mut waiting = 0..bytes.div_ceil(part_bytes);
        let mut uploads = JoinSet::new();
        let mut parts = Vec::new();
        loop {
            while uploads.len() < PARALLEL
                && let Some(index) = waiting.next()
            {
                let start = index * part_bytes;
                let piece = Piece {
                    key: key.to_owned(),
                    source: source.to_owned(),
                    upload_id: id.to_owned(),
                    number: index as i32 + 1,
                    start,
                    len: part_bytes.min(bytes - start),
                };
                let bucket = self.clone();
                uploads.spawn(async move { bucket.upload_part(piece).await });
            }
            match uploads.join_next().await {
                Some(Ok(done)) => parts.push(done?),
                Some(Err(lost)) => return Err(self.invalid(key, lost.into())),
                None => break,
            }
        }
        // They finish in any order, and S3 wants them in theirs.
        parts.sort_unstable_by_key(|part| part.part_number);
        Ok(parts)
    }

    async fn upload_part(&self, piece: Piece) -> Result<CompletedPart, StoreError> {
        let Piece { key, source, upload_id, number, start, len } = piece;
        let body =
            ByteStream::read_from().path(&source).offset(start).length(Length::Exact(len)).build().await;
        let body = body.map_err(|error| self.unreadable(&key, &source, error.into()))?;
        let request = self.client.upload_part().bucket(&self.name).key(self.full_key(&key));
        let request = request.upload_id(upload_id).part_number(number).body(body);
        let sent = request.customize().config_override(with_body(ATTEMPTS)).send().await;
        let sent = sent.map_err(|error| Refusal::from(error).into_error(&self.location, &key))?;
        let part = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag);
        Ok(part.set_checksum_crc32(sent.checksum_crc32).build())
    }

    async fn complete(
        &self,
        key: &str,
        id: &str,
        ticket: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<(), StoreError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(&self.name).key(self.full_key(key));
        let request = request.upload_id(id).multipart_upload(parts);
        let Err(error) = request.customize().config_override(with_body(ATTEMPTS)).send().await else {
            return Ok(());
        };
        // The answer may be lost or garbled (some servers misname its root element) although the object is there.
        let there = self.client.head_object().bucket(&self.name).key(self.full_key(key)).send().await.ok();
        let metadata = there.and_then(|object| object.metadata).unwrap_or_default();
        if metadata.get(TICKET).is_some_and(|found| found == ticket) {
            return Ok(());
        }
        Err(Refusal::from(error).into_error(&self.location, key))
    }

    fn unreadable(&self, key: &str, source: &Path, error: std::io::Error) -> StoreError {
        StoreError::unreadable_source(&self.location, key, source, error)
    }
}

/// One part of a file on its way up.
struct Piece {
    key: String,
    source: PathBuf,
    upload_id: String,
    number: i32,
    start: u64,
    len: u64,
}
