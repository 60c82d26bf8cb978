//! Records in batches, to services that take each entry of a batch or refuse it by itself.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use aws_config::SdkConfig;
use tokio::runtime::{Builder, Runtime};

use super::client::{AwsError, connect};
use super::outcome::Outcome;
use crate::connect::AwsAccess;
use crate::connect::record_key::key_of;
use crate::exposure::sink::{RecordSink, Refusal, SendError, TOO_LARGE};
use crate::exposure::{Record, What};

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(30);

/// How often the batches of a call are divided to find what a service refuses them for. Raising it finds more records
/// that can never be taken in one call, and asks a service more often that takes none because of the settings.
const DIVISIONS: usize = 32;

/// A service that takes batches.
pub trait Batches: Debug + Send {
    /// What the service takes.
    const LIMITS: Limits;
    /// A client of the service.
    const CLIENT: fn(&SdkConfig) -> Self::Client;
    /// What sends requests.
    type Client: Debug + Send;
    /// What a record becomes.
    type Entry: Send;

    /// The entry of a record that has this key, and the bytes that it counts for; `None`: this record is not sent.
    fn entry(&self, key: &str, record: &Record<'_>) -> Option<(Self::Entry, usize)>;

    /// Sends entries; says of each why it was refused, if it was.
    fn put(
        &self,
        client: &Self::Client,
        entries: Vec<Self::Entry>,
    ) -> impl Future<Output = Result<Vec<Option<AwsError>>, AwsError>>;
}

/// What a service takes at a time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries of a request at most.
    pub entries: usize,
    /// Bytes of a request at most, as the service counts them.
    pub bytes: usize,
    /// Bytes of an entry at most.
    pub entry_bytes: usize,
}

/// Sends records in batches as large as the service takes them, in order, and says which of them were refused: only
/// those are sent again. What the service can never take is left out, or it would be in the way for ever.
#[derive(Debug)]
pub struct BatchSink<B: Batches> {
    access: AwsAccess,
    service: B,
    what: What,
    runtime: Runtime,
    client: Option<B::Client>,
    /// Whether the service has taken anything: then an entry that is not valid is not so by the settings.
    has_taken: bool,
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
        Ok(Self { access: access.clone(), service, what, runtime, client: None, has_taken: false })
    }

    /// Batches of the records at these places, and those that are too large for any.
    fn batches(
        &self,
        records: &[Record<'_>],
        places: impl Iterator<Item = usize>,
    ) -> (VecDeque<Batch<B::Entry>>, Vec<Refusal>) {
        let Limits { entries: most, bytes: most_bytes, entry_bytes } = B::LIMITS;
        let (mut batches, mut too_large) = (VecDeque::<Batch<B::Entry>>::new(), Vec::new());
        for (place, record) in places.filter_map(|place| Some((place, records.get(place)?))) {
            let key = key_of(self.what, record.bytes);
            let Some((entry, bytes)) = self.service.entry(&key, record) else { continue };
            if bytes > entry_bytes {
                let said = format!("it has {bytes} bytes, and an entry {entry_bytes} at most");
                too_large.push(Refusal { place, reason: TOO_LARGE.to_owned(), said });
                continue;
            }
            match batches.back_mut() {
                Some(last) if last.entries.len() < most && last.bytes + bytes <= most_bytes => {
                    last.entries.push(entry);
                    last.places.push(place);
                    last.bytes += bytes;
                }
                _ => batches.push_back(Batch { entries: vec![entry], places: vec![place], bytes }),
            }
        }
        (batches, too_large)
    }
}

impl<B: Batches> RecordSink for BatchSink<B> {
    fn send(&mut self, records: &[Record<'_>]) -> Result<Vec<Refusal>, SendError> {
        if self.client.is_none() {
            let config = self.runtime.block_on(connect(&self.access, ANSWER)).map_err(SendError::all)?;
            self.client = Some(B::CLIENT(&config));
        }
        let (mut batches, too_large) = self.batches(records, 0..records.len());
        let mut outcome = Outcome::new(too_large, self.has_taken);
        let mut divisions = 0;
        while let (Some(Batch { entries, places, .. }), Some(client)) = (batches.pop_front(), &self.client) {
            // A service that is away is not asked once for each batch.
            if outcome.is_away() {
                outcome.failed(&places);
                continue;
            }
            match self.runtime.block_on(self.service.put(client, entries)) {
                Ok(answers) => outcome.answered(&places, answers),
                Err(error) if error.is_of_content() && places.len() > 1 && divisions < DIVISIONS => {
                    // All are refused for what one of them may be: it is found by halves.
                    divisions += 1;
                    let (first, second) = places.split_at(places.len() / 2);
                    for half in [second, first] {
                        let (halves, _) = self.batches(records, half.iter().copied());
                        halves.into_iter().rev().for_each(|batch| batches.push_front(batch));
                    }
                }
                Err(error) => outcome.refused(&places, error),
            }
        }
        self.has_taken = outcome.has_taken();
        outcome.end()
    }
}
