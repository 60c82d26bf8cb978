//! Which requests are served when not all can be: an adaptive concurrency limit, a short priority queue in front of it,
//! and three classes of traffic.
//!
//! A request enters once it is decoded, because its class is in the message. The queue is served oldest first while it
//! runs empty now and then. When it has not been empty for a while and requests wait for long, more arrive than are
//! answered: then the newest are served, whose callers still have time, and the oldest are refused at once, which is
//! the adaptive LIFO of B. Maurer, "Fail at Scale", ACM Queue 13 (8), 2015. What part of each class is worth decoding
//! then, [`priority`] tells those who ask beforehand.
//!
//! Requests that cost much, by their price, first pass a [`bulkhead`], so that they are never on all threads.

mod bulkhead;
mod limit;
mod metrics;
mod overload_log;
mod priority;
mod queue;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::Registry;
use tokio::sync::oneshot;

use super::class;
use crate::domain::TrafficClass;
use crate::server::metrics::Declaration;
use crate::server::problem::{Kind, Problem};
use bulkhead::{Bulkhead, Share};
use limit::AdaptiveLimit;
use metrics::{Metrics, Reason};
use overload_log::Load;
use priority::PriorityAdmission;
use queue::{Dequeued, PriorityQueue};

/// Work per thread that is in flight during an overload, and as much again queued, as service time. Between two such
/// rounds the server reads what arrived and refuses most of it; less would mean to read and write in small pieces,
/// which costs more than the work, more would leave arrivals unread for longer.
const OVERLOAD_ROUND: Duration = Duration::from_micros(200);
/// The least length of the queue during an overload, in requests.
const OVERLOAD_MIN_QUEUE: usize = 4;

const LIMIT: Declaration = Declaration {
    name: "larder_concurrency_limit",
    help: "Requests that may be in flight at once, as found from their latencies.",
    labels: &[],
};
const IN_FLIGHT: Declaration = Declaration {
    name: "larder_in_flight",
    help: "Requests in flight: admitted and not answered yet.",
    labels: &[],
};
const WAITING: Declaration =
    Declaration { name: "larder_waiting", help: "Requests in the priority queue.", labels: &[] };

/// Admits requests, on both protocols.
#[derive(Debug)]
pub(crate) struct Admission {
    // A mutex and not atomics: limit, queue and shares have to agree with each other. It is held for some hundred
    // nanoseconds, twice for each request, against the tens of microseconds that a request takes.
    state: Mutex<State>,
    bulkhead: Arc<Bulkhead>,
    threads: usize,
    metrics: Metrics,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    limit: AdaptiveLimit,
    queue: PriorityQueue<oneshot::Sender<Verdict>>,
    shares: PriorityAdmission,
}

type Verdict = Result<Permit, Refusal>;

impl State {
    /// How many requests may be in flight now. During an overload, many would keep the server from reading and
    /// refusing.
    fn concurrency(&self, threads: usize, now: Instant) -> usize {
        if self.queue.is_overloaded(now) {
            (threads * self.requests_in(OVERLOAD_ROUND).max(1)).min(self.limit.max())
        } else {
            self.limit.current()
        }
    }

    /// How many requests one thread serves in this time.
    fn requests_in(&self, time: Duration) -> usize {
        let each = self.limit.mean_service_time().max(Duration::from_micros(1));
        (time.as_nanos() / each.as_nanos()) as usize
    }
}

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are more requests than can be answered.
    Overloaded,
    /// Its deadline passed while it was queued.
    Expired,
}

impl Refusal {
    fn reason(self) -> Reason {
        match self {
            Self::Overloaded => Reason::Overloaded,
            Self::Expired => Reason::Deadline,
        }
    }
}

/// The right to serve one request. Dropping it makes room for the next.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    since: Instant,
    service_time: Duration,
    /// What a dear request holds besides.
    share: Option<Share>,
}

impl Admission {
    /// For `threads` that serve; never more than `max_in_flight` requests at once, never more than `max_queued` in the
    /// queue.
    pub(crate) fn new(
        threads: usize,
        max_in_flight: usize,
        max_queued: usize,
        registry: &Registry,
    ) -> Result<Arc<Self>, prometheus::Error> {
        let state = State {
            in_flight: 0,
            limit: AdaptiveLimit::new(threads, max_in_flight),
            queue: PriorityQueue::new(max_queued),
            shares: PriorityAdmission::new(),
        };
        let metrics = Metrics::register(registry)?;
        let bulkhead = Bulkhead::new(threads);
        let admission = Arc::new(Self { state: Mutex::new(state), bulkhead, threads, metrics });
        let read = Arc::clone(&admission);
        LIMIT.gauge(registry, move |samples| samples.add(&[], read.load().limit as f64))?;
        let read = Arc::clone(&admission);
        IN_FLIGHT.gauge(registry, move |samples| samples.add(&[], read.load().in_flight as f64))?;
        let read = Arc::clone(&admission);
        WAITING.gauge(registry, move |samples| samples.add(&[], read.load().queued as f64))?;
        Ok(admission)
    }

    /// Whether a request is worth decoding; during an overload, most are refused here.
    pub(crate) fn admits_early(&self, class: TrafficClass) -> bool {
        let (now, priority) = (Instant::now(), class::priority(class));
        let mut state = self.lock();
        // The arrival of a request that is admitted is counted when it is enqueued.
        if !state.queue.is_overloaded(now) || state.shares.admits(priority) {
            return true;
        }
        state.shares.record_arrival(priority, now);
        state.queue.rejected();
        drop(state);
        self.metrics.refused(priority, Reason::Overloaded);
        false
    }

