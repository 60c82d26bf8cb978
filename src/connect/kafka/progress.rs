//! How far a partition is read, and how much to ask for next.

use std::time::Instant;

/// Records that a fetch should bring at most. Bytes are all that a broker can be told, and of well compressed records a
/// megabyte has a hundred thousand: they would take that many times their bytes in memory, and would be handed on
/// together. Raising it reads a backlog faster where the broker is far away.
const RECORDS: usize = 4096;

/// Bytes of the first fetch, while it is not known how many records they have.
pub(super) const FIRST: i32 = 64 << 10;

/// How far a partition is read.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The next offset; `None` until the beginning is found.
    pub(super) next: Option<i64>,
    /// Upper bound on the bytes of the next fetch, at least 1: the broker gives a whole batch all the same.
    pub(super) bytes: i32,
    /// The time of the last record.
    pub(super) last_ms: Option<i64>,
    /// Records from this time on should come next, and may be gone.
    pub(super) wanted_ms: Option<i64>,
    /// The end of what is committed, as it was before the last fetch.
    pub(super) stable: Option<i64>,
    /// Since when the broker knows less than was read.
    pub(super) shorter: Option<Instant>,
    pub(super) failures: u32,
}

impl Progress {
    /// Fetches less at once until the marker of a transaction, which the client cannot read, is the first batch. Then
    /// it is passed over: it is all there is at its offset.
    pub(super) fn close_in_on_marker(&mut self, next: i64) {
        if self.bytes == 1 {
            self.next = Some(next + 1);
        }
        self.bytes = (self.bytes / 16).max(1);
    }
}

/// How many bytes to ask for after a fetch of so many brought so many records. `is_behind`: there are more.
pub(super) fn bytes_for_next(bytes: i32, records: usize, is_behind: bool) -> i32 {
    if records > RECORDS {
        let fewer = i64::from(bytes) * RECORDS as i64 / records as i64;
        i32::try_from(fewer).unwrap_or(bytes).max(1)
    } else if is_behind && records * 4 <= RECORDS {
        // Only where the bytes were what kept it from bringing more.
        bytes.saturating_mul(4)
    } else {
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_brings_a_bounded_number_of_records_however_well_they_are_compressed() {
        for bytes_of_record in [5, 100, 50_000] {
            let mut bytes = FIRST;
            for _ in 0..20 {
                bytes = bytes_for_next(bytes, (bytes / bytes_of_record) as usize, true).min(1 << 20);
            }
            let records = (bytes / bytes_of_record) as usize;
            assert!(
                records <= RECORDS && (records * 4 > RECORDS || bytes == 1 << 20),
                "{bytes_of_record}: {bytes}"
            );
        }
        assert_eq!(bytes_for_next(1000, 0, false), 1000, "nothing is learned where nothing is");
        assert_eq!(bytes_for_next(1, 100_000, true), 1);
    }

    #[test]
    fn a_marker_is_passed_over_once_it_is_all_that_is_fetched() {
        let mut progress = Progress { next: Some(7), bytes: 1 << 20, ..Progress::default() };
        let mut fetches = 0;
        while progress.next == Some(7) {
            progress.close_in_on_marker(7);
            fetches += 1;
        }
        assert_eq!((progress.next, progress.bytes, fetches), (Some(8), 1, 6));
    }
}
