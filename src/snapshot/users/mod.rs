//! Users' features: a table that fits is in memory whole, a larger one is read shard by shard as users come.

mod counters;
mod filter;
mod flight;
mod shards;
mod threads;
mod write;

use std::sync::Arc;

use crate::feature::Features;
use crate::feature::IdTable;

pub use counters::{UserCounters, UserCounts};
pub(super) use filter::IdFilter;
pub use flight::Pending;
pub(super) use shards::{Plan, Sharded};
pub(super) use threads::settle_priority;
pub use write::write_shards;

/// The `user_features` artifact: typed columns by user id.
#[derive(Debug)]
pub struct UserFeatures {
    columns: Vec<UserColumn>,
    rows: Rows,
}

/// A column of a user table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserColumn {
    /// Its name.
    pub name: String,
    /// Whether it holds text; else numbers.
    pub text: bool,
}

/// Users and their features, all of a table or one shard of it.
#[derive(Debug)]
pub(super) struct UserTable {
    /// User ids; a user's number is the row.
    pub(super) users: IdTable,
    pub(super) rows: Features,
}

impl UserTable {
    fn resident_bytes(&self) -> usize {
        self.users.resident_bytes() + self.rows.resident_bytes()
    }
}

/// A table of users, or a shard of one.
type Users = Arc<UserTable>;

#[derive(Debug)]
enum Rows {
    Whole(Users),
    Sharded(Sharded),
}

/// What there is to say about a user without waiting.
#[derive(Debug)]
pub enum Lookup {
    /// The user's row.
    Known(UserRow),
    /// The table does not have the user.
    Unknown,
    /// The user's shard is being read.
    Pending(Pending),
}

/// One user's row. Keeps what it stands in alive.
#[derive(Debug, Clone)]
pub struct UserRow {
    users: Users,
    row: u32,
}

impl UserFeatures {
    pub(super) fn whole(columns: Vec<UserColumn>, users: UserTable) -> Self {
        Self { columns, rows: Rows::Whole(Arc::new(users)) }
    }

    pub(super) fn sharded(columns: Vec<UserColumn>, shards: Sharded) -> Self {
        Self { columns, rows: Rows::Sharded(shards) }
    }

    /// The feature columns, by position.
    pub fn columns(&self) -> &[UserColumn] {
        &self.columns
    }

    /// Whether the table is read shard by shard.
    pub fn is_sharded(&self) -> bool {
        matches!(self.rows, Rows::Sharded(_))
    }

    /// The user's row, if it is in memory. If it is not, its shard is asked for, and the answer can be waited for.
    pub fn find(&self, user: &str) -> Lookup {
        match &self.rows {
            // Not counted: a table in memory has neither hits nor misses.
            Rows::Whole(users) => row(users, user).into(),
            Rows::Sharded(shards) => shards.find(user),
        }
    }

    /// The bytes it occupies in memory, roughly; a cache counts as full.
    pub fn resident_bytes(&self) -> usize {
        match &self.rows {
            Rows::Whole(users) => users.resident_bytes(),
            Rows::Sharded(shards) => shards.resident_bytes(),
        }
    }

    /// How often a shard was read from disk; 0 for a table that is whole.
    pub fn readings(&self) -> u64 {
        match &self.rows {
            Rows::Whole(_) => 0,
            Rows::Sharded(shards) => shards.readings(),
        }
    }

    /// The bytes of the shards in memory at the moment; 0 for a table that is whole.
    pub fn cached_bytes(&self) -> u64 {
        match &self.rows {
            Rows::Whole(_) => 0,
            Rows::Sharded(shards) => shards.cached_bytes(),
        }
    }
}

impl UserRow {
    /// A number of this user, by the column's position; NaN where it is missing.
    pub fn number(&self, column: usize) -> f32 {
        self.users.rows.column(column).map_or(f32::NAN, |column| column.number(self.row as usize))
    }

    /// A text of this user, by the column's position.
    pub fn text(&self, column: usize) -> Option<&str> {
        self.users.rows.column(column).and_then(|column| column.text(self.row as usize))
    }
}

impl From<Option<UserRow>> for Lookup {
    fn from(row: Option<UserRow>) -> Self {
        row.map_or(Lookup::Unknown, Lookup::Known)
    }
}

fn row(users: &Users, user: &str) -> Option<UserRow> {
    users.users.number(user).map(|row| UserRow { users: Arc::clone(users), row })
}

/// The shard of a user id among `shards`: FNV-1a, 64 bits, of its UTF-8 bytes, modulo the number of shards.
pub(super) fn shard_of(user: &str, shards: u32) -> u32 {
    (fnv1a(user.as_bytes()) % u64::from(shards.max(1))) as u32
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        // FNV and not a faster hash: writers in other languages must arrive at the same shard, and it is three lines in
        // any of them.
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv1a() {
        // From the reference test vectors of draft-eastlake-fnv.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
