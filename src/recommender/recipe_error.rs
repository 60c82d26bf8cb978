//! Why a recipe cannot be used, and where in its file.

use std::ops::Range;

use thiserror::Error;

use crate::feature::PredicateError;
use crate::pipeline::{BuildError, USER_TABLES};

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
