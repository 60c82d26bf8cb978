//! `catalog`: the items' ids and their attribute columns.

use std::sync::Arc;

use rayon::prelude::*;
use thiserror::Error;

use super::rows::{ColumnError, insert};
use super::{ArtifactError, ArtifactKind, Count, Encoded, FoundFile, Turn, sizes};
use crate::artifact::table::{Cell, CellKind, Table as File, TableError};
use crate::domain::CHUNK;
use crate::feature::IdTable;
use crate::feature::{Column, ColumnBuilder, ColumnKind, Table, Value, choose_indexes};
use crate::snapshot::Prediction;

/// The longest item id, in bytes: longer ones are refused, as every request and answer carries ids.
const MAX_ID: usize = 512;

/// The types that an attribute may have.
const ATTRIBUTE: &str = "bool, a number, text, a list of text or a timestamp";

/// What is sold. Every other artifact refers to its items by their number.
#[derive(Debug)]
pub struct Catalog {
    /// The items' ids; an item's number is its row. Shared, as the attributes are.
    pub items: Arc<IdTable>,
    /// The attributes, one row an item; shared, so that a stage can keep them.
    pub attributes: Arc<Table>,
}

#[derive(Debug, Error)]
enum CatalogError {
    #[error("the catalogue has no items")]
    NoItems,
    #[error("is {length} bytes long, over the limit of {MAX_ID}")]
    LongId { length: usize },
}

impl ArtifactKind for Catalog {
    const NAME: &'static str = "catalog";
    const COUNT: Count = Count::ExactlyOne;
    const TURN: Turn = Turn::First;
    const DEPENDS_ON: &'static [&'static str] = &[];

    fn recognise(file: &FoundFile<'_>) -> bool {
        // Any table may be one: nothing but its name tells.
        file.file == "catalog.parquet"
    }

    fn decode(file: &Encoded<'_>, _: &IdTable) -> Result<Self, ArtifactError> {
        let table = file.table()?;
        let columns: Vec<_> = table.columns().iter().filter(|(name, _)| name != "item_id").collect();
        // Nothing else can begin before the catalogue is there: its columns are read beside each other.
        let (items, cells) = rayon::join(
            || ids(&table),
            || columns.par_iter().map(|(name, kind)| column(&table, name, kind)).collect::<Vec<_>>(),
        );
        let items = items?;
        let mut attributes = Table::new(items.len());
        for ((name, _), column) in columns.iter().zip(cells) {
            // Parquet allows two columns of one name; a filter could not say which it means.
            if !attributes.add(name, column?) {
                return Err(ArtifactError::content(ColumnError::Repeated(name.clone())));
            }
        }
        attributes.index(index_memory(file));
        Ok(Self { items: Arc::new(items), attributes: Arc::new(attributes) })
    }

    fn predict(file: &Encoded<'_>, _: usize) -> Result<Prediction, ArtifactError> {
        let table = file.table()?;
        let mut bytes = sizes::ids(&table, "item_id")?;
        for (name, kind) in table.columns().iter().filter(|(name, _)| name != "item_id") {
            bytes = bytes.saturating_add(predict_column(&table, name, kind)?);
        }
        let (columns, indexes) = (Prediction::usual(bytes), predict_indexes(&table, index_memory(file))?);
        Ok(Prediction {
            resident: columns.resident.saturating_add(indexes.resident),
            peak: columns.peak.saturating_add(indexes.peak),
        })
    }

    fn resident(&self) -> usize {
        let attributes = self.attributes.resident_bytes() + self.attributes.index_bytes();
        self.items.resident_bytes() + attributes
    }
}

fn ids(file: &File) -> Result<IdTable, ArtifactError> {
    let mut items = IdTable::with_capacity(file.rows());
    file.each_id("item_id", |_, id| match id.len() {
        // Bytes and not characters: what ids cost is their bytes.
        0..=MAX_ID => insert(&mut items, id),
        length => Err(CatalogError::LongId { length }.into()),
    })?;
    if items.is_empty() {
        return Err(ArtifactError::content(CatalogError::NoItems));
    }
    items.shrink();
    Ok(items)
}

fn column(file: &File, name: &str, kind: &CellKind) -> Result<Column, TableError> {
    let kind = column_kind(kind).ok_or_else(|| file.wrong_type(name, ATTRIBUTE))?;
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

/// What a column of an attribute of this type holds; `None` for a type that no attribute may have.
fn column_kind(kind: &CellKind) -> Option<ColumnKind> {
    match kind {
        CellKind::Bool => Some(ColumnKind::Bool),
        CellKind::Int => Some(ColumnKind::Int),
        CellKind::Float => Some(ColumnKind::Float),
        CellKind::Text => Some(ColumnKind::Text),
        CellKind::Texts => Some(ColumnKind::List),
        CellKind::Time => Some(ColumnKind::Time),
        CellKind::Floats | CellKind::Other(_) => None,
    }
}

/// The most that the indexes of the attributes may take.
fn index_memory(file: &Encoded<'_>) -> usize {
    usize::try_from(file.options.filter_index_memory).unwrap_or(usize::MAX)
}

fn predict_indexes(table: &File, memory: usize) -> Result<Prediction, TableError> {
    let mut columns = Vec::new();
    for (name, kind) in table.columns().iter().filter(|(name, _)| name != "item_id") {
        if let Some(kind) = column_kind(kind) {
            columns.push((name, kind, sizes::column(table, name, kind)?));
        }
    }
    let sizes: Vec<_> = columns.iter().map(|(_, kind, size)| (*kind, *size)).collect();
    let (mut bytes, mut sorting) = (0usize, 0usize);
    for (name, kind, size) in choose_indexes(&sizes, memory).into_iter().filter_map(|at| columns.get(at)) {
        let size = sizes::with_frequent(table, name, *kind, *size)?;
        bytes = bytes.saturating_add(size.index_bytes(*kind).unwrap_or(0));
        // Numbers are sorted beside their rows; one index is made after the other.
        sorting = sorting.max(size.rows.saturating_mul(size_of::<(f64, u32)>()));
    }
    let usual = Prediction::usual(bytes);
    let peak = usual.peak.max(bytes.saturating_add(sorting) as u64);
    Ok(Prediction { peak, ..usual })
}

fn predict_column(table: &File, name: &str, kind: &CellKind) -> Result<usize, TableError> {
    let rows = table.rows();
    // A chunk is named by address and length, and counts who shares it.
    let chunks = |cells: usize| cells.div_ceil(CHUNK) * 4 * size_of::<usize>();
    let bits = rows.div_ceil(64) * size_of::<u64>() + chunks(rows.div_ceil(64));
    let cells = match kind {
        CellKind::Bool => bits,
        CellKind::Int | CellKind::Float | CellKind::Time => rows * size_of::<u64>() + chunks(rows),
        CellKind::Text => rows * size_of::<u32>() + chunks(rows) + sizes::distinct_texts(table, name)?,
        CellKind::Texts => {
            // A chunk of lists has two lists of its own, and one end more than rows.
            let codes = (rows + sizes::entries(table, name)?) * size_of::<u32>() + 3 * chunks(rows);
            codes + sizes::distinct_texts(table, name)?
        }
        // Refused when it is decoded.
        CellKind::Floats | CellKind::Other(_) => 0,
    };
    // Every column has a bit a row that says whether the cell is there.
    Ok(bits + cells)
}
