//! One run: each thread sends its share of the requests at their moments, over connections of its own, and answers are
//! tallied as they come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;

use crate::clock::{Clock, Stop};
use crate::mix::{Call, Mix};
use crate::profile::Schedule;
use crate::tally::{Sample, Tally};
use crate::target::fleet::Fleet;
use crate::target::{Failure, Target, TargetError, Url};

/// What is sent, to whom, and for how long.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) targets: Vec<Url>,
    /// To each target, over all threads.
    pub(crate) connections: Option<usize>,
    /// Threads that send and receive.
    pub(crate) threads: u16,
    pub(crate) mix: Arc<Mix>,
    /// What is sent in the warm-up is not counted.
    pub(crate) schedule: Schedule,
    /// What requests are told.
    pub(crate) deadline: Option<Duration>,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
    /// Beyond so many requests under way, further ones fail unsent: memory has an end too.
    pub(crate) max_in_flight: u32,
}

/// A tally that several threads write to.
pub(crate) type SharedTally = Arc<Mutex<Tally>>;

/// The tally, for a moment.
pub(crate) fn locked(tally: &SharedTally) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// A run that has begun.
#[derive(Debug)]
pub(crate) struct Run {
    /// The first request is due.
    pub(crate) start: Instant,
    retries: Arc<AtomicU64>,
    threads: JoinSet<()>,
    stopper: watch::Sender<bool>,
}

impl Run {
    /// Connects, and begins to send.
    pub(crate) async fn begin(load: &Arc<Load>, tally: &SharedTally) -> Result<Run, RunError> {
        let retries = Arc::new(AtomicU64::new(0));
        let (stopper, stop) = watch::channel(false);
        let (mut threads, mut starts) = (JoinSet::new(), Vec::new());
        for number in 0..load.threads.max(1) {
            let (connected, is_connected) = oneshot::channel();
            let (start, started) = oneshot::channel();
            let (load, tally, retries, stop) = (load.clone(), tally.clone(), retries.clone(), stop.clone());
            let share = Share { number: number.into(), of: load.threads.max(1).into() };
            // A runtime of its own: a connection and the requests over it never change threads.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (done, is_done) = oneshot::channel::<()>();
            std::thread::Builder::new().name(format!("load-{number}")).spawn(move || {
                runtime.block_on(async move {
                    let each = load.connections.map(|all| all.div_ceil(usize::from(load.threads.max(1))));
                    let fleet = Fleet::connect(&load.targets, each, load.deadline, retries).await;
                    let fleet = match fleet {
                        Ok(fleet) => Arc::new(fleet),
                        Err(error) => return drop(connected.send(Err(error))),
                    };
                    if connected.send(Ok(())).is_err() {
                        return;
                    }
                    let Ok(start) = started.await else { return };
                    drop(drive(fleet, load, tally, start, share, stop).await);
                });
                drop(done);
            })?;
            threads.spawn(async move { drop(is_done.await) });
            is_connected.await.map_err(|_| std::io::Error::other("a thread has died"))??;
            starts.push(start);
        }
        let start = Instant::now();
        for thread in starts {
            thread.send(start).map_err(|_| std::io::Error::other("a thread has died"))?;
        }
        Ok(Run { start, retries, threads, stopper })
    }

    /// Ends when everything has been answered or given up; early, with what there is, once `stop` is ready. Says how many
    /// requests were sent again.
    pub(crate) async fn end(mut self, stop: impl Future<Output = ()>) -> u64 {
        let all = async { while self.threads.join_next().await.is_some() {} };
        tokio::pin!(all);
        tokio::select! {
            () = &mut all => {}
            () = stop => {
                self.stopper.send_replace(true);
                all.await;
            }
        }
        self.retries.load(Ordering::Relaxed)
    }
}

/// Every `of`th request, from the `number`th on.
#[derive(Debug, Clone, Copy)]
struct Share {
    number: u64,
    of: u64,
}

/// Sends one thread's share of the load, and returns when all of it has been answered or given up.
async fn drive<T: Target>(
    target: Arc<T>,
    load: Arc<Load>,
    tally: SharedTally,
    start: Instant,
    share: Share,
    stop: Stop,
) -> std::io::Result<()> {
    let mut clock = Clock::new(stop)?;
    let limit = (load.max_in_flight / share.of as u32).max(1);
    let in_flight = Arc::new(Semaphore::new(limit as usize));
    let lane = Arc::new(Lane { target, load, tally, start });
    let mut n = share.number;
    loop {
        let offset = lane.load.schedule.due(n);
        if offset >= lane.load.schedule.end() || !clock.wait_until(start + offset).await {
            break;
        }
        let placement = lane.load.mix.turn(n).placement;
        locked(&lane.tally).offer(placement, offset);
        match in_flight.clone().try_acquire_owned() {
            Ok(permit) => {
                let lane = lane.clone();
                tokio::spawn(async move {
                    lane.ask(n, offset).await;
                    drop(permit);
                });
            }
            Err(_) => {
                let sent = start.elapsed();
                let outcome = Err(Failure::new("NOT_SENT", "too many requests under way"));
                locked(&lane.tally).record(Sample { placement, due: offset, sent, done: sent, outcome });
            }
        }
        n += share.of;
        // A long line of late requests must not keep the thread from reading answers.
        if (n / share.of).is_multiple_of(16) {
            tokio::task::yield_now().await;
        }
    }
    // Each request holds a permit until it is tallied.
    drop(in_flight.acquire_many(limit).await);
    Ok(())
}

