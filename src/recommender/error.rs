//! Why a request was refused.

use thiserror::Error;

use crate::feature::PredicateError;

/// A request that gets no slate at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecommendError {
    /// No placement of this name in the served snapshot.
    #[error("there is no placement \"{name}\"{}", did_you_mean(.nearest))]
    UnknownPlacement {
        /// As asked.
        name: String,
        /// The nearest valid name.
        nearest: Option<String>,
    },
    /// A value that cannot be used.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field of the request.
        field: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// The deadline passed before it was known what may be shown.
    #[error(
        "the time was up before it was known which items pass the filter; allow more time or simplify the filter"
    )]
    DeadlineExceeded,
    /// No snapshot is served yet.
    #[error("no snapshot is loaded yet; try again shortly")]
    NotReady,
}

impl From<PredicateError> for RecommendError {
    fn from(error: PredicateError) -> Self {
        match error {
            PredicateError::Late => Self::DeadlineExceeded,
            _ => Self::Invalid { field: "filter".to_owned(), reason: error.to_string() },
        }
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}
