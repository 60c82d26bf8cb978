//! How an id becomes the place of its row.

use std::hash::{BuildHasher, RandomState};

use super::sip::sip_hash;

/// Whose row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubjectId<'a> {
    /// A visit.
    Session(&'a str),
    /// A device or browser.
    Visitor(&'a str),
    /// A signed-in customer.
    User(&'a str),
}

/// The key of a row: two hashes of 64 bits of one id, so that two ids are never taken for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubjectKey {
    /// SipHash with a secret key: where the row is. Never 0, which marks a free place.
    pub(super) place: u64,
    /// Another hash, the same in every process.
    pub(super) check: u64,
}

impl SubjectKey {
    /// 32 bits that stand for it where it is only named; never 0.
    pub(super) fn tag(self) -> u32 {
        // The lower half: the upper one chooses the bucket, and is alike for neighbours.
        (self.place as u32).max(1)
    }
}

/// Makes keys of ids, with a random key that nobody else knows: a client who chooses its own ids cannot choose them so
/// that they push the rows of others out.
#[derive(Clone)]
pub struct SubjectHasher {
    secret: [u64; 2],
}

impl Default for SubjectHasher {
    fn default() -> Self {
        Self::new(Self::draw())
    }
}

impl std::fmt::Debug for SubjectHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubjectHasher").finish_non_exhaustive()
    }
}

impl SubjectHasher {
    /// With this secret: the same ids have the same keys in every process that knows it.
    pub fn new(secret: [u64; 2]) -> Self {
        Self { secret }
    }

    /// A new secret, from the system's random numbers.
    pub fn draw() -> [u64; 2] {
        // std seeds each of these from the system.
        let random = RandomState::new();
        [1, 2].map(|number: u8| random.hash_one(number))
    }

    /// The key of an id.
    pub fn key(&self, id: SubjectId<'_>) -> SubjectKey {
        let (kind, text) = match id {
            SubjectId::Session(text) => (1, text),
            SubjectId::Visitor(text) => (2, text),
            SubjectId::User(text) => (3, text),
        };
        SubjectKey {
            place: sip_hash(self.secret, kind, text.as_bytes()).max(1),
            check: stable_hash(kind, text.as_bytes()),
        }
    }
}

/// FNV-1a, 64 bits, spread by [`mixed`]: unlike std's hashes it stays the same from one compiler to the next, and two
/// replicas compare what they hold by it. That its collisions can be made on purpose does not matter: a row is taken
/// for another's only if the keyed hash is equal too.
fn stable_hash(kind: u8, text: &[u8]) -> u64 {
    let start = (0xcbf2_9ce4_8422_2325 ^ u64::from(kind)).wrapping_mul(0x0100_0000_01b3);
    mixed(text.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// Spreads every bit over the whole word (the finaliser of SplitMix64).
pub(super) fn mixed(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_differ_by_secret_and_checks_do_not() {
        let (one, other) = (SubjectHasher::default(), SubjectHasher::default());
        let id = SubjectId::User("U1");
        assert_eq!(one.key(id), one.key(id));
        assert_ne!(one.key(id).place, other.key(id).place);
        assert_eq!(one.key(id).check, other.key(id).check);
        assert_eq!(SubjectHasher::new([1, 2]).key(id), SubjectHasher::new([1, 2]).key(id));
        assert!(!format!("{:?}", SubjectHasher::new([77_777, 2])).contains("77777"));
        // Written down: a digest must not change with a compiler.
        assert_eq!(one.key(id).check, stable_hash(3, b"U1"));
    }

    #[test]
    fn the_same_text_of_another_kind_is_another_subject() {
        let hasher = SubjectHasher::default();
        let keys =
            [SubjectId::Session("x"), SubjectId::Visitor("x"), SubjectId::User("x"), SubjectId::User("y")]
                .map(|id| hasher.key(id));
        for (at, key) in keys.iter().enumerate() {
            let same = |other: &&SubjectKey| other.place == key.place || other.check == key.check;
            assert_eq!(keys.iter().filter(same).count(), 1, "{at}");
        }
    }
}
