//! The byte columns behind a forest's questions: ranks among an input's cuts, membership in sets of categories.

use std::collections::{BTreeMap, HashMap};

use super::source::{Missing, Radius, Side, Test, Truncation};
use crate::machine::Level;
use crate::machine::cuts::{self, BIAS, CodeSet, Cuts, Lanes, MEMBER, STRANGER};
use crate::model::Matrix;

/// The code of categories that no set of the model lists.
const OTHER: u32 = 0;
/// The code of NaN.
const MISSING: u32 = 1;
/// The code of the least category that is listed.
const FIRST: u32 = 2;
/// More codes than this do not fit into a byte.
const NARROW: usize = 256;

/// All columns of a model.
#[derive(Debug)]
pub(super) struct Columns {
    numbers: Vec<NumberColumn>,
    categories: Vec<Categories>,
    truncation: Truncation,
    count: usize,
}

#[derive(Debug)]
struct NumberColumn {
    input: usize,
    cuts: Cuts,
}

/// An input's categories, and the sets of them that nodes ask for: a column each, from `first` on.
#[derive(Debug)]
struct Categories {
    input: usize,
    codes: Codes,
    first: usize,
    sets: Sets,
}

/// From a category to its code.
#[derive(Debug)]
enum Codes {
    /// By category.
    Table(Vec<u32>),
    /// The listed categories in ascending order, for numbers too great for a table.
    Sorted(Vec<u32>),
}

#[derive(Debug)]
enum Sets {
    /// Codes are bytes.
    Narrow(Vec<CodeSet>),
    /// Sets as bits, so many words each.
    Wide { words: usize, bits: Vec<u64> },
}

/// Where a node's question is answered: rows whose stored rank is not greater go left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) column: u32,
    pub(super) threshold: i8,
}

/// Memory for codes, reused.
#[derive(Debug, Default)]
pub(super) struct CodeScratch {
    narrow: Vec<Lanes>,
}

/// Collects a model's questions; afterwards each has its place.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    cuts: BTreeMap<(u32, Missing, Radius), Vec<f32>>,
    sets: BTreeMap<u32, Vec<&'a Test>>,
    places: HashMap<(u32, Missing, Radius, u32), Question>,
    set_places: HashMap<*const Test, Question>,
}

impl<'a> Asked<'a> {
    pub(super) fn ask(&mut self, input: u32, test: &'a Test) {
        match test {
            Test::AtMost { cut, missing, radius } => {
                self.cuts.entry((input, *missing, *radius)).or_default().push(whole(*cut));
            }
            Test::Category { .. } => self.sets.entry(input).or_default().push(test),
        }
    }

    /// The columns that answer everything that was asked.
    pub(super) fn columns(&mut self, truncation: Truncation) -> Option<Columns> {
        let mut columns = Columns { numbers: Vec::new(), categories: Vec::new(), truncation, count: 0 };
        for ((input, missing, radius), asked) in &mut self.cuts {
            asked.sort_unstable_by(f32::total_cmp);
            asked.dedup();
            for part in asked.chunks(Cuts::MOST) {
                for (rank, cut) in part.iter().enumerate() {
                    let question = Question {
                        column: columns.numbers.len() as u32,
                        threshold: (rank as u8 ^ BIAS) as i8,
                    };
                    self.places.insert((*input, *missing, *radius, cut.to_bits()), question);
                }
                let cuts = Cuts::new(part, *missing, radius.number())?;
                columns.numbers.push(NumberColumn { input: *input as usize, cuts });
            }
        }
        let mut first = columns.numbers.len();
        for (input, tests) in &self.sets {
            let (categories, places) = Categories::new(*input as usize, first, tests);
            for (test, place) in tests.iter().zip(places) {
                let question = Question { column: place as u32, threshold: MEMBER as i8 };
                self.set_places.insert(*test as *const Test, question);
            }
            first += categories.sets.len();
            columns.categories.push(categories);
        }
        columns.count = first;
        Some(columns)
    }

    /// Where the answer to a question that was asked is.
    pub(super) fn place(&self, input: u32, test: &Test) -> Option<Question> {
        match test {
            Test::AtMost { cut, missing, radius } => {
                self.places.get(&(input, *missing, *radius, whole(*cut).to_bits())).copied()
            }
            Test::Category { .. } => self.set_places.get(&(test as *const Test)).copied(),
        }
    }
}

/// −0 and 0 are one cut.
fn whole(cut: f32) -> f32 {
    if cut == 0.0 { 0.0 } else { cut }
}

impl Categories {
    /// Also gives the column of each test.
    fn new(input: usize, first: usize, tests: &[&Test]) -> (Self, Vec<usize>) {
        let mut listed: Vec<u32> = tests.iter().flat_map(|test| categories_of(test)).copied().collect();
        listed.sort_unstable();
        listed.dedup();
        let count = listed.len() + FIRST as usize;
        let codes = Codes::new(listed);
        let words = count.div_ceil(64);
        let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut sets: Vec<Vec<u64>> = Vec::new();
        let mut places = Vec::with_capacity(tests.len());
        for test in tests {
            let bits = left_codes(test, &codes, count, words);
            let place = *known.entry(bits).or_insert_with_key(|bits| {
                sets.push(bits.clone());
                sets.len() - 1
            });
            places.push(first + place);
        }
        let sets = if count <= NARROW {
            let narrow = |bits: &Vec<u64>| {
                let mut set = [0; 32];
                for (bytes, word) in set.chunks_exact_mut(8).zip(bits) {
                    bytes.copy_from_slice(&word.to_le_bytes());
                }
                set
            };
            Sets::Narrow(sets.iter().map(narrow).collect())
        } else {
            Sets::Wide { words, bits: sets.concat() }
        };
        (Self { input, codes, first, sets }, places)
    }
}