/// What every request of a thread needs.
struct Lane<T> {
    target: Arc<T>,
    load: Arc<Load>,
    tally: SharedTally,
    start: Instant,
}

impl<T: Target> Lane<T> {
    async fn ask(&self, n: u64, due: Duration) {
        let call: &Call = self.load.mix.turn(n);
        let sent = self.start.elapsed();
        let answer = tokio::time::timeout(self.load.timeout, self.target.ask(call)).await;
        let done = self.start.elapsed(); // before the answer is looked at: that is not the server's time
        let outcome = match answer {
            Ok(answer) => answer.and_then(|reply| reply.glance()),
            Err(_) => Err(Failure::new("TIMEOUT", format!("no answer within {:?}", self.load.timeout))),
        };
        locked(&self.tally).record(Sample { placement: call.placement, due, sent, done, outcome });
    }
}

#[cfg(test)]
mod tests {
    use larder_proto::v1;

    use super::*;
    use crate::mix::SentAs;
    use crate::profile::Profile;
    use crate::target::Reply;

    /// Answers at once, one after the other; the hundredth answer takes 300 ms.
    #[derive(Default)]
    struct Stalling {
        turn: tokio::sync::Mutex<u64>,
        slow: AtomicU64,
    }

    impl Target for Stalling {
        async fn ask(&self, _: &Call) -> Result<Reply, Failure> {
            let mut turn = self.turn.lock().await;
            *turn += 1;
            if *turn == 100 {
                self.slow.fetch_add(1, Ordering::Relaxed);
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

    fn load(rps: f64, max_in_flight: u32) -> Arc<Load> {
        let request = v1::RecommendRequest { placement: "p".into(), ..Default::default() };
        Arc::new(Load {
            targets: Vec::new(),
            connections: None,
            threads: 1,
            mix: Arc::new(Mix::new(vec![request], SentAs::Synthetic).unwrap()),
            schedule: Schedule {
                profile: Profile::Constant { rps },
                warmup: Duration::ZERO,
                duration: Duration::from_secs(1),
            },
            deadline: None,
            timeout: Duration::from_secs(20),
            max_in_flight,
        })
    }

    async fn tallied<T: Target>(target: Arc<T>, load: Arc<Load>, stop: impl Future<Output = ()>) -> Tally {
        let tally = Arc::new(Mutex::new(Tally::new(Duration::ZERO).unwrap()));
        let (stopper, stopped) = watch::channel(false);
        let share = Share { number: 0, of: 1 };
        let driven = drive(target, load, tally.clone(), Instant::now(), share, stopped);
        tokio::pin!(driven);
        tokio::select! {
            done = &mut driven => done.unwrap(),
            () = stop => {
                stopper.send(true).unwrap();
                driven.await.unwrap();
            }
        }
        Arc::into_inner(tally).unwrap().into_inner().unwrap()
    }

    #[tokio::test]
    async fn a_stall_of_the_server_shows_although_only_one_answer_was_slow() {
        let target = Arc::new(Stalling::default());
        let tally = tallied(target.clone(), load(500.0, 10_000), std::future::pending()).await;
        assert_eq!(target.slow.load(Ordering::Relaxed), 1);
        assert_eq!((tally.total.offered, tally.total.answered()), (500, 500));
        let p99 = tally.total.latencies.ms(0.99).unwrap();
        assert!(p99 > 200.0, "p99 {p99} ms");
        let p80 = tally.total.latencies.ms(0.80).unwrap();
        assert!(p80 > 30.0, "p80 {p80} ms: all that were due during the stall waited");
    }

    #[tokio::test]
    async fn what_cannot_be_sent_or_is_never_answered_is_an_error_and_not_silence() {
        let mut impatient = load(100.0, 3);
        Arc::get_mut(&mut impatient).unwrap().timeout = Duration::from_millis(1500);
        let tally = tallied(Arc::new(Never), impatient, std::future::pending()).await;
        assert_eq!((tally.total.offered, tally.total.answered(), tally.total.errors), (100, 0, 100));
        assert_eq!((tally.errors["TIMEOUT"].count, tally.errors["NOT_SENT"].count), (3, 97));
    }

    #[tokio::test]
    async fn a_stop_ends_the_run_with_what_it_has() {
        let mut hours = load(100.0, 1000);
        Arc::get_mut(&mut hours).unwrap().schedule.duration = Duration::from_secs(10_000);
        let stop = tokio::time::sleep(Duration::from_millis(200));
        let tally = tallied(Arc::new(Stalling::default()), hours, stop).await;
        assert!(tally.total.answered() > 0);
        assert_eq!(tally.total.answered(), tally.total.offered);
    }
}
