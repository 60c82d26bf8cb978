//! Why a model was refused.

use thiserror::Error;

/// A model file that cannot be served. Says where in the file, what is wrong there, and what would do instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The file is not what its format says.
    #[error("{place}: {reason}")]
    Malformed {
        /// `line 12`, `Tree=3, leaf_value`, `learner.gradient_booster.model.trees[3].left_children`.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// The file is sound, but nothing here can serve such a model.
    #[error("{what} cannot be served: {instead}")]
    Unsupported {
        /// What the model has.
        what: String,
        /// What to do instead.
        instead: String,
    },
    /// Another output was asked for than the model has.
    #[error("the model has {outputs} outputs, so there is no output {output}; they count from 0")]
    NoSuchOutput {
        /// What was asked for.
        output: usize,
        /// How many there are.
        outputs: usize,
    },
}

impl ModelError {
    pub(super) fn malformed(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Malformed { place: place.into(), reason: reason.into() }
    }

    pub(super) fn unsupported(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), instead: instead.into() }
    }
}

/// A text out of a file, short enough for an error message.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}
