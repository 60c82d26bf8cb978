//! The memory budget: what is loaded must fit beside what is served, and what was served before is kept only where both
//! fit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Refresher;
use crate::snapshot::loader::shares;
use crate::snapshot::memory::{MemoryBudget, Verdict, available_bytes};
use crate::snapshot::{ArtifactEntry, Files, Manifest, Prediction, Snapshot, SnapshotError, predict_files};

impl<T: Send + Sync> Refresher<T> {
    /// Refuses a snapshot that would not fit into memory, before any of it is decoded; tells the bytes that there are
    /// for it, if that can be told.
    pub(super) fn check_memory(
        &self,
        file: &Files<'_>,
        manifest: &Manifest,
        served: Option<&Snapshot>,
    ) -> Result<Option<u64>, SnapshotError> {
        let shared = |entry: &ArtifactEntry| served.is_some_and(|old| shares(old, manifest, entry));
        let predict = || predict_files(file, manifest, &self.options.load, shared);
        // What a hostile file does to its reader is told by the decoder, which runs guarded, and names the artifact.
        let bytes = catch_unwind(AssertUnwindSafe(predict)).unwrap_or_else(|_| Ok(Vec::new()))?;
        let names = manifest.artifacts.iter().map(|entry| entry.name.as_str());
        let predicted: Vec<(&str, Prediction)> = names.zip(bytes).collect();
        let budget = self.budget(served);
        let free = available_bytes();
        let verdict = budget.check(&predicted, free)?;
        if verdict == Verdict::FitsWithoutPrevious {
            tracing::warn!(
                snapshot = manifest.snapshot,
                "the snapshot kept for a rollback is dropped: the next one needs its memory"
            );
            self.registry.forget_previous();
        }
        Ok(budget.left(verdict, free))
    }

    /// Bytes that there are for the next snapshot, beside the one that is kept for a rollback or in its place.
    pub(super) fn memory_left(&self, served: Option<&Snapshot>, beside: bool) -> Option<u64> {
        let verdict = if beside { Verdict::Fits } else { Verdict::FitsWithoutPrevious };
        self.budget(served).left(verdict, available_bytes())
    }

    fn budget(&self, served: Option<&Snapshot>) -> MemoryBudget {
        // What both snapshots share is counted twice. That errs towards refusing, and never by more than the shared
        // part.
        let resident = |snapshot: Option<&Snapshot>| snapshot.map_or(0, |held| held.resident_bytes() as u64);
        let previous = self.registry.previous();
        MemoryBudget {
            limit: self.options.memory_budget,
            reserved: self.options.reserved_memory,
            served: resident(served),
            previous: resident(previous.as_deref().map(self.snapshot)),
        }
    }

    /// Whether what was served until now stays in memory beside `next`.
    pub(super) fn keeps(&self, replaced: Option<&T>, next: &T) -> bool {
        let Some(replaced) = replaced else { return false };
        let bytes = (self.snapshot)(replaced).resident_bytes() as u64;
        let reserved = self.options.reserved_memory;
        let of_budget =
            |budget: u64| budget.saturating_sub(reserved + (self.snapshot)(next).resident_bytes() as u64);
        // Half, as the next load needs memory too while both are held.
        let available = available_bytes().map(|free| free.saturating_sub(reserved));
        let free = available.into_iter().chain(self.options.memory_budget.map(of_budget)).min();
        self.options.keep_previous.unwrap_or_else(|| free.is_none_or(|free| bytes <= free / 2))
    }
}
