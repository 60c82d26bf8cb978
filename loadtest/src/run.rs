//! One run: each thread sends its share of the requests at their moments over connections of its own, and the answers
//! are tallied as they come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::clock::{Clock, Stop};
use crate::mix::{Call, Mix};
use crate::profile::Schedule;
use crate::tally::{Sample, Tally};
use crate::target::answer::{Failure, Target};
use crate::target::pool::TargetPool;
use crate::target::server::ConnectError;
use crate::target::url::Url;

/// What is sent, to whom, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) targets: Vec<Url>,
    /// To each target, over all threads.
    pub(crate) connections: Option<usize>,
    /// Threads that send and receive, at least 1.
    pub(crate) threads: u16,
    pub(crate) mix: Arc<Mix>,
    pub(crate) schedule: Schedule,
    /// Sent along with every request.
    pub(crate) deadline: Option<Duration>,
    /// How long an answer may take before the request is given up.
    pub(crate) timeout: Duration,
}

/// Requests under way at a time; further ones fail unsent. Raising it takes some kilobytes more for each.
// A server that never answers would otherwise take the generator's memory; far lower, one that is merely slow would
// look as if it had failed.
const MAX_IN_FLIGHT: u32 = 20_000;

/// A tally that several threads write to.
// One for all of them: the lock is held for a microsecond, and tallies of their own would have to be put together every
// second for the progress line.
pub(crate) type SharedTally = Arc<Mutex<Tally>>;

/// Holds the tally for a moment.
pub(crate) fn locked(tally: &SharedTally) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("a thread ended before the run began")]
    ThreadEnded,
}

/// A run that has begun.
#[derive(Debug)]
pub(crate) struct Run {
    /// When the first request is due.
    pub(crate) start: Instant,
    retries: Arc<AtomicU64>,
    /// Closed when all threads have ended.
    ended: mpsc::Receiver<()>,
    stopper: watch::Sender<bool>,
}

impl Run {
    /// Connects all threads, then lets them send.
    pub(crate) async fn begin(load: Load, tally: &SharedTally) -> Result<Run, RunError> {
        let (load, retries) = (Arc::new(load), Arc::new(AtomicU64::new(0)));
        let (stopper, stop) = watch::channel(false);
        let (starter, started) = watch::channel(None);
        let (alive, ended) = mpsc::channel(1);
        for number in 0..load.threads {
            let (connected, is_connected) = oneshot::channel();
            let (load, tally, retries) = (load.clone(), tally.clone(), retries.clone());
            let (stop, mut started, alive) = (stop.clone(), started.clone(), alive.clone());
            // A runtime of its own: a connection and the requests over it never change threads.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let body = async move {
                let connections = load.connections.map(|all| all.div_ceil(usize::from(load.threads)));
                let pool = TargetPool::connect(&load.targets, connections, load.deadline, retries).await;
                let pool = match pool {
                    Ok(pool) => Arc::new(pool),
                    Err(error) => return drop(connected.send(Err(error))),
                };
                drop(connected.send(Ok(())));
                let start = started.wait_for(Option::is_some).await.ok().and_then(|start| *start);
                let Some(start) = start else { return };
                let share = Share { first: number.into(), step: load.threads.into() };
                drop(send_share(pool, load, tally, start, share, stop).await);
            };
            std::thread::Builder::new().name(format!("load-{number}")).spawn(move || {
                runtime.block_on(body);
                drop(alive);
            })?;
            // One thread after the other, so that a server that refuses is not connected to by all of them.
            is_connected.await.map_err(|_| RunError::ThreadEnded)??;
        }
        let start = Instant::now();
        starter.send_replace(Some(start));
        Ok(Run { start, retries, ended, stopper })
    }

    /// Waits until everything has been answered or given up, or, once `stop` is ready, for what is under way. Returns
    /// the number of requests that were sent again.
    pub(crate) async fn end(mut self, stop: impl Future<Output = ()>) -> u64 {
        tokio::select! {
            _ = self.ended.recv() => {}
            () = stop => {
                self.stopper.send_replace(true);
                self.ended.recv().await;
            }
        }
        self.retries.load(Ordering::Relaxed)
    }
}

/// Every `step`th request, from the `first` on.
#[derive(Debug, Clone, Copy)]
struct Share {
    first: u64,
    step: u64,
}

