//! LightGBM's text models, as `Booster.save_model` writes them (versions v2 to v4 of the text).

mod text;
mod tree;

use text::{Section, Text};

use super::ModelError;
use super::error::shown;
use super::forest::{Forest, Precision, Shape, Truncation};
use super::input::{CategoryValue, Input, InputKind};
use super::link::Link;
use super::parts::{MAX_INPUTS, MAX_OUTPUTS, Parts};

/// Upper bound on the categories that a model's file names.
const MOST_CATEGORIES: usize = 1 << 20;

pub(super) fn read(bytes: &[u8]) -> Result<Parts<Box<Forest>>, ModelError> {
    let text = Text::parse(bytes)?;
    let head = &text.head;
    match head.text("version")? {
        "v2" | "v3" | "v4" => {}
        other => {
            let what = format!("version {} of LightGBM's text", shown(other));
            return Err(ModelError::unsupported(what, "v2, v3 and v4 are known"));
        }
    }
    let inputs = inputs(head, &text.rest)?;
    let outputs: usize = head.number("num_tree_per_iteration")?;
    if outputs == 0 || outputs > MAX_OUTPUTS || !text.trees.len().is_multiple_of(outputs) {
        let reason = format!("{outputs} trees an iteration, at {} trees", text.trees.len());
        return Err(head.fault("num_tree_per_iteration", reason));
    }
    // A file that was cut and ended by hand has fewer trees than its head announces.
    if let Some(sizes) = head.maybe("tree_sizes") {
        let listed = sizes.split_ascii_whitespace().count();
        if listed != text.trees.len() {
            let reason = format!("{listed} trees are announced, {} are there", text.trees.len());
            return Err(head.fault("tree_sizes", reason));
        }
    }
    let (objective, link) = objective(head)?;
    let trees = text.trees.iter().enumerate();
    let trees: Vec<_> =
        trees.map(|(at, section)| tree::read(section, (at % outputs) as u32)).collect::<Result<_, _>>()?;
    // A random forest. LightGBM's own raw scores are not averaged either.
    let averaged = head.has("average_output") && !trees.is_empty();
    // LightGBM averages over iterations, each of which has a tree per output.
    let divisor = if averaged { (trees.len() / outputs) as f64 } else { 1.0 };
    let shape = Shape {
        inputs: inputs.len(),
        starts: vec![0.0; outputs],
        precision: Precision::Double,
        truncation: Truncation::AboveMinusOne,
    };
    let forest = Forest::new(&trees, &shape)?;
    Ok(Parts { objective, inputs, body: Box::new(forest), link, outputs, divisor })
}

/// The line `objective=binary sigmoid:1`, which is not there for objectives of the trainer's own.
fn objective(head: &Section<'_>) -> Result<(String, Link), ModelError> {
    let line = head.maybe("objective").unwrap_or("custom");
    let mut words = line.split_ascii_whitespace();
    let name = words.next().unwrap_or("custom");
    let words: Vec<&str> = words.collect();
    let slope = || {
        let given = words.iter().find_map(|word| word.strip_prefix("sigmoid:"));
        let slope =
            given.map_or(Ok(1.0), str::parse::<f64>).ok().filter(|slope| *slope > 0.0 && slope.is_finite());
        slope.ok_or_else(|| head.fault("objective", "its sigmoid is not a number above 0"))
    };
    let link = match name {
        // Those that honour `reg_sqrt`; huber and what predicts exp ignore the word.
        "regression" | "regression_l1" | "fair" | "quantile" | "mape" if words.contains(&"sqrt") => {
            Link::SignedSquare
        }
        "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" | "lambdarank"
        | "rank_xendcg" | "custom" | "none" => Link::Identity,
        "poisson" | "gamma" | "tweedie" => Link::Exp,
        "binary" | "multiclassova" => Link::Logistic { slope: slope()? },
        "cross_entropy" => Link::Logistic { slope: 1.0 },
        "cross_entropy_lambda" => Link::LogOnePlusExp,
        "multiclass" => Link::Softmax,
        other => {
            let what = format!("LightGBM's objective {}", shown(other));
            return Err(ModelError::unsupported(what, "it is not known what it does to the sum of leaves"));
        }
    };
    Ok((name.to_owned(), link))
}

fn inputs(head: &Section<'_>, rest: &[(usize, &str)]) -> Result<Vec<Input>, ModelError> {
    let most: usize = head.number("max_feature_idx")?;
    if most >= MAX_INPUTS {
        return Err(head.fault("max_feature_idx", format!("more than {MAX_INPUTS} inputs")));
    }
    let count = most + 1;
    let names: Vec<&str> = head.text("feature_names")?.split(' ').collect();
    if names.len() != count {
        return Err(
            head.fault("feature_names", format!("there are {} names for {count} inputs", names.len()))
        );
    }
    let mut inputs: Vec<Input> = names.into_iter().map(|name| Input::number(Some(name.to_owned()))).collect();
    let categorical = categorical(head, rest, count)?;
    for input in &categorical {
        inputs[*input].kind = InputKind::Category;
    }
    let lists = rest.iter().find_map(|(line, text)| Some((*line, text.strip_prefix("pandas_categorical:")?)));
    if let Some((line, text)) = lists {
        // Before it is read: a value of two bytes takes many more in memory.
        let values = text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
        if values > MOST_CATEGORIES {
            let reason = format!("it has more than {MOST_CATEGORIES} values");
            return Err(ModelError::malformed(format!("line {line}, pandas_categorical"), reason));
        }
        let lists: Option<Vec<Vec<serde_json::Value>>> = serde_json::from_str(text)
            .map_err(|error| ModelError::unreadable(format!("line {line}, pandas_categorical"), error))?;
        // With other categorical inputs beside pandas' own it is not said which are which.
        if let Some(lists) = lists.filter(|lists| lists.len() == categorical.len()) {
            for (input, list) in categorical.iter().zip(lists) {
                inputs[*input].categories = list.iter().map(category).collect();
            }
        }
    }
    Ok(inputs)
}

/// The categorical inputs in ascending order: as the parameters say, or else by the shape of `feature_infos`, where
/// numbers have a range in brackets.
fn categorical(head: &Section<'_>, rest: &[(usize, &str)], count: usize) -> Result<Vec<usize>, ModelError> {
    let infos: Vec<&str> = head.maybe("feature_infos").map_or(Vec::new(), |infos| infos.split(' ').collect());
    let looks = |info: &&str| !info.starts_with('[') && *info != "none";
    let mut found: Vec<usize> =
        (0..count).zip(&infos).filter(|(_, info)| looks(info)).map(|(input, _)| input).collect();
    let said = rest.iter().find_map(|(line, text)| {
        Some((*line, text.strip_prefix("[categorical_feature: ")?.strip_suffix(']')?))
    });
    if let Some((line, list)) = said {
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word.parse::<usize>() {
                Ok(input) if input < count => found.push(input),
                // Names instead of numbers: `feature_infos` must do.
                _ if word.starts_with("name:") || word.parse::<i64>().is_err() => {}
                _ => {
                    let reason = format!("there is no input {}", shown(word));
                    return Err(ModelError::malformed(format!("line {line}, categorical_feature"), reason));
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn category(value: &serde_json::Value) -> CategoryValue {
    match value {
        serde_json::Value::String(text) => CategoryValue::Text(text.clone()),
        serde_json::Value::Bool(yes) => CategoryValue::Bool(*yes),
        other => other.as_f64().map_or_else(|| CategoryValue::Text(other.to_string()), CategoryValue::Number),
    }
}
