//! The program's allocator, mimalloc, told to give memory back.

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

/// `mi_option_purge_delay` of mimalloc.h, between the two that the crate names.
const PURGE_DELAY: mi_option_t = libmimalloc_sys::mi_option_use_numa_nodes - 1;

/// What is freed goes back to the system at once. Otherwise it would wait for the next allocations, and a replaced
/// snapshot would take memory until then. The environment, `MIMALLOC_PURGE_DELAY` in milliseconds, goes before it.
///
/// To be called before there are threads.
pub(crate) fn give_back_at_once() {
    // SAFETY: sets a number; the caller keeps to the one condition, that no other thread does so now.
    unsafe { mi_option_set_default(PURGE_DELAY, 0) }
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    #[test]
    fn the_delay_is_the_option_that_is_set() {
        // SAFETY: reads a number.
        let read = || unsafe { mi_option_get(PURGE_DELAY) };
        assert_eq!(read(), 1000, "mimalloc's default, which no other option has");
        give_back_at_once();
        assert_eq!(read(), 0);
    }
}
