//! SipHash-1-3, the hash of std's tables, with a key of one's own: std gives its hasher no key that outlives a process.

/// The hash of a byte and the text behind it (Aumasson, Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012;
/// one round for each word and three at the end).
pub(super) fn sip_hash(key: [u64; 2], first: u8, text: &[u8]) -> u64 {
    let mut state = State([
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ]);
    // The first word has seven bytes of the text.
    let (head, rest) = text.split_at(text.len().min(7));
    let begin = word(head) << 8 | u64::from(first);
    // The last word has the length in its highest byte, and fewer than eight bytes of the text.
    let length = (text.len() as u64 + 1) << 56;
    if head.len() < 7 {
        state.add(begin | length);
    } else {
        state.add(begin);
        let words = rest.chunks_exact(8);
        let tail = words.remainder();
        words.for_each(|bytes| state.add(word(bytes)));
        state.add(word(tail) | length);
    }
    state.0[2] ^= 0xff;
    for _ in 0..3 {
        state.round();
    }
    state.0[0] ^ state.0[1] ^ state.0[2] ^ state.0[3]
}

struct State([u64; 4]);

impl State {
    fn add(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.0[0] ^= word;
    }

    fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.0;
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32).wrapping_add(v3);
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(17) ^ v2;
        v3 = v3.rotate_left(21) ^ v0;
        self.0 = [v0, v1, v2.rotate_left(32), v3];
    }
}

/// Up to eight bytes as a number, the lowest first.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::collections::hash_map::DefaultHasher;
    use std::hash::Hasher;

    use super::*;

    #[test]
    fn it_is_the_hash_of_std_where_the_key_is_zero() {
        let text = "a text of more than a few words, so that every length has its turn";
        for length in 0..text.len() {
            let mut expected = DefaultHasher::new();
            expected.write(&[7]);
            expected.write(&text.as_bytes()[..length]);
            assert_eq!(sip_hash([0, 0], 7, &text.as_bytes()[..length]), expected.finish(), "{length} bytes");
        }
    }

    #[test]
    fn both_words_of_the_key_and_every_byte_count() {
        let one = sip_hash([1, 2], 3, b"text");
        for other in [
            sip_hash([2, 2], 3, b"text"),
            sip_hash([1, 3], 3, b"text"),
            sip_hash([1, 2], 4, b"text"),
            sip_hash([1, 2], 3, b"texts"),
            sip_hash([1, 2], 3, b"tex"),
        ] {
            assert_ne!(one, other);
        }
    }
}
