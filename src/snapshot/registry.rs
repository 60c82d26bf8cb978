//! The atomic pointer: what is served now, and what was served before.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

/// Holds what requests pin. Reading takes no lock; only this type knows how the pointer is swapped.
#[derive(Debug)]
pub struct Registry<T> {
    current: ArcSwapOption<T>,
    previous: Mutex<Option<Arc<T>>>,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self { current: ArcSwapOption::empty(), previous: Mutex::new(None) }
    }
}

impl<T> Registry<T> {
    /// What is served now; `None` before the first snapshot is ready.
    pub fn current(&self) -> Option<Arc<T>> {
        self.current.load_full()
    }

    /// What was served before, if it was kept.
    pub fn previous(&self) -> Option<Arc<T>> {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Drops what was served before; requests that hold it finish on it.
    pub fn forget_previous(&self) {
        let forgotten = self.previous.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(forgotten);
    }

    /// Serves `next` from now on, keeping what it replaces if `keep_previous`.
    ///
    /// What falls out is freed here, by the caller, never by a request, unless a request still holds it.
    pub fn publish(&self, next: Arc<T>, keep_previous: bool) {
        // Requests see the old or the new one, never none: the previous is kept aside only afterwards.
        let replaced = self.current.swap(Some(next));
        let mut previous = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
        *previous = replaced.filter(|_| keep_previous);
    }
}
