//! Writes artifacts as Parquet files of one directory, and notes what the manifest will say of them.

use std::path::Path;

use arrow_array::StringArray;
use serde_json::{Map, Value};

use super::catalog::Catalog;
use super::events::EventLog;
use crate::artifact::table::{TableError, TableWriter, float_lists, text_lists};
use crate::index::Vectors;

/// An item and its score.
type Scored = (u32, f32);

/// One artifact file and what the manifest says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltArtifact {
    /// The artifact's name.
    pub name: String,
    /// The artifact kind.
    pub kind: &'static str,
    /// The file's name in the directory.
    pub file: String,
    /// How many rows it has.
    pub rows: usize,
    /// Parameters for the loader.
    pub params: Map<String, Value>,
}

/// Writes artifacts into a directory. The formats that several trainers share are methods; others use
/// [`ArtifactWriter::write`] with columns of their own.
#[derive(Debug)]
pub(super) struct ArtifactWriter<'a> {
    dir: &'a Path,
    catalog: &'a Catalog,
    log: &'a EventLog,
    built: Vec<BuiltArtifact>,
}

impl<'a> ArtifactWriter<'a> {
    pub(super) fn new(dir: &'a Path, log: &'a EventLog, catalog: &'a Catalog) -> Self {
        Self { dir, catalog, log, built: Vec::new() }
    }

    /// What was written, in the order in which it was.
    pub(super) fn into_built(self) -> Vec<BuiltArtifact> {
        self.built
    }

    /// The id of an item.
    pub(super) fn item_id(&self, item: u32) -> &'a str {
        self.catalog.ids.get(item as usize).map_or("", String::as_str)
    }

    /// The id of a user.
    fn user_id(&self, user: u32) -> &'a str {
        self.log.users.get(user as usize).map_or("", String::as_str)
    }

    /// Writes one artifact of any format. `params` is a JSON object.
    pub(super) fn write(
        &mut self,
        name: &str,
        kind: &'static str,
        rows: usize,
        table: TableWriter,
        params: Value,
    ) -> Result<(), TableError> {
        let file = format!("{name}.parquet");
        table.write(&self.dir.join(&file))?;
        let params = params.as_object().cloned().unwrap_or_default();
        self.built.push(BuiltArtifact { name: name.to_owned(), kind, file, rows, params });
        Ok(())
    }

    /// The catalogue itself.
    pub(super) fn catalog(&mut self) -> Result<(), TableError> {
        let params = Value::Object(Map::new());
        self.write("catalog", "catalog", self.catalog.len(), self.catalog.to_table(), params)
    }

    /// An item-to-item table: for each item its neighbours with scores, best first. Items without any are left out.
    pub(super) fn item_neighbors(
        &mut self,
        name: &str,
        table: &[Vec<Scored>],
        params: Value,
    ) -> Result<(), TableError> {
        // An item without neighbours needs no row: the loader treats a missing item the same way.
        let items = table.iter().enumerate().filter(|(_, row)| !row.is_empty());
        let (ids, rows): (Vec<&str>, Vec<&[Scored]>) =
            items.map(|(item, row)| (self.item_id(item as u32), row.as_slice())).unzip();
        let columns = self.lists("item_id", &ids, "neighbors", &rows);
        self.write(name, "item_neighbors", ids.len(), columns, params)
    }

    /// For each user a list of items with scores, best first.
    pub(super) fn user_items(
        &mut self,
        name: &str,
        users: &[(u32, Vec<Scored>)],
        params: Value,
    ) -> Result<(), TableError> {
        let (ids, rows): (Vec<&str>, Vec<&[Scored]>) =
            users.iter().map(|(user, row)| (self.user_id(*user), row.as_slice())).unzip();
        let columns = self.lists("user_id", &ids, "items", &rows);
        self.write(name, "user_items", ids.len(), columns, params)
    }

    /// One vector for each item that has one.
    pub(super) fn item_vectors(
        &mut self,
        name: &str,
        vectors: &Vectors,
        params: Value,
    ) -> Result<(), TableError> {
        let ids: Vec<&str> = self.catalog.ids.iter().map(String::as_str).collect();
        self.vectors(name, ["item_vectors", "item_id"], &ids, vectors, params)
    }

    /// One vector for each of these users that has one.
    pub(super) fn user_vectors(
        &mut self,
        name: &str,
        users: &[u32],
        vectors: &Vectors,
        params: Value,
    ) -> Result<(), TableError> {
        let ids: Vec<&str> = users.iter().map(|user| self.user_id(*user)).collect();
        self.vectors(name, ["user_vectors", "user_id"], &ids, vectors, params)
    }

    fn vectors(
        &mut self,
        name: &str,
        [kind, id_column]: [&'static str; 2],
        ids: &[&str],
        vectors: &Vectors,
        params: Value,
    ) -> Result<(), TableError> {
        let present = vectors.present().map(|(row, _)| ids.get(row).copied());
        let columns = TableWriter::default()
            .column(id_column, present.collect::<StringArray>())
            .column("vector", float_lists(vectors.present().map(|(_, vector)| vector)));
        self.write(name, kind, vectors.present().count(), columns, params)
    }

    /// The columns of lists of items with scores, one list an id.
    fn lists(&self, id_column: &str, ids: &[&str], items_column: &str, rows: &[&[Scored]]) -> TableWriter {
        let items = rows.iter().map(|row| row.iter().map(|(item, _)| self.item_id(*item)));
        let scores: Vec<Vec<f32>> =
            rows.iter().map(|row| row.iter().map(|(_, score)| *score).collect()).collect();
        TableWriter::default()
            .column(id_column, StringArray::from_iter_values(ids))
            .column(items_column, text_lists(items))
            .column("scores", float_lists(scores.iter().map(Vec::as_slice)))
    }
}
