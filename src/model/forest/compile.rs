//! Source trees are checked and laid out: leaves counted from the left, nodes in preorder, questions as columns.

use super::columns::Asked;
use super::source::{Child, SourceTree};
use super::{Forest, Precision, Shape, Sums};
use crate::machine::trees::{Branch, Fork, Step, Trees, Value};
use crate::model::ModelError;

pub(super) fn compile(sources: &[SourceTree], shape: &Shape) -> Result<Forest, ModelError> {
    let mut asked = Asked::default();
    let mut paths = Vec::with_capacity(sources.len());
    for source in sources {
        let path = Path::of(source)?;
        for visit in path.visits.iter().filter(|visit| visit.leaves > 1) {
            if let Child::Node(node) = visit.child {
                let node = &source.nodes[node as usize];
                if node.input as usize >= shape.inputs {
                    let reason = format!("a node asks for input {} of {}", node.input, shape.inputs);
                    return Err(ModelError::malformed(&source.place, reason));
                }
                asked.ask(node.input, &node.test);
            }
        }
        paths.push(path);
    }
    let columns = asked.columns(shape.truncation)?;
    let mut order = vec![0u32; sources.len()];
    let mut sorted: Vec<usize> = (0..sources.len()).collect();
    // A stable sort: within an output the sum is in the order of the file, as in the library.
    sorted.sort_by_key(|tree| sources[*tree].output);
    let mut outputs = Vec::with_capacity(shape.starts.len());
    let mut first = 0;
    for (output, start) in shape.starts.iter().enumerate() {
        let count =
            sorted[first..].iter().take_while(|tree| sources[**tree].output as usize == output).count();
        outputs.push((first..first + count, *start));
        first += count;
    }
    if let Some(tree) = sorted.get(first) {
        let source = &sources[*tree];
        let reason = format!("it belongs to output {} of {}", source.output, shape.starts.len());
        return Err(ModelError::malformed(&source.place, reason));
    }
    for (at, tree) in sorted.iter().enumerate() {
        order[*tree] = at as u32;
    }
    let in_order = || sorted.iter().map(|tree| (&sources[*tree], &paths[*tree]));
    let sums = match shape.precision {
        Precision::Double => Sums::Double(compile_trees(in_order(), columns.len(), &asked, |value| value)?),
        Precision::Single => {
            Sums::Single(compile_trees(in_order(), columns.len(), &asked, |value| value as f32)?)
        }
    };
    let names: Vec<Box<[u32]>> = in_order()
        .map(|(source, path)| path.leaves().map(|leaf| source.leaves[leaf].name).collect())
        .collect();
    let leaves = names.iter().map(|names| names.len()).sum();
    Ok(Forest { columns, sums, outputs, order, names, leaves })
}

fn compile_trees<'a, V: Value>(
    sources: impl Iterator<Item = (&'a SourceTree, &'a Path)>,
    columns: usize,
    asked: &Asked<'_>,
    number: impl Fn(f64) -> V,
) -> Result<Trees<V>, ModelError> {
    let mut trees = Trees::new(columns);
    for (source, path) in sources {
        let values: Vec<V> = path.leaves().map(|leaf| number(source.leaves[leaf].value)).collect();
        // Up to 256 leaves a tree is a few words of bits, for many rows at once; larger ones are descended row by row.
        let compiled = if values.len() <= Trees::<V>::MOST_LEAVES {
            path.steps(source, asked).and_then(|steps| trees.push(&steps, &values))
        } else {
            path.forks(source, asked).and_then(|forks| trees.push_forks(&forks, &values))
        };
        compiled.ok_or_else(|| ModelError::malformed(&source.place, "its nodes do not make a tree"))?;
    }
    Ok(trees)
}

/// A tree in preorder.
struct Path {
    visits: Vec<Visit>,
}

struct Visit {
    child: Child,
    /// The leaves to the left of what is below it.
    before: usize,
    /// The leaves below it; 1 for a leaf.
    leaves: usize,
    /// Among the visits, that of its right child.
    right: usize,
}

