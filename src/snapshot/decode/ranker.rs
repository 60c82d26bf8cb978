//! The `ranker` artifact: a model file, and the feature that each of its inputs is.

use std::path::Path;

use serde_json::Value;

use super::{Fault, Params};
use crate::feature::nearest;
use crate::model::{CategoryValue, Format, Input, InputKind, Ranker};
use crate::snapshot::content::{RankerInput, RankerModel};

/// The largest model file. While it is read it may take many times its size.
const MAX_BYTES: u64 = 256 << 20;

pub(super) fn ranker(params: &Params<'_>, path: &Path) -> Result<RankerModel, Fault> {
    let wrong = |reason: String| Err(Fault::Content(reason));
    if params.0.bytes > MAX_BYTES {
        return wrong(format!("has {} bytes, over the limit of {MAX_BYTES} for a model", params.0.bytes));
    }
    let bytes = std::fs::read(path).map_err(|e| Fault::Content(e.to_string()))?;
    let format = format(params, &bytes)?;
    let model = Ranker::read(format, &bytes).map_err(|error| Fault::Content(error.to_string()))?;
    drop(bytes);
    let last = model.outputs().saturating_sub(1) as f64;
    let output = params.number("output", 0.0, 0.0..=last)? as usize;
    let model = model.with_output(output).map_err(|error| Fault::Content(error.to_string()))?;
    let model = missing(params, model)?;
    let names = names(params, model.inputs())?;
    let categories = categories(params, &names)?;
    let inputs = model.inputs().iter().zip(names).zip(categories);
    let inputs = inputs.map(|((input, feature), said)| match said {
        // What the snapshot says wins: it may know the codes of a model whose format has no place for them.
        Some(categories) => RankerInput { feature, kind: InputKind::Category, categories },
        None => RankerInput { feature, kind: input.kind, categories: input.categories.clone() },
    });
    let inputs = inputs.collect();
    Ok(RankerModel { model, inputs })
}

/// What a network gets where a feature is missing.
fn missing(params: &Params<'_>, model: Ranker) -> Result<Ranker, Fault> {
    if !params.0.params.contains_key("missing") {
        return Ok(model);
    }
    let greatest = f64::from(f32::MAX);
    let value = params.number("missing", 0.0, -greatest..=greatest)? as f32;
    model.with_missing(value).map_err(|error| Fault::Content(format!("params.missing: {error}")))
}

fn format(params: &Params<'_>, bytes: &[u8]) -> Result<Format, Fault> {
    let known = Format::NAMES.join(", ");
    match params.0.params.get("format") {
        None => Format::guess(bytes).ok_or_else(|| {
            Fault::Content(format!(
                "params.format is missing, and the file does not look like one of: {known}"
            ))
        }),
        Some(value) => value.as_str().and_then(Format::parse).ok_or_else(|| {
            let near = value.as_str().and_then(|name| nearest(name, Format::NAMES));
            let hint = near.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
            Fault::Content(format!("params.format is {value}{hint}; known: {known}"))
        }),
    }
}

/// The feature of each input: what the manifest says, else what the model's file calls it.
fn names(params: &Params<'_>, inputs: &[Input]) -> Result<Vec<String>, Fault> {
    let Some(value) = params.0.params.get("inputs") else {
        let named = |(at, input): (usize, &Input)| {
            input.name.clone().ok_or_else(|| {
                Fault::Content(format!(
                    "its file does not name input {}: list a feature for each of the {} inputs in params.inputs",
                    at + 1,
                    inputs.len()
                ))
            })
        };
        return inputs.iter().enumerate().map(named).collect();
    };
    let texts =
        value.as_array().and_then(|list| list.iter().map(|v| v.as_str().map(str::to_owned)).collect());
    let texts: Vec<String> =
        texts.ok_or_else(|| Fault::Content("params.inputs is no list of feature names".to_owned()))?;
    if texts.len() != inputs.len() {
        let (said, wanted) = (texts.len(), inputs.len());
        let reason = format!("params.inputs names {said} features, the model has {wanted} inputs");
        return Err(Fault::Content(reason));
    }
    Ok(texts)
}

/// What `params.categories` says of each input.
fn categories(params: &Params<'_>, names: &[String]) -> Result<Vec<Option<Vec<CategoryValue>>>, Fault> {
    let Some(value) = params.0.params.get("categories") else { return Ok(vec![None; names.len()]) };
    let wrong = |reason: String| Fault::Content(format!("params.categories{reason}"));
    let table = value.as_object();
    let table = table.ok_or_else(|| wrong(" is no table of lists by feature name".to_owned()))?;
    if let Some(stray) = table.keys().find(|name| !names.contains(name)) {
        let near = nearest(stray, names.iter().map(String::as_str));
        let hint = near.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
        return Err(wrong(format!(" names \"{stray}\", which is no input of this ranker{hint}")));
    }
    let one = |name: &String| {
        let Some(value) = table.get(name) else { return Ok(None) };
        let list = value.as_array().filter(|list| !list.is_empty());
        let codes: Option<Vec<CategoryValue>> = list.and_then(|list| list.iter().map(category).collect());
        codes
            .map(Some)
            .ok_or_else(|| wrong(format!(".\"{name}\" is no list of texts, numbers or truth values")))
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
