//! Damaged stretches of segments, counted and logged once for all sinks.

use super::segment::SegmentReader;
use super::shared::{Segment, Shared};

impl Shared {
    /// Counts and logs damage that was skipped, once for all sinks.
    pub(super) fn note_gaps(&self, segment: &Segment, reader: &mut SegmentReader) {
        for gap in reader.take_gaps() {
            self.note_damage(segment, gap.start, gap.end);
        }
    }

    /// The same for what is behind the last record of a closed segment. At the opening the newest segment was cut to
    /// its whole records, and the others were closed with all theirs.
    pub(super) fn note_rest(&self, segment: &Segment, reader: &SegmentReader) {
        let rest = reader.rest();
        if !rest.is_empty() {
            self.note_damage(segment, rest.start, rest.end);
        }
    }

    pub(super) fn note_damage(&self, segment: &Segment, start: u64, end: u64) {
        let mut is_news = false;
        self.change(segment.name.number, |known| {
            is_news = end > known.checked;
            known.checked = known.checked.max(end);
        });
        if is_news {
            self.counts.add_corrupt();
            let (segment, bytes) = (&segment.name, end - start);
            tracing::error!(%segment, start, bytes, "a segment of the spool is damaged; these bytes are skipped");
        }
    }
}
