//! `ranker`: a model file, and the feature that each of its inputs is.

use serde_json::Value;
use thiserror::Error;

use super::{ArtifactError, ArtifactKind, Encoded, FoundFile, Params};
use crate::feature::IdTable;
use crate::feature::{did_you_mean, nearest};
use crate::model::{CategoryValue, Format, Input, InputKind, ModelError, Ranker};
use crate::snapshot::Prediction;

/// The largest model file, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// While a model is read it takes up to so many times its file: the file, a document of four times its size, the trees.
const READING: u64 = 7;
/// Whatever the size of its file.
const READING_AT_LEAST: u64 = 1 << 20;

/// How the names of models' files may end.
const ENDINGS: [&str; 7] = ["txt", "json", "ubj", "ubjson", "onnx", "lgb", "model"];

/// A model and what it is to be fed with.
#[derive(Debug)]
pub struct RankerModel {
    /// The model.
    pub model: Ranker,
    /// The feature of each of its inputs, in their order.
    pub inputs: Vec<RankerInput>,
}

/// One input of a ranker.
#[derive(Debug, Clone, PartialEq)]
pub struct RankerInput {
    /// The feature's name, such as `item.price`.
    pub feature: String,
    /// What the model takes its numbers for.
    pub kind: InputKind,
    /// The value behind each code, code 0 first; empty where codes are not said.
    pub categories: Vec<CategoryValue>,
}

#[derive(Debug, Error)]
enum RankerError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("params.missing: {0}")]
    Missing(#[source] ModelError),
    #[error("params.format is missing, and the file does not look like one of: {}", Format::NAMES.join(", "))]
    NoFormat,
    #[error("params.format is {value}{}; known: {}", did_you_mean(*nearest), Format::NAMES.join(", "))]
    UnknownFormat { value: Value, nearest: Option<&'static str> },
    #[error(
        "its file does not name input {input}: list a feature for each of the {inputs} inputs in params.inputs"
    )]
    UnnamedInput { input: usize, inputs: usize },
    #[error("params.inputs is no list of feature names")]
    InputsNoList,
    #[error("params.inputs names {named} features, the model has {inputs} inputs")]
    InputCount { named: usize, inputs: usize },
    #[error("params.categories is no table of lists by feature name")]
    CategoriesNoTable,
    #[error("params.categories names \"{name}\", which is no input of this ranker{}", did_you_mean(nearest.as_deref()))]
    NoSuchInput { name: String, nearest: Option<String> },
    #[error("params.categories.\"{name}\" is no list of texts, numbers or truth values")]
    CategoriesNoList { name: String },
}

impl From<RankerError> for ArtifactError {
    fn from(error: RankerError) -> Self {
        Self::content(error)
    }
}

impl ArtifactKind for RankerModel {
    const NAME: &'static str = "ranker";

    fn recognise(file: &FoundFile<'_>) -> bool {
        let ending = file.file.rsplit_once('.').map_or("", |(_, ending)| ending);
        // `params.toml` may know a model that its first bytes do not tell.
        let said = file.params.contains_key("format") || file.params.contains_key("inputs");
        ENDINGS.contains(&ending) && (said || Format::guess(file.head).is_some())
    }

    fn decode(file: &Encoded<'_>, _: &IdTable) -> Result<Self, ArtifactError> {
        file.at_most(MAX_BYTES)?;
        let params = file.params();
        let bytes = std::fs::read(file.path).map_err(|error| file.unreadable(error))?;
        let model = Ranker::read(format(&params, &bytes)?, &bytes).map_err(RankerError::from)?;
        // The model has all it needs, and the file may be 256 MiB.
        drop(bytes);
        // The range is known only now: the manifest does not say how many outputs a model has.
        let last = model.outputs().saturating_sub(1) as f64;
        let output = params.number("output", 0.0, 0.0..=last)? as usize;
        let model = missing(&params, model.with_output(output).map_err(RankerError::from)?)?;
        let names = names(&params, model.inputs())?;
        let categories = categories(&params, &names)?;
        let inputs = model.inputs().iter().zip(names).zip(categories);
        let inputs = inputs.map(|((input, feature), said)| match said {
            // What the snapshot says wins: it may know the codes of a model whose format has no place for them.
            Some(categories) => RankerInput { feature, kind: InputKind::Category, categories },
            None => RankerInput { feature, kind: input.kind, categories: input.categories.clone() },
        });
        let inputs = inputs.collect();
        Ok(Self { model, inputs })
    }

