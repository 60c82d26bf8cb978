//! Decision trees over bytes: each of 64 rows at a time finds its leaf, and the leaves' values are summed in tree
//! order.
//!
//! A kin of QuickScorer (Lucchese et al., SIGIR 2015) and RapidScorer (Ye et al., KDD 2018), which look at all nodes of
//! a tree rather than follow one path, and keep what they know of 64 rows as a byte for each. Here that byte is the
//! row's first possible leaf, counted from the left. Nodes come in preorder. A row is at a node if its first possible
//! leaf is that of the node; if its rank then exceeds the threshold, its first possible leaf becomes that of the node's
//! right child. So a node is two comparisons of bytes and a masked move, without branches, and constants are shared by
//! 512 rows. Trees with more than 256 leaves are walked row by row.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;
#[cfg(test)]
mod tests;

use std::ops::{AddAssign, Range};

use super::Level;
use super::cpu::Kind;
use super::cuts::Lanes;

/// A node of a tree with at most 256 leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The column of its ranks.
    pub column: u32,
    /// Rows whose stored rank, as a signed byte, is greater go right.
    pub threshold: i8,
    /// The leftmost leaf below it.
    pub from: u8,
    /// The leftmost leaf below its right child.
    pub to: u8,
}

/// A node of a larger tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fork {
    /// The column of its ranks.
    pub column: u32,
    /// Rows whose stored rank, as a signed byte, is greater go right.
    pub threshold: i8,
    /// Where the others go.
    pub left: Branch,
    /// Where these go.
    pub right: Branch,
}

/// Below a [`Fork`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Branch {
    /// A fork of the same tree, counted from its first; always a later one.
    Fork(u32),
    /// A leaf, counted from the left.
    Leaf(u32),
}

/// What leaves hold: f32 or f64.
pub(crate) trait Value: Copy + Default + AddAssign + std::fmt::Debug + sealed::Kernel {}

impl Value for f32 {}
impl Value for f64 {}

/// Trees, all of whose numbers are known to be in range.
#[derive(Debug, Clone)]
pub(crate) struct Trees<V> {
    columns: usize,
    steps: Vec<Step>,
    forks: Vec<Fork>,
    /// By tree, its leaves from the left; padded so that tables can be loaded whole.
    values: Vec<V>,
    spans: Vec<Span>,
}

/// One tree's part of the lists.
#[derive(Debug, Clone)]
struct Span {
    nodes: Range<usize>,
    values: Range<usize>,
    size: Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Steps,
    Forks,
}

impl<V: Value> Trees<V> {
    /// The most leaves of a tree given as steps.
    pub(crate) const MOST_LEAVES: usize = 256;

    /// No trees yet; their nodes may name this many columns.
    pub(crate) fn new(columns: usize) -> Self {
        Self { columns, steps: Vec::new(), forks: Vec::new(), values: Vec::new(), spans: Vec::new() }
    }

    /// Adds a tree: its nodes in preorder and the values of its leaves from the left. `None` if a number is out of
    /// range.
    pub(crate) fn push(&mut self, steps: &[Step], leaves: &[V]) -> Option<()> {
        let sound = |step: &Step| {
            (step.column as usize) < self.columns
                && step.from < step.to
                && usize::from(step.to) < leaves.len()
        };
        if !(1..=Self::MOST_LEAVES).contains(&leaves.len()) || !steps.iter().all(sound) {
            return None;
        }
        let first = self.steps.len();
        self.steps.extend_from_slice(steps);
        self.push_span(first..self.steps.len(), leaves, Size::Steps);
        Some(())
    }

    /// Adds a tree of any size, the root first. `None` if a number is out of range or a fork leads back.
    pub(crate) fn push_forks(&mut self, forks: &[Fork], leaves: &[V]) -> Option<()> {
        let leads_on = |at: usize, branch: Branch| match branch {
            Branch::Fork(next) => at < next as usize && (next as usize) < forks.len(),
            Branch::Leaf(leaf) => (leaf as usize) < leaves.len(),
        };
        let sound = |(at, fork): (usize, &Fork)| {
            (fork.column as usize) < self.columns && leads_on(at, fork.left) && leads_on(at, fork.right)
        };
        if leaves.is_empty() || forks.is_empty() || !forks.iter().enumerate().all(sound) {
            return None;
        }
        let first = self.forks.len();
        self.forks.extend_from_slice(forks);
        self.push_span(first..self.forks.len(), leaves, Size::Forks);
        Some(())
    }

