//! The mappings of a configuration file, and no more of it: a file that is right but for a mapping is what people try
//! out.

use std::fmt::Display;
use std::path::Path;

use serde::Deserialize;

use crate::cli::CliError;
use crate::connect::decode::Mapping;

/// The part of a configuration file that mappings are in.
#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    events: Events,
}

#[derive(Default, Deserialize)]
struct Events {
    #[serde(default)]
    source: Vec<Source>,
}

/// A source and its mappings.
#[derive(Deserialize)]
pub(super) struct Source {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) map: Vec<Mapping>,
}

/// The sources of a file.
pub(super) fn sources(path: &Path) -> Result<Vec<Source>, CliError> {
    let failed = |source| CliError::Unreadable { file: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let file: ConfigFile = toml::from_str(&text).map_err(|error| {
        // Not the parser's own words, which show the line: there may be a secret in it.
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        unusable(Some(path), &format!("line {}: {}", before.matches('\n').count() + 1, error.message()))
    })?;
    Ok(file.events.source)
}

/// The source with this name, else the only one.
pub(super) fn choose(path: &Path, sources: Vec<Source>, wanted: Option<&str>) -> Result<Source, CliError> {
    let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let is_only = names.len() == 1;
    let found = sources.into_iter().find(|source| wanted.map_or(is_only, |wanted| source.name == wanted));
    found.ok_or_else(|| {
        CliError::Usage(format!(
            "{}: choose one of its [[events.source]] with --source: {}",
            path.display(),
            if names.is_empty() { "there are none".to_owned() } else { names.join(", ") }
        ))
    })
}

/// What is wrong with a file, or with what was given without one.
pub(super) fn unusable(path: Option<&Path>, problem: &dyn Display) -> CliError {
    let path = path.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    CliError::Usage(format!("{path}{problem}"))
}
