//! A tree as the readers found it, in one shape for all libraries.

pub(in crate::model) use crate::machine::cuts::Missing;

/// Nodes and leaves by number. The readers check nothing about who is whose child; [`super::Forest::new`] does.
#[derive(Debug, Clone)]
pub(in crate::model) struct SourceTree {
    /// What its place in the file is called: `Tree=3`, `trees[3]`.
    pub(in crate::model) place: String,
    pub(in crate::model) output: u32,
    pub(in crate::model) root: Child,
    pub(in crate::model) nodes: Vec<SourceNode>,
    pub(in crate::model) leaves: Vec<SourceLeaf>,
}

#[derive(Debug, Clone)]
pub(in crate::model) struct SourceNode {
    pub(in crate::model) input: u32,
    pub(in crate::model) test: Test,
    /// Where rows go for which the test is true.
    pub(in crate::model) left: Child,
    pub(in crate::model) right: Child,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct SourceLeaf {
    pub(in crate::model) value: f64,
    /// What the library calls it when asked for the leaves of a row.
    pub(in crate::model) name: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Child {
    Node(u32),
    Leaf(u32),
}

/// True sends a row to the left.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) enum Test {
    /// The number is not greater than `cut`.
    AtMost { cut: f32, missing: Missing, radius: Radius },
    /// The number, without its fraction, is (or, by `listed`, is not) one of the categories, which are in ascending
    /// order.
    Category { categories: Vec<u32>, listed: Side, other: Side, missing: Side },
}

/// Which numbers besides NaN are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::model) enum Radius {
    /// None.
    Nothing,
    /// Those as close to 0 as LightGBM's `kZeroThreshold`.
    Zero,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::model) enum Side {
    Left,
    Right,
}

/// What a category's number may be: libraries differ below 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Truncation {
    /// Numbers above −1 are cut down to a whole number, −0.5 becomes 0.
    AboveMinusOne,
    /// Numbers from 0 on are cut down to a whole number.
    FromZero,
}

impl Radius {
    pub(super) fn number(self) -> Option<f32> {
        match self {
            Self::Nothing => None,
            // LightGBM's `kZeroThreshold`, as a float.
            Self::Zero => Some(1e-35),
        }
    }
}
