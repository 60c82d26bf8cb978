//! `item_neighbors`: what goes with an item, one pair a row or a list a row.

use thiserror::Error;

use super::rows::{RowError, item_column, known_item};
use super::scored_lists::{each_score, from_lists, lists_builder};
use super::{ArtifactError, ArtifactKind, Encoded, FoundFile, sizes};
use crate::artifact::table::Table;
use crate::feature::IdTable;
use crate::index::Lists;
use crate::snapshot::Prediction;

/// Neighbours by item.
#[derive(Debug)]
pub struct ItemNeighbors {
    /// One row an item of the catalogue.
    pub lists: Lists,
}

#[derive(Debug, Error)]
#[error("the pair with \"{item}\" occurs a second time")]
struct RepeatedPair {
    item: String,
}

impl ArtifactKind for ItemNeighbors {
    const NAME: &'static str = "item_neighbors";

    fn recognise(file: &FoundFile<'_>) -> bool {
        file.has_columns(&["neighbor_id"]) || file.has_columns(&["neighbors"])
    }

    fn decode(file: &Encoded<'_>, items: &IdTable) -> Result<Self, ArtifactError> {
        let table = file.table()?;
        let ids = item_column(&table, "item_id", items)?;
        if table.has("neighbor_id") {
            return Ok(Self { lists: from_pairs(&table, items, &ids)? });
        }
        // A list form names each item once; of two lists one would win silently.
        let mut seen = vec![false; items.len()];
        for (row, item) in ids.iter().enumerate() {
            if seen.get_mut(*item as usize).is_none_or(|seen| std::mem::replace(seen, true)) {
                let twice = RowError::Repeated(items.text(*item).to_owned());
                return Err(table.bad("item_id", row, twice).into());
            }
        }
        Ok(Self { lists: from_lists(&table, ["neighbors", "scores"], items, items.len(), &ids)? })
    }

    fn predict(file: &Encoded<'_>, items: usize) -> Result<Prediction, ArtifactError> {
        let table = file.table()?;
        let entries = if table.has("neighbor_id") {
            table.rows()
        } else {
            sizes::scored_entries(&table, ["neighbors", "scores"])?
        };
        let lists = Lists::predict_bytes(items, entries);
        Ok(Prediction::usual(lists).with_rows(table.rows(), size_of::<u32>()))
    }

    fn resident(&self) -> usize {
        self.lists.resident_bytes()
    }
}

/// One pair a row; `ids` has the row's item.
fn from_pairs(table: &Table, items: &IdTable, ids: &[u32]) -> Result<Lists, ArtifactError> {
    // Counted first, so that every list can be written to its place at once.
    let mut lengths = vec![0u32; items.len()];
    for item in ids {
        if let Some(length) = lengths.get_mut(*item as usize) {
            *length += 1;
        }
    }
    let mut lists = lists_builder(&lengths)?;
    let item_of = |row: usize| ids.get(row).map_or(usize::MAX, |item| *item as usize);
    table.each_id("neighbor_id", |row, id| {
        let neighbor = known_item(items, id)?;
        if let Some((item, _)) = lists.next(item_of(row)) {
            *item = neighbor;
        }
        Ok(())
    })?;
    if let Some((item, neighbor)) = lists.repeated() {
        // The lists have forgotten the rows: the file is read again to say which one it is.
        let mut before = false;
        table.each_id("neighbor_id", |row, id| {
            let same = item_of(row) == item && items.number(id) == Some(neighbor);
            if same && std::mem::replace(&mut before, true) {
                return Err(RepeatedPair { item: items.text(item as u32).to_owned() }.into());
            }
            Ok(())
        })?;
    }
    lists.rewind();
    each_score(table, |row, score| {
        if let Some((_, place)) = lists.next(item_of(row)) {
            *place = score;
        }
    })?;
    Ok(lists.finish())
}
