//! XGBoost's models in JSON and UBJSON, as `Booster.save_model` writes them: the boosters `gbtree` and `dart`.

mod allowance;
mod document;
mod tree;
mod ubjson;

use document::{At, Document};

use super::ModelError;
use super::error::shown;
use super::forest::{Forest, Precision, Shape, SourceTree, Test, Truncation};
use super::input::{CategoryValue, Input, InputKind};
use super::link::Link;
use super::parts::{MAX_INPUTS, MAX_OUTPUTS, Parts};

pub(super) fn read_json(bytes: &[u8]) -> Result<Parts<Box<Forest>>, ModelError> {
    read(&document::json(bytes)?)
}

pub(super) fn read_ubjson(bytes: &[u8]) -> Result<Parts<Box<Forest>>, ModelError> {
    read(&ubjson::ubjson(bytes)?)
}

fn read(document: &Document) -> Result<Parts<Box<Forest>>, ModelError> {
    let learner = At::root(document).field("learner")?;
    let parameters = learner.field("learner_model_param")?;
    let count = |name: &str, most: usize| parameters.maybe(name).map_or(Ok(0), |count| count.whole(most));
    let input_count = parameters.field("num_feature")?.whole(MAX_INPUTS)?;
    let outputs = count("num_class", MAX_OUTPUTS)?.max(count("num_target", MAX_OUTPUTS)?).max(1);
    let name = learner.field("objective")?.field("name")?;
    let objective = name.text()?;
    let (link, margin) = transformations(objective)
        .ok_or_else(|| ModelError::unsupported(format!("XGBoost's objective {}", shown(objective)), KNOWN))?;

    let (model, sources) = trees(&learner, outputs, input_count)?;
    let mut inputs = inputs(&learner, input_count)?;
    for node in sources.iter().flat_map(|source| &source.nodes) {
        if matches!(node.test, Test::Category { .. }) {
            inputs[node.input as usize].kind = InputKind::Category;
        }
    }
    name_categories(&model, &mut inputs)?;
    let shape = Shape {
        inputs: input_count,
        starts: starts(&parameters.field("base_score")?, outputs, margin)?,
        precision: Precision::Single,
        truncation: Truncation::FromZero,
    };
    let forest = Forest::new(&sources, &shape)?;
    Ok(Parts { objective: objective.to_owned(), inputs, body: Box::new(forest), link, outputs, divisor: 1.0 })
}

/// The booster's model, and its trees.
fn trees<'a>(
    learner: &At<'a>,
    outputs: usize,
    inputs: usize,
) -> Result<(At<'a>, Vec<SourceTree>), ModelError> {
    let booster = learner.field("gradient_booster")?;
    // In dart models the trees lie a level deeper, and each has a weight of its own.
    let (model, weights) = match booster.field("name")?.text()? {
        "gbtree" => (booster.field("model")?, None),
        "dart" => (booster.field("gbtree")?.field("model")?, Some(booster.field("weight_drop")?)),
        other => {
            let what = format!("XGBoost's booster {}", shown(other));
            return Err(ModelError::unsupported(
                what,
                "gbtree and dart can; for gblinear, publish a linear ranker",
            ));
        }
    };
    let trees = model.field("trees")?.items()?;
    let groups = model.field("tree_info")?.wholes(trees.len(), outputs - 1)?;
    let weights = weights.map_or(Ok(vec![1.0; trees.len()]), |weights| weights.of_length(trees.len()))?;
    let announced = model.field("gbtree_model_param")?.field("num_trees")?.whole(i32::MAX as usize)?;
    // Told apart from a file that lost some, which would predict all the same, and wrongly.
    if announced != trees.len() {
        let reason = format!("{announced} trees are announced, {} are there", trees.len());
        return Err(model.fault(reason));
    }
    let mut sources = Vec::with_capacity(trees.len());
    for ((at, group), weight) in trees.iter().zip(groups).zip(weights) {
        let group = group.ok_or_else(|| model.fault("tree_info: −1 is no output"))?;
        sources.push(tree::read(at, group as u32, inputs, weight as f32)?);
    }
    Ok((model, sources))
}

/// How `base_score`, which is a prediction, becomes the first term of the sum.
#[derive(Debug, Clone, Copy)]
enum Margin {
    Itself,
    Logit,
    Logarithm,
}

const KNOWN: &str =
    "the built-in objectives for regression, classification, counts, ranking and survival (aft, cox) can";

