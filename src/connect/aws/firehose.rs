//! A Firehose stream as a place where exposures go.

use aws_config::SdkConfig;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::types::{PutRecordBatchResponseEntry, Record as Entry};
use aws_smithy_types::Blob;

use super::client::AwsError;
use super::sink::{Batches, Limits};
use crate::exposure::Record;

/// A Firehose stream that records go to, each of them a line of JSON.
#[derive(Debug)]
pub struct FirehoseSink {
    /// The stream.
    pub stream: String,
}

impl Batches for FirehoseSink {
    const LIMITS: Limits = Limits { entries: 500, bytes: 4 << 20, entry_bytes: 1000 << 10 };
    const CLIENT: fn(&SdkConfig) -> Client = Client::new;
    type Client = Client;
    type Entry = Entry;

    fn entry(&self, _: &str, record: &Record<'_>) -> Option<(Entry, usize)> {
        // Firehose puts records behind each other and nothing between them.
        let line = [record.bytes.trim_ascii_end(), b"\n"].concat();
        let bytes = line.len();
        Entry::builder().data(Blob::new(line)).build().ok().map(|entry| (entry, bytes))
    }

    async fn put(&self, client: &Client, entries: Vec<Entry>) -> Result<Vec<Option<AwsError>>, AwsError> {
        let request = client.put_record_batch().delivery_stream_name(&self.stream).set_records(Some(entries));
        let answer = request.send().await.map_err(AwsError::of)?;
        let refused =
            |entry: PutRecordBatchResponseEntry| AwsError::refused(entry.error_code, entry.error_message);
        Ok(answer.request_responses.into_iter().map(refused).collect())
    }
}