    /// Waits until this request may be served, which costs so many units. Dropping the future, as happens when the
    /// caller goes away, takes it out of the queue.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        class: TrafficClass,
        price: u64,
        deadline: Option<Instant>,
    ) -> Result<Permit, Refusal> {
        let (now, priority) = (Instant::now(), class::priority(class));
        // Before the queue: a dear request that waits for others of its kind must not hold up those behind it.
        let share = self.bulkhead.enter(priority, price, deadline).await;
        let share = share.inspect_err(|refusal| self.metrics.refused(priority, refusal.reason()))?;
        let Some((_queued, verdict)) = self.enqueue(priority, deadline, Instant::now()) else {
            let mut permit = self.permit(Instant::now());
            permit.share = share;
            yield_to_arrivals().await;
            return Ok(permit);
        };
        // The other end is dropped without a verdict only with the queue itself.
        let mut permit = verdict.await.unwrap_or(Err(Refusal::Overloaded))?;
        permit.share = share;
        self.metrics.waited.record(now.elapsed());
        yield_to_arrivals().await;
        Ok(permit)
    }

    /// The right to serve a request that is counted as in flight already.
    fn permit(self: &Arc<Self>, since: Instant) -> Permit {
        Permit { admission: Arc::clone(self), since, service_time: Duration::ZERO, share: None }
    }

    /// Enqueues a request; `None` if it may be served right away.
    fn enqueue(
        &self,
        priority: usize,
        deadline: Option<Instant>,
        now: Instant,
    ) -> Option<(Queued<'_>, oneshot::Receiver<Verdict>)> {
        let mut state = self.lock();
        state.shares.record_arrival(priority, now);
        // While others are queued, a request queues behind them, even if it could be served: no class is overtaken by
        // luck.
        if state.in_flight < state.concurrency(self.threads, now) && state.queue.is_empty() {
            state.in_flight += 1;
            state.shares.record_served();
            return None;
        }
        let (caller, verdict) = oneshot::channel();
        let overload_capacity = (self.threads * state.requests_in(OVERLOAD_ROUND)).max(OVERLOAD_MIN_QUEUE);
        let id = state.queue.enqueue(priority, deadline, caller, now);
        while let Some((evicted, priority)) = state.queue.evict(overload_capacity, now) {
            state.shares.record_eviction();
            self.metrics.refused(priority, Reason::Overloaded);
            let _ = evicted.send(Err(Refusal::Overloaded)); // unless its caller has just gone
        }
        Some((Queued { admission: self, priority, id }, verdict))
    }

    /// Whether there are more requests than can be answered.
    pub(crate) fn is_overloaded(&self) -> bool {
        self.lock().queue.is_overloaded(Instant::now())
    }

    /// Logs when an overload begins and ends. Never completes.
    pub(crate) async fn log_overloads(&self) {
        overload_log::watch(|| self.load()).await;
    }

    fn load(&self) -> Load {
        let refused = self.metrics.refused_so_far();
        let state = self.lock();
        Load {
            overloaded: state.queue.is_overloaded(Instant::now()),
            in_flight: state.in_flight,
            limit: state.limit.current(),
            queued: state.queue.len(),
            refused,
        }
    }

    /// Takes a request out of flight and serves those that come next.
    fn release(self: &Arc<Self>, since: Instant, service_time: Duration) {
        let now = Instant::now();
        let mut state = self.lock();
        let in_flight = state.in_flight;
        // A permit that was given back unused says nothing about how long requests take.
        if !service_time.is_zero() {
            state.limit.record(now.saturating_duration_since(since), service_time, in_flight, now);
        }
        state.in_flight -= 1;
        while state.in_flight < state.concurrency(self.threads, now) {
            let Some(next) = state.queue.dequeue(now) else { break };
            match next {
                Dequeued::Serve(caller) => {
                    let permit = self.permit(now);
                    state.in_flight += 1;
                    state.shares.record_served();
                    // If the caller has gone at this very moment, the permit is dropped here, which needs the lock.
                    drop(state);
                    let _ = caller.send(Ok(permit));
                    state = self.lock();
                }
                Dequeued::Expired(caller, priority) => {
                    self.metrics.refused(priority, Reason::Deadline);
                    let _ = caller.send(Err(Refusal::Expired));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Runs a part of the request's work; says how long it took.
    pub(crate) fn serve<T>(&mut self, work: impl FnOnce() -> T) -> (T, Duration) {
        let began = Instant::now();
        let done = work();
        let took = began.elapsed();
        self.service_time += took;
        (done, took)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.release(self.since, self.service_time);
    }
}

/// A request in the queue, taken out of it when its caller goes away.
struct Queued<'a> {
    admission: &'a Admission,
    priority: usize,
    id: u64,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let cancelled = self.admission.lock().queue.cancel(self.priority, self.id);
        if cancelled {
            self.admission.metrics.refused(self.priority, Reason::Cancelled);
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Overloaded => {
                Self::new(Kind::Overloaded, "more requests than can be answered; try again later")
            }
            Refusal::Expired => {
                Self::new(Kind::DeadlineExceeded, "the time was up before the request's turn came")
            }
        }
    }
}

/// Lets the runtime read what has arrived before the work begins: an unread arrival could be neither ranked nor
/// refused.
async fn yield_to_arrivals() {
    tokio::task::yield_now().await;
}

#[cfg(test)]
mod tests;
