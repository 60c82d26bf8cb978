//! Changes that the tuner makes to a recipe, and a recipe in one line.

use toml::{Table, Value};

use crate::recommender::{PlacementSpec, StageSpec};

/// How the blend makes the scores of its sources comparable where nothing else was chosen.
const NORMALIZE: &str = "max";

/// Adds a source with its weight in the blend.
pub(super) fn add_source(spec: &mut PlacementSpec, source: &StageSpec, weight: f64) {
    spec.sources.push(source.clone().into());
    let weights = blend(spec).params.entry("weights").or_insert_with(|| Table::new().into());
    if let Value::Table(weights) = weights {
        weights.insert(source.label().to_owned(), weight.into());
    }
}

/// The same recipe with these sources instead of its own, all of weight 1.
pub(super) fn with_sources<'s>(
    base: &PlacementSpec,
    sources: impl IntoIterator<Item = &'s StageSpec>,
) -> PlacementSpec {
    // The scorer goes too: its weights are those of the sources.
    let mut spec = PlacementSpec { sources: Vec::new(), scorer: None, ..base.clone() };
    for source in sources {
        add_source(&mut spec, source, 1.0);
    }
    spec
}

/// The same recipe with another normalisation of its blend.
pub(super) fn with_normalize(base: &PlacementSpec, normalize: &str) -> PlacementSpec {
    let mut spec = base.clone();
    blend(&mut spec).params.insert("normalize".to_owned(), normalize.into());
    spec
}

/// The recipe's scorer, which in the tuner is always a blend.
fn blend(spec: &mut PlacementSpec) -> &mut StageSpec {
    let blend = || StageSpec::new("blend").with("normalize", NORMALIZE).into();
    spec.scorer.get_or_insert_with(blend).get_mut()
}

/// Sources, weights and what else was chosen in one line, for evidence and tables.
pub(super) fn summary(spec: &PlacementSpec) -> String {
    let scorer = spec.scorer.as_ref().map(|scorer| &scorer.get_ref().params);
    // A source without a weight counts 1, as in the blend itself.
    let weight = |label: &str| scorer.and_then(|params| params.get("weights")?.get(label)?.as_float());
    let sources = spec.sources.iter().map(|source| {
        let source = source.get_ref();
        format!("{} {:?} ({})", source.label(), weight(source.label()).unwrap_or(1.0), params(source))
    });
    let normalize = scorer.and_then(|params| params.get("normalize")?.as_str()).unwrap_or(NORMALIZE);
    let exclude: Vec<String> = spec.exclude.iter().map(|group| format!("{group:?}").to_lowercase()).collect();
    let rerank = spec.rerank.iter().map(|stage| {
        let stage = stage.get_ref();
        format!("; {} ({})", stage.label(), params(stage))
    });
    format!(
        "{}; normalize {normalize}; exclude [{}]{}",
        sources.collect::<Vec<_>>().join(" + "),
        exclude.join(", "),
        rerank.collect::<String>()
    )
}

/// `artifact = "similar", take = 200`.
fn params(stage: &StageSpec) -> String {
    let params = stage.params.iter().map(|(name, value)| format!("{name} = {value}"));
    params.collect::<Vec<_>>().join(", ")
}
