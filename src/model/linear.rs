//! Linear rankers: an intercept and a weight for each input, from a small JSON file.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::input::Input;
use super::link::Link;
use super::parts::{MAX_INPUTS, Parts};
use super::{Matrix, ModelError};

/// intercept + Σ weight · value, summed in that order in f64. A missing value adds nothing.
#[derive(Debug)]
pub(super) struct Linear {
    intercept: f64,
    weights: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    weights: Weights,
    #[serde(default)]
    intercept: f64,
    #[serde(default)]
    link: LinkName,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum LinkName {
    #[default]
    Identity,
    Logistic,
    Exp,
}

/// In the order of the file; without names from a list.
struct Weights(Vec<(Option<String>, f64)>);

impl Linear {
    pub(super) fn read(bytes: &[u8]) -> Result<Parts<Self>, ModelError> {
        let file: File = serde_json::from_slice(bytes).map_err(ModelError::json)?;
        let Weights(weights) = file.weights;
        if weights.is_empty() {
            return Err(ModelError::malformed("weights", "there are none: name at least one input"));
        }
        let mut names: Vec<&str> = weights.iter().filter_map(|(name, _)| name.as_deref()).collect();
        // JSON allows a key twice, and of two weights one would win.
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ModelError::malformed(
                "weights",
                format!("{} is there twice", super::error::shown(pair[0])),
            ));
        }
        let (objective, link) = match file.link {
            LinkName::Identity => ("identity", Link::Identity),
            LinkName::Logistic => ("logistic", Link::Logistic { slope: 1.0 }),
            LinkName::Exp => ("exp", Link::Exp),
        };
        let linear = Self { intercept: file.intercept, weights: weights.iter().map(|(_, w)| *w).collect() };
        let inputs = weights.into_iter().map(|(name, _)| Input::number(name)).collect();
        let objective = objective.to_owned();
        Ok(Parts { objective, inputs, body: linear, link, outputs: 1, divisor: 1.0 })
    }

    pub(super) fn sum(&self, rows: &Matrix, sums: &mut [f64]) {
        sums.fill(self.intercept);
        for (column, weight) in self.weights.iter().enumerate() {
            for (sum, value) in sums.iter_mut().zip(rows.column(column)) {
                // A missing value says nothing: NaN would make the whole score NaN.
                *sum += if value.is_nan() { 0.0 } else { weight * f64::from(*value) };
            }
        }
    }

    pub(super) fn resident_bytes(&self) -> usize {
        size_of::<Self>() + self.weights.capacity() * size_of::<f64>()
    }
}

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WeightsVisitor)
    }
}

struct WeightsVisitor;

impl<'de> Visitor<'de> for WeightsVisitor {
    type Value = Weights;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "weights by name, or a list of weights, {MAX_INPUTS} at most")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Weights, A::Error> {
        let mut weights = Vec::new();
        while let Some((name, weight)) = map.next_entry::<String, f64>()? {
            weights.push((Some(name), weight));
            // While reading, so that a long file does not become a long list first.
            refuse_more_than_most(weights.len())?;
        }
        Ok(Weights(weights))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Weights, A::Error> {
        let mut weights = Vec::new();
        while let Some(weight) = list.next_element::<f64>()? {
            weights.push((None, weight));
            refuse_more_than_most(weights.len())?;
        }
        Ok(Weights(weights))
    }
}

fn refuse_more_than_most<E: serde::de::Error>(inputs: usize) -> Result<(), E> {
    if inputs > MAX_INPUTS {
        return Err(E::custom(format!("more than {MAX_INPUTS} weights")));
    }
    Ok(())
}
