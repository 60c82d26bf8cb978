//! Trees of any library in one form: every question becomes a byte column, so that all rows go through a tree at once.

mod columns;
mod compile;
mod source;

use std::ops::Range;

use columns::{CodeScratch, Columns};
pub(super) use source::{Child, Missing, Radius, Side, SourceLeaf, SourceNode, SourceTree, Test, Truncation};

use super::{Matrix, ModelError};
use crate::machine::cuts::Lanes;
use crate::machine::trees::{self, Trees};
use crate::machine::{self, Level};

/// A model's trees, by output and then in the order of the file.
#[derive(Debug)]
pub(super) struct Forest {
    columns: Columns,
    sums: Sums,
    /// By output: its trees, and what its sum starts with.
    outputs: Vec<(Range<usize>, f64)>,
    /// By tree of the file, which of `sums` it is.
    order: Vec<u32>,
    /// By tree, the library's names of its leaves, from the left.
    names: Vec<Box<[u32]>>,
    leaves: usize,
}

/// How a library adds up leaves: LightGBM doubles, XGBoost floats.
#[derive(Debug)]
enum Sums {
    Double(Trees<f64>),
    Single(Trees<f32>),
}

/// What the readers know beside the trees.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) inputs: usize,
    /// By output, what its sum starts with.
    pub(super) starts: Vec<f64>,
    pub(super) precision: Precision,
    pub(super) truncation: Truncation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Double,
    Single,
}

/// Memory that scoring needs.
#[derive(Debug, Default)]
pub(super) struct ForestScratch {
    ranks: Vec<Lanes>,
    codes: CodeScratch,
    single: Vec<f32>,
}

impl Forest {
    /// Checks the trees and lays them out for scoring.
    pub(super) fn new(sources: &[SourceTree], shape: &Shape) -> Result<Self, ModelError> {
        compile::compile(sources, shape)
    }

    /// Writes each row's sum: `sums` has the padded rows of output 0, then those of output 1.
    pub(super) fn sum(&self, rows: &Matrix, scratch: &mut ForestScratch, sums: &mut [f64]) {
        let padded = rows.rows().next_multiple_of(Lanes::ROWS);
        if padded == 0 {
            return;
        }
        // Asked once, so that all trees of a request run at one level.
        let level = machine::level();
        self.rank(level, rows, scratch);
        for ((which, start), sums) in self.outputs.iter().zip(sums.chunks_exact_mut(padded)) {
            match &self.sums {
                Sums::Double(trees) => {
                    sums.fill(*start);
                    trees::add(level, trees, which.clone(), &scratch.ranks, sums);
                }
                Sums::Single(trees) => {
                    scratch.single.clear();
                    // XGBoost adds floats in the order of its trees, and so must this to get its last bit.
                    scratch.single.resize(padded, *start as f32);
                    trees::add(level, trees, which.clone(), &scratch.ranks, &mut scratch.single);
                    sums.iter_mut().zip(&scratch.single).for_each(|(sum, single)| *sum = f64::from(*single));
                }
            }
        }
    }

    /// By tree, in the order of the file, what the library calls the leaf of the row.
    pub(super) fn leaves(&self, rows: &Matrix, row: usize, scratch: &mut ForestScratch) -> Vec<u32> {
        if row >= rows.rows() {
            return Vec::new();
        }
        self.rank(machine::level(), rows, scratch);
        let block = &scratch.ranks[row / Lanes::ROWS * self.columns.len()..];
        let stored = |column: usize| block[column].0[row % Lanes::ROWS];
        let leaf = |tree: usize| match &self.sums {
            Sums::Double(trees) => trees.leaf(tree, stored),
            Sums::Single(trees) => trees.leaf(tree, stored),
        };
        let name = |tree: &u32| Some(self.names[*tree as usize][leaf(*tree as usize)?]);
        self.order.iter().filter_map(name).collect()
    }

    pub(super) fn trees(&self) -> usize {
        self.order.len()
    }

    pub(super) fn leaf_count(&self) -> usize {
        self.leaves
    }

    pub(super) fn resident_bytes(&self) -> usize {
        let trees = match &self.sums {
            Sums::Double(trees) => trees.resident_bytes(),
            Sums::Single(trees) => trees.resident_bytes(),
        };
        let names = self.leaves * size_of::<u32>() + self.names.len() * size_of::<Box<[u32]>>();
        size_of::<Self>()
            + self.columns.resident_bytes()
            + trees
            + names
            + self.order.len() * size_of::<u32>()
    }

    fn rank(&self, level: Level, rows: &Matrix, scratch: &mut ForestScratch) {
        let blocks = rows.rows().div_ceil(Lanes::ROWS);
        // What is there from before is overwritten, all of it.
        scratch.ranks.resize(blocks * self.columns.len(), Lanes::all(0));
        self.columns.answer(level, rows, &mut scratch.codes, &mut scratch.ranks);
    }
}
