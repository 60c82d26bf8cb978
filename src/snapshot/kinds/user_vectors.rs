//! `user_vectors`: where users stand among the vectors of items.

use thiserror::Error;

use super::rows::user_column;
use super::vector_columns::{UserVectors, is_vectors, metric, predict_width, vectors};
use super::{ArtifactError, ArtifactKind, Encoded, FoundFile, ItemVectors, sizes};
use crate::feature::IdTable;
use crate::snapshot::Prediction;
use crate::snapshot::kinds::Artifacts;

#[derive(Debug, Error)]
#[error("its vectors have {width} numbers, no item_vectors artifact has (found: {found:?})")]
struct NoItemsOfThisWidth {
    width: usize,
    found: Vec<usize>,
}

impl ArtifactKind for UserVectors {
    const NAME: &'static str = "user_vectors";

    fn recognise(file: &FoundFile<'_>) -> bool {
        file.has_columns(&["user_id"]) && is_vectors(file)
    }

    fn decode(file: &Encoded<'_>, _: &IdTable) -> Result<Self, ArtifactError> {
        let table = file.table()?;
        let metric = metric(&file.params())?;
        let users = user_column(&table)?;
        let rows = vectors(&table, metric, users.len(), vec![true; users.len()], |row| row)?;
        Ok(Self { users, rows })
    }

    fn predict(file: &Encoded<'_>, _: usize) -> Result<Prediction, ArtifactError> {
        let table = file.table()?;
        // A byte a row says whether it has a vector; among users each has.
        let vectors = table.rows() * (predict_width(&table)? * size_of::<f32>() + size_of::<bool>());
        Ok(Prediction::usual(sizes::ids(&table, "user_id")? + vectors))
    }

    fn resident(&self) -> usize {
        self.users.resident_bytes() + self.rows.resident_bytes()
    }

    fn knows_user(&self, user: &str) -> bool {
        self.users.number(user).is_some()
    }

    /// A user's vector is only of use beside item vectors of the same width.
    fn check(&self, artifacts: &Artifacts) -> Result<(), ArtifactError> {
        let items = artifacts.of_kind::<ItemVectors>();
        let found: Vec<usize> = items.map(|(_, items)| items.index.vectors().width()).collect();
        let width = self.rows.width();
        if found.contains(&width) {
            return Ok(());
        }
        Err(ArtifactError::content(NoItemsOfThisWidth { width, found }))
    }
}
