//! One record of a stream, a queue or a file, as its source hands it over.

use std::fmt;

/// A record: bytes, and where they came from.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The source's name in the configuration.
    pub source: &'a str,
    /// The partition, shard or file; empty where the source has only one.
    pub partition: &'a str,
    /// Where it is in its partition.
    pub position: Position<'a>,
    /// The key that its producer gave it.
    pub key: Option<&'a [u8]>,
    /// Headers, in the order in which they were sent.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// What it says; empty for a tombstone.
    pub body: &'a [u8],
}

/// A place in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position<'a> {
    /// An offset or the number of a line. Not a text: one would have to be made for every record.
    Number(i64),
    /// A sequence number that is longer than 64 bits, or anything else.
    Text(&'a str),
}

impl<'a> Record<'a> {
    /// A record without key and headers, at position 0 of a source's only partition.
    pub fn new(source: &'a str, body: &'a [u8]) -> Self {
        Self { source, partition: "", position: Position::Number(0), key: None, headers: &[], body }
    }

    /// The same at another place.
    #[must_use]
    pub fn at(self, partition: &'a str, position: impl Into<Position<'a>>) -> Self {
        Self { partition, position: position.into(), ..self }
    }

    /// The same with these headers.
    #[must_use]
    pub fn with_headers(self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        Self { headers, ..self }
    }
}

impl From<i64> for Position<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Position<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Position<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(out),
            Self::Text(text) => text.fmt(out),
        }
    }
}
