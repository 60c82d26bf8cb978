//! `[[events.source]]`: tables whose keys depend on their kind. They are in a file only; no variable or flag has them.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::ConfigError;
use super::error::Origin;
use super::known::closest;
use super::text::{position, shown};
use crate::connect::decode::{Decoder, Mapping};
use crate::connect::source::{
    KINDS, KafkaOptions, KindKeys, KinesisOptions, QueueKeys, SourceKind, SourceOptions, SqsOptions,
    StreamKeys, TopicKeys, check_name,
};
use crate::connect::{AwsAccess, KafkaAccess};

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
pub(super) fn read(
    file: &Path,
    text: &str,
    at: usize,
    list: &DeValue<'_>,
) -> Result<Vec<GivenSource>, ConfigError> {
    let place = Place { file, text };
    let not_tables = || place.refused(at, KEY, "no list of tables", "tables, each under [[events.source]]");
    let tables = list.as_array().ok_or_else(not_tables)?;
    let mut sources: Vec<GivenSource> = Vec::new();
    for table in tables.iter() {
        let DeValue::Table(keys) = table.get_ref() else { return Err(not_tables()) };
        let source = place.source(table.span().start, keys)?;
        let name = &source.options.name;
        if sources.iter().any(|other| other.options.name == *name) {
            let expected = "a name that no other source has";
            return Err(place.refused(
                place.at(keys, "name"),
                "events.source.name",
                &format!("\"{name}\""),
                expected,
            ));
        }
        sources.push(source);
    }
    Ok(sources)
}

#[derive(Clone, Copy)]
struct Place<'t> {
    file: &'t Path,
    text: &'t str,
}

