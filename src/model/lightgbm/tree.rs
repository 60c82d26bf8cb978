//! One tree of a LightGBM file.
//!
//! The meaning of its fields is that of LightGBM's `Tree::NumericalDecision` and `Tree::CategoricalDecision`.

use super::text::Section;
use crate::model::ModelError;
use crate::model::forest::{Child, Missing, Radius, Side, SourceLeaf, SourceNode, SourceTree, Test};

/// `decision_type`: the node asks for a category.
const CATEGORICAL: u8 = 1;
/// `decision_type`: missing values go left.
const DEFAULT_LEFT: u8 = 2;

pub(super) fn read(section: &Section<'_>, output: u32) -> Result<SourceTree, ModelError> {
    let leaf_count: usize = section.number("num_leaves")?;
    if leaf_count == 0 || leaf_count > i32::MAX as usize {
        return Err(section.fault("num_leaves", "a tree has at least one leaf"));
    }
    if section.maybe("is_linear").is_some_and(|value| value != "0") {
        return Err(ModelError::unsupported(
            format!("{}: a tree with linear models in its leaves", section.name),
            "train with linear_tree=false",
        ));
    }
    let values: Vec<f64> = section.list("leaf_value", leaf_count)?;
    if let Some(leaf) = values.iter().position(|value| !value.is_finite()) {
        return Err(section.fault("leaf_value", format!("leaf {leaf} has no finite value")));
    }
    let leaves = (0..).zip(values).map(|(name, value)| SourceLeaf { value, name }).collect();
    let place = section.name.clone();
    if leaf_count == 1 {
        return Ok(SourceTree { place, output, root: Child::Leaf(0), nodes: Vec::new(), leaves });
    }
    let nodes = nodes(section, leaf_count - 1)?;
    Ok(SourceTree { place, output, root: Child::Node(0), nodes, leaves })
}

fn nodes(section: &Section<'_>, count: usize) -> Result<Vec<SourceNode>, ModelError> {
    let inputs: Vec<u32> = section.list("split_feature", count)?;
    let thresholds: Vec<f64> = section.list("threshold", count)?;
    let types: Vec<u8> = section.list("decision_type", count)?;
    let left: Vec<i32> = section.list("left_child", count)?;
    let right: Vec<i32> = section.list("right_child", count)?;
    let mut sets = Sets::read(section)?;
    let node = |at: usize| {
        let test = if types[at] & CATEGORICAL != 0 {
            let categories = sets.take(section, at, thresholds[at])?;
            Test::Category { categories, listed: Side::Left, other: Side::Right, missing: Side::Right }
        } else {
            numerical(section, at, thresholds[at], types[at])?
        };
        Ok(SourceNode { input: inputs[at], test, left: child(left[at]), right: child(right[at]) })
    };
    (0..count).map(node).collect()
}

fn numerical(section: &Section<'_>, at: usize, threshold: f64, kind: u8) -> Result<Test, ModelError> {
    if threshold.is_nan() {
        return Err(section.fault("threshold", format!("that of node {at} is not a number")));
    }
    let default = if kind & DEFAULT_LEFT != 0 { Missing::Least } else { Missing::Greatest };
    // Bits 2 and 3: no missing values, zeros, or NaN.
    let (missing, radius) = match kind >> 2 {
        0 => (Missing::AsZero, Radius::Nothing),
        1 => (default, Radius::Zero),
        2 => (default, Radius::Nothing),
        _ => return Err(section.fault("decision_type", format!("{kind} (node {at}) is not known"))),
    };
    Ok(Test::AtMost { cut: greatest_at_most(threshold), missing, radius })
}

/// The greatest float not above `threshold`: a float is at most one exactly if it is at most the other.
fn greatest_at_most(threshold: f64) -> f32 {
    let near = threshold as f32;
    // The cast rounds to nearest, which may be above.
    if f64::from(near) > threshold { near.next_down() } else { near }
}

/// Negative numbers are leaves: −1 is leaf 0.
fn child(number: i32) -> Child {
    if number < 0 { Child::Leaf(!number as u32) } else { Child::Node(number as u32) }
}

/// The tree's sets of categories: words of bits, set k from `boundaries[k]` to `boundaries[k + 1]`.
struct Sets {
    boundaries: Vec<usize>,
    words: Vec<u32>,
    /// Whether a node has asked for set k already.
    taken: Vec<bool>,
}

impl Sets {
    fn read(section: &Section<'_>) -> Result<Self, ModelError> {
        let count: usize = section.number("num_cat")?;
        if count == 0 {
            return Ok(Self { boundaries: vec![0], words: Vec::new(), taken: Vec::new() });
        }
        let numbers = count.checked_add(1).ok_or_else(|| section.fault("num_cat", "too many"))?;
        let boundaries: Vec<usize> = section.list("cat_boundaries", numbers)?;
        if boundaries[0] != 0 || !boundaries.is_sorted() {
            return Err(section.fault("cat_boundaries", "they do not ascend from 0"));
        }
        let words = section.list("cat_threshold", boundaries[count])?;
        Ok(Self { boundaries, words, taken: vec![false; count] })
    }

    /// Set number `threshold`, for node `at`. LightGBM gives each node a set of its own; were one shared by all nodes,
    /// a small file could fill the memory.
    fn take(&mut self, section: &Section<'_>, at: usize, threshold: f64) -> Result<Vec<u32>, ModelError> {
        let set = threshold as usize;
        // The cast takes fractions off, and what is too great or negative to the nearest end.
        match self.taken.get_mut(set).filter(|_| set as f64 == threshold) {
            Some(taken) if !*taken => *taken = true,
            Some(_) => {
                let reason = format!("node {at} asks for set {set}, as another node does");
                return Err(section.fault("threshold", reason));
            }
            None => {
                let reason = format!("node {at} asks for set {threshold} of {}", self.taken.len());
                return Err(section.fault("threshold", reason));
            }
        }
        let words = &self.words[self.boundaries[set]..self.boundaries[set + 1]];
        let bits = (0..32u32).flat_map(|bit| (0u32..).zip(words).map(move |(at, word)| (bit, at, word)));
        let mut categories: Vec<u32> =
            bits.filter(|(bit, _, word)| *word >> bit & 1 == 1).map(|(bit, at, _)| at * 32 + bit).collect();
        categories.sort_unstable();
        Ok(categories)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_threshold_becomes_the_float_that_decides_all_floats_alike() {
        let thresholds = [0.1, -0.1, 1e300, -1e300, 0.0, 1e-50, -1e-50, 16_777_217.0, 1.000_000_018e-35];
        for threshold in thresholds {
            let cut = greatest_at_most(threshold);
            for value in [cut, cut.next_up(), cut.next_down(), 0.0, f32::INFINITY, f32::NEG_INFINITY] {
                assert_eq!(value <= cut, f64::from(value) <= threshold, "{value} against {threshold}");
            }
        }
    }
}
