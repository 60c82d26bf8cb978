//! Records that the Kinesis Producer Library packed into one: four bytes of magic, a message of protobuf, and the MD5
//! of that message.

use bytes::Bytes;
use md5::{Digest as _, Md5};
use prost::Message as _;

use crate::connect::decode::limits::RECORD_BYTES;

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const MD5_BYTES: usize = 16;

/// The message; fields that nobody needs here are left out.
#[derive(Clone, PartialEq, prost::Message)]
struct Aggregated {
    #[prost(string, repeated, tag = "1")]
    keys: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<Packed>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Packed {
    #[prost(uint64, tag = "1")]
    key: u64,
    #[prost(bytes = "bytes", tag = "3")]
    data: Bytes,
}

/// The records in a record, with their keys; `None` if it is one by itself. As the producer library's own readers do
/// it, something that only begins like a packed record is one by itself.
///
/// Those that belong to another shard's range of keys since a split are not left out: they are sent again there, and
/// an event that comes twice changes nothing.
pub(super) fn unpack(body: &[u8]) -> Option<Vec<(String, Bytes)>> {
    let rest = body.strip_prefix(&MAGIC)?;
    // One that is larger than any record may be is told so behind this.
    let message_bytes = rest.len().checked_sub(MD5_BYTES).filter(|_| body.len() <= RECORD_BYTES)?;
    let (message, md5) = rest.split_at_checked(message_bytes)?;
    if Md5::digest(message)[..] != *md5 {
        return None;
    }
    let Aggregated { keys, records } = Aggregated::decode(Bytes::copy_from_slice(message)).ok()?;
    let key_of = |at: u64| usize::try_from(at).ok().and_then(|at| keys.get(at)).cloned().unwrap_or_default();
    Some(records.into_iter().map(|Packed { key, data }| (key_of(key), data)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(message: &[u8]) -> Vec<u8> {
        [&MAGIC, message, &Md5::digest(message)[..]].concat()
    }

    #[test]
    fn what_is_packed_is_unpacked_in_order_with_its_keys() {
        // Written by hand from the format's description: keys "k1" and "k2", a hash key "7", records {"a"} and {"b"},
        // the second with a hash key and a tag.
        let message = b"\x0a\x02k1\x0a\x02k2\x12\x017\x1a\x07\x08\x00\x1a\x03{a}\
                        \x1a\x10\x08\x01\x10\x00\x1a\x03{b}\x22\x05\x0a\x03tag";
        let found = unpack(&packed(message)).unwrap();
        let expected = [("k1".to_owned(), Bytes::from("{a}")), ("k2".to_owned(), Bytes::from("{b}"))];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_only_looks_packed_is_a_record_by_itself() {
        let good = packed(b"\x0a\x02k1\x1a\x07\x08\x09\x1a\x03{a}");
        assert_eq!(unpack(&good).unwrap(), [(String::new(), Bytes::from("{a}"))], "a key that is not there");
        for length in 0..good.len() {
            assert_eq!(unpack(&good[..length]), None, "{length}");
        }
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 0x20;
            assert_eq!(unpack(&flipped), None, "{at}");
        }
        assert_eq!(unpack(&packed(b"\x1a\xff\xff\xff\xff\x0f")), None, "a length that is not there");
        assert_eq!(unpack(&packed(&vec![0; RECORD_BYTES])), None, "too large");
        assert_eq!(unpack(b"{}"), None);
    }
}
