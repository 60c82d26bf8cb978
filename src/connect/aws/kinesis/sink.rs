//! A stream as a place where exposures go.

use aws_config::SdkConfig;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use aws_smithy_types::Blob;

use crate::connect::aws::client::AwsError;
use crate::connect::aws::sink::{Batches, Limits};
use crate::exposure::Record;

/// A stream that records go to; the key is the recommendation's id, by which a record that was sent twice is known.
#[derive(Debug)]
pub struct KinesisSink {
    /// The stream.
    pub stream: String,
}

impl Batches for KinesisSink {
    const LIMITS: Limits = Limits { entries: 500, bytes: 5 << 20, entry_bytes: 1 << 20 };
    const CLIENT: fn(&SdkConfig) -> Client = Client::new;
    type Client = Client;
    type Entry = PutRecordsRequestEntry;

    fn entry(&self, key: &str, record: &Record<'_>) -> Option<(Self::Entry, usize)> {
        // There has to be one, of at most 256 letters.
        let key: String = match key {
            "" => format!("{:08x}", crc32fast::hash(record.bytes)),
            key => key.chars().take(256).collect(),
        };
        let bytes = key.len() + record.bytes.len();
        let entry = PutRecordsRequestEntry::builder().data(Blob::new(record.bytes)).partition_key(key);
        entry.build().ok().map(|entry| (entry, bytes))
    }

    async fn put(
        &self,
        client: &Client,
        entries: Vec<Self::Entry>,
    ) -> Result<Vec<Option<AwsError>>, AwsError> {
        let request = client.put_records().stream_name(&self.stream).set_records(Some(entries));
        let answer = request.send().await.map_err(AwsError::of)?;
        let refused = |entry: aws_sdk_kinesis::types::PutRecordsResultEntry| {
            AwsError::refused(entry.error_code, entry.error_message)
        };
        Ok(answer.records.into_iter().map(refused).collect())
    }
}
