//! What the readers of shards tell the source.

use std::sync::Arc;
use std::time::Instant;

use aws_sdk_kinesis::types::Record;
use tokio::sync::OwnedSemaphorePermit;

/// What readers tell.
#[derive(Debug)]
pub(super) enum Message {
    /// These are the shards that have to be read before the source has caught up.
    Shards(Vec<Arc<str>>),
    /// Records of a shard, possibly none.
    Fetched(Fetched),
    /// A shard has nothing more and never will.
    Ended(Arc<str>),
    /// Records that should be there are not.
    Gap {
        /// The shard; empty for all of them.
        shard: Arc<str>,
        /// From this time, in milliseconds since 1970 …
        from_ms: i64,
        /// … until this one.
        until_ms: i64,
    },
}

/// What a request for records brought.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) shard: Arc<str>,
    pub(super) records: Vec<Record>,
    /// When they were asked for.
    pub(super) asked: Instant,
    /// How old the newest that is read is behind the newest that there is, in milliseconds; 0: all is read.
    pub(super) behind_ms: i64,
    /// Room for as many records as one request brings, given back when these are handed on.
    pub(super) _room: OwnedSemaphorePermit,
}
