//! `popularity`, `item_neighbors` and `user_items`: scored lists, written to their places without a copy of the whole.

use hashbrown::HashMap;

use super::{Fault, known_item, list_kinds};
use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::index::{Lists, ListsBuilder, Popularity};
use crate::snapshot::IdTable;

pub(super) fn popularity(table: &Table, items: &IdTable) -> Result<Popularity, Fault> {
    let (ids, scores) = (item_column(table, "item_id", items)?, scores(table)?);
    let mut names: Vec<String> = Vec::new();
    let mut codes: HashMap<String, u32> = HashMap::new();
    // 0 is the whole shop.
    let mut segments: Vec<u32> = vec![0; ids.len()];
    if table.has("segment") {
        table.expect("segment", &[CellKind::Text], "text")?;
        table.each("segment", &mut |row, cell| {
            if let (Cell::Text(name), Some(segment)) = (cell, segments.get_mut(row)) {
                *segment = *codes.entry_ref(name).or_insert_with(|| {
                    names.push(name.to_owned());
                    names.len() as u32
                });
            }
            Ok(())
        })?;
    }
    let entries = || segments.iter().copied().zip(ids.iter().copied());
    let mut pairs: Vec<(u32, u32)> = entries().collect();
    pairs.sort_unstable();
    if let Some(twice) = pairs.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]) {
        let row = entries().enumerate().filter(|(_, pair)| *pair == twice).nth(1).map_or(0, |(row, _)| row);
        let reason = format!("\"{}\" occurs a second time in its segment", items.text(twice.1));
        return Err(table.bad("item_id", row, reason).into());
    }
    drop(pairs);
    let name = |code: u32| code.checked_sub(1).and_then(|at| names.get(at as usize)).cloned();
    let named = entries().zip(&scores).map(|((segment, item), score)| (name(segment), item, *score));
    Ok(Popularity::new(named))
}

pub(super) fn neighbors(table: &Table, items: &IdTable) -> Result<Lists, Fault> {
    let ids = item_column(table, "item_id", items)?;
    if table.has("neighbor_id") {
        return long_form(table, items, &ids);
    }
    let mut seen = vec![false; items.len()];
    for (row, item) in ids.iter().enumerate() {
        if seen.get_mut(*item as usize).is_none_or(|seen| std::mem::replace(seen, true)) {
            let reason = format!("\"{}\" occurs a second time", items.text(*item));
            return Err(table.bad("item_id", row, reason).into());
        }
    }
    list_form(table, ["neighbors", "scores"], items, items.len(), &ids)
}

pub(super) fn user_items(table: &Table, items: &IdTable) -> Result<(IdTable, Lists), Fault> {
    let mut users = IdTable::with_capacity(table.rows());
    table.each_id("user_id", |_, id| users.insert(id).map(|_| ()))?;
    users.shrink();
    let rows: Vec<u32> = (0..users.len() as u32).collect();
    let lists = list_form(table, ["items", "scores"], items, users.len(), &rows)?;
    Ok((users, lists))
}

/// One pair a row; `ids` has the row's item.
fn long_form(table: &Table, items: &IdTable, ids: &[u32]) -> Result<Lists, Fault> {
    let mut lengths = vec![0u32; items.len()];
    for item in ids {
        if let Some(length) = lengths.get_mut(*item as usize) {
            *length += 1;
        }
    }
    let mut lists = builder(&lengths)?;
    let item_of = |row: usize| ids.get(row).map_or(usize::MAX, |item| *item as usize);
    table.each_id("neighbor_id", |row, id| {
        let neighbor = known_item(items, id)?;
        lists.next(item_of(row)).into_iter().for_each(|(item, _)| *item = neighbor);
        Ok(())
    })?;
    if let Some((item, neighbor)) = lists.repeated() {
        let mut before = false;
        table.each_id("neighbor_id", |row, id| {
            let same = item_of(row) == item && items.number(id) == Some(neighbor);
            match same && std::mem::replace(&mut before, true) {
                true => Err(format!("the pair with \"{}\" occurs a second time", items.text(item as u32))),
                false => Ok(()),
            }
        })?;
    }
    lists.rewind();
    each_score(table, |row, score| {
        lists.next(item_of(row)).into_iter().for_each(|(_, place)| *place = score);
    })?;
    Ok(lists.finish())
}

/// A list of ids and one of scores a row; `keys` has the row's place among `rows` lists. The lengths are those of the scores,
/// which are quick to read.
fn list_form(
    table: &Table,
    columns: [&str; 2],
    items: &IdTable,
    rows: usize,
    keys: &[u32],
) -> Result<Lists, Fault> {
    list_kinds(table, columns)?;
    let key_of = |row: usize| keys.get(row).map_or(usize::MAX, |key| *key as usize);
    let mut lengths = vec![0u32; rows];
    table.each(columns[1], &mut |row, cell| {
        if let (Cell::Floats(scores), Some(length)) = (cell, lengths.get_mut(key_of(row))) {
            *length = scores.len() as u32;
        }
        Ok(())
    })?;
    let mut lists = builder(&lengths)?;
    let mut listed: Vec<u32> = Vec::new();
    let mut uneven = None;
    let read = table.each(columns[0], &mut |row, cell| {
        listed.clear();
        if let Cell::Texts(ids) = cell {
            for id in ids {
                listed.push(known_item(items, id)?);
            }
        }
        let (places, _) = lists.row(key_of(row));
        if places.len() != listed.len() {
            uneven = Some((row, format!("has {} scores for {} {}", places.len(), listed.len(), columns[0])));
            return Err(String::new());
        }
        places.copy_from_slice(&listed);
        listed.sort_unstable();
        match listed.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("\"{}\" occurs a second time in the list", items.text(pair[0]))),
            None => Ok(()),
        }
    });
    if let Some((row, reason)) = uneven {
        return Err(table.bad(columns[1], row, reason).into());
    }
    read?;
    table.each(columns[1], &mut |row, cell| {
        let Cell::Floats(scores) = cell else { return Ok(()) };
        if let Some(bad) = scores.iter().find(|score| !score.is_finite()) {
            return Err(format!("holds {bad}, expected finite numbers"));
        }
        let (_, places) = lists.row(key_of(row));
        places.iter_mut().zip(scores).for_each(|(place, score)| *place = *score);
        Ok(())
    })?;
    Ok(lists.finish())
}

fn builder(lengths: &[u32]) -> Result<ListsBuilder, Fault> {
    let many = || Fault::Content("has 2^32 entries or more; split it into several artifacts".to_owned());
    ListsBuilder::new(lengths).ok_or_else(many)
}

pub(super) fn item_column(table: &Table, column: &str, items: &IdTable) -> Result<Vec<u32>, TableError> {
    table.numbers(column, |id| known_item(items, id))
}

fn scores(table: &Table) -> Result<Vec<f32>, TableError> {
    let mut scores = Vec::with_capacity(table.rows());
    each_score(table, |_, score| scores.push(score))?;
    Ok(scores)
}

fn each_score(table: &Table, mut visit: impl FnMut(usize, f32)) -> Result<(), TableError> {
    table.each_number("score", |row, score| {
        if !(score as f32).is_finite() {
            return Err(format!("is {score:e}, more than a 32-bit float can hold"));
        }
        visit(row, score as f32);
        Ok(())
    })
}
