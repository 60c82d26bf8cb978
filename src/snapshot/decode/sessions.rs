//! `session_knn`: past sessions, in long form; the index is built here.

use super::Fault;
use super::lists::item_column;
use crate::artifact::table::{Cell, CellKind, Table};
use crate::index::SessionKnn;
use crate::snapshot::IdTable;
use hashbrown::HashMap;

pub(super) fn sessions(table: &Table, items: &IdTable) -> Result<SessionKnn, Fault> {
    let item_numbers = item_column(table, "item_id", items)?;
    table.expect("timestamp", &[CellKind::Time, CellKind::Int], "a timestamp")?;
    let mut times = Vec::with_capacity(table.rows());
    table.each("timestamp", &mut |_, cell| match cell {
        Cell::Time(time) | Cell::Int(time) => {
            times.push(time);
            Ok(())
        }
        _ => Err("is missing".to_owned()),
    })?;
    let mut sessions: Vec<(i64, Vec<u32>)> = Vec::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut current: Option<(String, usize)> = None;
    table.each_id("session_id", |row, id| {
        // Rows of one session mostly follow each other: look up only where the id changes.
        let at = match &current {
            Some((name, at)) if name == id => *at,
            _ => {
                let at = *numbers.entry_ref(id).or_insert_with(|| {
                    sessions.push((i64::MIN, Vec::new()));
                    sessions.len() - 1
                });
                current = Some((id.to_owned(), at));
                at
            }
        };
        let session = &mut sessions[at];
        session.0 = session.0.max(times[row]);
        session.1.push(item_numbers[row]);
        Ok(())
    })?;
    Ok(SessionKnn::new(items.len(), sessions))
}
