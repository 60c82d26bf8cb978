//! Where records go, as the configuration says it.

mod options;

pub use options::{
    BusKeys, BusOptions, JsonlOptions, KINDS, ParquetOptions, SinkKind, SinkOptions, StreamKey,
    StreamOptions, TopicName, TopicOptions, Whats,
};
