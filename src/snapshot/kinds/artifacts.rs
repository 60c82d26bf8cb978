//! Decoded artifacts by name, each of a type that only its own kind and the stages that use it know.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use serde_json::{Map, Value};
use thiserror::Error;

use super::{ArtifactError, ArtifactKind};

/// A decoded artifact of any kind; implemented by every [`ArtifactKind`].
pub trait Artifact: Any + Debug + Send + Sync {
    /// The manifest's name for its kind.
    fn kind(&self) -> &'static str;

    /// The bytes it occupies in memory, roughly.
    fn resident_bytes(&self) -> usize;

    /// What `/status` says of it, beside what it says of every artifact.
    fn status(&self) -> Map<String, Value>;

    /// See [`ArtifactKind::knows_user`].
    fn knows_user(&self, user: &str) -> bool;

    /// See [`ArtifactKind::check`].
    ///
    /// # Errors
    /// What does not fit.
    fn check(&self, artifacts: &Artifacts) -> Result<(), ArtifactError>;

    /// See [`ArtifactKind::calibrate`].
    fn calibrate(&mut self, name: &str, others: &Artifacts);
}

impl<K: ArtifactKind> Artifact for K {
    fn kind(&self) -> &'static str {
        K::NAME
    }

    fn resident_bytes(&self) -> usize {
        self.resident()
    }

    fn status(&self) -> Map<String, Value> {
        ArtifactKind::status(self)
    }

    fn knows_user(&self, user: &str) -> bool {
        ArtifactKind::knows_user(self, user)
    }

    fn check(&self, artifacts: &Artifacts) -> Result<(), ArtifactError> {
        ArtifactKind::check(self, artifacts)
    }

    fn calibrate(&mut self, name: &str, others: &Artifacts) {
        ArtifactKind::calibrate(self, name, others);
    }
}

impl dyn Artifact {
    /// The artifact as what its kind decodes to, if it is of that kind.
    pub fn downcast_ref<K: ArtifactKind>(&self) -> Option<&K> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }
}

/// Why a snapshot does not give an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArtifactLookupError {
    /// There is none of this name.
    #[error("the snapshot has no artifact \"{name}\"; it has: {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// It is of another kind.
    #[error("artifact \"{name}\" is of kind {found}, expected {expected}")]
    WrongKind {
        /// The artifact.
        name: String,
        /// Its kind.
        found: &'static str,
        /// The kind that was asked for.
        expected: &'static str,
    },
}

/// Artifacts by name.
#[derive(Debug, Default)]
pub struct Artifacts {
    by_name: BTreeMap<String, Arc<dyn Artifact>>,
}

impl Artifacts {
    /// The artifact of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Artifact>> {
        self.by_name.get(name)
    }

    /// The artifact of this name, shared, as what its kind decodes to.
    ///
    /// # Errors
    /// No artifact of this name, or one of another kind.
    pub fn get<K: ArtifactKind>(&self, name: &str) -> Result<Arc<K>, ArtifactLookupError> {
        let artifact = self.named(name).ok_or_else(|| ArtifactLookupError::Unknown {
            name: name.to_owned(),
            known: self.by_name.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        })?;
        // One look at the type when a stage is made, instead of a match in every request.
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(artifact) as _;
        any.downcast().map_err(|_| ArtifactLookupError::WrongKind {
            name: name.to_owned(),
            found: artifact.kind(),
            expected: K::NAME,
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &dyn Artifact)> {
        self.by_name.iter().map(|(name, artifact)| (name.as_str(), artifact.as_ref()))
    }

    /// Those of one kind, by name.
    pub fn of_kind<K: ArtifactKind>(&self) -> impl Iterator<Item = (&str, &K)> {
        self.iter().filter_map(|(name, artifact)| Some((name, artifact.downcast_ref()?)))
    }

    pub(in crate::snapshot) fn insert(&mut self, name: &str, artifact: Arc<dyn Artifact>) {
        self.by_name.insert(name.to_owned(), artifact);
    }

    /// The only artifact of a kind that a snapshot has one of.
    pub(in crate::snapshot) fn only<K: ArtifactKind>(&self) -> Option<Arc<K>> {
        let (name, _) = self.of_kind::<K>().next()?;
        self.get(name).ok()
    }

    /// Has every artifact check the others, then those calibrate themselves that nobody shares yet.
    ///
    /// # Errors
    /// The first artifact that does not fit, by name, and why.
    pub(in crate::snapshot) fn settle(&mut self) -> Result<(), (String, ArtifactError)> {
        for (name, artifact) in &self.by_name {
            // All are checked before any is changed, so that the first fault by name is the one that is told.
            artifact.check(self).map_err(|error| (name.clone(), error))?;
        }
        let names: Vec<String> = self.by_name.keys().cloned().collect();
        for name in names {
            // Out of the map meanwhile, so that it can be changed while it looks at the others.
            let Some(mut artifact) = self.by_name.remove(&name) else { continue };
            if let Some(own) = Arc::get_mut(&mut artifact) {
                own.calibrate(&name, self);
            }
            self.by_name.insert(name, artifact);
        }
        Ok(())
    }
}
