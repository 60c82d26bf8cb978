//! What an artifact will take in memory, told from its file without decoding it.

use std::path::Path;

use hashbrown::HashSet;

use super::decode::{Fault, Params, open};
use super::{ArtifactEntry, IdTable, SnapshotError};
use crate::artifact::table::{Cell, CellKind, Table, TableLimits};
use crate::feature::Texts;
use crate::index::{Lists, Popularity, SessionKnn, VectorIndex};

/// Rows that are looked at where the footer does not tell.
const SAMPLE: usize = 50_000;

/// The resident bytes of an artifact of a catalogue of `items` items, within a tenth of what it will take.
///
/// Reads the footer, the dictionaries of text columns and at most some ten thousand rows. Kinds that this version does not know
/// and files that are no tables count with their size.
///
/// # Errors
/// A file that cannot be read as the manifest says.
pub fn predict_bytes(
    entry: &ArtifactEntry,
    path: &Path,
    items: usize,
    limits: &TableLimits,
) -> Result<u64, SnapshotError> {
    let bytes = match entry.kind.as_str() {
        "placements" => Ok(entry.bytes as usize),
        _ if !path_is_table(entry) => Ok(entry.bytes as usize),
        _ => open(entry, path, limits).and_then(|table| of_table(entry, &table, items)),
    };
    bytes.map(|bytes| bytes as u64).map_err(|fault| fault.of(&entry.name))
}

fn path_is_table(entry: &ArtifactEntry) -> bool {
    entry.path.ends_with(".parquet")
}

fn of_table(entry: &ArtifactEntry, table: &Table, items: usize) -> Result<usize, Fault> {
    let rows = table.rows();
    let entries = |column: &str| table.outline(column).map(|outline| outline.values);
    Ok(match entry.kind.as_str() {
        "catalog" => {
            let others = table.columns().iter().filter(|(name, _)| name != "item_id");
            let columns = others.map(|(name, kind)| column(table, name, kind, rows));
            ids(table, "item_id")? + columns.sum::<Result<usize, Fault>>()?
        }
        "popularity" if table.has("segment") => {
            let segments = table.outline("segment")?;
            Popularity::predict_bytes(rows, segments.distinct, segments.distinct_text)
        }
        "popularity" => Popularity::predict_bytes(rows, 0, 0),
        "item_neighbors" if table.has("neighbor_id") => Lists::predict_bytes(items, rows),
        "item_neighbors" => Lists::predict_bytes(items, entries("neighbors")?),
        "user_items" => ids(table, "user_id")? + Lists::predict_bytes(rows, entries("items")?),
        "session_knn" => {
            let (sessions, clicks) = sessions(table)?;
            SessionKnn::predict_bytes(items, sessions, clicks)
        }
        "item_vectors" => {
            let width = entries("vector")? / rows.max(1);
            let params = Params(entry);
            let (metric, index) = (params.metric()?, params.vector_index()?);
            VectorIndex::predict_bytes(items, rows, width, metric, &index) + width * width * size_of::<f32>()
        }
        "user_vectors" => ids(table, "user_id")? + vectors(rows, entries("vector")? / rows.max(1)),
        _ => {
            let each = table.columns().iter().map(|(name, kind)| column(table, name, kind, rows));
            each.sum::<Result<usize, Fault>>()?
        }
    })
}

/// A table of ids.
fn ids(table: &Table, name: &str) -> Result<usize, Fault> {
    let outline = table.outline(name)?;
    let mut lengths = HashSet::new();
    table.head(name, SAMPLE, &mut |_, cell| {
        if let Cell::Text(text) = cell {
            lengths.insert(text.len());
        }
        Ok(())
    })?;
    Ok(IdTable::predict_bytes(outline.values, outline.text, lengths.len() <= 1))
}

/// A column of attributes.
fn column(table: &Table, name: &str, kind: &CellKind, rows: usize) -> Result<usize, Fault> {
    let bits = rows.div_ceil(64) * size_of::<u64>();
    Ok(bits
        + match kind {
            CellKind::Bool => bits,
            CellKind::Int | CellKind::Float | CellKind::Time => rows * size_of::<u64>(),
            CellKind::Text => {
                let outline = table.outline(name)?;
                rows * size_of::<u32>() + Texts::predict_bytes(outline.distinct, outline.distinct_text)
            }
            CellKind::Texts => {
                let outline = table.outline(name)?;
                let codes = (rows + 1 + outline.values) * size_of::<u32>();
                codes + Texts::predict_bytes(outline.distinct, outline.distinct_text)
            }
            CellKind::Floats | CellKind::Other(_) => 0,
        })
}

fn vectors(rows: usize, width: usize) -> usize {
    rows * (width * size_of::<f32>() + size_of::<bool>())
}

/// Sessions and the distinct items in them together, projected from the first rows.
fn sessions(table: &Table) -> Result<(usize, usize), Fault> {
    let mut session_of: Vec<u32> = Vec::new();
    let mut last = String::new();
    let mut count = 0u32;
    table.head("session_id", SAMPLE, &mut |_, cell| {
        if let Cell::Text(id) = cell {
            if count == 0 || id != last {
                count += 1;
                last.clear();
                last.push_str(id);
            }
            session_of.push(count);
        }
        Ok(())
    })?;
    let mut pairs: HashSet<(u32, String)> = HashSet::new();
    table.head("item_id", SAMPLE, &mut |row, cell| {
        if let (Cell::Text(item), Some(session)) = (cell, session_of.get(row)) {
            pairs.insert((*session, item.to_owned()));
        }
        Ok(())
    })?;
    let share = |part: usize| {
        let seen = session_of.len().max(1);
        (part as f64 / seen as f64 * table.rows() as f64).round() as usize
    };
    Ok((share(count as usize), share(pairs.len())))
}
