//! What an artifact will take in memory, told from its file without decoding it.

use std::path::Path;

use hashbrown::{HashMap, HashSet};

use super::decode::{Fault, Params, open, shards, whole_bytes};
use super::users::IdFilter;
use super::{ArtifactEntry, IdTable, LoadOptions, SnapshotError};
use crate::artifact::table::{Cell, CellKind, Table};
use crate::feature::Texts;
use crate::index::{Lists, Popularity, SessionKnn, VectorIndex};

/// Rows that are looked at where the footer does not tell.
const SAMPLE: usize = 50_000;
/// What decoding takes on top of what it leaves, where nothing else is known: one in so many of its bytes.
const DECODING: u64 = 5;

/// An integer id in a hash table that is half full: the id, its number, and a byte of the hash.
const INTEGER_ID: usize = 2 * 17;

/// What an artifact will take in memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prediction {
    /// Once it is served.
    pub resident: u64,
    /// While it is decoded, what stays included.
    pub peak: u64,
}

/// What an artifact of a catalogue of `items` items will take. A table's resident bytes are told within a tenth; a model counts
/// with the size of its file, and so does a kind that this version does not know.
///
/// Reads the footer, the dictionaries of text columns and at most some ten thousand rows.
///
/// # Errors
/// A file that cannot be read as the manifest says.
pub fn predict(
    entry: &ArtifactEntry,
    path: &Path,
    items: usize,
    options: &LoadOptions,
) -> Result<Prediction, SnapshotError> {
    let [resident, peak] = match entry.kind.as_str() {
        "catalog" | "popularity" | "item_neighbors" | "user_items" | "session_knn" | "item_vectors"
        | "user_vectors" | "item_features" | "user_features" => open(entry, path, &options.table)
            .and_then(|table| of_table(entry, &table, items, options.user_features_memory))
            .map_err(|fault| fault.of(&entry.name))?
            .map(|bytes| bytes as u64),
        _ => [entry.bytes, entry.bytes.saturating_add(entry.bytes / DECODING)],
    };
    Ok(Prediction { resident, peak: peak.max(resident) })
}

/// Resident bytes, and those at the peak.
fn of_table(entry: &ArtifactEntry, table: &Table, items: usize, memory: u64) -> Result<[usize; 2], Fault> {
    let rows = table.rows();
    let entries = |column: &str| table.outline(column).map(|outline| outline.values);
    let resident = match entry.kind.as_str() {
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
            let found = sessions(table)?;
            // As the decoder says of itself.
            let building = rows.saturating_mul(12).saturating_add(found.sessions.saturating_mul(24));
            let peak = building.saturating_add(found.ids);
            let stays = SessionKnn::predict_bytes(items, found.clicks);
            return Ok([stays, peak.max(usual_peak(stays))]);
        }
        "item_vectors" => {
            let width = entries("vector")? / rows.max(1);
            let params = Params(entry);
            let (metric, index) = (params.metric()?, params.vector_index()?);
            VectorIndex::predict_bytes(items, rows, width, metric, &index) + width * width * size_of::<f32>()
        }
        "user_vectors" => ids(table, "user_id")? + vectors(rows, entries("vector")? / rows.max(1)),
        "user_features" => {
            let whole = whole_bytes(table);
            if whole <= memory {
                ids(table, "user_id")? + features(table, "user_id", rows)?
            } else {
                let cache = usize::try_from(memory.min(whole)).unwrap_or(usize::MAX);
                let places = shards(&Params(entry))? as usize * size_of::<Option<u32>>();
                // The cache fills later: a load reads no more than the ids.
                return Ok([cache.saturating_add(IdFilter::predict_bytes(rows)).saturating_add(places); 2]);
            }
        }
        "item_features" => features(table, "item_id", items)?,
        _ => 0, // no table
    };
    Ok([resident, usual_peak(resident)])
}

fn usual_peak(resident: usize) -> usize {
    resident.saturating_add(resident / DECODING as usize)
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

/// Features, narrowed to 32 bits a cell; all columns but that of the id.
fn features(table: &Table, id: &str, rows: usize) -> Result<usize, Fault> {
    let mut bytes = 0usize;
    for (name, kind) in table.columns().iter().filter(|(name, _)| name != id) {
        bytes = bytes.saturating_add(rows.saturating_mul(size_of::<f32>()));
        if *kind == CellKind::Text {
            let outline = table.outline(name)?;
            bytes += Texts::predict_bytes(outline.distinct, outline.distinct_text);
        }
    }
    Ok(bytes)
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

/// What a table of sessions holds, projected from its first rows.
struct Sessions {
    sessions: usize,
    /// The distinct items of each session, together.
    clicks: usize,
    /// The table of the sessions' ids, which decoding needs unless they ascend.
    ids: usize,
}

fn sessions(table: &Table) -> Result<Sessions, Fault> {
    let mut session_of: Vec<u32> = Vec::new();
    let (mut texts, mut integers) = (HashMap::<String, u32>::new(), HashMap::<i64, u32>::new());
    let (mut bytes, mut ascends) = (0, true);
    let (mut last_text, mut last_integer) = (String::new(), i64::MIN);
    table.head("session_id", SAMPLE, &mut |_, cell| {
        let known = (texts.len() + integers.len()) as u32;
        match cell {
            Cell::Text(id) => {
                ascends &= last_text.as_str() <= id;
                id.clone_into(&mut last_text);
                let number = texts.get(id).copied().unwrap_or_else(|| {
                    bytes += id.len();
                    texts.insert(id.to_owned(), known);
                    known
                });
                session_of.push(number);
            }
            Cell::Int(id) => {
                ascends &= last_integer <= id;
                last_integer = id;
                session_of.push(*integers.entry(id).or_insert(known));
            }
            _ => {} // the decoder will refuse it
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
    let ids = match ascends {
        true => 0,
        false => IdTable::predict_bytes(share(texts.len()), share(bytes), false)
            .saturating_add(share(integers.len()).saturating_mul(INTEGER_ID)),
    };
    Ok(Sessions { sessions: share(texts.len() + integers.len()), clicks: share(pairs.len()), ids })
}
