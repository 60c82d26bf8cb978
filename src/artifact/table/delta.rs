//! Delta encodings of Parquet, as far as it takes to hold the counts that they claim against the page's own.

use super::varint::varint;

/// How many values a delta encoding claims, and what follows it; `None` where it is cut off.
pub(super) fn claimed(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut rest = bytes;
    let (block, parts, count) = (varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?);
    // The first value.
    varint(&mut rest)?;
    let part = block.checked_div(parts)?;
    let mut left = count.saturating_sub(1);
    // Every turn takes two bytes at least.
    while left > 0 && part > 0 {
        // The least difference.
        varint(&mut rest)?;
        let (widths, values) = rest.split_at_checked(usize::try_from(parts).ok()?)?;
        rest = values;
        for width in widths {
            if left == 0 {
                break;
            }
            let bytes = part.checked_mul(u64::from(*width))? / 8;
            rest = rest.get(usize::try_from(bytes).ok()?..)?;
            left = left.saturating_sub(part);
        }
    }
    Some((count, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ends_are_found_without_decoding() {
        // Blocks of 128 in 4 parts; 3 values from 5; a least difference of 1; one part of 2 bits, 8 bytes of it.
        let mut bytes = vec![0x80, 1, 4, 3, 10, 2, 2, 0, 0, 0];
        bytes.extend([0; 8]);
        bytes.extend(b"rest");
        assert_eq!(claimed(&bytes), Some((3, b"rest".as_slice())));
        assert_eq!(claimed(&[0x80, 1, 4, 0, 0, 7]), Some((0, [7].as_slice())));
        assert_eq!(claimed(&[0x80, 1, 0, 9, 0]), None, "no parts");
        assert_eq!(claimed(&bytes[..12]), None);
    }

    #[test]
    fn a_claim_of_billions_is_told_even_where_the_blocks_are_as_long() {
        // One block of 2^40 values in one part of no bits.
        let mut bytes =
            vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 0, 0];
        bytes.push(9);
        assert_eq!(claimed(&bytes), Some((1 << 40, [9].as_slice())));
    }
}
