//! The `catalog` artifact: ids and attribute columns.

use std::path::Path;

use super::{Fault, open};
use rayon::prelude::*;

use crate::artifact::table::{Cell, CellKind, Table as File, TableLimits};
use crate::feature::{Column, ColumnBuilder, ColumnKind, Table, Value};
use crate::snapshot::{ArtifactEntry, IdTable};

/// The longest item id, in bytes.
const MAX_ID: usize = 512;

pub(in crate::snapshot) fn catalog(
    entry: &ArtifactEntry,
    path: &Path,
    limits: &TableLimits,
) -> Result<(IdTable, Table), Fault> {
    let file = open(entry, path, limits)?;
    let attributes: Vec<_> = file.columns().iter().filter(|(name, _)| name != "item_id").collect();
    // Nothing else can begin before the catalogue is there: its columns are read beside each other.
    let (items, columns) = rayon::join(
        || ids(&file),
        || attributes.par_iter().map(|(name, kind)| column(&file, name, kind)).collect::<Vec<_>>(),
    );
    let items = items?;
    let mut table = Table::new(items.len());
    for ((name, _), column) in attributes.iter().zip(columns) {
        if !table.add(name, column?) {
            return Err(Fault::Content(format!("column \"{name}\" occurs twice")));
        }
    }
    Ok((items, table))
}

fn ids(file: &File) -> Result<IdTable, Fault> {
    let mut items = IdTable::with_capacity(file.rows());
    file.each_id("item_id", |_, id| match id.len() {
        0..=MAX_ID => items.insert(id).map(|_| ()),
        length => Err(format!("is {length} bytes long, over the limit of {MAX_ID}")),
    })?;
    if items.is_empty() {
        return Err(Fault::Content("the catalogue has no items".to_owned()));
    }
    items.shrink();
    Ok(items)
}

fn column(file: &File, name: &str, kind: &CellKind) -> Result<Column, Fault> {
    let kind = match kind {
        CellKind::Bool => ColumnKind::Bool,
        CellKind::Int => ColumnKind::Int,
        CellKind::Float => ColumnKind::Float,
        CellKind::Text => ColumnKind::Text,
        CellKind::Texts => ColumnKind::List,
        CellKind::Time => ColumnKind::Time,
        CellKind::Floats | CellKind::Other(_) => {
            let expected = "bool, a number, text, a list of text or a timestamp";
            file.expect(name, &[], expected)?;
            return Err(Fault::Content(format!("column \"{name}\" is not {expected}")));
        }
    };
    let mut column = ColumnBuilder::with_capacity(kind, file.rows());
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
    Ok(column.finish())
}
