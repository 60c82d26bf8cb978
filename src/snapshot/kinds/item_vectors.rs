//! `item_vectors`: where items stand, the index that finds the nearest, and what folds new users in.

use serde_json::{Map, Value, json};

use super::rows::distinct_items;
use super::vector_columns::{UserVectors, is_vectors, metric, predict_width, vectors};
use super::{ArtifactError, ArtifactKind, Catalog, Encoded, FoundFile, Params};
use crate::feature::IdTable;
use crate::index::{FoldIn, FoldInParams, IndexKind, IndexParams, VectorIndex, Vectors};
use crate::snapshot::Prediction;
use crate::snapshot::kinds::Artifacts;

/// Queries that an index is calibrated with: more make the recall that it reports surer and a load longer.
const QUERIES: usize = 100;

/// Vectors by item, and what is needed to make one for a new user.
#[derive(Debug)]
pub struct ItemVectors {
    /// One row an item, and how to find the best of them.
    pub index: VectorIndex,
    /// How to fold in a user the model has never seen.
    pub fold_in: FoldIn,
}

impl ArtifactKind for ItemVectors {
    const NAME: &'static str = "item_vectors";
    // The index is calibrated with the users' vectors: shared beside others, it might answer otherwise than on a
    // replica that starts anew.
    const DEPENDS_ON: &'static [&'static str] = &[Catalog::NAME, UserVectors::NAME];

    fn recognise(file: &FoundFile<'_>) -> bool {
        file.has_columns(&["item_id"]) && is_vectors(file)
    }

    fn decode(file: &Encoded<'_>, items: &IdTable) -> Result<Self, ArtifactError> {
        let table = file.table()?;
        let (params, metric) = (file.params(), metric(&file.params())?);
        let rows = distinct_items(&table, "item_id", items)?;
        let mut present = vec![false; items.len()];
        for item in &rows {
            present[*item as usize] = true;
        }
        let vectors = vectors(&table, metric, items.len(), present, |row| rows[row] as usize)?;
        let fold_in = FoldIn::new(&vectors, fold_in_params(&params)?);
        let index = VectorIndex::build(vectors, index_params(&params)?);
        Ok(Self { index, fold_in })
    }

    fn predict(file: &Encoded<'_>, items: usize) -> Result<Prediction, ArtifactError> {
        let (table, params) = (file.table()?, file.params());
        let width = predict_width(&table)?;
        let index = index_params(&params)?;
        let index = VectorIndex::predict_bytes(items, table.rows(), width, metric(&params)?, &index);
        // For folding in: a square of the width.
        let fold_in = width.saturating_mul(width).saturating_mul(size_of::<f32>());
        Ok(Prediction::usual(index.saturating_add(fold_in)).with_rows(table.rows(), size_of::<u32>()))
    }

    fn resident(&self) -> usize {
        self.index.resident_bytes() + self.fold_in.resident_bytes()
    }

    fn status(&self) -> Map<String, Value> {
        let index = json!({"way": self.index.way(), "recall": self.index.recall()});
        Map::from_iter([("index".to_owned(), index)])
    }

    /// Real queries decide how the index looks: the users' vectors where the snapshot has them, the items' own else.
    fn calibrate(&mut self, name: &str, others: &Artifacts) {
        let width = self.index.vectors().width();
        let mut users = others.of_kind::<UserVectors>().map(|(_, users)| &users.rows);
        let mut queries = users.find(|users| users.width() == width).map_or_else(Vec::new, sample);
        // Without users, or with ones of another width, items stand in for them: their own neighbours are what folding
        // in finds.
        if queries.is_empty() {
            queries = sample(self.index.vectors());
        }
        self.index.calibrate(&queries);
        let (way, recall) = (self.index.way(), self.index.recall());
        tracing::info!(artifact = name, way, recall, "vector index");
    }
}

/// Rows at equal distances.
fn sample(vectors: &Vectors) -> Vec<Vec<f32>> {
    let step = vectors.rows().div_ceil(QUERIES).max(1);
    (0..vectors.rows()).step_by(step).filter_map(|row| vectors.row(row).map(<[f32]>::to_vec)).collect()
}

fn index_params(params: &Params<'_>) -> Result<IndexParams, ArtifactError> {
    let standard = IndexParams::default();
    let names = format!("one of {}", IndexKind::NAMES.join(", "));
    let kind = params.word("index", IndexKind::Auto, IndexKind::parse, &names)?;
    let recall = params.number("recall", standard.recall.into(), 0.5..=1.0)? as f32;
    // No default: the index knows how many suit its rows.
    let partitions = match params.get("partitions") {
        None => None,
        Some(_) => Some(params.number("partitions", 0.0, 1.0..=65536.0)? as usize),
    };
    Ok(IndexParams { kind, recall, partitions })
}

fn fold_in_params(params: &Params<'_>) -> Result<FoldInParams, ArtifactError> {
    Ok(FoldInParams {
        alpha: params.number("alpha", 10.0, 0.0..=1e6)? as f32,
        regularization: params.number("regularization", 1.0, 1e-6..=1e9)? as f32,
    })
}
