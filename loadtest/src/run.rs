//! One run: the pacing thread hands each request to the runtime at its moment, and answers are tallied as they come.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::mix::Mix;
use crate::pace::{Profile, pace};
use crate::tally::{Sample, Tally};
use crate::target::{Failure, Target};

/// What is sent, and for how long.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) mix: Mix,
    pub(crate) profile: Profile,
    /// Sent like the rest, and not counted.
    pub(crate) warmup: Duration,
    /// Without the warm-up.
    pub(crate) duration: Duration,
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

/// Sends the load, and returns when everything has been answered or given up. Ends early, with what it has, once `stop`
/// is ready.
pub(crate) async fn run<T: Target>(
    target: Arc<T>,
    load: Arc<Load>,
    tally: SharedTally,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let in_flight = Arc::new(Semaphore::new(load.max_in_flight as usize));
    let (stopper, stopped) = sync_channel(1);
    let (paced, mut all_paced) = oneshot::channel();
    let sender = Sender {
        target,
        load: load.clone(),
        tally,
        in_flight: in_flight.clone(),
        runtime: Handle::current(),
        start: Instant::now(),
    };
    std::thread::Builder::new().name("pace".to_owned()).spawn(move || {
        let end = sender.load.warmup + sender.load.duration;
        pace(sender.load.profile, sender.start, end, &stopped, |n, due| sender.send(n, due));
        drop(sender);
        drop(paced);
    })?;
    tokio::select! {
        _ = &mut all_paced => {}
        () = stop => halt(stopper, all_paced).await,
    }
    // Each request holds a permit until it is tallied.
    drop(in_flight.acquire_many(load.max_in_flight).await);
    Ok(())
}

async fn halt(stopper: SyncSender<()>, all_paced: oneshot::Receiver<()>) {
    drop(stopper);
    drop(all_paced.await);
}

struct Sender<T> {
    target: Arc<T>,
    load: Arc<Load>,
    tally: SharedTally,
    in_flight: Arc<Semaphore>,
    runtime: Handle,
    start: Instant,
}

impl<T: Target> Sender<T> {
    fn send(&self, n: u64, due: Instant) {
        let offset = due - self.start;
        locked(&self.tally).offer(offset);
        match self.in_flight.clone().try_acquire_owned() {
            Ok(permit) => self.spawn(n, due, permit),
            Err(_) => {
                let sent = self.start.elapsed();
                let outcome = Err(Failure::new("NOT_SENT", "too many requests under way"));
                locked(&self.tally).record(Sample { due: offset, sent, done: sent, outcome });
            }
        }
    }

    fn spawn(&self, n: u64, due: Instant, permit: OwnedSemaphorePermit) {
        let (target, load, tally) = (self.target.clone(), self.load.clone(), self.tally.clone());
        let start = self.start;
        self.runtime.spawn(async move {
            let sent = Instant::now();
            let answer = tokio::time::timeout(load.timeout, target.ask(load.mix.turn(n))).await;
            let done = Instant::now(); // before the answer is looked at: that is not the server's time
            let outcome = match answer {
                Ok(answer) => answer.and_then(|reply| reply.glance()),
                Err(_) => Err(Failure::new("TIMEOUT", format!("no answer within {:?}", load.timeout))),
            };
            let [due, sent, done] = [due, sent, done].map(|moment| moment - start);
            locked(&tally).record(Sample { due, sent, done, outcome });
            drop(permit);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use larder_proto::v1;

    use super::*;
    use crate::mix::{Call, SentAs};
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
            Ok(Reply::Message(Box::default()))
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
            mix: Mix::new(vec![request], SentAs::Synthetic).unwrap(),
            profile: Profile::Constant { rps },
            warmup: Duration::ZERO,
            duration: Duration::from_secs(1),
            timeout: Duration::from_secs(20),
            max_in_flight,
        })
    }

    async fn tallied<T: Target>(target: Arc<T>, load: Arc<Load>, stop: impl Future<Output = ()>) -> Tally {
        let tally = Arc::new(Mutex::new(Tally::new(load.warmup).unwrap()));
        run(target, load, tally.clone(), stop).await.unwrap();
        Arc::into_inner(tally).unwrap().into_inner().unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_cannot_be_sent_or_is_never_answered_is_an_error_and_not_silence() {
        let mut impatient = load(100.0, 3);
        Arc::get_mut(&mut impatient).unwrap().timeout = Duration::from_millis(1500);
        let tally = tallied(Arc::new(Never), impatient, std::future::pending()).await;
        assert_eq!((tally.total.offered, tally.total.answered(), tally.total.errors), (100, 0, 100));
        assert_eq!((tally.errors["TIMEOUT"].count, tally.errors["NOT_SENT"].count), (3, 97));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_stop_ends_the_run_with_what_it_has() {
        let mut hours = load(100.0, 1000);
        Arc::get_mut(&mut hours).unwrap().duration = Duration::from_secs(10_000);
        let stop = tokio::time::sleep(Duration::from_millis(200));
        let tally = tallied(Arc::new(Stalling::default()), hours, stop).await;
        assert!(tally.total.answered() > 0);
        assert_eq!(tally.total.answered(), tally.total.offered);
    }
}
