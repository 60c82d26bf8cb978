//! The sources on top of each other, and the settings applied one by one.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::error::{Origin, Warning};
use super::known::{Setting, find};
use super::renamed::Renamed;
use super::sinks::{self, GivenSink};
use super::sources::GivenSource;
use super::text::show;
use super::{Config, ConfigError, DEFAULTS};
use crate::connect::FILES;
use crate::connect::source::SourceOptions;
use crate::server::identity::Credentials;

/// One setting as one source gives it.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) setting: &'static Setting,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// What one source gives, by key.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) given: BTreeMap<&'static str, Given>,
    /// The `[[events.source]]`, which only a file has.
    pub(super) sources: Vec<GivenSource>,
    /// The `[[events.sink]]`, likewise.
    pub(super) sinks: Vec<GivenSink>,
    /// The `[[auth.keys]]` and the other credentials, likewise.
    pub(super) credentials: Credentials,
    pub(super) warnings: Vec<Warning>,
}

impl Layer {
    /// Adds a setting by its own name.
    pub(super) fn add(&mut self, given: Given) -> Result<(), ConfigError> {
        let key = given.setting.key.as_str();
        match self.given.remove(key) {
            // A file and a command line cannot name a key twice, and an environment has each variable once: the other
            // one was given by its old name.
            Some(other) => Err(ConfigError::twice(other.origin, given.origin)),
            None => {
                self.given.insert(key, given);
                Ok(())
            }
        }
    }

    /// Adds a setting by its old name; `instead` writes what to say from now on.
    pub(super) fn add_renamed(
        &mut self,
        old: &Renamed,
        value: Value,
        origin: Origin,
        instead: impl FnOnce(&Value) -> String,
    ) -> Result<(), ConfigError> {
        let key = old.setting.key.as_str();
        if let Some(new) = self.given.remove(key) {
            return Err(ConfigError::twice(origin, new.origin));
        }
        let shown = show(&value);
        let value = old.convert(value).map_err(|expected| ConfigError::Value {
            origin: Some(Box::new(origin.clone())),
            key: old.key.to_owned(),
            value: shown,
            expected: expected.to_owned(),
        })?;
        self.warnings.push(Warning::Renamed { origin: origin.clone(), instead: instead(&value) });
        self.given.insert(key, Given { setting: old.setting, value, origin });
        Ok(())
    }
}

/// A configuration, and what should be changed about how it was given.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What works, and should be changed all the same.
    pub warnings: Vec<Warning>,
}

/// Puts the layers on top of each other, the strongest last, over the defaults.
pub(super) fn load(layers: Vec<Layer>) -> Result<Loaded, ConfigError> {
    // Only what is in force is looked at: in an emergency a flag gets past a bad value in a file that others own.
    let mut winners: BTreeMap<&str, Given> = BTreeMap::new();
    let mut warnings = Vec::new();
    let (mut sources, mut sinks) = (Vec::new(), Vec::new());
    let mut credentials = Credentials::default();
    for layer in layers {
        sources.extend(layer.sources);
        sinks.extend(layer.sinks);
        credentials = credentials.with(layer.credentials);
        winners.extend(layer.given);
        warnings.extend(layer.warnings);
    }
    // Every key is there from the beginning, with the type that its default has. That this parses is held by a test.
    let mut table: Table = toml::from_str(DEFAULTS).unwrap_or_default();
    let mut config = Config::default();
    // One by one, because an error of serde does not say which key it is about. There are some forty of them, once.
    for given in winners.values() {
        set(&mut table, given.setting, given.value.clone());
        config = table.clone().try_into().map_err(|error| refused(given, &error))?;
    }
    config.events.sinks = sinks.iter().map(|sink| sink.options.clone()).collect();
    config.auth.credentials = credentials;
    config.check().map_err(|(section, error)| {
        let key = if section.is_empty() { error.key.to_owned() } else { format!("{section}.{}", error.key) };
        let secret = find(&key).is_some_and(Setting::is_secret);
        ConfigError::Value {
            origin: winners.get(key.as_str()).map(|given| Box::new(given.origin.clone())),
            key,
            value: if secret { "not usable".to_owned() } else { error.value },
            expected: error.expected,
        }
    })?;
    sinks::check(&config, &sinks)?;
    config.events.sources = named_once(&config, sources)?;
    Ok(Loaded { config: config.compose(), warnings })
}

/// The sources, if none of them has the name that `events.dir` has.
fn named_once(config: &Config, sources: Vec<GivenSource>) -> Result<Vec<SourceOptions>, ConfigError> {
    let taken = |source: &&GivenSource| config.events.dir.is_some() && source.options.name == FILES;
    if let Some(source) = sources.iter().find(taken) {
        return Err(ConfigError::Value {
            origin: Some(Box::new(source.name_at.clone())),
            key: "events.source.name".to_owned(),
            value: format!("\"{FILES}\""),
            expected: "another name: the source of events.dir has this one".to_owned(),
        });
    }
    Ok(sources.into_iter().map(|source| source.options).collect())
}

fn set(table: &mut Table, setting: &Setting, value: Value) {
    let target = match setting.section() {
        "" => Some(table),
        section => table.get_mut(section).and_then(Value::as_table_mut),
    };
    if let Some(target) = target {
        target.insert(setting.name().to_owned(), value);
    }
}

fn refused(given: &Given, error: &toml::de::Error) -> ConfigError {
    let setting = given.setting;
    // serde says "invalid type: integer `5`, expected a string", the settings' forms "expected …": what follows the
    // word is what there is to know.
    let said = error.message().trim_end();
    let wanted = said.rsplit_once("expected ").map_or(said, |(_, wanted)| wanted);
    let expected = match (wanted, setting.expected()) {
        ("u32", _) => "a whole number from 0 to 4294967295",
        (_, Some(expected)) => expected,
        (_, None) => wanted,
    };
    ConfigError::Value {
        origin: Some(Box::new(given.origin.clone())),
        key: setting.key.clone(),
        value: if setting.is_secret() { "not usable".to_owned() } else { show(&given.value) },
        expected: expected.to_owned(),
    }
}
