//! `user_items`: a list of items per user, such as what to buy again.

use super::rows::user_column;
use super::scored_lists::from_lists;
use super::{ArtifactError, ArtifactKind, Encoded, FoundFile, sizes};
use crate::feature::IdTable;
use crate::index::Lists;
use crate::snapshot::Prediction;

/// Items by user.
#[derive(Debug)]
pub struct UserItems {
    /// User ids; a user's number is the row.
    pub users: IdTable,
    /// The lists.
    pub rows: Lists,
}

impl ArtifactKind for UserItems {
    const NAME: &'static str = "user_items";

    fn recognise(file: &FoundFile<'_>) -> bool {
        file.has_columns(&["user_id", "items"])
    }

    fn decode(file: &Encoded<'_>, items: &IdTable) -> Result<Self, ArtifactError> {
        let table = file.table()?;
        let users = user_column(&table)?;
        // A user's row is the row of the file, as `user_column` refuses a user who comes twice.
        let rows: Vec<u32> = (0..users.len() as u32).collect();
        let rows = from_lists(&table, ["items", "scores"], items, users.len(), &rows)?;
        Ok(Self { users, rows })
    }

    fn predict(file: &Encoded<'_>, _: usize) -> Result<Prediction, ArtifactError> {
        let table = file.table()?;
        let lists = Lists::predict_bytes(table.rows(), sizes::scored_entries(&table, ["items", "scores"])?);
        Ok(Prediction::usual(sizes::ids(&table, "user_id")? + lists))
    }

    fn resident(&self) -> usize {
        self.users.resident_bytes() + self.rows.resident_bytes()
    }

    fn knows_user(&self, user: &str) -> bool {
        self.users.number(user).is_some()
    }
}
