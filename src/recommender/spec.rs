//! `placements.toml` as values: read with positions for error messages, edited by the tuner, written for people to
//! read.

mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::pipeline::filter::Exclusion;

/// The whole file.
///
/// [`PlacementsFile::to_toml`] writes it the way a person would; serde writes the same values, one table a stage.
/// Positions ([`Spanned`]) are where a value was read from; they are not written and do not count when two files are
/// compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementsFile {
    /// Recipes by placement name.
    pub placements: BTreeMap<String, Spanned<PlacementSpec>>,
}

/// One placement's recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementSpec {
    /// Items per slate where the request does not say.
    #[serde(default = "default_page_size")]
    pub page_size: usize,
    /// The longest an answer may take.
    pub max_latency_ms: Option<u64>,
    /// Where candidates come from; at least one.
    pub sources: Vec<Spanned<StageSpec>>,
    /// A filter expression over the catalogue.
    pub filter: Option<Spanned<String>>,
    /// Further filters.
    #[serde(default)]
    pub filters: Vec<Spanned<StageSpec>>,
    /// What the subject has in front of them or has had before.
    #[serde(default)]
    pub exclude: Vec<Exclusion>,
    /// The `user_items` artifact that says what a user had before; needed by `purchased`, `seen` and `from =
    /// "history"`.
    pub history: Option<Spanned<String>>,
    /// How candidates are scored; a blend with equal weights where it is left out.
    pub scorer: Option<Spanned<StageSpec>>,
    /// Re-rankers, in order.
    #[serde(default)]
    pub rerank: Vec<Spanned<StageSpec>>,
    /// The fallback chain: sources that are asked where the recipe is short, best first.
    #[serde(default)]
    pub fallback: Vec<Spanned<StageSpec>>,
    /// What an evaluation of this placement replays.
    #[serde(default)]
    pub objective: Objective,
    /// Whether slates that depend on no person are kept in the result cache.
    #[serde(default = "default_cache")]
    pub cache: bool,
}

impl Default for PlacementSpec {
    /// A recipe without sources, and otherwise what a file gets that says nothing else.
    fn default() -> Self {
        Self {
            page_size: default_page_size(),
            max_latency_ms: None,
            sources: Vec::new(),
            filter: None,
            filters: Vec::new(),
            exclude: Vec::new(),
            history: None,
            scorer: None,
            rerank: Vec::new(),
            fallback: Vec::new(),
            objective: Objective::default(),
            cache: default_cache(),
        }
    }
}

fn default_cache() -> bool {
    true
}

fn default_page_size() -> usize {
    12
}

/// One stage: its kind, an optional name (the metric label), and the kind's own parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageSpec {
    /// The kind.
    pub kind: String,
    /// The label, where the kind alone would be ambiguous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub params: toml::Table,
}

impl StageSpec {
    /// A stage of a kind, without parameters.
    pub fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), name: None, params: toml::Table::new() }
    }

    /// Gives the stage a name.
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Sets a parameter.
    pub fn with(mut self, parameter: &str, value: impl Into<toml::Value>) -> Self {
        self.params.insert(parameter.to_owned(), value.into());
        self
    }

    /// What traces, answers and blend weights call it.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.kind)
    }
}

impl From<StageSpec> for Spanned<StageSpec> {
    /// A stage that was made by a program has no position.
    fn from(stage: StageSpec) -> Self {
        Spanned::new(0..0, stage)
    }
}

/// What a placement is for, as far as an evaluation must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Objective {
    /// The next item of a session, given all before it.
    #[default]
    NextItem,
    /// The next item put into the cart or bought, given those before it.
    NextInBasket,
    /// The next item, given only the one before it.
    NextFromCurrent,
    /// The next item of the current item's category, given only that.
    NextInCategory,
    /// What a user takes in the days that follow.
    UserItems,
    /// What a user takes in the days that follow and did not have before.
    NewItems,
}
