//! Who is worked for when not everybody can be: an adaptive limit, a short line in front of it, and three classes of callers.
//!
//! A request joins once it is decoded, because its class is inside. The line is served oldest first while it empties now and
//! then. When it has not been empty for a while and somebody waits for long, requests come faster than they are answered: then the
//! newest are served, whose callers still have time, and the oldest are refused at once, which is the adaptive LIFO of B. Maurer,
//! "Fail at Scale", ACM Queue 13 (8), 2015. How many it is worth to let in then, the [`priority`] say to who asks beforehand.

mod limit;
mod priority;
mod queue;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::Gauge;
use tokio::sync::oneshot;

use super::observe;
use crate::domain::TrafficClass;
use crate::server::problem::{Kind, Problem};
use limit::AdaptiveLimit;
use priority::Shares;
use queue::{Line, Next};

/// How much work is inside, and as much again in line, while the line overflows. After so much, what has arrived is read and mostly
/// refused; less would mean to read and write in small pieces, which costs more than the work.
const ROUND: Duration = Duration::from_micros(200);
/// The shortest that the overflowing line gets.
const FEWEST: usize = 4;

/// The one entrance to the work, for both faces.
#[derive(Debug)]
pub(crate) struct Admission {
    state: Mutex<State>,
    threads: usize,
    gauges: Gauges,
}

#[derive(Debug)]
struct State {
    inside: usize,
    limit: AdaptiveLimit,
    line: Line<oneshot::Sender<Verdict>>,
    shares: Shares,
}

type Verdict = Result<Permit, Refusal>;

impl State {
    /// How many may be inside now. While the line overflows, many inside would keep the server from reading and refusing.
    fn allowed(&self, threads: usize, now: Instant) -> usize {
        match self.line.overflows(now) {
            true => (threads * self.works_in(ROUND).max(1)).min(self.limit.most()),
            false => self.limit.allowed(),
        }
    }

    /// How many requests one thread works off in such a time.
    fn works_in(&self, time: Duration) -> usize {
        let each = self.limit.mean_work().max(Duration::from_micros(1));
        (time.as_nanos() / each.as_nanos()) as usize
    }
}

/// Why a request is not worked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are more requests than can be answered.
    Full,
    /// Its time was up before its turn came.
    Late,
}

/// The right to work for one request, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    since: Instant,
    worked: Duration,
}

struct Gauges {
    limit: Gauge,
    inside: Gauge,
    waiting: Gauge,
}

impl Admission {
    /// For `threads` that work; never more than `most` requests at once, never more than `waiting` in line.
    pub(crate) fn new(threads: usize, most: usize, waiting: usize) -> Arc<Self> {
        let (limit, line) = (AdaptiveLimit::new(threads, most), Line::new(waiting));
        let state = State { inside: 0, limit, line, shares: Shares::new() };
        let gauges = Gauges {
            limit: metrics::gauge!(observe::names::LIMIT),
            inside: metrics::gauge!(observe::names::IN_FLIGHT),
            waiting: metrics::gauge!(observe::names::WAITING),
        };
        gauges.limit.set(state.limit.allowed() as f64);
        Arc::new(Self { state: Mutex::new(state), threads, gauges })
    }

    /// Whether a request may come in at all; asked before anything else is spent on it. One that may not was refused.
    pub(crate) fn lets_in(&self, class: TrafficClass) -> bool {
        let (now, rank) = (Instant::now(), rank(class));
        let mut state = self.lock();
        if !state.line.overflows(now) || state.shares.admits(rank) {
            return true;
        }
        state.shares.came(rank, now);
        state.line.turned_away();
        drop(state);
        observe::refused(class_name(rank), Refusal::Full.as_str());
        false
    }

