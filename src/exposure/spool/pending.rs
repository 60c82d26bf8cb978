//! What a sink did not take of a batch.

use super::super::record::Record;
use super::super::sink::Failed;

/// A batch that a sink took in part. Only its shape is kept: the records are read again.
#[derive(Debug)]
pub(super) struct Pending {
    /// How many records the batch has.
    pub(super) records: usize,
    /// The places of those to be sent again.
    pub(super) failed: Vec<usize>,
}

/// The places of the records that are to be sent: all, or what is pending of them. A record without bytes must not go
/// out any more.
pub(super) fn places(pending: Option<&Pending>, records: &[Record<'_>]) -> Vec<usize> {
    let is_there = |place: &usize| records.get(*place).is_some_and(|record| !record.bytes.is_empty());
    match pending {
        Some(pending) => pending.failed.iter().copied().filter(is_there).collect(),
        None => (0..records.len()).filter(is_there).collect(),
    }
}

/// Which of the places that were sent failed.
pub(super) fn failed_of(places: Vec<usize>, failed: &Failed) -> Vec<usize> {
    match failed {
        Failed::All => places,
        Failed::These(_) => {
            let again = places.iter().enumerate().filter(|(sent, _)| failed.has(*sent));
            again.map(|(_, place)| *place).collect()
        }
    }
}
