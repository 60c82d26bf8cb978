//! Memory in large pages where the system has them: fewer of them are to be found on each access to a large array.

use std::sync::atomic::AtomicU64;

/// Arrays below this many bytes gain nothing.
const LEAST: usize = 4 << 20;

/// An empty vector of `capacity` values' memory, in huge pages if it is large and the system allows it.
///
/// Without them (another system, `transparent_hugepage` set to `never`) it is a vector like any other.
pub(crate) fn large_vec<T>(capacity: usize) -> Vec<T> {
    let mut values = Vec::with_capacity(capacity);
    let spare: &mut [std::mem::MaybeUninit<T>] = values.spare_capacity_mut();
    if size_of_val(spare) >= LEAST {
        // SAFETY: the memory is that of the new vector.
        unsafe { prefer_huge_pages(spare.as_mut_ptr().cast(), size_of_val(spare)) };
    }
    values
}

/// `len` values of `T::default()`, in huge pages if that is large and the system allows it.
pub(crate) fn large_zeroed<T: Copy + Default>(len: usize) -> Vec<T> {
    let mut values = vec![T::default(); len]; // zeros come from the system untouched: nothing is written yet
    if size_of_val(&*values) >= LEAST {
        // SAFETY: the numbers are those of the new vector.
        unsafe { prefer_huge_pages(values.as_mut_ptr().cast(), size_of_val(&*values)) };
    }
    values
}

/// `len` zeros that several threads may change. Their memory comes from the system page by page, as it is used: a table
/// that is sized for many costs nothing while there are few.
pub(crate) fn zeroed_atomics(len: usize) -> Vec<AtomicU64> {
    const { assert!(align_of::<AtomicU64>() == align_of::<u64>(), "Larder needs a 64-bit system") };
    let mut values = std::mem::ManuallyDrop::new(vec![0u64; len]);
    let (start, capacity) = (values.as_mut_ptr(), values.capacity());
    // SAFETY: the three are those of a vector that is not used any more, and `AtomicU64` has the size, the bits and (as
    // asserted above) the alignment of `u64`.
    unsafe { Vec::from_raw_parts(start.cast(), len, capacity) }
}

/// Asks for huge pages for the whole pages of a piece of memory that belongs to the caller.
#[cfg(target_os = "linux")]
///
/// # Safety
/// The piece is that of a vector that the caller has exclusively.
unsafe fn prefer_huge_pages(start: *mut u8, bytes: usize) {
    let page = rustix::param::page_size();
    let skipped = start.align_offset(page);
    let whole = bytes.saturating_sub(skipped) / page * page;
    if whole == 0 {
        return;
    }
    // SAFETY: the range is whole pages inside memory that the caller has exclusively (it is that of a vector at hand),
    // and this advice changes neither its content nor whether it may be read and written. A refusal is as good as no
    // advice.
    let _ = unsafe {
        rustix::mm::madvise(start.wrapping_add(skipped).cast(), whole, rustix::mm::Advice::LinuxHugepage)
    };
}

#[cfg(not(target_os = "linux"))]
unsafe fn prefer_huge_pages(_start: *mut u8, _bytes: usize) {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn atomics_begin_with_zero_and_keep_what_they_are_given() {
        for len in [0, 1, 100_000] {
            let values = zeroed_atomics(len);
            assert!(values.len() == len && values.iter().all(|value| value.load(Ordering::Relaxed) == 0));
            values.iter().for_each(|value| value.store(u64::MAX, Ordering::Relaxed));
            assert!(values.iter().all(|value| value.load(Ordering::Relaxed) == u64::MAX));
        }
    }

    #[test]
    fn a_large_vector_is_a_vector() {
        for capacity in [0, 1, 1000, 3_000_001] {
            let mut values: Vec<u32> = large_vec(capacity);
            assert!(values.is_empty() && values.capacity() >= capacity);
            values.extend(0..capacity as u32);
            assert!(values.iter().copied().eq(0..capacity as u32));
        }
        assert!(large_vec::<()>(9).is_empty());
        assert!(large_zeroed::<f32>(2_000_003).iter().all(|x| *x == 0.0));
    }
}
