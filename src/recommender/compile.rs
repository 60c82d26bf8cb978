//! `placements.toml` becomes placements; whatever does not fit the snapshot is refused with its line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::recipe::Recipe;
use super::{Placement, PlacementsFile, View, golden};
use crate::pipeline::Stages;
use crate::snapshot::{Snapshot, SnapshotError};

/// Upper bound on the placements of a snapshot. Raising it makes a swap take longer, since each is compiled and warmed,
/// and adds time series, since each is counted.
const MAX_PLACEMENTS: usize = 1000;

impl View {
    /// Compiles the snapshot's own recipes, then asks every placement once (which warms it) and the golden queries.
    ///
    /// # Errors
    /// A recipe that does not fit (with its line and the nearest valid name), or a golden query with another answer.
    pub fn prepare(snapshot: Snapshot, stages: &Stages) -> Result<Self, SnapshotError> {
        let recipes = snapshot.placements().to_owned();
        let view = Self::compile(Arc::new(snapshot), &recipes, stages)?;
        // Before anybody can ask it: a view that answers its golden queries wrongly is never served.
        golden::check(&view)?;
        Ok(view)
    }

    /// Compiles recipes, in the format of `placements.toml`, against a snapshot. There are no rules and no events.
    ///
    /// # Errors
    /// A recipe that does not fit.
    pub fn compile(snapshot: Arc<Snapshot>, recipes: &str, stages: &Stages) -> Result<Self, SnapshotError> {
        let placements = compile(&snapshot, recipes, stages)?;
        Ok(Self::new(snapshot, placements))
    }
}

fn compile(
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