    fn predict(file: &Encoded<'_>, _: usize) -> Result<Prediction, ArtifactError> {
        let bytes = file.entry.bytes;
        let peak = bytes.saturating_mul(READING).saturating_add(READING_AT_LEAST);
        Ok(Prediction { peak, ..Prediction::of_file(bytes) })
    }

    fn resident(&self) -> usize {
        self.model.resident_bytes()
    }
}

/// What a network gets where a feature is missing.
fn missing(params: &Params<'_>, model: Ranker) -> Result<Ranker, ArtifactError> {
    if params.get("missing").is_none() {
        return Ok(model);
    }
    let greatest = f64::from(f32::MAX);
    let value = params.number("missing", 0.0, -greatest..=greatest)? as f32;
    Ok(model.with_missing(value).map_err(RankerError::Missing)?)
}

fn format(params: &Params<'_>, bytes: &[u8]) -> Result<Format, RankerError> {
    match params.get("format") {
        None => Format::guess(bytes).ok_or(RankerError::NoFormat),
        Some(value) => value.as_str().and_then(Format::parse).ok_or_else(|| {
            let nearest = value.as_str().and_then(|name| nearest(name, Format::NAMES));
            RankerError::UnknownFormat { value: value.clone(), nearest }
        }),
    }
}

/// The feature of each input: what the manifest says, else what the model's file calls it.
fn names(params: &Params<'_>, inputs: &[Input]) -> Result<Vec<String>, RankerError> {
    let Some(value) = params.get("inputs") else {
        let named = |(at, input): (usize, &Input)| {
            let unnamed = RankerError::UnnamedInput { input: at + 1, inputs: inputs.len() };
            input.name.clone().ok_or(unnamed)
        };
        return inputs.iter().enumerate().map(named).collect();
    };
    let texts =
        value.as_array().and_then(|list| list.iter().map(|v| v.as_str().map(str::to_owned)).collect());
    let texts: Vec<String> = texts.ok_or(RankerError::InputsNoList)?;
    if texts.len() != inputs.len() {
        return Err(RankerError::InputCount { named: texts.len(), inputs: inputs.len() });
    }
    Ok(texts)
}

/// What `params.categories` says of each input.
fn categories(params: &Params<'_>, names: &[String]) -> Result<Vec<Option<Vec<CategoryValue>>>, RankerError> {
    let Some(value) = params.get("categories") else { return Ok(vec![None; names.len()]) };
    let table = value.as_object().ok_or(RankerError::CategoriesNoTable)?;
    if let Some(name) = table.keys().find(|name| !names.contains(name)) {
        let nearest = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
        return Err(RankerError::NoSuchInput { name: name.clone(), nearest });
    }
    let one = |name: &String| {
        let Some(value) = table.get(name) else { return Ok(None) };
        let list = value.as_array().filter(|list| !list.is_empty());
        let codes: Option<Vec<CategoryValue>> = list.and_then(|list| list.iter().map(category).collect());
        codes.map(Some).ok_or_else(|| RankerError::CategoriesNoList { name: name.clone() })
    };
    names.iter().map(one).collect()
}

fn category(value: &Value) -> Option<CategoryValue> {
    match value {
        Value::String(text) => Some(CategoryValue::Text(text.clone())),
        Value::Number(number) => number.as_f64().map(CategoryValue::Number),
        Value::Bool(value) => Some(CategoryValue::Bool(*value)),
        _ => None,
    }
}