impl Place<'_> {
    fn source(&self, at: usize, keys: &DeTable<'_>) -> Result<GivenSource, ConfigError> {
        let kind = self.kind(at, keys)?;
        for (key, _) in keys {
            let name = key.get_ref().as_ref();
            let mut known = OWN.into_iter().chain(kind.keys.iter().copied());
            if !known.clone().any(|known| known == name) {
                let nearest = closest(name, &mut known);
                return Err(self.unknown(key.span().start, name, nearest));
            }
        }
        for (key, expected) in kind.needed {
            if !keys.contains_key(*key) {
                return Err(self.refused(at, &format!("{KEY}.{key}"), "missing", expected));
            }
        }
        let name: String = self.text_of(at, keys, "name", "the source's name")?;
        let name_at = self.at(keys, "name");
        check_name(&name)
            .map_err(|error| self.refused(name_at, "events.source.name", &error.value, &error.expected))?;
        let options = SourceOptions { kind: self.own(kind, keys)?, mappings: self.mappings(keys)?, name };
        Ok(GivenSource { options, name_at: self.origin(name_at, "events.source.name") })
    }

    fn kind(&self, at: usize, keys: &DeTable<'_>) -> Result<&'static KindKeys, ConfigError> {
        let names = KINDS.map(|kind| format!("\"{}\"", kind.name)).join(" or ");
        let name = self.text_of(at, keys, "kind", &names)?;
        let here = self.at(keys, "kind");
        let refused =
            |expected: &str| self.refused(here, "events.source.kind", &format!("\"{name}\""), expected);
        let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
            let nearest = closest(&name, KINDS.iter().map(|kind| kind.name));
            let meant = nearest.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
            return Err(refused(&format!("{names}{meant}")));
        };
        match kind.missing {
            Some(reason) => {
                let built = KINDS.iter().filter(|kind| kind.missing.is_none()).map(|kind| kind.name);
                let built: Vec<String> = built.map(|name| format!("\"{name}\"")).collect();
                Err(refused(&format!("{}: {reason}", built.join(" or "))))
            }
            None => Ok(kind),
        }
    }

    /// What the kind itself needs to know.
    fn own(&self, kind: &KindKeys, keys: &DeTable<'_>) -> Result<SourceKind, ConfigError> {
        match kind.name {
            "files" => Ok(SourceKind::Files(self.take(keys, &["dir"])?)),
            "kinesis" => {
                let stream: StreamKeys = self.take(keys, &["stream", "start", "poll_interval"])?;
                stream.check().map_err(|error| {
                    let key = format!("{KEY}.{}", error.key);
                    self.refused(self.at(keys, error.key), &key, &error.value, &error.expected)
                })?;
                let StreamKeys { stream, start, poll_interval } = stream;
                let access: AwsAccess = self.take(keys, &["region", "endpoint"])?;
                Ok(SourceKind::Kinesis(KinesisOptions { access, stream, start, poll_interval }))
            }
            "sqs" => {
                let QueueKeys { queue_url } = self.take(keys, &["queue_url"])?;
                let access: AwsAccess = self.take(keys, &["region", "endpoint"])?;
                Ok(SourceKind::Sqs(SqsOptions { access, queue_url }))
            }
            _ => {
                let TopicKeys { topic, start } = self.take(keys, &["topic", "start"])?;
                let names = ["brokers", "security", "mechanism", "user", "password", "ca_file"];
                let access: KafkaAccess = self.take(keys, &names)?;
                access.check().map_err(|error| {
                    // What is missing has no line: that of the brokers is near.
                    let at = if keys.contains_key(error.key) { error.key } else { "brokers" };
                    let key = format!("{KEY}.{}", error.key);
                    self.refused(self.at(keys, at), &key, &error.value, &error.expected)
                })?;
                Ok(SourceKind::Kafka(KafkaOptions { access, topic, start }))
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

    /// Reads some keys of a table.
    fn take<T: DeserializeOwned>(&self, keys: &DeTable<'_>, names: &[&str]) -> Result<T, ConfigError> {
        let chosen = keys.iter().filter(|(key, _)| names.contains(&key.get_ref().as_ref()));
        let table: DeTable<'_> = chosen.map(|(key, value)| (key.clone(), value.clone())).collect();
        let value = Spanned::new(0..0, DeValue::Table(table));
        serde_path_to_error::deserialize(ValueDeserializer::from(value)).map_err(|error| {
            let path: Vec<&str> = error.path().iter().filter_map(name_of).collect();
            let key = path.join(".");
            let inner = error.inner();
            let outer = self.at(keys, path.first().copied().unwrap_or_default());
            let span = inner.span().filter(|span| span.end > 0).unwrap_or(outer..outer);
            self.said(span, &key, inner.message().trim_end())
        })
    }

    /// What serde says, in the words of settings.
    fn said(&self, span: std::ops::Range<usize>, key: &str, said: &str) -> ConfigError {
        let named = said.split('`').nth(1).unwrap_or_default();
        if said.starts_with("unknown field") {
            let known = said.split('`').skip(3).step_by(2);
            let outer =
                key.rsplit_once('.').map_or(key, |(outer, last)| if last == named { outer } else { key });
            return self.unknown(span.start, &format!("{outer}.{named}"), closest(named, known));
        }
        if said.starts_with("missing field") {
            return self.refused(span.start, &format!("{KEY}.{key}.{named}"), "missing", "a value");
        }
        let wanted = said.rsplit_once("expected ").map_or(said, |(_, wanted)| wanted);
        // A password may be in a table's text as well, so only what stands alone is shown.
        let is_secret = key.ends_with("password");
        let written = self.text.get(span.clone()).unwrap_or_default();
        let is_plain =
            !is_secret && !written.is_empty() && written.len() <= 80 && !written.contains(['\n', '{']);
        let value = if is_plain { written } else { "not usable" };
        self.refused(span.start, &format!("{KEY}.{key}"), value, wanted)
    }

    fn text_of(&self, at: usize, keys: &DeTable<'_>, key: &str, what: &str) -> Result<String, ConfigError> {
        let full = format!("{KEY}.{key}");
        match keys.get(key).map(Spanned::get_ref) {
            None => Err(self.refused(at, &full, "missing", what)),
            Some(DeValue::String(text)) => Ok(text.to_string()),
            Some(other) => Err(self.refused(self.at(keys, key), &full, &shown(other), what)),
        }
    }

    /// Where a key of a table stands.
    fn at(&self, keys: &DeTable<'_>, name: &str) -> usize {
        keys.get_key_value(name).map_or(0, |(key, _)| key.span().start)
    }

    fn origin(&self, at: usize, key: &str) -> Origin {
        Origin::File { file: self.file.to_owned(), line: position(self.text, at).0, key: key.to_owned() }
    }

    fn refused(&self, at: usize, key: &str, value: &str, expected: &str) -> ConfigError {
        ConfigError::Value {
            origin: Some(Box::new(self.origin(at, key))),
            key: key.to_owned(),
            value: value.to_owned(),
            expected: expected.to_owned(),
        }
    }

    fn unknown(&self, at: usize, name: &str, nearest: Option<&str>) -> ConfigError {
        ConfigError::Unknown {
            file: self.file.to_owned(),
            line: position(self.text, at).0,
            what: "setting",
            name: format!("{KEY}.{name}"),
            nearest: nearest.map(str::to_owned),
        }
    }
}

fn name_of(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Map { key } => Some(key),
        _ => None,
    }
}
