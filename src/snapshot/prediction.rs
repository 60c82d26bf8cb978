//! What an artifact will take in memory.

/// Divisor: where nothing else is known, decoding is taken to need a fifth of what it leaves on top of it. Raising it
/// predicts lower peaks.
const DECODING: u64 = 5;

/// What an artifact will take in memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prediction {
    /// Once it is served.
    pub resident: u64,
    /// While it is decoded, what stays included.
    pub peak: u64,
}

impl Prediction {
    /// What leaves `resident` bytes, and takes as much on top for decoding as most kinds do.
    pub fn usual(resident: usize) -> Self {
        let resident = resident as u64;
        Self { resident, peak: resident.saturating_add(resident / DECODING) }
    }

    /// The same, if decoding takes `each` bytes a row, whatever it leaves of them: files may announce rows that they do
    /// not have.
    pub fn with_rows(self, rows: usize, each: usize) -> Self {
        let rows = (rows as u64).saturating_mul(each as u64);
        Self { peak: self.peak.max(rows), ..self }
    }

    /// What takes no more for decoding than it leaves.
    pub fn flat(resident: usize) -> Self {
        Self { resident: resident as u64, peak: resident as u64 }
    }

    /// What is not known better than by the size of its file.
    pub fn of_file(bytes: u64) -> Self {
        Self { resident: bytes, peak: bytes.saturating_add(bytes / DECODING) }
    }
}
