//! The atomic pointer: what is served now, and what was served before.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;

/// Holds what requests pin. Reading takes no lock; only this type knows how the pointer is swapped.
pub struct Registry<T> {
    current: ArcSwapOption<T>,
    /// Whoever swaps the pointer holds it.
    previous: Mutex<Option<Arc<T>>>,
    bring_up: OnceLock<BringUp<T>>,
}

/// Brings what is about to be served up to the present.
pub type BringUp<T> = Box<dyn Fn(Arc<T>) -> Arc<T> + Send + Sync>;

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self { current: ArcSwapOption::empty(), previous: Mutex::new(None), bring_up: OnceLock::new() }
    }
}

impl<T> fmt::Debug for Registry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("is_empty", &self.current.load().is_none()).finish()
    }
}

impl<T> Registry<T> {
    /// Lets `bring_up` change whatever is published from now on, with all other swaps held off meanwhile: what changes
    /// by [`Registry::update`] is not lost with a publication. The first call counts.
    pub fn bring_up_by(&self, bring_up: BringUp<T>) {
        let _ = self.bring_up.set(bring_up);
    }

    /// What is served now; `None` before the first snapshot is ready.
    pub fn current(&self) -> Option<Arc<T>> {
        self.current.load_full()
    }

    /// What was served before, if it was kept.
    pub fn previous(&self) -> Option<Arc<T>> {
        self.lock().clone()
    }

    /// Drops what was served before; requests that hold it finish on it.
    pub fn forget_previous(&self) {
        let forgotten = self.lock().take();
        drop(forgotten);
    }

    /// Serves `next` from now on, keeping what it replaces if `keep_previous`.
    ///
    /// What falls out is freed here, by the caller, never by a request, unless a request still holds it.
    pub fn publish(&self, next: Arc<T>, keep_previous: bool) {
        let mut previous = self.lock();
        let next = match self.bring_up.get() {
            Some(bring_up) => bring_up(next),
            None => next,
        };
        // Requests see the old or the new one, never none.
        let replaced = self.current.swap(Some(next));
        *previous = replaced.filter(|_| keep_previous);
    }

    /// Serves what `next` makes of what is served now, if it makes anything; returns what is replaced, which the caller
    /// frees. What was served before stays what it is.
    pub fn update(&self, next: impl FnOnce(&Arc<T>) -> Option<Arc<T>>) -> Option<Arc<T>> {
        let _swapping = self.lock();
        let current = self.current.load_full()?;
        let next = next(&current)?;
        self.current.swap(Some(next))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<T>>> {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
