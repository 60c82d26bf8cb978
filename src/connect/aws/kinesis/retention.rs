//! What a stream does not have any more of a time that is wanted.

/// What a stream keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retention {
    /// When the stream was made, in milliseconds since 1970.
    pub(super) created_ms: i64,
    /// How long it keeps records, in milliseconds.
    pub(super) kept_ms: i64,
}

impl Retention {
    /// The time of which a stream has nothing any more at `now_ms`, if it is to be read from `wanted_ms` on. Before the
    /// stream was made it had nothing to lose.
    pub(super) fn gap(self, wanted_ms: i64, now_ms: i64) -> Option<(i64, i64)> {
        let from = wanted_ms.max(self.created_ms);
        let oldest = now_ms.saturating_sub(self.kept_ms);
        (from < oldest).then_some((from, oldest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_stream_keeps_is_a_gap_unless_the_stream_is_younger() {
        let retention = Retention { created_ms: 1_000, kept_ms: 24_000 };
        assert_eq!(retention.gap(40_000, 50_000), None, "it goes back to 26 s");
        assert_eq!(retention.gap(26_000, 50_000), None);
        assert_eq!(retention.gap(20_000, 50_000), Some((20_000, 26_000)));
        assert_eq!(retention.gap(0, 50_000), Some((1_000, 26_000)), "there was nothing before it was made");
        assert_eq!(retention.gap(0, 20_000), None, "all of it is still there");
        assert_eq!(retention.gap(i64::MIN, i64::MAX), Some((1_000, i64::MAX - 24_000)));
    }
}
