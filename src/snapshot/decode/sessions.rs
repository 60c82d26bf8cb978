//! `session_knn`: past sessions, in long form; the index is built here, straight from the columns.

use hashbrown::HashMap;

use super::Fault;
use super::lists::item_column;
use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::index::{SessionClicks, SessionKnn, SessionLimits};
use crate::snapshot::IdTable;

/// Builds the index from two handles on the same file, which are read at the same time.
///
/// At its peak this holds 12 bytes a row and 24 a session, and, unless the ids ascend, a table of the session ids.
pub(super) fn sessions(
    [table, again]: [&Table; 2],
    items: &IdTable,
    limits: SessionLimits,
) -> Result<SessionKnn, Fault> {
    table.expect("session_id", &[CellKind::Text, CellKind::Int], "text or an integer")?;
    table.expect("timestamp", &[CellKind::Time, CellKind::Int], "a timestamp")?;
    let visits = || {
        let session = session_column(table)?;
        let (newest, long) = times(table, &session, limits)?;
        Ok::<_, TableError>((session, newest, long))
    };
    let (item, visits) = rayon::join(|| item_column(again, "item_id", items), visits);
    let (mut item, (session, newest, long)) = (item?, visits?);
    in_order_of_time(&mut item, long);
    Ok(SessionKnn::from_clicks(items.len(), SessionClicks { session, item, newest }, limits))
}

/// The session of each row, numbered as they come, and how many there are.
fn session_column(table: &Table) -> Result<Vec<u32>, TableError> {
    if let Some(numbers) = ascending(table)? {
        return Ok(numbers);
    }
    let mut numbers: Vec<u32> = Vec::with_capacity(table.rows());
    if *table.kind("session_id")? == CellKind::Int {
        let mut known: HashMap<i64, u32> = HashMap::new();
        table.each("session_id", &mut |_, cell| {
            let next = known.len() as u32;
            numbers.push(*known.entry(integer(&cell)?).or_insert(next));
            Ok(())
        })?;
        return Ok(numbers);
    }
    let mut known = IdTable::default();
    let mut last = 0;
    table.each_id("session_id", |_, id| {
        // Rows of one session mostly follow each other: look up only where the id changes.
        if known.is_empty() || known.text(last) != id {
            last = known.number(id).map_or_else(|| known.insert(id), Ok)?;
        }
        numbers.push(last);
        Ok(())
    })?;
    Ok(numbers)
}

/// The same without a table of ids, if each id is the one before or a greater one; as soon as one is not, `None`.
fn ascending(table: &Table) -> Result<Option<Vec<u32>>, TableError> {
    let mut numbers: Vec<u32> = Vec::with_capacity(table.rows());
    let (mut last, mut last_text, mut number) = (0, String::new(), 0);
    let mut ascends = true;
    let outcome = table.each("session_id", &mut |row, cell| {
        let order = match &cell {
            Cell::Text("") => return Err("is empty".to_owned()),
            Cell::Text(id) => (**id).cmp(&last_text),
            cell => integer(cell)?.cmp(&last),
        };
        if row > 0 && order.is_lt() {
            ascends = false;
            return Err(String::new()); // ends the reading; the other way starts anew
        }
        if row > 0 && order.is_gt() {
            number += 1;
        }
        if row == 0 || order.is_gt() {
            match &cell {
                Cell::Text(id) => str::clone_into(id, &mut last_text),
                cell => last = integer(cell)?,
            }
        }
        numbers.push(number);
        Ok(())
    });
    match outcome {
        Err(_) if !ascends => Ok(None),
        outcome => outcome.map(|()| Some(numbers)),
    }
}

fn integer(cell: &Cell<'_>) -> Result<i64, String> {
    match cell {
        Cell::Int(id) => Ok(*id),
        _ => Err("is missing".to_owned()),
    }
}

/// A click of a session that will not be kept whole: its session, time and row.
type LongClick = (u32, i64, u32);

/// Each session's newest time, and the clicks of the sessions that are longer than the limit.
fn times(
    table: &Table,
    session: &[u32],
    limits: SessionLimits,
) -> Result<(Vec<i64>, Vec<LongClick>), TableError> {
    let mut lengths: Vec<u32> = Vec::new();
    for number in session {
        if *number as usize == lengths.len() {
            lengths.push(0); // numbered as they come: a new number is the next one
        }
        lengths[*number as usize] += 1;
    }
    let mut newest = vec![i64::MIN; lengths.len()];
    let mut long = Vec::new();
    table.each("timestamp", &mut |row, cell| match cell {
        Cell::Time(time) | Cell::Int(time) => {
            let number = session[row];
            let newest = &mut newest[number as usize];
            *newest = time.max(*newest);
            if lengths[number as usize] as usize > limits.items_per_session {
                long.push((number, time, row as u32));
            }
            Ok(())
        }
        _ => Err("is missing".to_owned()),
    })?;
    Ok((newest, long))
}

/// Puts the items of each long session into the order of time, within the rows that it has.
fn in_order_of_time(items: &mut [u32], mut long: Vec<LongClick>) {
    long.sort_unstable_by_key(|(session, _, row)| (*session, *row));
    for session in long.chunk_by_mut(|a, b| a.0 == b.0) {
        let rows: Vec<u32> = session.iter().map(|(.., row)| *row).collect();
        session.sort_unstable_by_key(|(_, time, row)| (*time, *row));
        let ordered: Vec<u32> = session.iter().map(|(.., row)| items[*row as usize]).collect();
        for (row, item) in rows.iter().zip(ordered) {
            items[*row as usize] = item;
        }
    }
}

#[cfg(test)]
mod tests;
