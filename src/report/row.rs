//! A row of a report.

use serde::Serialize;

use super::rate::Rate;

/// Impressions that have something in common, and what became of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The values of what they are told apart by.
    pub key: Vec<String>,
    /// How many there were.
    pub impressions: u64,
    /// How many of them were clicked, however often.
    pub clicks: u64,
    /// Clicks of an impression.
    pub ctr: Rate,
    /// How many of their items were bought.
    pub purchases: u64,
    /// Purchases of an impression.
    pub cvr: Rate,
}

impl Row {
    /// A row of these counts.
    pub(super) fn new(key: Vec<String>, impressions: u64, clicks: u64, purchases: u64) -> Self {
        let (ctr, cvr) = (Rate::new(clicks, impressions), Rate::new(purchases, impressions));
        Self { key, impressions, clicks, ctr, purchases, cvr }
    }
}
