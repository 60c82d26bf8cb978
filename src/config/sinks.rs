//! `[[events.sink]]`: where records go.

use toml::de::{DeTable, DeValue};

use super::error::Origin;
use super::tables::Place;
use super::{Config, ConfigError};
use crate::connect::sink::{
    BusKeys, BusOptions, KINDS, SinkKind, SinkOptions, StreamKey, StreamOptions, TopicName, TopicOptions,
    Whats,
};
use crate::connect::source::KindKeys;

/// The key of the list, as messages name it.
pub(super) const KEY: &str = "events.sink";

/// Keys of every sink.
const OWN: [&str; 3] = ["name", "kind", "what"];

/// A sink, and where its name is written.
#[derive(Debug)]
pub(super) struct GivenSink {
    pub(super) options: SinkOptions,
    name_at: Origin,
    kind_at: Origin,
}

/// Reads the list; `at` is where its key stands.
pub(super) fn read<'t>(
    place: Place<'t>,
    at: usize,
    list: &'t DeValue<'t>,
) -> Result<Vec<GivenSink>, ConfigError> {
    let mut sinks = Vec::new();
    for head in place.tables(at, list, &KINDS, &OWN)? {
        let Whats { mut what } = place.take(head.keys, &["what"])?;
        what.sort_unstable();
        what.dedup();
        if what.is_empty() {
            let (at, key) = (place.at(head.keys, "what"), place.of("what"));
            return Err(place.refused(at, &key, "empty", "some of what goes out, such as \"exposures\""));
        }
        let kind_at = place.origin(place.at(head.keys, "kind"), &place.of("kind"));
        let options = SinkOptions { name: head.name, what, kind: place.sink(head.kind, head.keys)? };
        sinks.push(GivenSink { options, name_at: head.name_at, kind_at });
    }
    Ok(sinks)
}

impl Place<'_> {
    /// What the kind itself needs to know.
    fn sink(&self, kind: &KindKeys, keys: &DeTable<'_>) -> Result<SinkKind, ConfigError> {
        match kind.name {
            "jsonl" => Ok(SinkKind::Jsonl(self.take(keys, &["dir"])?)),
            "parquet" => Ok(SinkKind::Parquet(self.take(keys, &["to"])?)),
            "stdout" => Ok(SinkKind::Stdout),
            "kinesis" => Ok(SinkKind::Kinesis(self.stream(keys)?)),
            "firehose" => Ok(SinkKind::Firehose(self.stream(keys)?)),
            "eventbridge" => {
                let bus: BusKeys = self.take(keys, &["bus", "source", "detail_type", "sample"])?;
                bus.check().map_err(|error| {
                    self.refused(self.at(keys, error.key), &self.of(error.key), &error.value, &error.expected)
                })?;
                Ok(SinkKind::EventBridge(BusOptions { access: self.aws_access(keys)?, keys: bus }))
            }
            _ => {
                let TopicName { topic } = self.take(keys, &["topic"])?;
                Ok(SinkKind::Kafka(TopicOptions { access: self.kafka_access(keys)?, topic }))
            }
        }
    }

    fn stream(&self, keys: &DeTable<'_>) -> Result<StreamOptions, ConfigError> {
        let StreamKey { stream } = self.take(keys, &["stream"])?;
        Ok(StreamOptions { access: self.aws_access(keys)?, stream })
    }
}

/// Checks what sinks need of the rest of the configuration.
pub(super) fn check(config: &Config, sinks: &[GivenSink]) -> Result<(), ConfigError> {
    for GivenSink { options, name_at, kind_at } in sinks {
        let refused = |origin: &Origin, key: &str, value: String, expected: &str| ConfigError::Value {
            origin: Some(Box::new(origin.clone())),
            key: format!("{KEY}.{key}"),
            value,
            expected: expected.to_owned(),
        };
        if config.exposure.sink_names().any(|taken| taken == options.name) {
            let expected = "another name: a sink of [exposure] has this one";
            return Err(refused(name_at, "name", format!("\"{}\"", options.name), expected));
        }
        if options.kind.needs_spool() && config.spool.dir.is_none() {
            let expected = "spool.dir beside it, a directory where records wait for it";
            return Err(refused(kind_at, "kind", format!("of sink \"{}\"", options.name), expected));
        }
    }
    Ok(())
}
