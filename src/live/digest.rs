//! Digests by which replicas are compared: the same on every machine, for the same state in any order.

use crate::domain::AttributeValue;

/// Of one value of one item. Digests of a state are added up, which no order changes.
pub(super) fn register_digest(id: &str, name: &str, value: &AttributeValue, time_ms: i64) -> u64 {
    let mut hash = Fnv::default();
    hash.text(id);
    hash.text(name);
    hash.bytes(&time_ms.to_le_bytes());
    match value {
        AttributeValue::Null => hash.bytes(&[0]),
        AttributeValue::Bool(value) => hash.bytes(&[1, u8::from(*value)]),
        AttributeValue::Int(value) => {
            hash.bytes(&[2]);
            hash.bytes(&value.to_le_bytes());
        }
        AttributeValue::Float(value) => {
            hash.bytes(&[3]);
            hash.bytes(&value.to_bits().to_le_bytes());
        }
        AttributeValue::Text(text) => {
            hash.bytes(&[4]);
            hash.text(text);
        }
        AttributeValue::List(texts) => {
            hash.bytes(&[5]);
            for text in texts {
                hash.text(text);
            }
        }
    }
    hash.finish()
}

/// FNV-1a with 64 bits (draft-eastlake-fnv), mixed once more at the end: sums of plain FNV values would often agree by
/// chance. Not the standard library's hasher, which may differ between versions of this program.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// With its length, so that texts that follow each other cannot be taken for others.
    fn text(&mut self, text: &str) {
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    /// The finaliser of MurmurHash3.
    fn finish(self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ hash >> 33
    }
}