fn transformations(objective: &str) -> Option<(Link, Margin)> {
    let logistic = Link::Logistic { slope: 1.0 };
    Some(match objective {
        "reg:squarederror"
        | "reg:linear"
        | "reg:squaredlogerror"
        | "reg:pseudohubererror"
        | "reg:absoluteerror"
        | "reg:quantileerror"
        | "reg:expectileerror"
        | "rank:pairwise"
        | "rank:ndcg"
        | "rank:map" => (Link::Identity, Margin::Itself),
        "reg:logistic" | "binary:logistic" => (logistic, Margin::Logit),
        "binary:logitraw" => (Link::Identity, Margin::Itself),
        "binary:hinge" => (Link::Step, Margin::Itself),
        "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" | "survival:aft" => {
            (Link::Exp, Margin::Logarithm)
        }
        "multi:softprob" | "multi:softmax" => (Link::Softmax, Margin::Itself),
        _ => return None,
    })
}

/// `base_score` is a number, or from version 3.1 on a list in a text, such as "[5E-1]": one for all outputs, or one
/// each.
fn starts(at: &At<'_>, outputs: usize, margin: Margin) -> Result<Vec<f64>, ModelError> {
    let numbers: Vec<f32> = match at.text() {
        Ok(text) => {
            let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
            let numbers = list.split(',').map(|number| number.trim().parse());
            numbers
                .collect::<Result<_, _>>()
                .map_err(|_| at.fault(format!("{} is not a number", shown(text))))?
        }
        Err(_) => vec![at.number()? as f32],
    };
    if numbers.len() != 1 && numbers.len() != outputs {
        return Err(at.fault(format!("there are {} numbers for {outputs} outputs", numbers.len())));
    }
    let start = |output: usize| {
        let score = numbers[output % numbers.len()];
        let start = match margin {
            Margin::Itself => score,
            // As XGBoost computes it, in floats: another formula would differ in the last bit.
            Margin::Logit => -(1.0 / score - 1.0).ln(),
            Margin::Logarithm => score.ln(),
        };
        if start.is_finite() {
            Ok(f64::from(start))
        } else {
            Err(at.fault(format!("{score} cannot be a prediction of this objective")))
        }
    };
    (0..outputs).map(start).collect()
}

fn inputs(learner: &At<'_>, count: usize) -> Result<Vec<Input>, ModelError> {
    let texts = |name: &str| match learner.maybe(name) {
        Some(list) => {
            let texts = list.texts()?;
            if !texts.is_empty() && texts.len() != count {
                return Err(list.fault(format!("there are {} for {count} inputs", texts.len())));
            }
            Ok(texts)
        }
        None => Ok(Vec::new()),
    };
    let (names, kinds) = (texts("feature_names")?, texts("feature_types")?);
    let input = |at: usize| {
        let mut input = Input::number(names.get(at).map(|name| (*name).to_owned()));
        if kinds.get(at).is_some_and(|kind| matches!(*kind, "c" | "categorical")) {
            input.kind = InputKind::Category;
        }
        input
    };
    Ok((0..count).map(input).collect())
}

/// From version 3.1 on a model trained on a data frame knows its categories: by input, texts as bytes with offsets, or
/// numbers.
fn name_categories(model: &At<'_>, inputs: &mut [Input]) -> Result<(), ModelError> {
    let Some(encodings) = model.maybe("cats").and_then(|cats| cats.maybe("enc")) else { return Ok(()) };
    let encodings = encodings.items()?;
    for (input, encoding) in inputs.iter_mut().zip(&encodings) {
        let values = encoding.field("values")?;
        let numbers = values.numbers()?;
        if input.kind != InputKind::Category {
            continue;
        }
        let Some(offsets) = encoding.maybe("offsets") else {
            input.categories = numbers.into_iter().map(CategoryValue::Number).collect();
            continue;
        };
        // Bytes, signed or not. XGBoost 3.2 counts characters where it should count bytes, so a text that is not ASCII
        // may end inside a character: such a category is not found later, but the model is no worse for it than in
        // XGBoost.
        let bytes: Vec<u8> = numbers.iter().map(|byte| *byte as i16 as u8).collect();
        let offsets = offsets.numbers()?;
        let text = |pair: &[f64]| {
            let text = bytes.get(pair[0] as usize..pair[1] as usize)?;
            Some(CategoryValue::Text(String::from_utf8_lossy(text).into_owned()))
        };
        let texts: Option<Vec<CategoryValue>> = offsets.windows(2).map(text).collect();
        input.categories =
            texts.ok_or_else(|| values.fault("they are not the texts that the offsets say"))?;
    }
    Ok(())
}
