//! Why a slate may differ from the one that was shown.

use serde::Serialize;

use crate::exposure::Shown;

/// Why a slate may differ from the one that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Difference {
    /// The request was too long to be recorded, or is of another version.
    NotRecorded,
    /// Rows of the exposure are missing.
    Incomplete,
    /// It was made from another snapshot.
    OtherSnapshot,
    /// Events had changed items.
    LiveEpoch,
    /// Stages were skipped or failed, under load or by accident.
    Skipped,
    /// The snapshot has no such placement.
    UnknownPlacement,
    /// A stage reads the time, and the exposure does not have it.
    Clock,
    /// The request is refused.
    Refused,
    /// None of these: another version of the program or its limits, or a page without repeated items.
    Other,
}

impl Difference {
    /// What a person is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotRecorded => "request not recorded",
            Self::Incomplete => "rows of the exposure are missing",
            Self::OtherSnapshot => "snapshot differs",
            Self::LiveEpoch => "live epoch above 0",
            Self::Skipped => "stage skipped under load, or failed",
            Self::UnknownPlacement => "placement unknown",
            Self::Clock => "clock not recorded",
            Self::Refused => "request refused",
            Self::Other => "another version or limits, or a page without repeated items",
        }
    }

    /// What is known before anything is asked.
    pub(super) fn of(shown: &Shown, snapshot: &str) -> Option<Self> {
        if shown.asked.is_none() {
            return Some(Self::NotRecorded);
        }
        if shown.items != 0 && shown.items != shown.impressions.len() {
            return Some(Self::Incomplete);
        }
        if shown.snapshot != snapshot {
            return Some(Self::OtherSnapshot);
        }
        if shown.live_epoch > 0 {
            return Some(Self::LiveEpoch);
        }
        // By the names that answers have for them; other causes lie in snapshot and request, and come again.
        let passing = |cause: &String| {
            cause.starts_with("deadline") || cause == "stage_failed" || cause == "user_features_late"
        };
        (!shown.skipped_stages.is_empty() || shown.causes.iter().any(passing)).then_some(Self::Skipped)
    }
}
