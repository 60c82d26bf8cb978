//! Dense item numbers.

/// The dense number of an item: its row in the catalogue of *one* snapshot.
///
/// Valid only together with the snapshot it came from; `0 <= value < snapshot.items().len()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemIdx(pub u32);

impl ItemIdx {
    /// The number as an index into a per-item column.
    #[inline]
    pub fn row(self) -> usize {
        self.0 as usize
    }
}
