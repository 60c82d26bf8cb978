//! The settings that there are, read from `larder.default.toml`.

use std::sync::LazyLock;

use super::DEFAULTS;
use crate::feature::nearest;

/// What every variable begins with.
pub(super) const PREFIX: &str = "LARDER_";

/// One setting: a line of `larder.default.toml` with the comment above it.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its key with the section: `server.max_queued`.
    pub(super) key: String,
    /// Its environment variable: `LARDER_SERVER__MAX_QUEUED`.
    pub(super) variable: String,
    /// Its flag without the dashes in front: `server.max-queued`.
    pub(super) flag: String,
    /// The heading of the help that its flag is under.
    pub(super) heading: String,
    /// Its default, by whose type a text is read.
    pub(super) default: toml::Value,
    /// What it does, for people.
    pub(super) text: String,
}

// A file, because a field's rustdoc is not there for the program, and people copy from a file anyway. A procedural
// macro over the structs would do without it, and would be harder to read. A test holds that the two agree.
static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| parse(DEFAULTS));

/// All settings, in the order of the file.
pub(super) fn settings() -> &'static [Setting] {
    &SETTINGS
}

/// A setting by its key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    settings().iter().find(|setting| setting.key == key)
}

/// Whether a section of this name has settings.
pub(super) fn is_section(name: &str) -> bool {
    settings().iter().any(|setting| setting.section() == name)
}

impl Setting {
    fn new(section: &str, name: &str, default: toml::Value, text: String) -> Self {
        let key = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        let variable = format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase());
        let flag = key.replace('_', "-");
        let heading = if section.is_empty() { "Settings".to_owned() } else { format!("[{section}]") };
        Self { key, variable, flag, heading, default, text }
    }

    /// The section, empty for the keys above all sections.
    pub(super) fn section(&self) -> &str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// The key without its section.
    pub(super) fn name(&self) -> &str {
        self.key.split_once('.').map_or(&self.key, |(_, name)| name)
    }

    /// Whether its value must not be printed. A name tells, so that a new secret is one from its first day.
    pub(super) fn is_secret(&self) -> bool {
        ["_key", "_secret", "_password"].iter().any(|ending| self.key.ends_with(ending))
    }

    /// What would fit, by the type of the default; `None` where the field itself says so better.
    pub(super) fn expected(&self) -> Option<&'static str> {
        match self.default {
            toml::Value::Integer(_) => Some("a whole number, 0 or more"),
            toml::Value::Boolean(_) => Some("true or false"),
            _ => None,
        }
    }

    /// The value that a variable or a flag gives as text.
    pub(super) fn read(&self, text: &str) -> toml::Value {
        // By type, not by looks: `LARDER_CHANNEL=2024` is a name.
        let typed = match self.default {
            toml::Value::Integer(_) => text.parse().ok().map(toml::Value::Integer),
            toml::Value::Boolean(_) => text.parse().ok().map(toml::Value::Boolean),
            _ => None,
        };
        // A text where a number belongs is refused by its field, together with those from a file.
        typed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
    }
}

/// The key that somebody may have meant by an unknown one.
pub(super) fn nearest_key(unknown: &str) -> Option<&'static str> {
    let (section, name) = unknown.rsplit_once('.').unwrap_or(("", unknown));
    let here = settings().iter().filter(|setting| setting.section() == section);
    // The right name in the wrong section is meant more often than a like name in the right one.
    let meant = if settings().iter().any(|setting| setting.name() == name) {
        name
    } else {
        closest(name, here.map(Setting::name))
            .or_else(|| closest(name, settings().iter().map(Setting::name)))?
    };
    let candidates = settings().iter().filter(|setting| setting.name() == meant);
    candidates.min_by_key(|setting| setting.section() != section).map(|setting| setting.key.as_str())
}

/// The name closest to a wrong one, if it can be meant: [`nearest`] alone would find one for nearly any word.
pub(super) fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let begins = |known: &str| name.len() >= 3 && known.starts_with(name);
    nearest(
        name,
        known.filter(|known| begins(known) || strsim::normalized_damerau_levenshtein(name, known) >= 0.6),
    )
}

/// Reads the settings of a file in the shape of `larder.default.toml`: each key on one line, its comment above it.
fn parse(file: &'static str) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut section = "";
    let mut comment: Vec<&str> = Vec::new();
    for line in file.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        }
        // A line that is empty or only a section's name has no pair.
        let pair = toml::from_str::<toml::Table>(line).unwrap_or_default();
        if let Some((name, default)) = pair.into_iter().find(|(_, value)| !value.is_table()) {
            settings.push(Setting::new(section, &name, default, comment.join(" ")));
        }
        comment.clear();
    }
    settings
}
