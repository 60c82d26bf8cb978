//! What serenade's library names of RocksDB, so that its index can be measured without building RocksDB. Nothing can be
//! opened.

use std::convert::Infallible;
use std::time::Duration;

/// A database that does not exist.
pub struct DB(Infallible);

/// Options that are not kept.
#[derive(Default)]
pub struct Options;

impl Options {
    pub fn create_if_missing(&mut self, _: bool) {}
    pub fn optimize_for_point_lookup(&mut self, _: u64) {}
    pub fn set_allow_mmap_reads(&mut self, _: bool) {}
    pub fn set_allow_mmap_writes(&mut self, _: bool) {}
}

impl DB {
    pub fn open_with_ttl(_: &Options, path: &str, _: Duration) -> Result<Self, String> {
        Err(format!("{path}: this build has no RocksDB"))
    }

    pub fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
        match self.0 {}
    }

    pub fn put(&self, _: &[u8], _: &[u8]) -> Result<(), String> {
        match self.0 {}
    }
}
