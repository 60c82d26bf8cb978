//! Sessions in long form, indexed straight from the columns.

use hashbrown::HashMap;
use thiserror::Error;

use crate::artifact::table::{Cell, CellKind, Table, TableError};
use crate::feature::IdTable;
use crate::index::{SessionClicks, SessionKnn, SessionLimits};
use crate::snapshot::kinds::ArtifactError;
use crate::snapshot::kinds::rows::{RowError, item_column, time};

#[derive(Debug, Error)]
enum SessionError {
    #[error("is empty")]
    EmptyId,
    #[error("is less than the id before")]
    Descends,
}

/// Builds the index from two handles on the same file, which are read at the same time.
///
/// At its peak this holds 12 bytes a row and 24 a session, and, unless the ids ascend, a table of the session ids.
pub(super) fn sessions(
    [table, again]: [&Table; 2],
    items: &IdTable,
    limits: SessionLimits,
) -> Result<SessionKnn, ArtifactError> {
    table.expect("session_id", &[CellKind::Text, CellKind::Int], "text or an integer")?;
    table.expect("timestamp", &[CellKind::Time, CellKind::Int], "a timestamp")?;
    let visits = || {
        let session = session_column(table)?;
        let times = times(table, &session, limits)?;
        Ok::<_, TableError>((session, times))
    };
    // Two columns of one file in two threads: this is the longest part of most loads, and comes before all others.
    let (item, visits) = rayon::join(|| item_column(again, "item_id", items), visits);
    let (mut item, (session, Times { newest, long })) = (item?, visits?);
    in_order_of_time(&mut item, long);
    Ok(SessionKnn::from_clicks(items.len(), SessionClicks { session, item, newest }, limits))
}

/// The session of each row, numbered as they come, and how many there are.
fn session_column(table: &Table) -> Result<Vec<u32>, TableError> {
    // Most writers sort by session. Then no table of ids is needed, which for text would be larger than the index.
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
            last = match known.number(id) {
                Some(number) => number,
                None => known.insert(id)?,
            };
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
    // A session that comes back later in the file would be numbered twice: the ids must ascend strictly from one
    // session to the next.
    let outcome = table.each("session_id", &mut |row, cell| {
        let order = match &cell {
            Cell::Text("") => return Err(SessionError::EmptyId.into()),
            Cell::Text(id) => (**id).cmp(&last_text),
            cell => integer(cell)?.cmp(&last),
        };
        if row > 0 && order.is_lt() {
            ascends = false;
            // Ends the reading; the other way starts anew.
            return Err(SessionError::Descends.into());
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

fn integer(cell: &Cell<'_>) -> Result<i64, RowError> {
    match cell {
        Cell::Int(id) => Ok(*id),
        _ => Err(RowError::Missing),
    }
}

/// A click of a session that will not be kept whole.
struct LongClick {
    session: u32,
    time: i64,
    row: u32,
}

/// What the times say.
struct Times {
    /// Each session's newest.
    newest: Vec<i64>,
    /// The clicks of the sessions that are longer than the limit.
    long: Vec<LongClick>,
}

fn times(table: &Table, session: &[u32], limits: SessionLimits) -> Result<Times, TableError> {
    let mut lengths: Vec<u32> = Vec::new();
    for number in session {
        if *number as usize == lengths.len() {
            // Numbered as they come: a new number is the next one.
            lengths.push(0);
        }
        lengths[*number as usize] += 1;
    }
    // Sessions are ordered by their newest click, as the paper's "most recent sessions" are.
    let mut newest = vec![i64::MIN; lengths.len()];
    let mut long = Vec::new();
    table.each("timestamp", &mut |row, cell| {
        let (session, time) = (session[row], time(&cell)?);
        let newest = &mut newest[session as usize];
        *newest = time.max(*newest);
        if lengths[session as usize] as usize > limits.items_per_session {
            long.push(LongClick { session, time, row: row as u32 });
        }
        Ok(())
    })?;
    Ok(Times { newest, long })
}

/// Puts the items of each long session into the order of time, within the rows that it has.
fn in_order_of_time(items: &mut [u32], mut long: Vec<LongClick>) {
    // The index takes the last clicks of a session for its newest. Sorting all clicks by time would cost as much as the
    // index; only sessions that are cut need it.
    long.sort_unstable_by_key(|click| (click.session, click.row));
    for session in long.chunk_by_mut(|a, b| a.session == b.session) {
        let rows: Vec<u32> = session.iter().map(|click| click.row).collect();
        session.sort_unstable_by_key(|click| (click.time, click.row));
        let ordered: Vec<u32> = session.iter().map(|click| items[click.row as usize]).collect();
        for (row, item) in rows.iter().zip(ordered) {
            items[*row as usize] = item;
        }
    }
}

#[cfg(test)]
mod tests;
