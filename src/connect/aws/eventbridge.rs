//! An event bus as a place where exposures go.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use aws_smithy_types::DateTime;

use super::client::AwsError;
use super::sink::{Batches, Limits};
use crate::connect::sink::BusKeys;
use crate::exposure::Record;

/// Bytes that the time of an event counts for.
const TIME_BYTES: usize = 14;

/// A bus that records go to, or a part of them: which recommendations follows from their ids.
#[derive(Debug)]
pub struct EventBridgeSink {
    /// The bus, and what events on it look like.
    pub keys: BusKeys,
}

impl Batches for EventBridgeSink {
    const LIMITS: Limits = Limits { entries: 10, bytes: 256 << 10, entry_bytes: 256 << 10 };
    const CLIENT: fn(&SdkConfig) -> Client = Client::new;
    type Client = Client;
    type Entry = PutEventsRequestEntry;

    fn entry(&self, key: &str, record: &Record<'_>) -> Option<(Self::Entry, usize)> {
        // What is not about a recommendation is known by itself.
        let id = if key.is_empty() { record.bytes } else { key.as_bytes() };
        if !is_sampled(id, self.keys.sample) {
            return None;
        }
        let detail = String::from_utf8_lossy(record.bytes).into_owned();
        let bytes = TIME_BYTES + self.keys.source.len() + self.keys.detail_type.len() + detail.len();
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.keys.bus)
            .source(&self.keys.source)
            .detail_type(&self.keys.detail_type)
            .time(DateTime::from_millis(record.time_ms))
            .detail(detail);
        Some((entry.build(), bytes))
    }

    async fn put(
        &self,
        client: &Client,
        entries: Vec<Self::Entry>,
    ) -> Result<Vec<Option<AwsError>>, AwsError> {
        let answer = client.put_events().set_entries(Some(entries)).send().await.map_err(AwsError::of)?;
        let refused = |entry: PutEventsResultEntry| AwsError::refused(entry.error_code, entry.error_message);
        Ok(answer.entries.unwrap_or_default().into_iter().map(refused).collect())
    }
}

/// Whether the recommendation of this id is in the sample: the same each time, also when it is sent again.
fn is_sampled(id: &[u8], sample: f64) -> bool {
    f64::from(crc32fast::hash(id)) < sample * (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_share_of_recommendations_and_the_same_ones_each_time() {
        let count = |sample| (0..10_000).filter(|n| is_sampled(format!("r-{n}").as_bytes(), sample)).count();
        assert_eq!((count(0.0), count(1.0)), (0, 10_000));
        assert!((800..1200).contains(&count(0.1)), "{}", count(0.1));
        assert!((0..1000).all(|n| {
            let key = format!("r-{n}");
            !is_sampled(key.as_bytes(), 0.1) || is_sampled(key.as_bytes(), 0.2)
        }));
    }
}
