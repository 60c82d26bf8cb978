//! A Firehose stream as a place where exposures go.

use aws_config::SdkConfig;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::types::{PutRecordBatchResponseEntry, Record as Entry};
use aws_smithy_types::Blob;

use super::client::AwsError;
use super::sink::Batches;
use crate::exposure::Record;

/// A Firehose stream that records go to, each of them a line of JSON.
#[derive(Debug)]
pub struct FirehoseSink {
    /// The stream.
    pub stream: String,
}

impl Batches for FirehoseSink {
    const NAME: &'static str = "firehose";
    const ENTRIES: usize = 500;
    const BYTES: usize = 4 << 20;
    const ENTRY_BYTES: usize = 1000 << 10;
    type Client = Client;
    type Entry = Entry;

    fn client(config: &SdkConfig) -> Client {
        Client::new(config)
    }

    fn place(&self) -> &str {
        &self.stream
    }

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
