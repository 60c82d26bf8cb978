//! The servers of a run: requests go to each in turn, and a request that a server has not begun with is sent again at
//! once, to the next server where there is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::answer::{Failure, Reply, Target};
use super::server::{ConnectError, Server};
use super::url::Url;
use crate::mix::Call;

/// Milliseconds for which a server that did not take a request is not asked while there are others. Raising it delays
/// the return of a server that was only restarted.
// Without it, new connections meet a listener that is just closing: its backlog accepts them, and they are reset.
const PAUSE_MS: u64 = 500;

/// Attempts for one request and server.
// Each of its connections may end with a GOAWAY of its own.
const ATTEMPTS: usize = 16;

/// Servers that do the same work.
#[derive(Debug)]
pub(crate) struct TargetPool<T = Server> {
    servers: Vec<T>,
    next: AtomicUsize,
    since: Instant,
    /// For each server the moment before which it is not asked, in milliseconds after `since`.
    paused_until: Vec<AtomicU64>,
    /// Requests sent again.
    retries: Arc<AtomicU64>,
}

impl TargetPool {
    pub(crate) async fn connect(
        urls: &[Url],
        connections: Option<usize>,
        deadline: Option<Duration>,
        retries: Arc<AtomicU64>,
    ) -> Result<TargetPool, ConnectError> {
        let mut servers = Vec::with_capacity(urls.len());
        for url in urls {
            servers.push(Server::connect(url, connections, deadline).await?);
        }
        Ok(TargetPool::new(servers, retries))
    }
}

impl<T> TargetPool<T> {
    fn new(servers: Vec<T>, retries: Arc<AtomicU64>) -> TargetPool<T> {
        let paused_until = servers.iter().map(|_| AtomicU64::new(0)).collect();
        TargetPool { servers, next: AtomicUsize::new(0), since: Instant::now(), paused_until, retries }
    }

    fn now_ms(&self) -> u64 {
        self.since.elapsed().as_millis() as u64
    }

    /// The first server from `turn` on that is not paused, or the one whose turn it is if all are.
    fn choose(&self, turn: usize) -> usize {
        let (count, now) = (self.servers.len(), self.now_ms());
        let mut in_turn = (0..count).map(|step| (turn + step) % count);
        let ready = in_turn.find(|at| self.paused_until[*at].load(Ordering::Relaxed) <= now);
        ready.unwrap_or(turn % count)
    }
}

impl<T: Target> Target for TargetPool<T> {
    async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        for attempt in 0.. {
            let at = self.choose(turn + attempt);
            let answer = self.servers[at].ask(call).await;
            let not_begun = answer.as_ref().is_err_and(|failure| failure.not_begun);
            if !not_begun || attempt == ATTEMPTS * self.servers.len() {
                return answer;
            }
            self.paused_until[at].store(self.now_ms() + PAUSE_MS, Ordering::Relaxed);
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
        Err(Failure::new("CONNECTION", "there is no server"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{Mix, SentAs};

    #[derive(Default)]
    struct Fake {
        asked: AtomicU64,
        failure: Option<Failure>,
    }

    impl Target for Fake {
        async fn ask(&self, _: &Call) -> Result<Reply, Failure> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.failure.clone().map_or(Ok(Reply::Json(hyper::body::Bytes::new())), Err)
        }
    }

    /// How many of ten requests are answered, how often each server is asked, and the retries.
    async fn asked(failures: Vec<Option<Failure>>) -> (usize, Vec<u64>, u64) {
        let servers = failures.into_iter().map(|failure| Fake { failure, ..Fake::default() }).collect();
        let pool = TargetPool::new(servers, Arc::default());
        let mix = Mix::new(vec![crate::mix::request("p")], SentAs::Synthetic).unwrap();
        let mut answered = 0;
        for _ in 0..10 {
            answered += usize::from(pool.ask(mix.nth(0)).await.is_ok());
        }
        let asked = pool.servers.iter().map(|server| server.asked.load(Ordering::Relaxed)).collect();
        (answered, asked, pool.retries.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn only_a_request_that_has_not_begun_is_sent_again_and_not_for_ever() {
        let goaway = || Some(Failure::not_begun("GOAWAY"));
        assert_eq!(
            asked(vec![goaway(), None]).await,
            (10, vec![1, 10], 1),
            "it is then left alone for a while"
        );
        assert_eq!(asked(vec![Some(Failure::new("CONNECTION", "reset")), None]).await, (5, vec![5, 5], 0));
        let attempts = ATTEMPTS as u64;
        assert_eq!(asked(vec![goaway()]).await, (0, vec![10 * (attempts + 1)], 10 * attempts));
    }
}
