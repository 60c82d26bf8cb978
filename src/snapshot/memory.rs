//! How much memory there is, so that a snapshot that does not fit is refused before it is decoded.

use super::{Prediction, SnapshotError};

/// Bytes that decoding takes whatever the size, for pages and batches.
const DECODING: u64 = 24 << 20;

/// Bytes this process may still take: the least of the container's limit (cgroup v2 or v1) and the machine's free
/// memory; `None` where neither can be read.
pub(super) fn available_bytes() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    // Cached files count as used and are given up when something else needs the memory: without them a download would
    // seem to have used up the memory that its content is to go into.
    let cached = |path: &str, prefix: &str| {
        let text = read(path)?;
        let fields = text.lines().filter_map(|line| line.split_once(' '));
        let files = fields.filter(|(name, _)| {
            name.strip_prefix(prefix).is_some_and(|name| ["inactive_file", "active_file"].contains(&name))
        });
        Some(files.filter_map(|(_, bytes)| bytes.trim().parse::<u64>().ok()).fold(0, u64::saturating_add))
    };
    let left = |limit: &str, used: &str, stat: &str, prefix: &str| {
        let used = number(used)?.saturating_sub(cached(stat, prefix).unwrap_or_default());
        Some(number(limit)?.saturating_sub(used))
    };
    let group = "/sys/fs/cgroup";
    let file = |name: &str| format!("{group}/{name}");
    // Version 1 only where there is no version 2: on hybrid systems its limits are not the ones in force.
    let v2 = || left(&file("memory.max"), &file("memory.current"), &file("memory.stat"), "");
    let v1 = || {
        let [limit, used, stat] =
            ["limit_in_bytes", "usage_in_bytes", "stat"].map(|name| file(&format!("memory/memory.{name}")));
        left(&limit, &used, &stat, "total_")
    };
    let machine = || {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    };
    // A container may be allowed more than the machine has.
    v2().or_else(v1).into_iter().chain(machine()).min()
}

/// Memory for a snapshot that is to be loaded beside others.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemoryBudget {
    /// The most that all snapshots may take together; `None`: what the container or the machine has left.
    pub(super) limit: Option<u64>,
    /// Bytes that are kept free for what events may still bring.
    pub(super) reserved: u64,
    /// Bytes that are served.
    pub(super) served: u64,
    /// Bytes kept for a rollback.
    pub(super) previous: u64,
}

/// What to do about the previous snapshot before a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The next one fits beside it.
    Fits,
    /// The next one fits once it is dropped.
    FitsWithoutPrevious,
}

impl MemoryBudget {
    /// A budget of so many bytes for a snapshot that is loaded beside nothing.
    pub(super) fn alone(limit: Option<u64>) -> Self {
        Self { limit, reserved: 0, served: 0, previous: 0 }
    }

    /// Bytes that there are for the next snapshot; `None` where nobody can say.
    pub(super) fn left(&self, verdict: Verdict, free: Option<u64>) -> Option<u64> {
        let previous = if verdict == Verdict::Fits { self.previous } else { 0 };
        Some(self.all(free)?.saturating_sub(self.served).saturating_sub(previous))
    }

    /// Bytes that there are for all.
    fn all(&self, free: Option<u64>) -> Option<u64> {
        let held = self.served.saturating_add(self.previous);
        let all = self.limit.or(free.map(|free| free.saturating_add(held)))?;
        Some(all.saturating_sub(self.reserved))
    }

    /// Whether artifacts of these predicted sizes fit; `free` is what the system has left.
    ///
    /// They are decoded at the same time, so all of them may be at their peak together.
    pub(super) fn check(
        &self,
        predicted: &[(&str, Prediction)],
        free: Option<u64>,
    ) -> Result<Verdict, SnapshotError> {
        let Self { served, previous, .. } = *self;
        let peak = predicted.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(bytes.peak));
        // What is shared with the served snapshot is not decoded at all.
        let needs = if peak == 0 { 0 } else { peak.saturating_add(DECODING) };
        // Where nobody can say, an allocation that fails says it later.
        let Some(all) = self.all(free) else { return Ok(Verdict::Fits) };
        let left = all.saturating_sub(served);
        if needs <= left.saturating_sub(previous) {
            return Ok(Verdict::Fits);
        }
        if needs <= left {
            return Ok(Verdict::FitsWithoutPrevious);
        }
        let largest = predicted.iter().max_by_key(|(_, bytes)| bytes.peak).map_or("-", |(name, _)| *name);
        Err(SnapshotError::Memory { needs, left, budget: all, largest: largest.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_previous_snapshot_goes_first_and_the_served_one_never() {
        let mb = 1u64 << 20;
        let budget =
            MemoryBudget { limit: Some(1000 * mb), reserved: 0, served: 400 * mb, previous: 300 * mb };
        let of = |bytes: u64| Prediction { resident: bytes, peak: bytes + bytes / 5 };
        let check = |bytes: u64| budget.check(&[("a", of(bytes / 4)), ("b", of(bytes / 4 * 3))], None);
        assert!(matches!(check(200 * mb), Ok(Verdict::Fits)));
        assert!(matches!(check(400 * mb), Ok(Verdict::FitsWithoutPrevious)));
        let refused = check(600 * mb).unwrap_err();
        assert!(matches!(&refused, SnapshotError::Memory { largest, .. } if largest == "b"), "{refused}");
        let beside = MemoryBudget { limit: Some(1500 * mb), reserved: 500 * mb, ..budget };
        assert!(beside.check(&[("a", of(200 * mb))], None).is_ok());
        let refused = beside.check(&[("a", of(600 * mb))], None).unwrap_err();
        assert!(matches!(refused, SnapshotError::Memory { budget, .. } if budget == 1000 * mb));
        let heavy = [("a", of(10 * mb)), ("b", Prediction { resident: 100 * mb, peak: 600 * mb })];
        assert!(budget.check(&heavy, None).is_err(), "what building takes counts, not only what stays");
        let shared = MemoryBudget { limit: Some(0), ..budget }.check(&[("a", of(0))], None);
        assert!(matches!(shared, Ok(Verdict::Fits)), "what is shared with the served snapshot takes nothing");
        let unsaid = MemoryBudget { limit: None, ..budget };
        assert!(matches!(unsaid.check(&[("a", of(1 << 60))], None), Ok(Verdict::Fits)));
        assert!(matches!(
            unsaid.check(&[("a", of(500 * mb))], Some(400 * mb)),
            Ok(Verdict::FitsWithoutPrevious)
        ));
        assert!(unsaid.check(&[("a", of(500 * mb))], Some(100 * mb)).is_err());
    }
}
