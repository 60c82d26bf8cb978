//! `popularity`: items by score, over the whole shop and by segment.

use hashbrown::HashMap;
use thiserror::Error;

use super::rows::item_column;
use super::scored_lists::scores;
use super::{ArtifactError, ArtifactKind, Encoded, FoundFile};
use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::feature::IdTable;
use crate::index::Popularity;
use crate::snapshot::Prediction;

/// Bytes that decoding takes for a row at its peak: item, score, segment and a pair of two of them.
const ROW: usize = 20;

#[derive(Debug, Error)]
#[error("\"{id}\" occurs a second time in its segment")]
struct Repeated {
    id: String,
}

/// The segment of each row.
struct Segments {
    /// The names, by code less 1.
    names: Vec<String>,
    /// By row; 0 is the whole shop.
    codes: Vec<u32>,
}

impl ArtifactKind for Popularity {
    const NAME: &'static str = "popularity";

    fn recognise(file: &FoundFile<'_>) -> bool {
        file.has_columns(&["item_id", "score"])
    }

    fn decode(file: &Encoded<'_>, items: &IdTable) -> Result<Self, ArtifactError> {
        let table = file.table()?;
        let (ids, scores) = (item_column(&table, "item_id", items)?, scores(&table)?);
        let segments = Segments::read(&table)?;
        let entries = || segments.codes.iter().copied().zip(ids.iter().copied());
        // Sorted pairs of 8 bytes: a hash set of them would take several times that.
        let mut pairs: Vec<(u32, u32)> = entries().collect();
        pairs.sort_unstable();
        if let Some(twice) = pairs.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]) {
            let mut rows = entries().enumerate().filter(|(_, pair)| *pair == twice);
            let row = rows.nth(1).map_or(0, |(row, _)| row);
            let id = items.text(twice.1).to_owned();
            return Err(table.bad("item_id", row, Repeated { id }).into());
        }
        // Before the lists are built, so that the two are not in memory together.
        drop(pairs);
        let named = entries().zip(&scores);
        Ok(Self::new(named.map(|((segment, item), score)| (segments.name(segment), item, *score))))
    }

    fn predict(file: &Encoded<'_>, _: usize) -> Result<Prediction, ArtifactError> {
        let table = file.table()?;
        let bytes = if table.has("segment") {
            let segments = table.outline("segment")?;
            Self::predict_bytes(table.rows(), segments.distinct, segments.distinct_text)
        } else {
            Self::predict_bytes(table.rows(), 0, 0)
        };
        Ok(Prediction::usual(bytes).with_rows(table.rows(), ROW))
    }

    fn resident(&self) -> usize {
        self.resident_bytes()
    }
}

impl Segments {
    fn read(table: &Table) -> Result<Self, TableError> {
        let mut segments = Self { names: Vec::new(), codes: vec![0; table.rows()] };
        if !table.has("segment") {
            return Ok(segments);
        }
        table.expect("segment", &[CellKind::Text], "text")?;
        let mut known: HashMap<String, u32> = HashMap::new();
        table.each("segment", &mut |row, cell| {
            if let (Cell::Text(name), Some(code)) = (cell, segments.codes.get_mut(row)) {
                *code = *known.entry_ref(name).or_insert_with(|| {
                    segments.names.push(name.to_owned());
                    segments.names.len() as u32
                });
            }
            Ok(())
        })?;
        Ok(segments)
    }

    fn name(&self, code: u32) -> Option<String> {
        code.checked_sub(1).and_then(|at| self.names.get(at as usize)).cloned()
    }
}
