//! `popularity`, `item_neighbors` and `user_items`: scored lists.

use hashbrown::HashSet;

use super::{Fault, known_item, list_kinds};
use crate::artifact::table::{Cell, Table, TableError};
use crate::index::{Lists, Popularity};
use crate::snapshot::IdTable;

pub(super) fn popularity(table: &Table, items: &IdTable) -> Result<Popularity, Fault> {
    let (ids, scores) = (item_column(table, "item_id", items)?, scores(table)?);
    let mut segments: Vec<Option<String>> = vec![None; table.rows()];
    if table.has("segment") {
        table.expect("segment", &[crate::artifact::table::CellKind::Text], "text")?;
        table.each("segment", &mut |row, cell| {
            if let Cell::Text(name) = cell {
                segments[row] = Some(name.to_owned());
            }
            Ok(())
        })?;
    }
    let mut seen = HashSet::with_capacity(ids.len());
    for (row, item) in ids.iter().enumerate() {
        if !seen.insert((segments[row].as_deref(), *item)) {
            let reason = format!("\"{}\" occurs a second time in its segment", items.text(*item));
            return Err(table.bad("item_id", row, reason).into());
        }
    }
    drop(seen);
    Ok(Popularity::new(segments.into_iter().zip(ids).zip(scores).map(|((s, item), score)| (s, item, score))))
}

pub(super) fn neighbors(table: &Table, items: &IdTable) -> Result<Lists, Fault> {
    let ids = item_column(table, "item_id", items)?;
    if table.has("neighbor_id") {
        let (others, scores) = (item_column(table, "neighbor_id", items)?, scores(table)?);
        let mut seen = HashSet::with_capacity(ids.len());
        for (row, pair) in ids.iter().zip(&others).enumerate() {
            if !seen.insert(pair) {
                let reason = format!("the pair with \"{}\" occurs a second time", items.text(*pair.0));
                return Err(table.bad("neighbor_id", row, reason).into());
            }
        }
        let triples = ids.iter().zip(&others).zip(&scores).map(|((a, b), s)| (*a, *b, *s)).collect();
        return Ok(Lists::from_triples(items.len(), triples));
    }
    unique(table, "item_id", &ids, |number| items.text(number))?;
    Ok(Lists::from_triples(items.len(), list_triples(table, ["neighbors", "scores"], items, &ids)?))
}

pub(super) fn user_items(table: &Table, items: &IdTable) -> Result<(IdTable, Lists), Fault> {
    let mut users = IdTable::with_capacity(table.rows());
    table.each_id("user_id", |_, id| users.insert(id).map(|_| ()))?;
    let rows: Vec<u32> = (0..users.len() as u32).collect();
    let triples = list_triples(table, ["items", "scores"], items, &rows)?;
    let lists = Lists::from_triples(users.len(), triples);
    Ok((users, lists))
}

/// (row key, item, score) from a list column of ids and one of scores.
fn list_triples(
    table: &Table,
    columns: [&str; 2],
    items: &IdTable,
    keys: &[u32],
) -> Result<Vec<(u32, u32, f32)>, TableError> {
    list_kinds(table, columns)?;
    let mut triples: Vec<(u32, u32, f32)> = Vec::new();
    let mut ends = Vec::with_capacity(table.rows());
    table.each(columns[0], &mut |row, cell| {
        let start = triples.len();
        if let Cell::Texts(ids) = cell {
            for id in ids {
                triples.push((keys[row], known_item(items, id)?, 0.0));
            }
        }
        let mut listed: Vec<u32> = triples[start..].iter().map(|triple| triple.1).collect();
        listed.sort_unstable();
        ends.push(triples.len());
        match listed.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("\"{}\" occurs a second time in the list", items.text(pair[0]))),
            None => Ok(()),
        }
    })?;
    table.each(columns[1], &mut |row, cell| {
        let start = row.checked_sub(1).map_or(0, |before| ends[before]);
        let list = &mut triples[start..ends[row]];
        let scores: &[f32] = if let Cell::Floats(scores) = &cell { scores } else { &[] };
        if scores.len() != list.len() {
            return Err(format!("has {} scores for {} {}", scores.len(), list.len(), columns[0]));
        }
        for (triple, score) in list.iter_mut().zip(scores) {
            if !score.is_finite() {
                return Err(format!("holds {score}, expected finite numbers"));
            }
            triple.2 = *score;
        }
        Ok(())
    })?;
    Ok(triples)
}

fn unique<'a>(
    table: &Table,
    column: &str,
    ids: &[u32],
    text: impl Fn(u32) -> &'a str,
) -> Result<(), TableError> {
    let mut seen = HashSet::with_capacity(ids.len());
    match ids.iter().position(|id| !seen.insert(*id)) {
        Some(row) => Err(table.bad(column, row, format!("\"{}\" occurs a second time", text(ids[row])))),
        None => Ok(()),
    }
}

pub(super) fn item_column(table: &Table, column: &str, items: &IdTable) -> Result<Vec<u32>, TableError> {
    table.numbers(column, |id| known_item(items, id))
}

fn scores(table: &Table) -> Result<Vec<f32>, TableError> {
    let mut scores = Vec::with_capacity(table.rows());
    table.each_number("score", |_, score| {
        if !(score as f32).is_finite() {
            return Err(format!("is {score:e}, more than a 32-bit float can hold"));
        }
        scores.push(score as f32);
        Ok(())
    })?;
    Ok(scores)
}
