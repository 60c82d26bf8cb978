//! The features of a request's candidates, gathered once, feature by feature, in the order in which a ranker reads
//! them.
//!
//! Names become column handles when a snapshot is loaded ([`Gatherer::compile`]); a request compares no names and, once
//! its memory is warm, allocates nothing.

mod clock;
mod codes;
mod column;
mod compile;
mod error;
mod name;

use std::cell::RefCell;
use std::sync::Arc;

use super::Context;
use crate::domain::{CandidateSet, ClockStep, score};
use crate::model::Matrix;
use crate::snapshot::{UserFeatures, UserRow};
use clock::ClockPart;
use codes::{Codes, TextCodes};
use column::ItemColumn;

pub use error::InputError;

/// Fills the matrix of one ranker.
#[derive(Debug)]
pub struct Gatherer {
    steps: Vec<Step>,
    users: Vec<Arc<UserFeatures>>,
}

/// How one column of the matrix is filled.
#[derive(Debug)]
enum Step {
    Numbers(ItemColumn),
    /// Texts, with the model's code for each of the column's.
    Coded(ItemColumn, TextCodes),
    /// Numbers that stand for categories.
    NumberCoded(ItemColumn, Codes),
    Seed(ItemColumn, Value),
    SeedSame(ItemColumn),
    SeedRatio(ItemColumn),
    User {
        table: usize,
        column: usize,
        value: Value,
    },
    Context(Attribute, Value),
    SourceScore(usize),
    SourceRank(usize),
    CandidateRank,
    CandidateSources,
}

/// What a single value becomes.
#[derive(Debug)]
enum Value {
    Number,
    Code(Codes),
}

/// Something that the request says of itself.
#[derive(Debug)]
enum Attribute {
    Locale,
    Country,
    Channel,
    /// The attribute of that name; where there is none, the clock.
    Clock(Box<str>, ClockPart),
    Named(Box<str>),
}

thread_local! {
    static RANKED: RefCell<Vec<score::Key>> = const { RefCell::new(Vec::new()) };
}

impl Gatherer {
    /// The artifacts with users' features that it reads; [`super::Query::user_rows`] holds a row of each, in this
    /// order.
    pub fn user_tables(&self) -> &[Arc<UserFeatures>] {
        &self.users
    }

    /// The positions, in the catalogue, of the attributes of candidates that it reads.
    pub fn attributes(&self) -> Vec<usize> {
        let own = self.steps.iter().filter_map(|step| match step {
            Step::Numbers(column) | Step::Coded(column, _) | Step::NumberCoded(column, _) => {
                column.position()
            }
            Step::SeedSame(column) | Step::SeedRatio(column) => column.position(),
            _ => None,
        });
        own.collect()
    }

    /// How often features change with the clock: with the hour, the day of the week, or (`None`) not at all.
    pub fn clock(&self) -> Option<ClockStep> {
        let step = |step: &Step| match step {
            Step::Context(Attribute::Clock(_, part), _) => Some(part.step()),
            _ => None,
        };
        self.steps.iter().filter_map(step).max()
    }

    /// Gives the matrix a row for each candidate and a column for each input, and fills it.
    pub fn gather(&self, ctx: &Context<'_>, set: &CandidateSet, matrix: &mut Matrix) {
        matrix.reset(set.len(), self.steps.len());
        // Feature by feature: each reads one column of the catalogue in one go, and models read the matrix the same
        // way.
        for (column, step) in self.steps.iter().enumerate() {
            step.fill(ctx, set, matrix.column_mut(column));
        }
    }
}

