//! The integration tests' binary: each module holds what one part promises, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod allocations;
mod artifact_fuzz;
#[cfg(all(
    feature = "s3",
    feature = "kinesis",
    feature = "sqs",
    feature = "firehose",
    feature = "eventbridge"
))]
mod aws_sinks;
mod bad_artifacts;
#[cfg(feature = "server")]
mod cli;
mod compat;
#[cfg(feature = "server")]
mod evaluate;
#[cfg(feature = "server")]
mod event_files;
#[cfg(feature = "server")]
mod event_records;
#[cfg(feature = "server")]
mod events;
#[cfg(feature = "server")]
mod exposures;
#[cfg(feature = "server")]
mod fuzz;
mod golden;
#[cfg(feature = "server")]
mod grpc;
#[cfg(feature = "server")]
mod http;
mod hurry;
#[cfg(feature = "server")]
mod identity;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "kinesis")]
mod kinesis;
mod live_items;
#[cfg(all(unix, feature = "server"))]
mod manners;
mod memory;
#[cfg(feature = "server")]
mod metrics;
#[cfg(feature = "nats")]
mod nats;
mod never_short;
mod new_items;
#[cfg(feature = "server")]
mod overload;
#[cfg(all(unix, feature = "server"))]
mod people;
mod placements_file;
mod prices;
#[cfg(feature = "server")]
mod probes;
mod pyarrow;
#[cfg(all(unix, feature = "server"))]
mod quarantine;
mod ranked;
mod rankers;
mod reload;
#[cfg(feature = "server")]
mod replay;
#[cfg(feature = "server")]
mod report;
mod result_cache;
mod reuse;
mod s3;
#[cfg(feature = "server")]
mod signed;
#[cfg(feature = "server")]
mod sinks;
#[cfg(feature = "server")]
mod slow_clients;
mod spool;
#[cfg(all(
    feature = "s3",
    feature = "kinesis",
    feature = "sqs",
    feature = "firehose",
    feature = "eventbridge"
))]
mod sqs;
mod tidy;
mod training;
mod vectors;
mod weights;

/// Real parts that the tests start, and stand-ins that misbehave on demand.
mod support {
    #[cfg(all(
        feature = "s3",
        feature = "kinesis",
        feature = "sqs",
        feature = "firehose",
        feature = "eventbridge"
    ))]
    pub(crate) mod amazon;
    #[cfg(feature = "kafka")]
    pub(crate) mod broker;
    pub(crate) mod counting;
    #[cfg(any(feature = "kafka", feature = "nats", feature = "kinesis"))]
    pub(crate) mod event_shop;
    pub(crate) mod faulty_disk;
    pub(crate) mod faulty_store;
    pub(crate) mod following;
    pub(crate) mod grocer;
    #[cfg(feature = "kinesis")]
    pub(crate) mod json_service;
    #[cfg(feature = "kinesis")]
    pub(crate) mod kinesalite;
    pub(crate) mod levels;
    #[cfg(feature = "nats")]
    pub(crate) mod nats_server;
    #[cfg(feature = "onnx")]
    pub(crate) mod network;
    #[cfg(feature = "s3")]
    pub(crate) mod object_server;
    pub(crate) mod parquet_bytes;
    #[cfg(feature = "server")]
    pub(crate) mod process;
    #[cfg(feature = "server")]
    pub(crate) mod raw_http2;
    #[cfg(feature = "kinesis")]
    pub(crate) mod refusing;
    #[cfg(feature = "s3")]
    pub(crate) mod s3_server;
    #[cfg(feature = "server")]
    pub(crate) mod scrape;
    #[cfg(feature = "server")]
    pub(crate) mod server;
    #[cfg(feature = "server")]
    pub(crate) mod shop;
    pub(crate) mod skip;
    #[cfg(feature = "kinesis")]
    pub(crate) mod stream;
    #[cfg(feature = "kinesis")]
    pub(crate) mod troubled_stream;
}
