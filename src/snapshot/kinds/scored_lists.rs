//! Scored lists of items, written to their places without a copy of the whole.

use thiserror::Error;

use super::ArtifactError;
use super::rows::known_item;
use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::feature::IdTable;
use crate::index::{Lists, ListsBuilder};

#[derive(Debug, Error)]
enum ListError {
    #[error("has 2^32 entries or more; split it into several artifacts")]
    TooMany,
    #[error("has {scores} scores for {listed} {column}")]
    Uneven { scores: usize, listed: usize, column: String },
    #[error("\"{0}\" occurs a second time in the list")]
    Repeated(String),
    #[error("holds {0}, expected finite numbers")]
    NotFinite(f32),
    #[error("is {0:e}, more than a 32-bit float can hold")]
    TooGreat(f64),
}

/// A list of ids and one of scores a row; `keys` has the row's place among `rows` lists. The lengths are those of the
/// scores, which are quick to read.
pub(super) fn from_lists(
    table: &Table,
    [ids, scores]: [&str; 2],
    items: &IdTable,
    rows: usize,
    keys: &[u32],
) -> Result<Lists, ArtifactError> {
    table.expect(ids, &[CellKind::Texts], "a list of text")?;
    table.expect(scores, &[CellKind::Floats], "a list of numbers")?;
    let key_of = |row: usize| keys.get(row).map_or(usize::MAX, |key| *key as usize);
    let mut lengths = vec![0u32; rows];
    table.each(scores, &mut |row, cell| {
        if let (Cell::Floats(scores), Some(length)) = (cell, lengths.get_mut(key_of(row))) {
            *length = scores.len() as u32;
        }
        Ok(())
    })?;
    let mut lists = lists_builder(&lengths)?;
    read_items(table, [ids, scores], items, &mut lists, key_of)?;
    table.each(scores, &mut |row, cell| {
        let Cell::Floats(scores) = cell else { return Ok(()) };
        if let Some(bad) = scores.iter().find(|score| !score.is_finite()) {
            return Err(ListError::NotFinite(*bad).into());
        }
        let (_, places) = lists.row(key_of(row));
        for (place, score) in places.iter_mut().zip(scores) {
            *place = *score;
        }
        Ok(())
    })?;
    Ok(lists.finish())
}

fn read_items(
    table: &Table,
    [ids, scores]: [&str; 2],
    items: &IdTable,
    lists: &mut ListsBuilder,
    key_of: impl Fn(usize) -> usize,
) -> Result<(), TableError> {
    let mut listed: Vec<u32> = Vec::new();
    // Met while the ids are read, and the fault of the scores' column.
    let mut uneven = None;
    let read = table.each(ids, &mut |row, cell| {
        listed.clear();
        if let Cell::Texts(texts) = cell {
            for id in texts {
                listed.push(known_item(items, id)?);
            }
        }
        // The scores have said how long the list is: ids and scores that differ in number have no common order.
        let (places, _) = lists.row(key_of(row));
        if places.len() != listed.len() {
            let (scores, listed, column) = (places.len(), listed.len(), ids.to_owned());
            uneven = Some(row);
            return Err(ListError::Uneven { scores, listed, column }.into());
        }
        places.copy_from_slice(&listed);
        listed.sort_unstable();
        match listed.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(ListError::Repeated(items.text(pair[0]).to_owned()).into()),
            None => Ok(()),
        }
    });
    match (read, uneven) {
        (Err(TableError::BadValue { source, .. }), Some(row)) => Err(table.bad(scores, row, source)),
        (read, _) => read,
    }
}

pub(super) fn lists_builder(lengths: &[u32]) -> Result<ListsBuilder, ArtifactError> {
    ListsBuilder::new(lengths).ok_or_else(|| ArtifactError::content(ListError::TooMany))
}

/// The column of scores, by row.
pub(super) fn scores(table: &Table) -> Result<Vec<f32>, TableError> {
    let mut scores = Vec::with_capacity(table.rows());
    each_score(table, |_, score| scores.push(score))?;
    Ok(scores)
}

/// Visits the column of scores.
pub(super) fn each_score(table: &Table, mut visit: impl FnMut(usize, f32)) -> Result<(), TableError> {
    table.each_number("score", |row, score| {
        if !(score as f32).is_finite() {
            return Err(ListError::TooGreat(score).into());
        }
        visit(row, score as f32);
        Ok(())
    })
}