    /// Waits for this request's turn. If the caller goes away, which drops the future, the place in line is given up.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        class: TrafficClass,
        due: Option<Instant>,
    ) -> Result<Permit, Refusal> {
        let now = Instant::now();
        let Some((_place, told)) = self.take_place(rank(class), due, now) else {
            let permit = Permit { admission: Arc::clone(self), since: now, worked: Duration::ZERO };
            look_around().await;
            return Ok(permit);
        };
        let permit = told.await.unwrap_or(Err(Refusal::Full))?;
        observe::waited(now.elapsed());
        look_around().await;
        Ok(permit)
    }

    /// A place in line; `None`: it is this request's turn.
    fn take_place(
        &self,
        class: usize,
        due: Option<Instant>,
        now: Instant,
    ) -> Option<(Place<'_>, oneshot::Receiver<Verdict>)> {
        let mut state = self.lock();
        state.shares.came(class, now);
        if state.inside < state.allowed(self.threads, now) && state.line.is_empty() {
            state.inside += 1;
            state.shares.served();
            self.gauges.inside.set(state.inside as f64);
            return None;
        }
        let (tell, told) = oneshot::channel();
        let short = (self.threads * state.works_in(ROUND)).max(FEWEST);
        let number = state.line.join(class, due, tell, now);
        while let Some((evicted, class)) = state.line.overflow(short, now) {
            state.shares.displaced();
            observe::refused(class_name(class), Refusal::Full.as_str());
            let _ = evicted.send(Err(Refusal::Full)); // or it has gone by itself
        }
        self.gauges.waiting.set(state.line.len() as f64);
        Some((Place { admission: self, class, number }, told))
    }

    /// Whether there are more requests than can be answered.
    pub(crate) fn overflows(&self) -> bool {
        self.lock().line.overflows(Instant::now())
    }

    fn leave(self: &Arc<Self>, since: Instant, worked: Duration) {
        let now = Instant::now();
        let mut state = self.lock();
        let present = state.inside;
        if !worked.is_zero() {
            state.limit.record(now.saturating_duration_since(since), worked, present, now);
        }
        state.inside -= 1;
        self.gauges.limit.set(state.limit.allowed() as f64);
        while state.inside < state.allowed(self.threads, now) {
            let Some(next) = state.line.next(now) else { break };
            match next {
                Next::Serve(tell) => {
                    let permit = Permit { admission: Arc::clone(self), since: now, worked: Duration::ZERO };
                    // One that has gone in this very moment gives the permit back by itself, which needs the lock.
                    state.inside += 1;
                    state.shares.served();
                    drop(state);
                    let _ = tell.send(Ok(permit));
                    state = self.lock();
                }
                Next::Late(tell, class) => {
                    observe::refused(class_name(class), Refusal::Late.as_str());
                    let _ = tell.send(Err(Refusal::Late));
                }
            }
        }
        self.gauges.inside.set(state.inside as f64);
        self.gauges.waiting.set(state.line.len() as f64);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Works, and notes for how long.
    pub(crate) fn work<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.worked += began.elapsed();
        done
    }

    /// Time worked so far.
    pub(crate) fn worked(&self) -> Duration {
        self.worked
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.leave(self.since, self.worked);
    }
}

/// A place in line, given up when the caller goes away.
struct Place<'a> {
    admission: &'a Admission,
    class: usize,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        if state.line.leave(self.class, self.number) {
            observe::refused(class_name(self.class), "gone");
            self.admission.gauges.waiting.set(state.line.len() as f64);
        }
    }
}

impl Refusal {
    fn as_str(self) -> &'static str {
        match self {
            Refusal::Full => "full",
            Refusal::Late => "late",
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full => {
                Self::new(Kind::Overloaded, "more requests than can be answered; try again later")
            }
            Refusal::Late => {
                Self::new(Kind::DeadlineExceeded, "the time was up before the request's turn came")
            }
        }
    }
}

/// What has arrived in the meantime is read before the work begins, or it would wait unseen in the sockets.
async fn look_around() {
    tokio::task::yield_now().await;
}

/// The most important first.
pub(crate) fn rank(class: TrafficClass) -> usize {
    match class {
        TrafficClass::Live => 0,
        TrafficClass::Shadow => 1,
        TrafficClass::Synthetic => 2,
    }
}

fn class_name(rank: usize) -> &'static str {
    ["live", "shadow", "synthetic"].get(rank).copied().unwrap_or("synthetic")
}

impl std::fmt::Debug for Gauges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gauges")
    }
}

#[cfg(test)]
mod tests;
