//! The byte columns behind a forest's questions: ranks among an input's cuts, membership in sets of categories.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::source::{Missing, Radius, Side, Test, Truncation};
use crate::machine::Level;
use crate::machine::cuts::{self, BIAS, CodeSet, Cuts, Lanes, MEMBER, NOT_MEMBER};
use crate::model::{Matrix, ModelError};

/// The code of categories that no set of the model lists.
const OTHER: u32 = 0;
/// The code of NaN.
const MISSING: u32 = 1;
/// The code of the least category that is listed.
const FIRST: u32 = 2;
/// More codes than this do not fit into a byte.
const NARROW: usize = 256;
/// Upper bound on what all sets of a model take, in words of 64 bits: 256 MiB. A small file may ask for far more.
const MOST_WORDS: usize = (256 << 20) / size_of::<u64>();

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
    /// Sets as bits, `words` words each.
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
    wide: Vec<u32>,
}

/// Collects a model's questions; afterwards each has its place.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    cuts: BTreeMap<(u32, Missing, Radius), Vec<f32>>,
    /// By input, each set once: by their lists, which are as long as the file, and not by their bits, which may be far
    /// more.
    sets: BTreeMap<u32, Vec<Set<'a>>>,
    places: HashMap<(u32, Missing, Radius, u32), Question>,
    set_places: HashMap<(u32, Set<'a>), Option<Question>>,
}

/// What a node asks of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Set<'a> {
    categories: &'a [u32],
    listed: Side,
    other: Side,
    missing: Side,
}

impl<'a> Asked<'a> {
    pub(super) fn ask(&mut self, input: u32, test: &'a Test) {
        match test {
            Test::AtMost { cut, missing, radius } => {
                self.cuts.entry((input, *missing, *radius)).or_default().push(whole(*cut));
            }
            Test::Category { categories, listed, other, missing } => {
                let set = Set { categories, listed: *listed, other: *other, missing: *missing };
                if let Entry::Vacant(place) = self.set_places.entry((input, set)) {
                    place.insert(None);
                    self.sets.entry(input).or_default().push(set);
                }
            }
        }
    }

    /// The columns that answer everything that was asked.
    pub(super) fn columns(&mut self, truncation: Truncation) -> Result<Columns, ModelError> {
        let mut columns = Columns { numbers: Vec::new(), categories: Vec::new(), truncation, count: 0 };
        for ((input, missing, radius), asked) in &mut self.cuts {
            // Equal questions of all trees are one cut: a model of a thousand trees has a few hundred for each input.
            asked.sort_unstable_by(f32::total_cmp);
            asked.dedup();
            // A rank is a byte: an input with more cuts than that has several columns.
            for part in asked.chunks(Cuts::MOST) {
                for (rank, cut) in part.iter().enumerate() {
                    let question = Question {
                        column: columns.numbers.len() as u32,
                        threshold: (rank as u8 ^ BIAS) as i8,
                    };
                    self.places.insert((*input, *missing, *radius, cut.to_bits()), question);
                }
                let cuts = Cuts::new(part, *missing, radius.number())
                    .ok_or_else(|| ModelError::malformed("trees", "a threshold is not a number"))?;
                columns.numbers.push(NumberColumn { input: *input as usize, cuts });
            }
        }
        let mut first = columns.numbers.len();
        let mut words_left = MOST_WORDS;
        for (input, sets) in &self.sets {
            let categories = Categories::new(*input as usize, first, sets, &mut words_left)?;
            for (column, set) in (first as u32..).zip(sets) {
                let question = Question { column, threshold: MEMBER as i8 };
                self.set_places.insert((*input, *set), Some(question));
            }
            first += sets.len();
            columns.categories.push(categories);
        }
        columns.count = first;
        Ok(columns)
    }

