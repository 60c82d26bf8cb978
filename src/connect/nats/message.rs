//! What the reader of a stream tells the source.

/// What the reader tells.
#[derive(Debug)]
pub(super) enum Message {
    /// Messages of the stream, possibly none.
    Fetched(Fetched),
    /// Messages that should be there are not.
    Gap {
        /// From this time, in milliseconds since 1970 …
        from_ms: i64,
        /// … until this one.
        until_ms: i64,
    },
}

/// What was fetched.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) records: Vec<Taken>,
    /// Messages that are there and not fetched yet.
    pub(super) pending: u64,
    /// Whether something that was there when the stream was looked at first is not fetched yet.
    pub(super) is_behind: bool,
    /// All that was there at this moment is fetched, in milliseconds since 1970.
    pub(super) until_ms: Option<i64>,
}

/// A message and its place in the stream.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) sequence: u64,
    /// When the server took it, in milliseconds since 1970.
    pub(super) ms: i64,
    pub(super) message: async_nats::Message,
}
