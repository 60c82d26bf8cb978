//! Where records go, as the configuration says it.

mod options;

pub use options::{
    JsonlOptions, KINDS, ParquetOptions, SinkKind, SinkOptions, TopicName, TopicOptions, Whats,
};
