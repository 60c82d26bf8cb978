//! Counts impressions, clicks and purchases by what impressions are told apart by.

use hashbrown::HashMap;

use super::dimension::Dimension;
use super::error::ReportError;
use super::row::Row;
use crate::exposure::{Shown, ShownItem};

/// Upper bound on combinations; raising it takes some hundred bytes for each.
const ROWS: usize = 1_000_000;

/// The counts.
#[derive(Debug)]
pub(super) struct Tally {
    by: Vec<Dimension>,
    /// The numbers of texts and ranks: a combination of them is found without making a text.
    texts: HashMap<String, u32>,
    names: Vec<String>,
    cells: HashMap<Vec<u32>, u32>,
    counts: Vec<Counts>,
    /// The key that is looked up, kept for its memory.
    key: Vec<u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    impressions: u64,
    clicks: u64,
    purchases: u64,
}

impl Tally {
    pub(super) fn new(by: &[Dimension]) -> Self {
        Self {
            by: by.to_vec(),
            texts: HashMap::new(),
            names: Vec::new(),
            cells: HashMap::new(),
            counts: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Counts an impression; returns the number of its row.
    pub(super) fn impression(&mut self, shown: &Shown, item: &ShownItem) -> Result<u32, ReportError> {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        for dimension in &self.by {
            key.push(match dimension.text(shown, item) {
                Some(text) => number(&mut self.texts, &mut self.names, text),
                None => item.rank.max(0) as u32,
            });
        }
        let cell = match self.cells.get(&key) {
            Some(cell) => *cell,
            None if self.counts.len() == ROWS => {
                let by: Vec<&str> = self.by.iter().map(|dimension| dimension.as_str()).collect();
                return Err(ReportError::TooManyRows { by: by.join(", "), limit: ROWS });
            }
            None => {
                let cell = self.counts.len() as u32;
                self.counts.push(Counts::default());
                self.cells.insert(key.clone(), cell);
                cell
            }
        };
        self.key = key;
        if let Some(counts) = self.counts.get_mut(cell as usize) {
            counts.impressions += 1;
        }
        Ok(cell)
    }

    /// Counts that an impression of this row was clicked, or its item bought.
    pub(super) fn act(&mut self, cell: u32, is_purchase: bool) {
        let Some(counts) = self.counts.get_mut(cell as usize) else { return };
        if is_purchase {
            counts.purchases += 1;
        } else {
            counts.clicks += 1;
        }
    }

    /// All rows together.
    pub(super) fn total(&self) -> Row {
        let mut sum = Counts::default();
        for counts in &self.counts {
            sum.impressions += counts.impressions;
            sum.clicks += counts.clicks;
            sum.purchases += counts.purchases;
        }
        row(Vec::new(), sum)
    }

    /// The rows, by their keys: texts by the alphabet, ranks by their number.
    pub(super) fn rows(&self) -> Vec<Row> {
        let text = |number: u32| self.names.get(number as usize).map_or("", String::as_str);
        let mut cells: Vec<(&Vec<u32>, &u32)> = self.cells.iter().collect();
        cells.sort_by(|(one, _), (other, _)| {
            let parts = self.by.iter().zip(one.iter().zip(*other));
            let orders = parts.map(|(dimension, (one, other))| match dimension {
                Dimension::Rank => one.cmp(other),
                _ => text(*one).cmp(text(*other)),
            });
            orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        let key = |numbers: &[u32]| {
            let parts = self.by.iter().zip(numbers);
            let texts = parts.map(|(dimension, number)| match dimension {
                Dimension::Rank => number.to_string(),
                _ => text(*number).to_owned(),
            });
            texts.collect()
        };
        let counts = |cell: u32| self.counts.get(cell as usize).copied().unwrap_or_default();
        cells.into_iter().map(|(numbers, cell)| row(key(numbers), counts(*cell))).collect()
    }
}

fn number(texts: &mut HashMap<String, u32>, names: &mut Vec<String>, text: &str) -> u32 {
    if let Some(number) = texts.get(text) {
        return *number;
    }
    let number = names.len() as u32;
    names.push(text.to_owned());
    texts.insert(text.to_owned(), number);
    number
}

fn row(key: Vec<String>, counts: Counts) -> Row {
    Row::new(key, counts.impressions, counts.clicks, counts.purchases)
}