    /// Where the answer to a question that was asked is.
    pub(super) fn place(&self, input: u32, test: &Test) -> Option<Question> {
        match test {
            Test::AtMost { cut, missing, radius } => {
                self.places.get(&(input, *missing, *radius, whole(*cut).to_bits())).copied()
            }
            Test::Category { categories, listed, other, missing } => {
                let set = Set { categories, listed: *listed, other: *other, missing: *missing };
                self.set_places.get(&(input, set)).copied().flatten()
            }
        }
    }
}

/// −0 and 0 are one cut.
fn whole(cut: f32) -> f32 {
    if cut == 0.0 { 0.0 } else { cut }
}

impl Categories {
    /// For sets that all differ. Takes the words of bits that they need from `words_left`.
    fn new(
        input: usize,
        first: usize,
        asked: &[Set<'_>],
        words_left: &mut usize,
    ) -> Result<Self, ModelError> {
        let mut listed: Vec<u32> = asked.iter().flat_map(|set| set.categories).copied().collect();
        listed.sort_unstable();
        listed.dedup();
        let count = listed.len() + FIRST as usize;
        let words = count.div_ceil(64);
        // Before any memory is taken: sets times categories may be far more than the file has bytes.
        let left = words.checked_mul(asked.len()).and_then(|words| words_left.checked_sub(words));
        *words_left = left.ok_or_else(|| {
            let (sets, categories) = (asked.len(), listed.len());
            ModelError::unsupported(
                format!("a model whose splits have {sets} sets among {categories} categories of input {input}"),
                "a set takes a bit for each category, and those of all inputs may take 256 MiB; put rare categories \
                 together",
            )
        })?;
        let codes = Codes::new(listed);
        let mut bits = vec![0; words * asked.len()];
        for (set, bits) in asked.iter().zip(bits.chunks_exact_mut(words)) {
            set.put_left_codes(&codes, bits);
        }
        let sets = if count <= NARROW {
            let narrow = |bits: &[u64]| {
                let mut set = [0; 32];
                for (bytes, word) in set.chunks_exact_mut(8).zip(bits) {
                    bytes.copy_from_slice(&word.to_le_bytes());
                }
                set
            };
            Sets::Narrow(bits.chunks_exact(words).map(narrow).collect())
        } else {
            Sets::Wide { words, bits }
        };
        Ok(Self { input, codes, first, sets })
    }
}

impl Codes {
    /// For `listed` in ascending order.
    fn new(listed: Vec<u32>) -> Self {
        let most = listed.last().map_or(0, |most| *most as usize + 1);
        // A table by category is quickest, but ids used as categories may be anywhere below 2³².
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

impl Set<'_> {
    /// The codes that go left, as bits. What bits after the last code are does not matter.
    fn put_left_codes(&self, codes: &Codes, bits: &mut [u64]) {
        bits.fill(if self.other == Side::Left { u64::MAX } else { 0 });
        let mut put = |code: u32, side: Side| {
            let (word, bit) = (&mut bits[code as usize / 64], 1 << (code % 64));
            if side == Side::Left { *word |= bit } else { *word &= !bit }
        };
        // Before the categories: none of them has this code, but all others keep the default.
        put(MISSING, self.missing);
        for category in self.categories {
            put(codes.of(*category), self.listed);
        }
    }
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
                // A column that the matrix does not have is missing in every row: one answer for all.
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
                    scratch.wide.clear();
                    scratch.wide.extend(values.iter().map(|value| self.code(categories, *value)));
                    scratch.wide.resize(blocks * Lanes::ROWS, MISSING);
                    for (at, set) in (categories.first..).zip(bits.chunks_exact(*words)) {
                        let codes = scratch.wide.chunks_exact(Lanes::ROWS);
                        for (lanes, codes) in out.iter_mut().skip(at).step_by(self.count).zip(codes) {
                            for (byte, code) in lanes.0.iter_mut().zip(codes) {
                                let left = set[*code as usize / 64] >> (code % 64) & 1 == 1;
                                *byte = if left { MEMBER } else { NOT_MEMBER };
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
        // Libraries cut fractions off, but differ on what lies between −1 and 0.
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
