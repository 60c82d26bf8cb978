//! One tree of an XGBoost model.
//!
//! The meaning of its fields is that of XGBoost's `predictor::GetNextNode` and `common::Decision`. Leaves are nodes
//! without a left child; their value is in `split_conditions`. Pruned nodes stay in the lists, with nothing leading to
//! them.

use std::collections::HashMap;

use super::document::At;
use crate::model::ModelError;
use crate::model::forest::{Child, Missing, Radius, Side, SourceLeaf, SourceNode, SourceTree, Test};

/// XGBoost's `OutOfRangeCat`: floats above it are not all different.
const MAX_CATEGORY: usize = 1 << 24;

/// What there is of a tree, by node.
struct Fields {
    left: Vec<Option<usize>>,
    right: Vec<Option<usize>>,
    inputs: Vec<Option<usize>>,
    conditions: Vec<f64>,
    default_left: Vec<f64>,
    /// By categorical node, its categories.
    sets: HashMap<usize, Vec<u32>>,
}

/// Reads a tree whose leaves are to be multiplied by `weight`.
pub(super) fn read(at: &At<'_>, output: u32, inputs: usize, weight: f32) -> Result<SourceTree, ModelError> {
    let parameters = at.field("tree_param")?;
    let count = parameters.field("num_nodes")?.whole(i32::MAX as usize)?;
    if parameters.maybe("size_leaf_vector").map_or(Ok(1), |size| size.whole(usize::MAX >> 12))? > 1 {
        let what = format!("{}: a tree with a vector in each leaf", at.place());
        return Err(ModelError::unsupported(what, "train with multi_strategy=one_output_per_tree"));
    }
    if count == 0 {
        return Err(parameters.fault("num_nodes: a tree has at least one node"));
    }
    let mut fields = Fields::read(at, count, inputs)?;
    let mut tree = SourceTree {
        place: at.place().to_owned(),
        output,
        root: Child::Node(0),
        nodes: Vec::new(),
        leaves: Vec::new(),
    };
    // By node of the file, what it is here.
    // Numbered anew by breadth: pruned nodes leave gaps in the file's numbers.
    let mut children = vec![Child::Node(u32::MAX); count];
    let mut reached = vec![false; count];
    let mut order = vec![0];
    reached[0] = true;
    let mut next = 0;
    let (mut nodes, mut leaves) = (0, 0);
    while let Some(&node) = order.get(next) {
        next += 1;
        match (fields.left[node], fields.right[node]) {
            (Some(left), Some(right)) => {
                for child in [left, right] {
                    if std::mem::replace(&mut reached[child], true) {
                        return Err(at.fault(format!("more than one node leads to node {child}")));
                    }
                    order.push(child);
                }
                children[node] = Child::Node(nodes);
                nodes += 1;
            }
            (None, None) => {
                children[node] = Child::Leaf(leaves);
                leaves += 1;
            }
            _ => return Err(at.fault(format!("node {node} has one child only"))),
        }
    }
    tree.root = children[0];
    for node in order {
        let (Some(left), Some(right)) = (fields.left[node], fields.right[node]) else {
            // Multiplied as a float, which is what XGBoost adds up.
            let value = fields.conditions[node] as f32 * weight;
            if !value.is_finite() {
                return Err(at.fault(format!("split_conditions: leaf {node} has no finite value")));
            }
            tree.leaves.push(SourceLeaf { value: f64::from(value), name: node as u32 });
            continue;
        };
        let (input, test) = fields.question(at, node)?;
        tree.nodes.push(SourceNode { input, test, left: children[left], right: children[right] });
    }
    Ok(tree)
}