impl Step {
    fn fill(&self, ctx: &Context<'_>, set: &CandidateSet, out: &mut [f32]) {
        let (items, seed) = (set.items(), ctx.query.current);
        let attributes = ctx.live.attributes();
        match self {
            Step::Numbers(column) => column.at(attributes).numbers(items, out),
            Step::Coded(column, codes) => column.at(attributes).coded(codes, items, out),
            Step::NumberCoded(column, codes) => {
                column.at(attributes).numbers(items, out);
                for cell in out {
                    *cell = codes.number(*cell);
                }
            }
            Step::Seed(column, value) => {
                let cells = column.at(attributes);
                let text = seed.and_then(|seed| cells.code(seed)).and_then(|code| cells.text(code));
                out.fill(match (seed, value) {
                    (Some(_), Value::Code(codes)) if column.is_text() => {
                        text.map_or(f32::NAN, |text| codes.text(text))
                    }
                    (Some(seed), value) => value.of_number(cells.number(seed)),
                    (None, _) => f32::NAN,
                });
            }
            Step::SeedSame(column) => match seed {
                Some(seed) => column.at(attributes).same(seed, items, out),
                None => out.fill(f32::NAN),
            },
            Step::SeedRatio(column) => {
                let cells = column.at(attributes);
                let own = seed.map_or(f32::NAN, |seed| cells.number(seed));
                cells.numbers(items, out);
                // A price of 0 is no measure of another; and no infinity reaches a model.
                for cell in out {
                    *cell = if own == 0.0 { f32::NAN } else { *cell / own };
                }
            }
            Step::User { table, column, value } => {
                let row = ctx.query.user_rows.get(*table).and_then(Option::as_ref);
                out.fill(row.map_or(f32::NAN, |row| value.of_user(row, *column)));
            }
            Step::Context(attribute, value) => out.fill(attribute.value(ctx, value)),
            Step::SourceScore(source) => copy(set.retrieved(*source), out),
            Step::SourceRank(source) => ranks(set, *source, out),
            // Rows stand as the sources found them, in the recipe's order, until they are scored.
            Step::CandidateRank => {
                for (row, cell) in out.iter_mut().enumerate() {
                    *cell = (row + 1) as f32;
                }
            }
            Step::CandidateSources => {
                out.fill(0.0);
                for source in 0..set.sources() {
                    for (cell, score) in out.iter_mut().zip(set.retrieved(source)) {
                        if !score.is_nan() {
                            *cell += 1.0;
                        }
                    }
                }
            }
        }
    }
}

impl Value {
    fn of_number(&self, number: f32) -> f32 {
        match self {
            Value::Number => number,
            Value::Code(codes) => codes.number(number),
        }
    }

    fn of_text(&self, text: &str) -> f32 {
        match self {
            Value::Number => codes::number(text).unwrap_or(f32::NAN),
            Value::Code(codes) => codes.any(text),
        }
    }

    fn of_user(&self, row: &UserRow, column: usize) -> f32 {
        match (self, row.text(column)) {
            (Value::Code(codes), Some(text)) => codes.text(text),
            _ => self.of_number(row.number(column)),
        }
    }
}

impl Attribute {
    fn value(&self, ctx: &Context<'_>, value: &Value) -> f32 {
        let context = &ctx.request.context;
        let named = |own: &Option<String>, name: &str| {
            let text = own.as_deref().or_else(|| context.attributes.get(name).map(String::as_str));
            text.map_or(f32::NAN, |text| value.of_text(text))
        };
        match self {
            Attribute::Locale => named(&context.locale, "locale"),
            Attribute::Country => named(&context.country, "country"),
            Attribute::Channel => named(&context.channel, "channel"),
            Attribute::Named(name) => named(&None, name),
            // A request may say the hour itself: that of the shop and not of UTC, or one that is replayed.
            Attribute::Clock(name, part) => match context.attributes.get(&**name) {
                Some(text) => value.of_text(text),
                None => ctx.time.map_or(f32::NAN, |time| value.of_number(part.of(time))),
            },
        }
    }
}

fn copy(scores: &[f32], out: &mut [f32]) {
    for (cell, score) in out.iter_mut().zip(scores) {
        *cell = *score;
    }
}

/// Places among the candidates that a source named, best first, from 1.
fn ranks(set: &CandidateSet, source: usize, out: &mut [f32]) {
    let scores = set.retrieved(source);
    let keys = || scores.iter().zip(set.items()).map(|(score, item)| (*score, score::key(*score, *item)));
    // Sorted once and searched for each row: O(n log n), where counting the better ones of each would be O(n²).
    RANKED.with_borrow_mut(|ranked| {
        ranked.clear();
        ranked.extend(keys().filter(|(score, _)| !score.is_nan()).map(|(_, key)| key));
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        for (cell, (score, own)) in out.iter_mut().zip(keys()) {
            let rank = || ranked.partition_point(|key| *key > own) + 1;
            *cell = if score.is_nan() { f32::NAN } else { rank() as f32 };
        }
    });
}