impl Codes {
    /// For `listed` in ascending order.
    fn new(listed: Vec<u32>) -> Self {
        let most = listed.last().map_or(0, |most| *most as usize + 1);
        if most > 65_536 + 16 * listed.len() {
            return Self::Sorted(listed);
        }
        let mut codes = vec![OTHER; most];
        for (code, category) in (FIRST..).zip(&listed) {
            codes[*category as usize] = code;
        }
        Self::Table(codes)
    }

    fn of(&self, category: u32) -> u32 {
        match self {
            Self::Table(codes) => codes.get(category as usize).copied().unwrap_or(OTHER),
            Self::Sorted(listed) => listed.binary_search(&category).map_or(OTHER, |rank| rank as u32 + FIRST),
        }
    }

    fn resident_bytes(&self) -> usize {
        let (Self::Table(numbers) | Self::Sorted(numbers)) = self;
        size_of_val(numbers.as_slice())
    }
}

impl Sets {
    fn len(&self) -> usize {
        match self {
            Self::Narrow(sets) => sets.len(),
            Self::Wide { words, bits } => bits.len() / words,
        }
    }
}

fn categories_of(test: &Test) -> &[u32] {
    match test {
        Test::Category { categories, .. } => categories,
        Test::AtMost { .. } => &[],
    }
}

/// The codes that go left, as bits.
fn left_codes(test: &Test, codes: &Codes, count: usize, words: usize) -> Vec<u64> {
    let mut bits = vec![0u64; words];
    if let Test::Category { categories, listed, other, missing } = test {
        let mut put = |code: usize, side: Side| {
            let bit = 1 << (code % 64);
            if side == Side::Left {
                bits[code / 64] |= bit;
            } else {
                bits[code / 64] &= !bit;
            }
        };
        (0..count).for_each(|code| put(code, *other));
        put(MISSING as usize, *missing);
        categories.iter().for_each(|category| put(codes.of(*category) as usize, *listed));
    }
    bits
}

impl Columns {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Fills `out`: all columns of the first 64 rows, then of the next 64.
    pub(super) fn answer(&self, level: Level, rows: &Matrix, scratch: &mut CodeScratch, out: &mut [Lanes]) {
        for (at, column) in self.numbers.iter().enumerate() {
            let values = rows.padded(column.input);
            if values.is_empty() {
                let missing = Lanes::all(column.cuts.byte_of_missing());
                out.iter_mut().skip(at).step_by(self.count).for_each(|lanes| *lanes = missing);
            } else {
                cuts::rank(level, &column.cuts, values, out, self.count, at);
            }
        }
        for categories in &self.categories {
            let values = rows.padded(categories.input);
            let blocks = out.len() / self.count;
            match &categories.sets {
                Sets::Narrow(sets) => {
                    scratch.narrow.clear();
                    scratch.narrow.resize(blocks, Lanes::all(MISSING as u8));
                    for (lanes, values) in scratch.narrow.iter_mut().zip(values.chunks_exact(Lanes::ROWS)) {
                        for (code, value) in lanes.0.iter_mut().zip(values) {
                            *code = self.code(categories, *value) as u8;
                        }
                    }
                    for (at, set) in (categories.first..).zip(sets) {
                        cuts::members(level, set, &scratch.narrow, out, self.count, at);
                    }
                }
                Sets::Wide { words, bits } => {
                    for (at, set) in (categories.first..).zip(bits.chunks_exact(*words)) {
                        for (block, lanes) in out.iter_mut().skip(at).step_by(self.count).enumerate() {
                            for (row, byte) in lanes.0.iter_mut().enumerate() {
                                let value = values.get(block * Lanes::ROWS + row).unwrap_or(&f32::NAN);
                                let code = self.code(categories, *value) as usize;
                                let left = set[code / 64] >> (code % 64) & 1 == 1;
                                *byte = if left { MEMBER } else { STRANGER };
                            }
                        }
                    }
                }
            }
        }
    }

    pub(super) fn resident_bytes(&self) -> usize {
        let numbers = self.numbers.iter().map(|column| size_of::<usize>() + column.cuts.resident_bytes());
        let categories = self.categories.iter().map(|categories| {
            let sets = match &categories.sets {
                Sets::Narrow(sets) => size_of_val(sets.as_slice()),
                Sets::Wide { bits, .. } => size_of_val(bits.as_slice()),
            };
            size_of::<Categories>() + categories.codes.resident_bytes() + sets
        });
        numbers.sum::<usize>() + categories.sum::<usize>()
    }

    fn code(&self, categories: &Categories, value: f32) -> u32 {
        let whole = match self.truncation {
            Truncation::AboveMinusOne => value > -1.0,
            Truncation::FromZero => value >= 0.0,
        };
        if value.is_nan() {
            MISSING
        } else if whole {
            // A cast cuts the fraction off, and takes what is too great to the greatest.
            categories.codes.of(value as u32)
        } else {
            OTHER
        }
    }
}