impl Fields {
    fn read(at: &At<'_>, count: usize, inputs: usize) -> Result<Self, ModelError> {
        let fields = Self {
            left: at.field("left_children")?.wholes(count, count - 1)?,
            right: at.field("right_children")?.wholes(count, count - 1)?,
            // Pruned nodes have the greatest number there is.
            inputs: at.field("split_indices")?.wholes(count, u32::MAX as usize)?,
            conditions: at.field("split_conditions")?.of_length(count)?,
            default_left: at.field("default_left")?.of_length(count)?,
            sets: sets(at, count)?,
        };
        let mut asked = fields.inputs.iter().zip(&fields.left);
        let outside = |(input, left): (&Option<usize>, &Option<usize>)| {
            left.is_some() && input.is_none_or(|input| input >= inputs)
        };
        if let Some(node) = asked.position(outside) {
            let input = fields.inputs[node].map_or_else(|| "-1".to_owned(), |input| input.to_string());
            let reason = format!("node {node} asks for input {input} of {inputs}");
            return Err(at.field("split_indices")?.fault(reason));
        }
        Ok(fields)
    }

    /// To be asked once for each node.
    fn question(&mut self, at: &At<'_>, node: usize) -> Result<(u32, Test), ModelError> {
        let default_left = self.default_left[node] != 0.0;
        let test = if let Some(categories) = self.sets.remove(&node) {
            let missing = if default_left { Side::Left } else { Side::Right };
            Test::Category { categories, listed: Side::Right, other: Side::Left, missing }
        } else {
            // XGBoost trains on floats: the text in the file may have more digits than they hold.
            let condition = self.conditions[node] as f32;
            if !condition.is_finite() {
                return Err(at.fault(format!("split_conditions: that of node {node} is not a finite number")));
            }
            // "Less than" a float is "at most" the float before it.
            let cut = condition.next_down();
            let missing = if default_left { Missing::Least } else { Missing::Greatest };
            Test::AtMost { cut, missing, radius: Radius::Nothing }
        };
        Ok((self.inputs[node].unwrap_or(usize::MAX) as u32, test))
    }
}

/// The sets of categories, if there are any: models of old versions do not have the fields.
fn sets(at: &At<'_>, count: usize) -> Result<HashMap<usize, Vec<u32>>, ModelError> {
    let Some(nodes) = at.maybe("categories_nodes") else { return Ok(HashMap::new()) };
    let listed = nodes.numbers()?.len();
    let nodes = nodes.wholes(listed, count - 1)?;
    let all = at.field("categories")?;
    let length = all.numbers()?.len();
    let categories = all.wholes(length, MAX_CATEGORY)?;
    let starts = at.field("categories_segments")?.wholes(listed, length)?;
    let sizes = at.field("categories_sizes")?.wholes(listed, length)?;
    // Were parts of the list shared by all nodes, a small file could fill the memory.
    let total = sizes.iter().flatten().fold(0usize, |total, size| total.saturating_add(*size));
    if total > length {
        let reason = format!("categories_sizes: they add up to {total}, but there are {length} categories");
        return Err(at.fault(reason));
    }
    let mut sets = HashMap::with_capacity(listed);
    for ((node, start), size) in nodes.into_iter().zip(starts).zip(sizes) {
        let (Some(node), Some(start), Some(size)) = (node, start, size) else {
            return Err(
                at.fault("categories_nodes, categories_segments, categories_sizes: −1 is not allowed")
            );
        };
        let set: Option<Vec<u32>> = categories
            .get(start..start + size)
            .ok_or_else(|| {
                at.fault(format!("categories_segments: those of node {node} reach beyond the list"))
            })?
            .iter()
            .map(|category| category.map(|category| category as u32))
            .collect();
        let mut set = set.ok_or_else(|| all.fault("−1 is no category"))?;
        set.sort_unstable();
        set.dedup();
        if sets.insert(node, set).is_some() {
            return Err(at.fault(format!("categories_nodes: node {node} is there twice")));
        }
    }
    if let Some(kinds) = at.maybe("split_type") {
        let kinds = kinds.of_length(count)?;
        if let Some(node) = (0..count).find(|node| (kinds[*node] == 1.0) != sets.contains_key(node)) {
            return Err(at.fault(format!("split_type: that of node {node} does not fit categories_nodes")));
        }
    }
    Ok(sets)
}