impl Path {
    /// Goes through the tree once; a child that is nobody, or somebody else's too, ends it.
    fn of(source: &SourceTree) -> Result<Self, ModelError> {
        let bad = |reason: String| Err(ModelError::malformed(&source.place, reason));
        let mut seen_nodes = vec![false; source.nodes.len()];
        let mut seen_leaves = vec![false; source.leaves.len()];
        let mut visits: Vec<Visit> = Vec::with_capacity(source.nodes.len() + source.leaves.len());
        // With each child, the visit whose right child it is.
        // A stack of its own: a tree that is a chain may be deeper than the thread's.
        let mut open: Vec<(Child, Option<usize>)> = vec![(source.root, None)];
        let mut before = 0;
        while let Some((child, parent)) = open.pop() {
            let here = visits.len();
            if let Some(parent) = parent {
                visits[parent].right = here;
            }
            visits.push(Visit { child, before, leaves: 1, right: 0 });
            let (seen, number, what) = match child {
                Child::Node(node) => (seen_nodes.get_mut(node as usize), node, "node"),
                Child::Leaf(leaf) => (seen_leaves.get_mut(leaf as usize), leaf, "leaf"),
            };
            match seen {
                None => return bad(format!("a node leads to {what} {number}, which does not exist")),
                Some(seen) if *seen => return bad(format!("two nodes lead to {what} {number}")),
                Some(seen) => *seen = true,
            }
            match child {
                Child::Leaf(_) => before += 1,
                Child::Node(node) => {
                    let node = &source.nodes[node as usize];
                    open.push((node.right, Some(here)));
                    open.push((node.left, None));
                }
            }
        }
        // From the back, where children come before their parents.
        for at in (0..visits.len()).rev() {
            if let Child::Node(_) = visits[at].child {
                visits[at].leaves = visits[at + 1].leaves + visits[visits[at].right].leaves;
            }
        }
        if visits.len() != source.nodes.len() + source.leaves.len() {
            return bad("it has nodes or leaves that the root does not lead to".to_owned());
        }
        Ok(Self { visits })
    }

    /// The source's numbers of its leaves, from the left.
    fn leaves(&self) -> impl Iterator<Item = usize> {
        self.visits.iter().filter_map(|visit| match visit.child {
            Child::Leaf(leaf) => Some(leaf as usize),
            Child::Node(_) => None,
        })
    }

    fn steps(&self, source: &SourceTree, asked: &Asked<'_>) -> Option<Vec<Step>> {
        let nodes = self.visits.iter().filter_map(|visit| match visit.child {
            Child::Node(node) => Some((visit, &source.nodes[node as usize])),
            Child::Leaf(_) => None,
        });
        let step = |(visit, node): (&Visit, &super::SourceNode)| {
            let question = asked.place(node.input, &node.test)?;
            // A byte, as such trees have at most 256 leaves.
            let from = u8::try_from(visit.before).ok()?;
            let to = u8::try_from(self.visits[visit.right].before).ok()?;
            Some(Step { column: question.column, threshold: question.threshold, from, to })
        };
        nodes.map(step).collect()
    }

    fn forks(&self, source: &SourceTree, asked: &Asked<'_>) -> Option<Vec<Fork>> {
        // Forks are the visits of nodes, in the same order.
        let mut number = 0u32;
        let numbers: Vec<u32> = self
            .visits
            .iter()
            .map(|visit| {
                let own = number;
                number += u32::from(matches!(visit.child, Child::Node(_)));
                own
            })
            .collect();
        let branch = |at: usize| match self.visits[at].child {
            Child::Node(_) => Branch::Fork(numbers[at]),
            Child::Leaf(_) => Branch::Leaf(self.visits[at].before as u32),
        };
        let mut forks = Vec::new();
        for (at, visit) in self.visits.iter().enumerate() {
            if let Child::Node(node) = visit.child {
                let node = &source.nodes[node as usize];
                let question = asked.place(node.input, &node.test)?;
                let (left, right) = (branch(at + 1), branch(visit.right));
                forks.push(Fork { column: question.column, threshold: question.threshold, left, right });
            }
        }
        Some(forks)
    }
}
