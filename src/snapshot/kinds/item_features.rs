//! `item_features`: columns that rankers read, by item.

use super::feature_columns::feature_columns;
use super::rows::distinct_items;
use super::{ArtifactError, ArtifactKind, Encoded, FoundFile, sizes};
use crate::feature::Features;
use crate::feature::IdTable;
use crate::snapshot::Prediction;

/// Features by item.
#[derive(Debug)]
pub struct ItemFeatures {
    /// One row an item of the catalogue; missing values where the file has no row for it.
    pub features: Features,
}

impl ArtifactKind for ItemFeatures {
    const NAME: &'static str = "item_features";

    fn recognise(file: &FoundFile<'_>) -> bool {
        let columns = file.table.map_or(0, |table| table.columns().len());
        // A column `vector` that holds no vectors is a mistake and no feature.
        file.has_columns(&["item_id"]) && columns > 1 && !file.has_columns(&["vector"])
    }

    fn decode(file: &Encoded<'_>, items: &IdTable) -> Result<Self, ArtifactError> {
        let table = file.table()?;
        let rows = distinct_items(&table, "item_id", items)?;
        let place = |row: usize| rows.get(row).map_or(usize::MAX, |item| *item as usize);
        Ok(Self { features: feature_columns(&table, "item_id", items.len(), place)? })
    }

    fn predict(file: &Encoded<'_>, items: usize) -> Result<Prediction, ArtifactError> {
        let table = file.table()?;
        let features = sizes::features(&table, "item_id", items)?;
        Ok(Prediction::usual(features).with_rows(table.rows(), size_of::<u32>()))
    }

    fn resident(&self) -> usize {
        self.features.resident_bytes()
    }
}
