//! `placements.toml` becomes placements; whatever does not fit the snapshot is refused with its line.

use std::collections::BTreeMap;
use std::ops::Range;

use thiserror::Error;

use super::recipe::Recipe;
use super::{Placement, PlacementsFile};
use crate::feature::PredicateError;
use crate::pipeline::{BuildError, Stages, USER_TABLES};
use crate::snapshot::{Snapshot, SnapshotError};

/// Upper bound on the placements of a snapshot. Raising it makes a swap take longer, since each is compiled and warmed,
/// and adds time series, since each is counted.
const MAX_PLACEMENTS: usize = 1000;

/// Upper bound on the stages in each list of a recipe. Raising it lets one request do more work.
pub(super) const MAX_STAGES: usize = 32;

/// Why a recipe cannot be used, and the bytes of the file that it is about.
#[derive(Debug)]
pub(super) struct RecipeError {
    pub(super) at: Range<usize>,
    // In a box: it is ten times as large as what most functions return.
    pub(super) reason: Box<RecipeReason>,
}

/// Why a recipe cannot be used.
#[derive(Debug, Error)]
pub(super) enum RecipeReason {
    #[error("page_size is {0}, expected 1 to 100")]
    PageSize(usize),
    #[error("sources is empty: a placement needs at least one")]
    NoSources,
    #[error("{list} has {length} stages, expected at most {MAX_STAGES}")]
    TooManyStages { list: &'static str, length: usize },
    #[error("two stages are called \"{0}\"; give one of them another name = \"…\"")]
    SameLabel(String),
    #[error("exclude names \"purchased\" or \"seen\", which need history = \"<a user_items artifact>\"")]
    NoHistory,
    #[error("\"{0}\" reads users' features; only a scorer can")]
    UserTables(String),
    #[error("\"{label}\" reads {count} tables of users' features, expected at most {USER_TABLES}")]
    TooManyTables { label: String, count: usize },
    #[error("{kind}: {source}")]
    Stage { kind: String, source: BuildError },
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Filter(#[from] PredicateError),
}

impl RecipeReason {
    /// This reason, about these bytes.
    pub(super) fn at(self, at: &Range<usize>) -> RecipeError {
        RecipeError { at: at.clone(), reason: Box::new(self) }
    }
}

pub(super) fn compile(
    snapshot: &Snapshot,
    text: &str,
    stages: &Stages,
) -> Result<BTreeMap<String, Placement>, SnapshotError> {
    let file: PlacementsFile = toml::from_str(text).map_err(|error| {
        let at = error.span().unwrap_or_default();
        refused(text, &at, None, error.message())
    })?;
    if file.placements.is_empty() || file.placements.len() > MAX_PLACEMENTS {
        let reason = format!("has {} placements, expected 1 to {MAX_PLACEMENTS}", file.placements.len());
        return Err(refused(text, &(0..0), None, &reason));
    }
    // The first fault ends it: a snapshot is served with all of its placements or not at all.
    let recipe = Recipe { snapshot, stages };
    let mut placements = BTreeMap::new();
    for (name, spec) in file.placements {
        let at = spec.span();
        let placement = recipe
            .placement(spec.into_inner(), &at)
            .map_err(|error| refused(text, &error.at, Some(&name), &error.reason.to_string()))?;
        placements.insert(name, placement);
    }
    Ok(placements)
}

fn refused(text: &str, at: &Range<usize>, placement: Option<&str>, reason: &str) -> SnapshotError {
    // toml gives bytes; people look for lines.
    let line = text.get(..at.start).unwrap_or("").matches('\n').count() + 1;
    let place = placement.map(|name| format!(" (placement \"{name}\")")).unwrap_or_default();
    let part = format!("placements.toml, line {line}{place}");
    SnapshotError::Refused { artifact: "placements", part, reason: reason.to_owned() }
}
