//! A stream of Kinesis for tests, on whatever server speaks its protocol.

use std::time::{Duration, Instant};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Shard, StreamStatus};
use larder::artifact::Credentials as Fixed;
use larder::connect::AwsAccess;
use tokio::runtime::Runtime;

/// A stream, and a client of it.
pub(crate) struct Stream {
    pub(crate) name: String,
    runtime: Runtime,
    client: Client,
}

/// How a server for tests is reached.
pub(crate) fn access(endpoint: &str) -> AwsAccess {
    let credentials = Fixed { access_key_id: "larder".into(), secret_access_key: "testing".into() };
    AwsAccess {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        credentials: Some(credentials),
    }
}

impl Stream {
    /// Makes a stream.
    pub(crate) fn create(endpoint: &str, name: &str, shards: i32) -> Self {
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("larder", "testing", None, None, "tests"))
            .endpoint_url(endpoint);
        let client = Client::from_conf(config.build());
        let stream = Self { name: name.to_owned(), runtime: Runtime::new().unwrap(), client };
        let made = stream.client.create_stream().stream_name(name).shard_count(shards);
        stream.runtime.block_on(made.send()).unwrap();
        stream.wait_until_active();
        stream
    }

    /// Writes records with their keys.
    pub(crate) fn put(&self, records: &[(String, Vec<u8>)]) {
        for some in records.chunks(500) {
            let entry = |(key, body): &(String, Vec<u8>)| {
                let entry =
                    PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new(body.clone()));
                entry.build().unwrap()
            };
            let entries = some.iter().map(entry).collect();
            let request = self.client.put_records().stream_name(&self.name).set_records(Some(entries));
            let answer = self.runtime.block_on(request.send()).unwrap();
            assert_eq!(answer.failed_record_count.unwrap_or_default(), 0);
        }
    }

    /// The shards that take records, by the beginning of their keys.
    pub(crate) fn open_shards(&self) -> Vec<Shard> {
        let listed = self.runtime.block_on(self.client.list_shards().stream_name(&self.name).send()).unwrap();
        let is_open =
            |shard: &Shard| shard.sequence_number_range.as_ref().unwrap().ending_sequence_number.is_none();
        let mut open: Vec<Shard> = listed.shards.unwrap().into_iter().filter(is_open).collect();
        open.sort_by_key(|shard| range(shard).0);
        open
    }

    /// Splits an open shard in the middle.
    pub(crate) fn split(&self, at: usize) {
        let shard = &self.open_shards()[at];
        let (from, until) = range(shard);
        let middle = (from + (until - from) / 2).to_string();
        let request = self.client.split_shard().stream_name(&self.name).shard_to_split(&shard.shard_id);
        self.runtime.block_on(request.new_starting_hash_key(middle).send()).unwrap();
        self.wait_until_active();
    }

    /// Merges an open shard with the next.
    pub(crate) fn merge(&self, at: usize) {
        let open = self.open_shards();
        let request = self.client.merge_shards().stream_name(&self.name).shard_to_merge(&open[at].shard_id);
        let request = request.adjacent_shard_to_merge(&open[at + 1].shard_id);
        self.runtime.block_on(request.send()).unwrap();
        self.wait_until_active();
    }

    fn wait_until_active(&self) {
        let began = Instant::now();
        loop {
            let request = self.client.describe_stream_summary().stream_name(&self.name);
            let answer = self.runtime.block_on(request.send()).unwrap();
            if answer.stream_description_summary.unwrap().stream_status == StreamStatus::Active {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "the stream does not become active");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

fn range(shard: &Shard) -> (u128, u128) {
    let range = shard.hash_key_range.as_ref().unwrap();
    (range.starting_hash_key.parse().unwrap(), range.ending_hash_key.parse().unwrap())
}
