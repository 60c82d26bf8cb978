//! Amazon's streams and queues: Kinesis and SQS as sources of events, Kinesis, Firehose and EventBridge as places where
//! exposures go. The one module that names their SDKs.

mod client;
#[cfg(feature = "eventbridge")]
mod eventbridge;
#[cfg(feature = "firehose")]
mod firehose;
#[cfg(feature = "kinesis")]
mod kinesis;
#[cfg(any(feature = "kinesis", feature = "firehose", feature = "eventbridge"))]
mod outcome;
#[cfg(any(feature = "kinesis", feature = "firehose", feature = "eventbridge"))]
mod sink;
#[cfg(feature = "sqs")]
mod sqs;

pub use client::AwsError;
#[cfg(feature = "eventbridge")]
pub use eventbridge::EventBridgeSink;
#[cfg(feature = "firehose")]
pub use firehose::FirehoseSink;
#[cfg(feature = "kinesis")]
pub use kinesis::{KinesisSink, KinesisSource};
#[cfg(any(feature = "kinesis", feature = "firehose", feature = "eventbridge"))]
pub use sink::{BatchSink, Batches, Limits};
#[cfg(feature = "sqs")]
pub use sqs::SqsSource;
