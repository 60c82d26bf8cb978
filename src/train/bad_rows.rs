//! Rows that could not be used: counted by reason, the first few named.

use std::collections::BTreeMap;

/// How many row numbers are kept per reason.
const EXAMPLES: usize = 5;

/// Rows left out of the training, by reason.
#[derive(Debug, Clone, Default)]
pub struct BadRows {
    reasons: BTreeMap<String, (usize, Vec<usize>)>,
}

impl BadRows {
    /// Notes one row (from 0).
    pub fn add(&mut self, row: usize, reason: &str) {
        let entry = self.reasons.entry(reason.to_owned()).or_default();
        entry.0 += 1;
        if entry.1.len() < EXAMPLES {
            entry.1.push(row + 1);
        }
    }

    /// How many rows were left out.
    pub fn count(&self) -> usize {
        self.reasons.values().map(|(count, _)| count).sum()
    }

    /// Reason, count and the first row numbers (from 1).
    pub fn reasons(&self) -> impl Iterator<Item = (&str, usize, &[usize])> {
        self.reasons.iter().map(|(reason, (count, rows))| (reason.as_str(), *count, rows.as_slice()))
    }
}