/// Sends one thread's share of the load; returns when all of it has been answered or given up.
async fn send_share<T: Target>(
    target: Arc<T>,
    load: Arc<Load>,
    tally: SharedTally,
    start: Instant,
    share: Share,
    stop: Stop,
) -> std::io::Result<()> {
    let mut clock = Clock::new(stop)?;
    // An equal part for each thread, as threads know nothing of each other.
    let limit = (MAX_IN_FLIGHT / share.step as u32).max(1);
    let in_flight = Arc::new(Semaphore::new(limit as usize));
    let worker = Arc::new(Worker { target, load, tally, start });
    let mut n = share.first;
    loop {
        let due = worker.load.schedule.due(n);
        if due >= worker.load.schedule.end() || !clock.wait_until(start + due).await {
            break;
        }
        let placement = worker.load.mix.nth(n).placement;
        locked(&worker.tally).count_due(placement, due);
        if let Ok(permit) = in_flight.clone().try_acquire_owned() {
            let worker = worker.clone();
            tokio::spawn(async move {
                worker.ask(n, due).await;
                drop(permit);
            });
        } else {
            let sent = start.elapsed();
            let outcome = Err(Failure::new("NOT_SENT", "too many requests under way"));
            locked(&worker.tally).record(Sample { placement, due, sent, done: sent, outcome });
        }
        n += share.step;
        // When many requests are overdue, the clock does not wait, and nothing else would let answers be read.
        if (n / share.step).is_multiple_of(16) {
            tokio::task::yield_now().await;
        }
    }
    // Every request holds a permit until it is tallied.
    drop(in_flight.acquire_many(limit).await);
    Ok(())
}

/// What every request of a thread needs.
struct Worker<T> {
    target: Arc<T>,
    load: Arc<Load>,
    tally: SharedTally,
    start: Instant,
}

impl<T: Target> Worker<T> {
    async fn ask(&self, n: u64, due: Duration) {
        let call: &Call = self.load.mix.nth(n);
        let sent = self.start.elapsed();
        let answer = tokio::time::timeout(self.load.timeout, self.target.ask(call)).await;
        // Before the answer is inspected, which is not the server's time.
        let done = self.start.elapsed();
        let outcome = match answer {
            Ok(answer) => answer.and_then(|reply| reply.inspect()),
            Err(_) => Err(Failure::new("TIMEOUT", format!("no answer within {:?}", self.load.timeout))),
        };
        locked(&self.tally).record(Sample { placement: call.placement, due, sent, done, outcome });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{self, SentAs};
    use crate::profile::Profile;
    use crate::target::answer::Reply;

    /// Answers one request after the other; the hundredth answer takes 300 ms.
    #[derive(Default)]
    struct Stalling {
        answers: tokio::sync::Mutex<u64>,
    }

    impl Target for Stalling {
        async fn ask(&self, _: &Call) -> Result<Reply, Failure> {
            let mut answers = self.answers.lock().await;
            *answers += 1;
            if *answers == 100 {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            Ok(Reply::Message(hyper::body::Bytes::new()))
        }
    }

    struct Never;

    impl Target for Never {
        async fn ask(&self, _: &Call) -> Result<Reply, Failure> {
            std::future::pending().await
        }
    }

    /// A run of one thread, stopped at a moment.
    async fn tallied(target: impl Target, rps: f64, timeout: Duration, stop_after: Duration) -> Tally {
        let (profile, second) = (Profile::Constant { rps }, Duration::from_secs(1));
        let load = Load {
            targets: Vec::new(),
            connections: None,
            threads: 1,
            mix: Arc::new(Mix::new(vec![mix::request("p")], SentAs::Synthetic).unwrap()),
            schedule: Schedule { profile, warmup: Duration::ZERO, duration: second },
            deadline: None,
            timeout,
        };
        let tally = Arc::new(Mutex::new(Tally::new(Duration::ZERO, None).unwrap()));
        let (stopper, stop) = watch::channel(false);
        let (share, start) = (Share { first: 0, step: 1 }, Instant::now());
        let sending = send_share(Arc::new(target), Arc::new(load), tally.clone(), start, share, stop);
        let stopping = async {
            tokio::time::sleep(stop_after).await;
            stopper.send_replace(true);
        };
        tokio::join!(sending, stopping).0.unwrap();
        Arc::into_inner(tally).unwrap().into_inner().unwrap()
    }

    #[tokio::test]
    async fn a_stall_of_the_server_shows_although_only_one_answer_was_slow() {
        let (seconds, ms) = (Duration::from_secs, |tally: &Tally, q| tally.total.latencies.ms(q).unwrap());
        let tally = tallied(Stalling::default(), 500.0, seconds(20), seconds(2)).await;
        assert_eq!((tally.total.offered, tally.total.answered()), (500, 500));
        assert!(ms(&tally, 0.99) > 200.0, "p99 {} ms", ms(&tally, 0.99));
        assert!(ms(&tally, 0.80) > 30.0, "all requests that were due during the stall waited");

        let tally = tallied(Stalling::default(), 100.0, seconds(20), Duration::from_millis(200)).await;
        assert!((15..30).contains(&tally.total.answered()), "what was due before the stop: {tally:?}");
        assert_eq!(tally.total.answered(), tally.total.offered);
    }

    #[tokio::test]
    async fn a_request_that_is_not_sent_or_never_answered_is_an_error() {
        let tally = tallied(Never, 30_000.0, Duration::from_millis(1500), Duration::from_secs(2)).await;
        assert_eq!((tally.total.offered, tally.total.answered(), tally.total.errors), (30_000, 0, 30_000));
        assert_eq!((tally.errors["TIMEOUT"].count, tally.errors["NOT_SENT"].count), (20_000, 10_000));
    }
}
