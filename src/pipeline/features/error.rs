//! Why an input of a ranker cannot be fed.

use thiserror::Error;

use super::name::FAMILIES;
use crate::pipeline::USER_TABLES;

/// What is wrong with the feature of one input. `hint` is the nearest name that would do, in quotes, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InputError {
    /// The name is of no family of features.
    #[error("is not the name of a feature{}; names are: {FAMILIES}", did_you_mean(.hint))]
    Name {
        /// The nearest name of a feature.
        hint: Option<String>,
    },
    /// No item has such a column.
    #[error("is neither in the catalogue nor in an item_features artifact{}", did_you_mean(.hint))]
    ItemColumn {
        /// The nearest name of a feature.
        hint: Option<String>,
    },
    /// No user has such a column.
    #[error("is in no user_features artifact{}", did_you_mean(.hint))]
    UserColumn {
        /// The nearest name of a feature.
        hint: Option<String>,
    },
    /// Two tables have a column of this name.
    #[error("is in {first} and in \"{second}\": give the columns different names")]
    Ambiguous {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// The placement has no such source.
    #[error("names a source that this placement does not have{}; it has: {known}", did_you_mean(.hint))]
    Source {
        /// The nearest name of a feature.
        hint: Option<String>,
        /// The sources there are.
        known: String,
    },
    /// More tables of users' features than a request looks into.
    #[error("is in one user_features artifact more than the {USER_TABLES} a ranker may read")]
    UserTables,
    /// Two texts have no ratio.
    #[error("is the ratio of two texts; it takes a column of numbers")]
    TextRatio,
    /// The feature is a number by its nature, and the input takes a category.
    #[error("is {what}, a number; the ranker takes a category here")]
    NumberOnly {
        /// What the feature is.
        what: &'static str,
    },
    /// A text for an input that takes a number.
    #[error("is text, and the ranker takes a number: list the texts by code in params.categories")]
    TextForNumber,
    /// A text for an input whose codes nobody says.
    #[error("is text, and the model does not say its codes: list the texts by code in params.categories")]
    TextWithoutCodes,
    /// A text for an input whose categories are numbers.
    #[error("is text, and the ranker's categories are numbers")]
    TextForNumbers,
    /// A number for an input whose categories are texts.
    #[error("is a number, and the ranker's categories are texts")]
    NumberForTexts,
}

fn did_you_mean(hint: &Option<String>) -> String {
    hint.as_ref().map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}
