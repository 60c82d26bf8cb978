//! Asking for memory ahead of its use.

/// Asks for the cache line that holds `values[index]`, so that reading it soon after does not wait for memory. Out of
/// range it does nothing; it never changes a result.
#[inline(always)]
pub(crate) fn prefetch<T>(values: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(value) = values.get(index) {
        // SAFETY: a prefetch of any address is allowed and has no effect but on caches; SSE is part of x86-64.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast::<i8>());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_index_may_be_asked_for() {
        let values = [7u32; 3];
        [0, 2, 3, usize::MAX].into_iter().for_each(|index| prefetch(&values, index));
        prefetch::<u64>(&[], 0);
        assert_eq!(values, [7; 3]);
    }
}
