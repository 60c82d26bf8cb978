//! What a record may hold. Each bound keeps the memory and time that one record can take in proportion to its bytes.

/// Bytes of a record; larger ones take more memory while they are decoded, about 30 times their size at worst.
pub const RECORD_BYTES: usize = 1 << 20;

/// Objects and lists inside each other, in each document; deeper ones take more stack.
pub const DEPTH: usize = 64;

/// Envelopes inside each other.
pub const ENVELOPES: usize = 4;

/// Events of one record, and of one call of the API.
pub const EVENTS: usize = 500;

/// Attributes that one event sets and unsets.
pub const ATTRIBUTES: usize = 500;

/// Bytes of an id and of an attribute's name; as in a request of the API.
pub const ID_BYTES: usize = 512;

/// Bytes of an attribute's text, and of each text in a list.
pub const TEXT_BYTES: usize = 4096;

/// Texts in an attribute's list.
pub const LIST_VALUES: usize = 1000;

/// Milliseconds that an event may be ahead of this machine's clock. The newest value of an attribute wins, so an event
/// of next year would keep every change of this year from counting.
pub const FUTURE_MS: i64 = 5 * 60 * 1000;
