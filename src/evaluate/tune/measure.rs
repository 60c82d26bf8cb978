//! One recipe replayed over one trial.

use toml::Spanned;

use crate::evaluate::error::TrainError;
use crate::evaluate::metrics::Report;
use crate::evaluate::replay::{ReplayError, ReplayOptions, Replayer};
use crate::evaluate::trial::Trial;
use crate::recommender::{PlacementSpec, PlacementsFile};

/// Replays one recipe over a trial; `None` where the held-out events have nothing to ask it.
pub(super) fn measure(
    trial: &Trial,
    replayer: &Replayer<'_>,
    placement: &str,
    spec: &PlacementSpec,
    options: &ReplayOptions,
) -> Result<Option<Report>, TrainError> {
    let mut file = PlacementsFile::default();
    file.placements.insert(placement.to_owned(), Spanned::new(0..0, spec.clone()));
    // Through the text that would be written: what is measured is what will be served.
    let recommender = trial.recommender(&file.to_toml()?)?;
    match replayer.replay(&recommender, placement, options) {
        Ok(report) => Ok(Some(report)),
        Err(ReplayError::Nothing { .. }) => Ok(None),
        Err(ReplayError::Request(error)) => Err(TrainError::Replay(error)),
    }
}
