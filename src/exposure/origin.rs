//! Which process an exposure is from.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// Who hands out numbers to exposures. Together with its number this names an exposure among all replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The server, as the operator calls it.
    pub replica: String,
    /// The process, which is another after each start: numbers begin at 1 again.
    pub boot: String,
}

impl Origin {
    /// This process, as a replica of this name.
    pub fn new(replica: impl Into<String>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // The time first, as in a UUID of version 7, so that a listing shows the processes in the order of their
        // starts. The other half is the system's randomness, which std's hash maps are keyed with.
        let random = RandomState::new().hash_one(now.as_nanos());
        Self {
            replica: replica.into(),
            boot: format!("{:012x}{random:016x}", now.as_millis() & 0xffff_ffff_ffff),
        }
    }
}

/// The name of this host, with `-` for what a file's name had better not have; `larder` where there is none.
pub fn host_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    match plain.trim_start_matches('.') {
        "" => "larder".to_owned(),
        name => name.to_owned(),
    }
}

/// Whether a replica's name may have this character: it becomes a part of names of files and objects.
pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}
