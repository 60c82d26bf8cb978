//! What impressions can be told apart by.

use serde::Serialize;

use crate::exposure::{Shown, ShownItem};

/// What impressions can be told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dimension {
    /// Where it was shown.
    Placement,
    /// The stage that contributed most to the item.
    Source,
    /// The item's position, from 1.
    Rank,
    /// The snapshot.
    Snapshot,
    /// How much of the recipe the answer lost.
    Level,
    /// The branch of an experiment; empty where the exposures have none.
    Variant,
}

impl Dimension {
    /// All of them, in the order in which they are printed.
    pub const ALL: [Self; 6] =
        [Self::Placement, Self::Source, Self::Rank, Self::Snapshot, Self::Level, Self::Variant];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placement => "placement",
            Self::Source => "source",
            Self::Rank => "rank",
            Self::Snapshot => "snapshot",
            Self::Level => "level",
            Self::Variant => "variant",
        }
    }

    /// The one with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.as_str() == name)
    }

    /// Its value for an impression; a rank is a number.
    pub(super) fn text<'a>(self, shown: &'a Shown, item: &'a ShownItem) -> Option<&'a str> {
        match self {
            Self::Placement => Some(&shown.placement),
            Self::Source => Some(&item.source),
            Self::Rank => None,
            Self::Snapshot => Some(&shown.snapshot),
            Self::Level => Some(&shown.level),
            Self::Variant => Some(shown.variant.as_deref().unwrap_or_default()),
        }
    }
}
