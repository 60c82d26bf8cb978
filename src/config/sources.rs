//! `[[events.source]]`: where events come from.

use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::error::Origin;
use super::tables::Place;
use crate::connect::NatsAccess;
use crate::connect::decode::{Decoder, Mapping};
use crate::connect::source::{
    JetStreamKeys, KINDS, KafkaOptions, KindKeys, KinesisOptions, NatsOptions, QueueKeys, SourceKind,
    SourceOptions, SqsOptions, StreamKeys, TopicKeys,
};

/// The key of the list, as messages name it.
pub(super) const KEY: &str = "events.source";

/// Keys of every source.
const OWN: [&str; 3] = ["name", "kind", "map"];

/// A source, and where its name is written.
#[derive(Debug)]
pub(super) struct GivenSource {
    pub(super) options: SourceOptions,
    pub(super) name_at: Origin,
}

/// Reads the list; `at` is where its key stands.
pub(super) fn read<'t>(
    place: Place<'t>,
    at: usize,
    list: &'t DeValue<'t>,
) -> Result<Vec<GivenSource>, ConfigError> {
    let mut sources = Vec::new();
    for head in place.tables(at, list, &KINDS, &OWN)? {
        let (kind, mappings) = (place.source(head.kind, head.keys)?, place.mappings(head.keys)?);
        let options = SourceOptions { name: head.name, kind, mappings };
        sources.push(GivenSource { options, name_at: head.name_at });
    }
    Ok(sources)
}

impl Place<'_> {
    /// What the kind itself needs to know.
    fn source(&self, kind: &KindKeys, keys: &DeTable<'_>) -> Result<SourceKind, ConfigError> {
        match kind.name {
            "files" => Ok(SourceKind::Files(self.take(keys, &["dir"])?)),
            "nats" => {
                let JetStreamKeys { stream, subjects, start } =
                    self.take(keys, &["stream", "subjects", "start"])?;
                let names = ["servers", "user", "password", "token", "credentials_file", "ca_file"];
                let access: NatsAccess = self.take(keys, &names)?;
                access.check().map_err(|error| self.of_access(keys, "servers", &error))?;
                Ok(SourceKind::Nats(NatsOptions { access, stream, subjects, start }))
            }
            "kinesis" => {
                let stream: StreamKeys = self.take(keys, &["stream", "start", "poll_interval"])?;
                stream.check().map_err(|error| {
                    self.refused(self.at(keys, error.key), &self.of(error.key), &error.value, &error.expected)
                })?;
                let StreamKeys { stream, start, poll_interval } = stream;
                let access = self.aws_access(keys)?;
                Ok(SourceKind::Kinesis(KinesisOptions { access, stream, start, poll_interval }))
            }
            "sqs" => {
                let QueueKeys { queue_url } = self.take(keys, &["queue_url"])?;
                Ok(SourceKind::Sqs(SqsOptions { access: self.aws_access(keys)?, queue_url }))
            }
            _ => {
                let TopicKeys { topic, start } = self.take(keys, &["topic", "start"])?;
                Ok(SourceKind::Kafka(KafkaOptions { access: self.kafka_access(keys)?, topic, start }))
            }
        }
    }

    fn mappings(&self, keys: &DeTable<'_>) -> Result<Vec<Mapping>, ConfigError> {
        if !keys.contains_key("map") {
            return Ok(Vec::new());
        }
        #[derive(serde::Deserialize)]
        struct Maps {
            map: Vec<Mapping>,
        }
        let Maps { map } = self.take(keys, &["map"])?;
        // Together and not one by one: the error says which of them it is about.
        Decoder::new(&map).map_err(|error| {
            let tables = keys.get("map").and_then(|list| list.get_ref().as_array());
            let table = tables.and_then(|tables| tables.get(error.map().saturating_sub(1)));
            let at = table.map_or_else(|| self.at(keys, "map"), |table| table.span().start);
            ConfigError::Source {
                origin: Box::new(self.origin(at, "events.source.map")),
                key: "events.source.map".to_owned(),
                reason: error.to_string(),
            }
        })?;
        Ok(map)
    }
}
