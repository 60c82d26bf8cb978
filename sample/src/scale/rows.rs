//! What the writers of all files share: rows in batches, and ids.

use std::ops::Range;

/// Rows in a batch, and in memory at a time.
const BATCH: usize = 1 << 16;

/// zstd level: the fastest, since these files may have gigabytes.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// Ranges of at most [`BATCH`] rows.
pub(super) fn batches(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(BATCH).map(move |first| first..rows.min(first + BATCH))
}

/// An id such as `P00000042`, written into `text`: a hundred million of them are made without allocating any.
pub(super) fn label(prefix: u8, number: usize, text: &mut String) -> &str {
    let mut digits = *b"00000000000000000000";
    let mut rest = number;
    let mut first = digits.len() - 8; // at least eight digits
    for (position, digit) in digits.iter_mut().enumerate().rev() {
        *digit += (rest % 10) as u8;
        if rest > 0 {
            first = first.min(position);
        }
        rest /= 10;
    }
    text.clear();
    text.push(char::from(prefix));
    text.push_str(std::str::from_utf8(&digits[first..]).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_eight_digits_or_more() {
        let mut text = String::new();
        assert_eq!(label(b'P', 42, &mut text), "P00000042");
        assert_eq!(label(b'S', 0, &mut text), "S00000000");
        assert_eq!(label(b'U', 123_456_789_012, &mut text), "U123456789012");
    }
}
