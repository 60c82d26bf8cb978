//! The kinds of artifacts. A kind is one file in this folder and its line in [`ALL`]: nothing else in the crate lists
//! kinds.

mod catalog;
mod encoded;
mod error;
mod item_features;
mod item_neighbors;
mod item_vectors;
mod placements;
mod popularity;
mod ranker;
mod session_knn;
mod user_features;
mod user_items;
mod user_vectors;

mod artifacts;
mod feature_columns;
mod rows;
mod scored_lists;
mod sizes;
mod vector_columns;

use crate::feature::IdTable;
use std::fmt::{self, Debug};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Prediction;

pub use artifacts::{Artifact, ArtifactLookupError, Artifacts};
pub use catalog::Catalog;
pub use encoded::{Encoded, FoundFile, Params};
pub use error::ArtifactError;
pub use item_features::ItemFeatures;
pub use item_neighbors::ItemNeighbors;
pub use item_vectors::ItemVectors;
pub use placements::Placements;
pub use ranker::{RankerInput, RankerModel};
pub use session_knn::Sessions;
pub use user_features::shard_tables;
pub use user_items::UserItems;
pub use vector_columns::UserVectors;

/// Every kind. The first that recognises a file has it, so that those with particular columns stand before those that
/// take any.
pub(super) const ALL: &[Kind] = &[
    Kind::of::<Catalog>(),
    Kind::of::<Placements>(),
    Kind::of::<ItemNeighbors>(),
    Kind::of::<Sessions>(),
    Kind::of::<UserItems>(),
    Kind::of::<UserVectors>(),
    Kind::of::<ItemVectors>(),
    Kind::of::<crate::index::Popularity>(),
    Kind::of::<ItemFeatures>(),
    Kind::of::<super::UserFeatures>(),
    Kind::of::<RankerModel>(),
];

/// A kind of artifact, implemented by what its files are decoded to.
pub trait ArtifactKind: Debug + Send + Sync + Sized + 'static {
    /// What manifests call it.
    const NAME: &'static str;

    /// How many artifacts of this kind a snapshot has.
    const COUNT: Count = Count::Any;

    /// When its artifacts are decoded in a load.
    const TURN: Turn = Turn::Together;

    /// The kinds whose artifacts go into the making of this one. Where one of those is another than in the served
    /// snapshot, an artifact of this kind is decoded anew, even if its own file is the same.
    const DEPENDS_ON: &'static [&'static str] = &[Catalog::NAME];

    /// Whether a file in a directory that somebody else wrote is of this kind.
    fn recognise(file: &FoundFile<'_>) -> bool;

    /// Decodes a file, checking every row. `items` are the catalogue's ids, none for a kind whose turn comes before it.
    ///
    /// # Errors
    /// Whatever is wrong with the file.
    fn decode(file: &Encoded<'_>, items: &IdTable) -> Result<Self, ArtifactError>;

    /// What [`ArtifactKind::decode`] will take, told from the footer and a few rows; `items` is the size of the
    /// catalogue.
    ///
    /// # Errors
    /// A file that cannot be read as the manifest says.
    fn predict(file: &Encoded<'_>, items: usize) -> Result<Prediction, ArtifactError> {
        let _ = items;
        Ok(Prediction::of_file(file.entry.bytes))
    }

    /// The bytes it occupies in memory, roughly.
    fn resident(&self) -> usize;

    /// What `/status` says of it, beside what it says of every artifact.
    fn status(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Whether it was trained on, or made for, this user.
    fn knows_user(&self, user: &str) -> bool {
        let _ = user;
        false
    }

    /// Holds it against the snapshot's other artifacts.
    ///
    /// # Errors
    /// What does not fit.
    fn check(&self, artifacts: &Artifacts) -> Result<(), ArtifactError> {
        let _ = artifacts;
        Ok(())
    }

    /// The last touch before it is shared, with all other artifacts decoded and checked; `name` is its own.
    fn calibrate(&mut self, name: &str, others: &Artifacts) {
        let _ = (name, others);
    }
}

/// How many artifacts of a kind a snapshot has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Count {
    /// None, one or more.
    Any,
    /// None or one.
    AtMostOne,
    /// One.
    ExactlyOne,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any number",
            Self::AtMostOne => "at most one",
            Self::ExactlyOne => "exactly one",
        })
    }
}

/// When the artifacts of a kind are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Turn {
    /// Before all others, which refer to it, or are not worth decoding where it is wrong.
    First,
    /// One at a time: it takes several times its size while it is decoded.
    Alone,
    /// At the same time as others.
    Together,
}

/// [`ArtifactKind::decode`], whatever the type that it decodes to.
type Decode = fn(&Encoded<'_>, &IdTable) -> Result<Arc<dyn Artifact>, ArtifactError>;

/// An [`ArtifactKind`] in the table of all kinds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// [`ArtifactKind::NAME`].
    pub(super) name: &'static str,
    /// [`ArtifactKind::COUNT`].
    pub(super) count: Count,
    pub(super) turn: Turn,
    pub(super) depends_on: &'static [&'static str],
    pub(super) recognise: fn(&FoundFile<'_>) -> bool,
    pub(super) decode: Decode,
    pub(super) predict: fn(&Encoded<'_>, usize) -> Result<Prediction, ArtifactError>,
}

impl Kind {
    const fn of<K: ArtifactKind>() -> Self {
        Self {
            name: K::NAME,
            count: K::COUNT,
            turn: K::TURN,
            depends_on: K::DEPENDS_ON,
            recognise: K::recognise,
            // A closure without captures: a function pointer that has forgotten the type.
            decode: |file, items| Ok(Arc::new(K::decode(file, items)?)),
            predict: K::predict,
        }
    }

    /// The kind of this name.
    ///
    /// # Errors
    /// [`ArtifactError::UnknownKind`] with the nearest name.
    pub(super) fn named(name: &str) -> Result<&'static Self, ArtifactError> {
        ALL.iter().find(|kind| kind.name == name).ok_or_else(|| {
            // Most often a plural, or the other spelling of "neighbors".
            let nearest = crate::feature::nearest(name, ALL.iter().map(|kind| kind.name));
            ArtifactError::UnknownKind { kind: name.to_owned(), nearest }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_depends_on_kinds_that_exist() {
        for (at, kind) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.name != kind.name), "{} is listed twice", kind.name);
            for needed in kind.depends_on {
                let needed = Kind::named(needed).unwrap();
                assert!(needed.turn != Turn::First || kind.turn != Turn::First, "{}", kind.name);
            }
        }
    }
}
