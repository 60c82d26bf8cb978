//! A bound on the dear requests that are in flight together: however many of them come, threads are left for the
//! others.
//!
//! A request runs on one thread from beginning to end, so a few that take milliseconds on every thread would make
//! thousands wait that take microseconds. The pattern is the bulkhead of M. Nygard, "Release It!", 2007.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::Refusal;
use crate::server::edge::class::CLASSES;

/// Price below which a request does not come here: a page of ordinary slates. Raising it lets more requests run beside
/// each other that take a millisecond or two.
const CHEAP: u64 = 500_000;
/// Price from which on a request takes the whole of a share, which is a thread: some milliseconds. Cheaper ones take as
/// much less of it. Raising it lets more of them run beside each other.
const SHARE: u64 = 2_000_000;
/// Upper bound on the requests that wait for a share; raising it lets dear requests wait for longer instead of being
/// refused.
const MAX_WAITING: usize = 256;

/// Shares of dear requests: for half of the threads, and at least one.
#[derive(Debug)]
pub(super) struct Bulkhead {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: u64,
    waiting: [VecDeque<Waiting>; CLASSES],
    next_id: u64,
}

#[derive(Debug)]
struct Waiting {
    id: u64,
    weight: u64,
    caller: oneshot::Sender<Share>,
}

/// A part of the shares, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    bulkhead: Arc<Bulkhead>,
    weight: u64,
}

