//! File descriptors: as many as the system gives, and how many of them connections of the API may take.

use crate::server::Admin;

/// Descriptors that are for neither the API's connections nor those of the admin port: artifacts and caches while a
/// snapshot is loaded, connections to stores and event systems, spools, logs.
const OTHERS: usize = 192;

/// Raises the limit of this process to what it may have, and returns that. Shells and service managers give 1,024 for
/// the sake of programs that use `select`, which this one does not.
#[cfg(unix)]
pub(super) fn raise_limit() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let limit = match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, limit = current, "the limit on file descriptors could not be raised");
            current
        }
    };
    limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
pub(super) fn raise_limit() -> Option<usize> {
    None
}

/// The connections that each of the API's two ports may have: as many as are wanted, or as descriptors are left.
pub(super) fn connections(wanted: usize, limit: Option<usize>) -> usize {
    let Some(limit) = limit else { return wanted };
    // Where there are very few, connections get half of them: something is served, and the rest has a chance.
    let for_both = limit.saturating_sub(OTHERS + Admin::CONNECTIONS).max(limit / 2);
    let possible = (for_both / 2).max(1);
    if possible < wanted {
        tracing::warn!(
            wanted,
            possible,
            descriptors = limit,
            "server.max_connections is lowered to what the limit on file descriptors allows; raise the limit \
             (ulimit -Hn, LimitNOFILE), or lower the setting"
        );
    }
    wanted.min(possible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        assert_eq!(connections(4096, None), 4096);
        assert_eq!(connections(4096, Some(1_048_576)), 4096);
        let few = connections(4096, Some(1024));
        assert!(2 * few + Admin::CONNECTIONS + OTHERS <= 1024, "{few}");
        assert!(few >= 256, "{few}");
        assert_eq!(connections(4096, Some(40)), 10);
        assert_eq!(connections(4096, Some(0)), 1);
    }
}
