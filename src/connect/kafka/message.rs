//! What the readers of partitions tell the source.

use rskafka::record::RecordAndOffset;

/// What readers tell.
#[derive(Debug)]
pub(super) enum Message {
    /// These are the partitions that there are at the beginning.
    Partitions(Vec<i32>),
    /// Records of a partition, possibly none.
    Fetched(Fetched),
    /// Records that should be there are not.
    Gap {
        /// The partition.
        partition: i32,
        /// From this time, in milliseconds since 1970 …
        from_ms: i64,
        /// … until this one.
        until_ms: i64,
    },
}

/// What a fetch brought.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) partition: i32,
    pub(super) records: Vec<RecordAndOffset>,
    /// The offset that is read next.
    pub(super) next: i64,
    /// The offset behind the last record that the broker gives out.
    pub(super) end: i64,
}
