//! What goes out.

use serde::Deserialize;

/// A kind of records that go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// Slates that were shown.
    Exposures,
}

impl What {
    /// Its name in settings, metrics and directories.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exposures => "exposures",
        }
    }
}
