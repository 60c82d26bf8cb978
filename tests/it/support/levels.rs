//! The level of instructions is one for the process: tests that set it take turns, and leave the greatest behind.

use std::sync::{Mutex, MutexGuard, PoisonError};

use larder::machine::{Level, limit_to};

static TURN: Mutex<()> = Mutex::new(());

/// Held while the level is set.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

/// Waits until nobody else sets the level.
pub(crate) fn one_at_a_time() -> Turn {
    Turn(TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(level) = Level::all().last() {
            limit_to(level);
        }
    }
}
