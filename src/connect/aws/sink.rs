//! Exposures in batches, to services that take each entry of a batch or refuse it by itself.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use aws_config::SdkConfig;
use tokio::runtime::{Builder, Runtime};

use super::client::{AwsError, connect};
use crate::connect::AwsAccess;
use crate::connect::record_key::key_of;
use crate::exposure::sink::{RecordSink, SendError};
use crate::exposure::{Record, What};

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(30);

/// A service that takes batches.
pub trait Batches: Debug + Send {
    /// The service's name, for messages.
    const NAME: &'static str;
    /// Entries of a request at most.
    const ENTRIES: usize;
    /// Bytes of a request at most, as the service counts them.
    const BYTES: usize;
    /// Bytes of an entry at most.
    const ENTRY_BYTES: usize;
    /// What sends requests.
    type Client: Debug + Send;
    /// What a record becomes.
    type Entry: Send;

    /// A client of the service.
    fn client(config: &SdkConfig) -> Self::Client;

    /// Where records go, for messages.
    fn place(&self) -> &str;

    /// The entry of a record that has this key, and the bytes that it counts for; `None`: this record is not sent.
    fn entry(&self, key: &str, record: &Record<'_>) -> Option<(Self::Entry, usize)>;

    /// Sends entries; says of each why it was refused, if it was.
    fn put(
        &self,
        client: &Self::Client,
        entries: Vec<Self::Entry>,
    ) -> impl Future<Output = Result<Vec<Option<AwsError>>, AwsError>>;
}

/// Sends records in batches as large as the service takes them, in order, and says which of them were refused: only
/// those are sent again.
#[derive(Debug)]
pub struct BatchSink<B: Batches> {
    access: AwsAccess,
    service: B,
    what: What,
    runtime: Runtime,
    client: Option<B::Client>,
    /// Records that the service can never take.
    too_large: u64,
}

/// Records that go into one request.
struct Batch<E> {
    entries: Vec<E>,
    /// Where they are in what is to be sent.
    places: Vec<usize>,
    bytes: usize,
}

impl<B: Batches> BatchSink<B> {
    /// Gets ready to send records of this kind; nothing is connected to before the first record.
    ///
    /// # Errors
    /// No runtime.
    pub fn open(access: &AwsAccess, service: B, what: What) -> Result<Self, std::io::Error> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { access: access.clone(), service, what, runtime, client: None, too_large: 0 })
    }

    fn batches(&mut self, records: &[Record<'_>]) -> Vec<Batch<B::Entry>> {
        let mut batches: Vec<Batch<B::Entry>> = Vec::new();
        for (place, record) in records.iter().enumerate() {
            let key = key_of(self.what, record.bytes);
            let Some((entry, bytes)) = self.service.entry(&key, record) else { continue };
            if bytes > B::ENTRY_BYTES {
                self.leave_out(bytes);
                continue;
            }
            match batches.last_mut() {
                Some(last) if last.entries.len() < B::ENTRIES && last.bytes + bytes <= B::BYTES => {
                    last.entries.push(entry);
                    last.places.push(place);
                    last.bytes += bytes;
                }
                _ => batches.push(Batch { entries: vec![entry], places: vec![place], bytes }),
            }
        }
        batches
    }

    /// Sent for ever, it would be in the way of the others for ever.
    fn leave_out(&mut self, bytes: usize) {
        self.too_large += 1;
        if self.too_large.is_power_of_two() {
            let (service, place, total, most) =
                (B::NAME, self.service.place(), self.too_large, B::ENTRY_BYTES);
            tracing::error!(service, place, total, bytes, most, "a record is too large, and was left out");
        }
    }
}

impl<B: Batches> RecordSink for BatchSink<B> {
    fn send(&mut self, records: &[Record<'_>]) -> Result<(), SendError> {
        let batches = self.batches(records);
        let client = match &mut self.client {
            Some(client) => client,
            none => {
                let config = self.runtime.block_on(connect(&self.access, ANSWER)).map_err(SendError::all)?;
                none.insert(B::client(&config))
            }
        };
        let mut failed = Vec::new();
        let mut cause = None;
        for Batch { entries, places, .. } in batches {
            // A service that is away is not asked once for each batch.
            let answers = if matches!(cause, Some(AwsError::NoAnswer { .. })) {
                None
            } else {
                match self.runtime.block_on(self.service.put(client, entries)) {
                    Ok(answers) => Some(answers),
                    Err(error) => {
                        cause = Some(error);
                        None
                    }
                }
            };
            let Some(answers) = answers else {
                failed.extend(places);
                continue;
            };
            let mut answers = answers.into_iter();
            for place in places {
                // One that is not spoken of was not taken.
                let refused = answers.next().unwrap_or_else(|| Some(AwsError::unanswered()));
                if let Some(error) = refused {
                    failed.push(place);
                    cause = Some(error);
                }
            }
        }
        match cause {
            None => Ok(()),
            Some(error) => Err(SendError::these(failed, error)),
        }
    }
}
