//! The open connections of a port, and which of them have to make room for others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};

use super::connection::Connection;

/// How many idle connections are told to end at once when the port is full. Raising it lets a flood in faster, and
/// costs idle clients their connections.
const EVICTED_AT_ONCE: usize = 8;

/// The open connections of a port.
#[derive(Debug)]
pub(super) struct OpenConnections {
    limit: usize,
    tasks: JoinSet<()>,
    connections: HashMap<Id, Arc<Connection>>,
}

impl OpenConnections {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, tasks: JoinSet::new(), connections: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn has_room(&self) -> bool {
        self.len() < self.limit
    }

    /// Serves a connection on a task of its own.
    pub(super) fn spawn(
        &mut self,
        connection: Arc<Connection>,
        serve: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.tasks.spawn(serve).id();
        self.connections.insert(id, connection);
    }

    /// Completes when a connection has ended.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => drop(self.connections.remove(&id)),
            Some(Err(error)) => {
                tracing::error!(%error, "a connection's task ended badly");
                self.connections.remove(&error.id());
            }
            None => std::future::pending().await,
        }
    }

    /// Completes when all have ended.
    pub(super) async fn all_ended(&mut self) {
        while !self.tasks.is_empty() {
            self.ended().await;
        }
    }

    /// Cuts off what is open, and waits for the end of it.
    pub(super) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
        self.connections.clear();
    }

    /// Tells those to end that are idle for longest; never one with a request under way.
    pub(super) fn evict_idle(&self) {
        let is_idle = |connection: &&Arc<Connection>| !connection.is_busy();
        let mut idle: Vec<(Duration, &Arc<Connection>)> =
            self.connections.values().filter(is_idle).map(|one| (one.idle_for(), one)).collect();
        // Those that were told before and are not gone yet count: they make room in a moment.
        let told = idle.iter().filter(|(_, connection)| connection.is_evicted()).count();
        idle.retain(|(_, connection)| !connection.is_evicted());
        let count = EVICTED_AT_ONCE.saturating_sub(told).min(idle.len());
        if count == 0 {
            return;
        }
        let at = idle.len() - count;
        idle.select_nth_unstable_by_key(at, |(idle_for, _)| *idle_for);
        for (_, connection) in idle.iter().skip(at) {
            connection.evict();
        }
    }
}