impl Bulkhead {
    pub(super) fn new(threads: usize) -> Arc<Self> {
        let free = SHARE.saturating_mul((threads / 2).max(1) as u64);
        let state = State { free, waiting: Default::default(), next_id: 0 };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Waits until a request of this price may be in flight beside the other dear ones; `None` for one that is not
    /// dear. The more important class goes first, of one class the oldest.
    pub(super) async fn enter(
        self: &Arc<Self>,
        priority: usize,
        price: u64,
        deadline: Option<Instant>,
    ) -> Result<Option<Share>, Refusal> {
        if price < CHEAP {
            return Ok(None);
        }
        let (_place, share) = match self.take_or_wait(priority, price.min(SHARE)) {
            Ok(share) => return Ok(Some(share)),
            Err(waiting) => waiting,
        };
        let granted = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.into(), share).await,
            None => Ok(share.await),
        };
        match granted {
            Ok(Ok(share)) => Ok(Some(share)),
            // The other end is dropped where others went before.
            Ok(Err(_)) => Err(Refusal::Overloaded),
            Err(_) => Err(Refusal::Expired),
        }
    }

    fn take_or_wait(
        self: &Arc<Self>,
        priority: usize,
        weight: u64,
    ) -> Result<Share, (Place<'_>, oneshot::Receiver<Share>)> {
        let mut state = self.lock();
        if state.is_empty() && weight <= state.free {
            state.free -= weight;
            return Ok(Share { bulkhead: Arc::clone(self), weight });
        }
        let (caller, share) = oneshot::channel();
        state.next_id += 1;
        let id = state.next_id;
        if let Some(class) = state.waiting.get_mut(priority) {
            class.push_back(Waiting { id, weight, caller });
        }
        state.evict();
        drop(state);
        Err((Place { bulkhead: self, priority, id }, share))
    }

    /// Takes back a share, and gives what is free to those who come next.
    fn give_back(self: &Arc<Self>, weight: u64) {
        let mut state = self.lock();
        state.free += weight;
        // Collected, since a caller who has gone gives its share back at once, which needs the lock.
        let mut granted = Vec::new();
        while let Some(next) = state.next() {
            granted.push((next.caller, Share { bulkhead: Arc::clone(self), weight: next.weight }));
        }
        drop(state);
        for (caller, share) in granted {
            let _ = caller.send(share);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.waiting.iter().all(VecDeque::is_empty)
    }

    /// Takes out the one that comes next, if what it wants is free. None goes before it: cheaper ones could keep a dear
    /// one waiting for ever.
    fn next(&mut self) -> Option<Waiting> {
        let class = self.waiting.iter_mut().find(|class| !class.is_empty())?;
        let free = &mut self.free;
        let next = class.front().filter(|next| next.weight <= *free)?;
        *free -= next.weight;
        class.pop_front()
    }

    /// Takes out the newest of the least important class, if too many wait.
    fn evict(&mut self) {
        if self.waiting.iter().map(VecDeque::len).sum::<usize>() > MAX_WAITING {
            let last = self.waiting.iter_mut().rfind(|class| !class.is_empty());
            drop(last.and_then(VecDeque::pop_back));
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bulkhead.give_back(self.weight);
    }
}

/// A place among those who wait, left when the caller goes away.
struct Place<'a> {
    bulkhead: &'a Bulkhead,
    priority: usize,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.bulkhead.lock();
        if let Some(class) = state.waiting.get_mut(self.priority)
            && let Ok(at) = class.binary_search_by_key(&self.id, |waiting| waiting.id)
        {
            class.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIVE: usize = 0;
    const SYNTHETIC: usize = 2;

    async fn enter(bulkhead: &Arc<Bulkhead>, price: u64) -> Option<Share> {
        bulkhead.enter(LIVE, price, None).await.unwrap()
    }

    /// Whether a request of this price could enter without waiting.
    async fn has_room(bulkhead: &Arc<Bulkhead>, price: u64) -> bool {
        bulkhead.enter(LIVE, price, Some(Instant::now())).await.is_ok()
    }

    #[tokio::test]
    async fn dear_requests_share_half_of_the_threads_and_cheap_ones_always_pass() {
        for (threads, shares) in [(1, 1), (2, 1), (3, 1), (8, 4)] {
            let bulkhead = Bulkhead::new(threads);
            let mut held = Vec::new();
            for _ in 0..shares {
                held.push(enter(&bulkhead, u64::MAX).await);
            }
            assert!(!has_room(&bulkhead, CHEAP).await, "{threads} threads");
            assert!(bulkhead.enter(LIVE, CHEAP - 1, None).await.unwrap().is_none());
            held.pop();
            assert!(has_room(&bulkhead, u64::MAX).await);
        }
        let bulkhead = Bulkhead::new(2);
        let _four = [
            enter(&bulkhead, SHARE / 4).await,
            enter(&bulkhead, SHARE / 4).await,
            enter(&bulkhead, SHARE / 4).await,
        ];
        assert!(has_room(&bulkhead, SHARE / 4).await && !has_room(&bulkhead, SHARE / 2).await);
    }

    #[tokio::test]
    async fn the_more_important_go_first_and_who_has_gone_holds_nothing() {
        let bulkhead = Bulkhead::new(2);
        let held = enter(&bulkhead, SHARE).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let wait = |class| {
            let (bulkhead, order) = (Arc::clone(&bulkhead), Arc::clone(&order));
            tokio::spawn(async move {
                let _share = bulkhead.enter(class, SHARE, None).await.unwrap();
                order.lock().unwrap().push(class);
            })
        };
        let waiting = [wait(SYNTHETIC), wait(LIVE), wait(LIVE), wait(SYNTHETIC)];
        tokio::task::yield_now().await;
        let [first, gone, second, third] = waiting;
        gone.abort();
        assert!(gone.await.is_err());
        drop(held);
        for request in [first, second, third] {
            request.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [LIVE, SYNTHETIC, SYNTHETIC]);
        assert!(has_room(&bulkhead, SHARE).await);
    }

    #[tokio::test]
    async fn who_waits_past_the_deadline_or_behind_too_many_is_refused() {
        let bulkhead = Bulkhead::new(2);
        let held = enter(&bulkhead, SHARE).await;
        let soon = Instant::now() + Duration::from_millis(5);
        let late = bulkhead.enter(LIVE, SHARE, Some(soon)).await;
        assert!(matches!(late, Err(Refusal::Expired)));
        let wait = |class| {
            let bulkhead = Arc::clone(&bulkhead);
            tokio::spawn(async move { bulkhead.enter(class, SHARE, None).await.map(drop) })
        };
        let test = wait(SYNTHETIC);
        tokio::task::yield_now().await;
        let live: Vec<_> = (0..MAX_WAITING).map(|_| wait(LIVE)).collect();
        assert_eq!(test.await.unwrap(), Err(Refusal::Overloaded), "a person goes before a test");
        drop(held);
        for request in live {
            assert_eq!(request.await.unwrap(), Ok(()));
        }
    }
}
