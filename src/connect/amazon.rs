//! How Amazon's services are reached, and how what they have is named. Part of every build, as the settings are.

use serde::{Deserialize, Deserializer};

use crate::artifact::Credentials;
use crate::setting::{As, Form, NoneOr, Text};

/// Where a service is, and who asks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsAccess {
    /// The region; `None`: as the AWS environment says.
    #[serde(default, with = "As::<NoneOr<Text>>")]
    pub region: Option<String>,
    /// The service's address; `None`: Amazon's own in the region.
    #[serde(default, with = "As::<NoneOr<HttpAddress>>")]
    pub endpoint: Option<String>,
    /// Fixed credentials; `None`: those of the AWS default chain.
    #[serde(skip)]
    pub credentials: Option<Credentials>,
}

/// What to do about a build without a service.
pub(super) const NO_KINESIS: &str = "this build has no Kinesis; build with --features kinesis";
/// The same for SQS.
pub(super) const NO_SQS: &str = "this build has no SQS; build with --features sqs";

/// The same for Firehose.
pub(super) const NO_FIREHOSE: &str = "this build has no Firehose; build with --features firehose";
/// The same for EventBridge.
pub(super) const NO_EVENTBRIDGE: &str = "this build has no EventBridge; build with --features eventbridge";

/// An address of HTTP.
#[derive(Debug)]
pub(super) struct HttpAddress;

impl HttpAddress {
    /// Reads the field of an address.
    ///
    /// # Errors
    /// What is no address of HTTP.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        As::<Self>::deserialize(from)
    }
}

impl Form for HttpAddress {
    type Value = String;

    const QUOTED: bool = true;

    fn expected() -> String {
        "an address that begins with http:// or https://".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let is_plain = |byte: u8| byte.is_ascii_graphic();
        (!host.is_empty() && host.bytes().all(is_plain)).then(|| text.to_owned())
    }

    fn show(value: &String) -> String {
        value.clone()
    }
}

/// A stream's name.
#[derive(Debug)]
pub(super) struct StreamName;

impl StreamName {
    /// Reads the field of a stream.
    ///
    /// # Errors
    /// A name that no stream can have.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        As::<Self>::deserialize(from)
    }
}

impl Form for StreamName {
    type Value = String;

    const QUOTED: bool = true;

    fn expected() -> String {
        "a stream's name: 1 to 128 letters, digits, '.', '_', '-'".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=128).contains(&text.len()) && text.bytes().all(is_plain)).then(|| text.to_owned())
    }

    fn show(value: &String) -> String {
        value.clone()
    }
}
