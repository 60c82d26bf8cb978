//! Why a model was refused.

use std::error::Error as StdError;

use thiserror::Error;

/// A model file that cannot be served. Says where in the file, what is wrong there, and what would do instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The reader of the format under the model's own, such as JSON, gave up.
    #[error("{place}: {source}")]
    Unreadable {
        /// `byte 17`, `line 12, column 3`, `the graph`.
        place: String,
        /// What the reader said.
        source: Box<dyn StdError + Send + Sync>,
    },
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
    pub(super) fn unreadable(
        place: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Unreadable { place: place.into(), source: source.into() }
    }

    /// What serde_json says, with the place in front.
    pub(super) fn json(error: serde_json::Error) -> Self {
        Self::unreadable(format!("line {}, column {}", error.line(), error.column()), JsonFault(error))
    }

    pub(super) fn malformed(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Malformed { place: place.into(), reason: reason.into() }
    }

    pub(super) fn unsupported(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), instead: instead.into() }
    }
}

/// A JSON error without its place, which is said elsewhere, and no longer than a line: it may quote the file.
#[derive(Debug, Error)]
#[error("{}", without_place(.0))]
struct JsonFault(#[source] serde_json::Error);

fn without_place(error: &serde_json::Error) -> String {
    const MOST: usize = 200;
    let said = error.to_string();
    let end = said.rfind(" at line ").unwrap_or(said.len());
    said[..end].chars().take(MOST).collect()
}

/// A text out of a file, short enough for an error message.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}
