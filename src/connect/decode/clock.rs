//! The time that events are held against, and what those without a time are.

/// What an event without a time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingTime {
    /// Refused: a stream may be read again days later, when the time of arrival would let old values win over newer
    /// ones.
    #[default]
    Refuse,
    /// As old as its arrival: for what is sent as it happens, and not read again.
    Arrival,
}

/// The time that events are held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Now, in milliseconds since 1970.
    pub(super) now_ms: i64,
    /// What an event without a time is.
    pub(super) missing: MissingTime,
}
