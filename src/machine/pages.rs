//! Memory in large pages where the system has them: fewer of them are to be found on each access to a large array.

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
    use super::*;

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
