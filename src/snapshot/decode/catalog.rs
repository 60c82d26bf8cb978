//! The `catalog` artifact: ids and attribute columns.

use std::path::Path;

use super::{Fault, open};
use crate::artifact::table::{Cell, CellKind, TableLimits};
use crate::feature::{ColumnBuilder, ColumnKind, Table, Value};
use crate::snapshot::{ArtifactEntry, IdTable};

/// The longest item id, in bytes.
const MAX_ID: usize = 512;

pub(in crate::snapshot) fn catalog(
    entry: &ArtifactEntry,
    path: &Path,
    limits: &TableLimits,
) -> Result<(IdTable, Table), Fault> {
    let file = open(entry, path, limits)?;
    let mut items = IdTable::with_capacity(file.rows());
    file.each_id("item_id", |_, id| match id.len() {
        0..=MAX_ID => items.insert(id).map(|_| ()),
        length => Err(format!("is {length} bytes long, over the limit of {MAX_ID}")),
    })?;
    if items.is_empty() {
        return Err(Fault::Content("the catalogue has no items".to_owned()));
    }
    let mut table = Table::new(items.len());
    for (name, kind) in file.columns().iter().filter(|(name, _)| name != "item_id") {
        let kind = match kind {
            CellKind::Bool => ColumnKind::Bool,
            CellKind::Int => ColumnKind::Int,
            CellKind::Float => ColumnKind::Float,
            CellKind::Text => ColumnKind::Text,
            CellKind::Texts => ColumnKind::List,
            CellKind::Time => ColumnKind::Time,
            CellKind::Floats | CellKind::Other(_) => {
                file.expect(name, &[], "bool, a number, text, a list of text or a timestamp")?;
                continue;
            }
        };
        let mut column = ColumnBuilder::new(kind);
        file.each(name, &mut |_, cell| {
            column.push(match cell {
                Cell::Bool(value) => Value::Bool(value),
                Cell::Int(value) => Value::Int(value),
                Cell::Float(value) => Value::Float(value),
                Cell::Text(value) => Value::Text(value),
                Cell::Texts(values) => Value::List(values),
                Cell::Time(value) => Value::Time(value),
                Cell::Null | Cell::Floats(_) => Value::Null,
            });
            Ok(())
        })?;
        if !table.add(name, column.finish()) {
            return Err(Fault::Content(format!("column \"{name}\" occurs twice")));
        }
    }
    Ok((items, table))
}