    fn push_span(&mut self, nodes: Range<usize>, leaves: &[V], size: Size) {
        let first = self.values.len();
        let padded = match leaves.len() {
            most @ 0..=64 => most.next_power_of_two().max(16),
            more => more,
        };
        self.values.extend_from_slice(leaves);
        self.values.resize(first + padded, V::default());
        self.spans.push(Span { nodes, values: first..self.values.len(), size });
    }

    /// The leaf of one row, counted from the left; `None` if there is no such tree. `rank` gives the row's stored rank
    /// in a column.
    pub(crate) fn leaf(&self, tree: usize, rank: impl Fn(usize) -> u8) -> Option<usize> {
        let span = self.spans.get(tree)?;
        let mut leaf = 0;
        match span.size {
            Size::Steps => {
                for step in &self.steps[span.nodes.clone()] {
                    if leaf == usize::from(step.from) && rank(step.column as usize) as i8 > step.threshold {
                        leaf = usize::from(step.to);
                    }
                }
            }
            Size::Forks => leaf = self.descend(span, rank),
        }
        Some(leaf)
    }

    /// The bytes it occupies.
    pub(crate) fn resident_bytes(&self) -> usize {
        size_of::<Self>()
            + self.steps.capacity() * size_of::<Step>()
            + self.forks.capacity() * size_of::<Fork>()
            + self.values.capacity() * size_of::<V>()
            + self.spans.capacity() * size_of::<Span>()
    }

    fn steps_of(&self, span: &Span) -> &[Step] {
        &self.steps[span.nodes.clone()]
    }

    fn descend(&self, span: &Span, rank: impl Fn(usize) -> u8) -> usize {
        let forks = &self.forks[span.nodes.clone()];
        let mut at = 0;
        loop {
            let Fork { column, threshold, left, right } = forks[at];
            match if rank(column as usize) as i8 > threshold { right } else { left } {
                Branch::Fork(next) => at = next as usize,
                Branch::Leaf(leaf) => return leaf as usize,
            }
        }
    }

    /// Adds a walked tree's values to the sums of one block.
    fn walk_block(&self, span: &Span, ranks: &[Lanes], sums: &mut [V]) {
        let values = &self.values[span.values.clone()];
        for (row, sum) in sums.iter_mut().enumerate() {
            *sum += values[self.descend(span, |column| ranks[column].0[row])];
        }
    }
}

/// Adds to each row's sum its leaf of each of the trees, one tree after the other.
///
/// `ranks` has all columns of the first 64 rows, then all columns of the next 64; `sums` a number a row.
///
/// # Panics
/// If there are not as many ranks as `sums` and the trees' columns need, if the rows of `sums` are no whole 64s, or if
/// there are no such trees.
pub(crate) fn add<V: Value>(
    level: Level,
    trees: &Trees<V>,
    which: Range<usize>,
    ranks: &[Lanes],
    sums: &mut [V],
) {
    assert_eq!(sums.len() % Lanes::ROWS, 0, "whole blocks");
    // The loops multiply no more than this, so that none of their products wraps.
    let wanted = (sums.len() / Lanes::ROWS).checked_mul(trees.columns);
    assert_eq!(Some(ranks.len()), wanted, "a rank for each row and column");
    V::add(level, trees, which, ranks, sums);
}

mod sealed {
    use super::{Lanes, Level, Range, Trees};

    /// The loop for one kind of value.
    pub(crate) trait Kernel: Sized {
        fn add(level: Level, trees: &Trees<Self>, which: Range<usize>, ranks: &[Lanes], sums: &mut [Self]);
    }
}

macro_rules! kernel {
    ($value:ty, $name:ident) => {
        impl sealed::Kernel for $value {
            fn add(
                level: Level,
                trees: &Trees<Self>,
                which: Range<usize>,
                ranks: &[Lanes],
                sums: &mut [Self],
            ) {
                let spans = &trees.spans[which];
                match level.kind() {
                    // SAFETY: the level says that the processor has these instructions.
                    #[cfg(target_arch = "x86_64")]
                    Kind::Avx512 => unsafe { avx512::$name(trees, spans, ranks, sums) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    Kind::Avx2 => unsafe { avx2::$name(trees, spans, ranks, sums) },
                    _ => scalar::add(trees, spans, ranks, sums),
                }
            }
        }
    };
}

kernel!(f32, add_f32);
kernel!(f64, add_f64);
