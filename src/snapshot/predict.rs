//! What artifacts will take in memory, told from their files without decoding them.

use super::kinds::{ArtifactKind as _, Catalog, Encoded, Kind};
use super::{ArtifactEntry, Files, LoadOptions, Manifest, Prediction, SnapshotError};

/// What each artifact will take, in the manifest's order; nothing for those that are `shared` with what is served. A
/// table's resident bytes are told within a tenth; a model counts with the size of its file, and so does a kind that
/// this version does not know.
///
/// Reads the footers, the dictionaries of text columns and at most 50,000 rows of each.
///
/// # Errors
/// A file that cannot be read as the manifest says.
pub fn predict_files(
    file: &Files<'_>,
    manifest: &Manifest,
    options: &LoadOptions,
    shared: impl Fn(&ArtifactEntry) -> bool,
) -> Result<Vec<Prediction>, SnapshotError> {
    let mut items = 0;
    for entry in manifest.of_kind(Catalog::NAME) {
        items = match entry.rows {
            // Nobody said how many: the footer does.
            0 => {
                let path = file(entry)?;
                options.progress.at(&entry.name);
                let encoded = Encoded { entry, path: &path, options };
                encoded.table().map_err(|error| SnapshotError::of_artifact(&entry.name, error))?.rows()
            }
            rows => rows as usize,
        };
    }
    let one = |entry: &ArtifactEntry| {
        if shared(entry) {
            return Ok(Prediction::default());
        }
        let Ok(kind) = Kind::named(&entry.kind) else { return Ok(Prediction::of_file(entry.bytes)) };
        let path = file(entry)?;
        options.progress.at(&entry.name);
        let predicted = (kind.predict)(&Encoded { entry, path: &path, options }, items);
        predicted.map_err(|error| SnapshotError::of_artifact(&entry.name, error))
    };
    manifest.artifacts.iter().map(one).collect()
}
