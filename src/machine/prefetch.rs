//! Telling the processor what will be read soon.

/// Asks for the cache line that holds `values[at]`. Nothing happens outside the slice, or where the processor cannot.
#[inline(always)]
pub fn prefetch<T>(values: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if at < values.len() {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address lies inside the slice; a prefetch reads nothing and cannot fault. SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().add(at).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, at);
}
