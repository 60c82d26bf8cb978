//! Columns in chunks that many versions share: changing a cell copies a chunk and not the column.

use std::sync::Arc;

/// Cells of a chunk. Raising it makes reading a little cheaper and every first change of a chunk dearer: 512 cells of 8
/// bytes are one page of memory.
pub const CHUNK: usize = 512;

/// A list of cells, cheap to clone. Clones share their chunks until one of them changes a cell.
#[derive(Debug, Clone)]
pub struct Chunks<T> {
    chunks: Vec<Arc<[T]>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Chunks<T> {
    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A cell; `None` beyond the end.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// Changes a cell, in a copy of its chunk where the chunk is shared. Nothing happens beyond the end.
    pub fn set(&mut self, at: usize, value: T) {
        if at >= self.len {
            return;
        }
        let chunk = self.chunks.get_mut(at / CHUNK).map(Arc::make_mut);
        if let Some(cell) = chunk.and_then(|chunk| chunk.get_mut(at % CHUNK)) {
            *cell = value;
        }
    }

    /// Appends cells until there are `len`. All whole chunks of them are one and the same until they are changed.
    pub fn extend_to(&mut self, len: usize, fill: &T) {
        if len <= self.len {
            return;
        }
        // Only the last chunk may be short: it is filled first.
        if let Some(last) = self.chunks.pop_if(|last| last.len() < CHUNK) {
            let begin = self.chunks.len() * CHUNK;
            let cells = (len - begin).min(CHUNK);
            let missing = std::iter::repeat_n(fill.clone(), cells - last.len());
            self.chunks.push(last.iter().cloned().chain(missing).collect());
        }
        let whole: Arc<[T]> = std::iter::repeat_n(fill.clone(), CHUNK).collect();
        while (self.chunks.len() + 1) * CHUNK <= len {
            self.chunks.push(Arc::clone(&whole));
        }
        let rest = len.saturating_sub(self.chunks.len() * CHUNK);
        if rest > 0 {
            self.chunks.push(std::iter::repeat_n(fill.clone(), rest).collect());
        }
        self.len = len;
    }

    /// The chunks, each of [`CHUNK`] cells but the last.
    pub fn chunks(&self) -> impl Iterator<Item = &[T]> {
        self.chunks.iter().map(|chunk| &**chunk)
    }

    /// The bytes of the cells and the chunks, however many others share them.
    pub fn resident_bytes(&self) -> usize {
        // A chunk has two counts before its cells; its address and length are in the list.
        let chunk = 4 * size_of::<usize>();
        self.len * size_of::<T>() + self.chunks.capacity() * chunk
    }
}

impl<T> FromIterator<T> for Chunks<T> {
    fn from_iter<I: IntoIterator<Item = T>>(cells: I) -> Self {
        let mut builder = ChunksBuilder::default();
        for cell in cells {
            builder.push(cell);
        }
        builder.finish()
    }
}

/// Builds [`Chunks`] cell by cell, without ever holding them twice.
#[derive(Debug)]
pub struct ChunksBuilder<T> {
    chunks: Vec<Arc<[T]>>,
    open: Vec<T>,
}

impl<T> Default for ChunksBuilder<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), open: Vec::new() }
    }
}

impl<T> ChunksBuilder<T> {
    /// A builder with capacity for the chunks of `cells` cells.
    pub fn with_capacity(cells: usize) -> Self {
        Self { chunks: Vec::with_capacity(cells.div_ceil(CHUNK)), open: Vec::new() }
    }

    /// Adds a cell.
    pub fn push(&mut self, cell: T) {
        if self.open.len() == CHUNK {
            self.seal();
        }
        self.open.push(cell);
    }

    /// The cell that was added last.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        // A chunk is sealed only by the cell that comes after it: the last cell is always in the open one.
        self.open.last_mut()
    }

    /// The finished cells.
    pub fn finish(mut self) -> Chunks<T> {
        if !self.open.is_empty() {
            self.seal();
        }
        let len = self.chunks.iter().map(|chunk| chunk.len()).sum();
        // The list of chunks was made for the rows that a file declares, which may be more than it has.
        self.chunks.shrink_to_fit();
        Chunks { chunks: self.chunks, len }
    }

    fn seal(&mut self) {
        self.chunks.push(self.open.drain(..).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_its_cells_and_shares_the_chunks_that_are_not_changed() {
        let mut random = fastrand::Rng::with_seed(5);
        let cells: Vec<u32> = (0..2 * CHUNK as u32 + 17).collect();
        let first: Chunks<u32> = cells.iter().copied().collect();
        let (mut second, mut expected) = (first.clone(), cells.clone());
        for _ in 0..40 {
            let at = random.usize(0..CHUNK);
            second.set(at, 7);
            expected[at] = 7;
        }
        let read = |chunks: &Chunks<u32>| chunks.chunks().flatten().copied().collect::<Vec<u32>>();
        assert_eq!((read(&first), read(&second)), (cells, expected));
        let shared = first.chunks.iter().zip(&second.chunks).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, first.chunks.len() - 1);
        second.set(second.len(), 1);
        assert!(second.get(second.len()).is_none());
    }

    #[test]
    fn extending_fills_up_from_any_length_to_any_other() {
        for (from, to) in
            [(0, 0), (0, 3), (3, 3), (3, CHUNK), (CHUNK, CHUNK + 1), (5, 3 * CHUNK + 2), (600, 700)]
        {
            let mut chunks: Chunks<u8> = std::iter::repeat_n(1, from).collect();
            chunks.extend_to(to, &2);
            let read: Vec<u8> = chunks.chunks().flatten().copied().collect();
            let expected: Vec<u8> = (0..to).map(|at| if at < from { 1 } else { 2 }).collect();
            assert_eq!((read, chunks.len()), (expected, to), "{from} to {to}");
            assert!(chunks.chunks().take(to / CHUNK).all(|chunk| chunk.len() == CHUNK));
        }
    }
}
