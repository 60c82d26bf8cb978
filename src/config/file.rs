//! The configuration file: TOML, with the line of every key.

use std::path::Path;

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::error::Origin;
use super::known::{closest, find, is_section, nearest_key, settings};
use super::layers::{Given, Layer};
use super::renamed::{gone, renamed};
use super::tables::Place;
use super::text::{plain, position, shown, syntax};
use super::{credentials, sinks, sources};

/// Reads the settings of a file.
pub(super) fn read(path: &Path) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { file: path.to_owned(), source })?;
    parse(path, &text)
}

/// Reads the settings of a text; `file` names it in messages.
pub(super) fn parse(file: &Path, text: &str) -> Result<Layer, ConfigError> {
    // Not straight into `Config`: serde would find an unknown key, but neither the nearest one nor an old name.
    let table = DeTable::parse(text).map_err(|error| syntax(file, text, &error))?;
    let mut reader = Reader { file, text, layer: Layer::default() };
    for (key, value) in table.get_ref() {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        match value.get_ref() {
            DeValue::Table(section) if is_section(name) => {
                for (key, value) in section {
                    let full = format!("{name}.{}", key.get_ref());
                    let (at, value) = (key.span().start, value.get_ref());
                    match full.as_str() {
                        sources::KEY => {
                            let place = Place { file, text, key: sources::KEY };
                            reader.layer.sources = sources::read(place, at, value)?;
                        }
                        sinks::KEY => {
                            let place = Place { file, text, key: sinks::KEY };
                            reader.layer.sinks = sinks::read(place, at, value)?;
                        }
                        credentials::KEYS => {
                            let place = Place { file, text, key: credentials::KEYS };
                            reader.layer.credentials.keys = credentials::keys(place, at, value)?;
                        }
                        credentials::CERTIFICATES => {
                            let place = Place { file, text, key: credentials::CERTIFICATES };
                            reader.layer.credentials.certificates =
                                credentials::certificates(place, at, value)?;
                        }
                        credentials::ISSUERS => {
                            let place = Place { file, text, key: credentials::ISSUERS };
                            reader.layer.credentials.issuers = credentials::issuers(place, at, value)?;
                        }
                        _ => reader.take(&full, at, value)?,
                    }
                }
            }
            // A table where a single value belongs is that setting's error, below.
            DeValue::Table(_) if find(name).is_none() => return Err(reader.unknown_section(name, at)),
            value => reader.take(name, at, value)?,
        }
    }
    Ok(reader.layer)
}

struct Reader<'t> {
    file: &'t Path,
    text: &'t str,
    layer: Layer,
}

impl Reader<'_> {
    fn take(&mut self, key: &str, at: usize, value: &DeValue<'_>) -> Result<(), ConfigError> {
        let (line, _) = position(self.text, at);
        let origin = Origin::File { file: self.file.to_owned(), line, key: key.to_owned() };
        if let Some(setting) = find(key) {
            return self.layer.add(Given { setting, value: plain(value), origin });
        }
        match renamed().iter().find(|old| old.key == key) {
            Some(old) => {
                let instead = |value: &Value| format!("{} = {value}", old.setting.key);
                self.layer.add_renamed(old, plain(value), origin, instead)
            }
            None if is_section(key) => {
                let expected = format!("a section, [{key}]");
                let value = shown(value);
                Err(ConfigError::Value {
                    origin: Some(Box::new(origin)),
                    key: key.to_owned(),
                    value,
                    expected,
                })
            }
            None if gone(key).is_some() => {
                Err(ConfigError::Gone { origin: Box::new(origin), instead: gone(key).unwrap_or_default() })
            }
            None => {
                let old = || closest(key, renamed().iter().map(|old| old.key)).and_then(now);
                Err(self.unknown("setting", key, line, nearest_key(key).or_else(old).map(str::to_owned)))
            }
        }
    }

    fn unknown_section(&self, name: &str, at: usize) -> ConfigError {
        let meant = closest(name, settings().iter().map(|setting| setting.section()));
        self.unknown(
            "section",
            &format!("[{name}]"),
            position(self.text, at).0,
            meant.map(|name| format!("[{name}]")),
        )
    }

    fn unknown(&self, what: &'static str, name: &str, line: usize, nearest: Option<String>) -> ConfigError {
        ConfigError::Unknown { file: self.file.to_owned(), line, what, name: name.to_owned(), nearest }
    }
}

/// The key that an old one is now.
fn now(key: &str) -> Option<&'static str> {
    renamed().iter().find(|old| old.key == key).map(|old| old.setting.key.as_str())
}
