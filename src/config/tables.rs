//! Lists of tables: `[[events.source]]` and `[[events.sink]]`, whose keys depend on their kind, and credentials. They
//! are in a file only; no variable or flag has them.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::ConfigError;
use super::error::Origin;
use super::known::closest;
use super::text::{position, shown};
use crate::connect::source::{KindKeys, check_name};
use crate::connect::{AwsAccess, KafkaAccess};
use crate::setting::SettingError;

/// Where a list is.
#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    pub(super) file: &'t Path,
    pub(super) text: &'t str,
    /// The key of the list, as messages name it.
    pub(super) key: &'static str,
}

/// A table of a list: what all kinds have.
pub(super) struct Head<'t> {
    pub(super) kind: &'static KindKeys,
    pub(super) name: String,
    pub(super) name_at: Origin,
    pub(super) keys: &'t DeTable<'t>,
}

impl<'t> Place<'t> {
    /// Reads the list, whose key stands at `at`. `own`: the keys of every kind.
    pub(super) fn tables(
        &self,
        at: usize,
        list: &'t DeValue<'t>,
        kinds: &'static [KindKeys],
        own: &[&str],
    ) -> Result<Vec<Head<'t>>, ConfigError> {
        let mut heads: Vec<Head<'_>> = Vec::new();
        for (at, keys) in self.list(at, list)? {
            let head = self.head(at, keys, kinds, own)?;
            if heads.iter().any(|other| other.name == head.name) {
                let (key, value) = (self.of("name"), format!("\"{}\"", head.name));
                return Err(self.refused(self.at(keys, "name"), &key, &value, "a name that no other has"));
            }
            heads.push(head);
        }
        Ok(heads)
    }

    /// The tables of a list, each with where it begins.
    pub(super) fn list(
        &self,
        at: usize,
        list: &'t DeValue<'t>,
    ) -> Result<Vec<(usize, &'t DeTable<'t>)>, ConfigError> {
        let expected = format!("tables, each under [[{}]]", self.key);
        let not_tables = || self.refused(at, self.key, "no list of tables", &expected);
        let tables = list.as_array().ok_or_else(not_tables)?.iter().map(|table| match table.get_ref() {
            DeValue::Table(keys) => Ok((table.span().start, keys)),
            _ => Err(not_tables()),
        });
        tables.collect()
    }

    /// Refuses keys that are none of these.
    pub(super) fn only<'n>(
        &self,
        keys: &DeTable<'_>,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<(), ConfigError> {
        for (key, _) in keys {
            let name = key.get_ref().as_ref();
            if !known.clone().any(|known| known == name) {
                return Err(self.unknown(key.span().start, name, closest(name, known)));
            }
        }
        Ok(())
    }

    fn head(
        &self,
        at: usize,
        keys: &'t DeTable<'t>,
        kinds: &'static [KindKeys],
        own: &[&str],
    ) -> Result<Head<'t>, ConfigError> {
        let kind = self.kind(at, keys, kinds)?;
        self.only(keys, own.iter().copied().chain(kind.keys.iter().copied()))?;
        for (key, expected) in kind.needed {
            if !keys.contains_key(*key) {
                return Err(self.refused(at, &self.of(key), "missing", expected));
            }
        }
        let name: String = self.text_of(at, keys, "name", "a name of its own")?;
        let name_at = self.at(keys, "name");
        check_name(&name)
            .map_err(|error| self.refused(name_at, &self.of("name"), &error.value, &error.expected))?;
        Ok(Head { kind, name, name_at: self.origin(name_at, &self.of("name")), keys })
    }

    fn kind(
        &self,
        at: usize,
        keys: &DeTable<'_>,
        kinds: &'static [KindKeys],
    ) -> Result<&'static KindKeys, ConfigError> {
        let quoted = |kind: &KindKeys| format!("\"{}\"", kind.name);
        let names = one_of(kinds.iter().map(quoted).collect());
        let name = self.text_of(at, keys, "kind", &names)?;
        let here = self.at(keys, "kind");
        let refused = |expected: &str| self.refused(here, &self.of("kind"), &format!("\"{name}\""), expected);
        let Some(kind) = kinds.iter().find(|kind| kind.name == name) else {
            let nearest = closest(&name, kinds.iter().map(|kind| kind.name));
            let meant = nearest.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
            return Err(refused(&format!("{names}{meant}")));
        };
        match kind.missing {
            Some(reason) => {
                let built = kinds.iter().filter(|kind| kind.missing.is_none()).map(quoted);
                Err(refused(&format!("{}: {reason}", one_of(built.collect()))))
            }
            None => Ok(kind),
        }
    }

    /// How a Kafka cluster is reached.
    pub(super) fn kafka_access(&self, keys: &DeTable<'_>) -> Result<KafkaAccess, ConfigError> {
        let names = ["brokers", "security", "mechanism", "user", "password", "ca_file"];
        let access: KafkaAccess = self.take(keys, &names)?;
        access.check().map_err(|error| self.of_access(keys, "brokers", &error))?;
        Ok(access)
    }

    /// What keys of access say that do not go together. What is missing has no line: that of `near` is near.
    pub(super) fn of_access(&self, keys: &DeTable<'_>, near: &str, error: &SettingError) -> ConfigError {
        let at = if keys.contains_key(error.key) { error.key } else { near };
        self.refused(self.at(keys, at), &self.of(error.key), &error.value, &error.expected)
    }

    /// How a service of Amazon's is reached.
    pub(super) fn aws_access(&self, keys: &DeTable<'_>) -> Result<AwsAccess, ConfigError> {
        self.take(keys, &["region", "endpoint"])
    }

    /// A key of a table, as messages name it.
    pub(super) fn of(&self, key: &str) -> String {
        format!("{}.{key}", self.key)
    }

    /// Reads some keys of a table.
    pub(super) fn take<T: DeserializeOwned>(
        &self,
        keys: &DeTable<'_>,
        names: &[&str],
    ) -> Result<T, ConfigError> {
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
            return self.refused(span.start, &self.of(&format!("{key}.{named}")), "missing", "a value");
        }
        let wanted = said.rsplit_once("expected ").map_or(said, |(_, wanted)| wanted);
        // A secret may be in a table's text as well, so only what stands alone is shown.
        let is_secret = key.ends_with("password") || key.ends_with("token");
        let written = self.text.get(span.clone()).unwrap_or_default();
        let is_plain =
            !is_secret && !written.is_empty() && written.len() <= 80 && !written.contains(['\n', '{']);
        let value = if is_plain { written } else { "not usable" };
        self.refused(span.start, &self.of(key), value, wanted)
    }

    fn text_of(&self, at: usize, keys: &DeTable<'_>, key: &str, what: &str) -> Result<String, ConfigError> {
        let full = self.of(key);
        match keys.get(key).map(Spanned::get_ref) {
            None => Err(self.refused(at, &full, "missing", what)),
            Some(DeValue::String(text)) => Ok(text.to_string()),
            Some(other) => Err(self.refused(self.at(keys, key), &full, &shown(other), what)),
        }
    }

    /// Where a key of a table stands.
    pub(super) fn at(&self, keys: &DeTable<'_>, name: &str) -> usize {
        keys.get_key_value(name).map_or(0, |(key, _)| key.span().start)
    }

    pub(super) fn origin(&self, at: usize, key: &str) -> Origin {
        Origin::File { file: self.file.to_owned(), line: position(self.text, at).0, key: key.to_owned() }
    }

    pub(super) fn refused(&self, at: usize, key: &str, value: &str, expected: &str) -> ConfigError {
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
            name: self.of(name),
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

/// Alternatives, as a sentence has them.
fn one_of(mut names: Vec<String>) -> String {
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} or {last}", names.join(", ")),
        Some(last) => last,
        None => String::new(),
    }
}
