//! From the tasks that read a service to the thread that polls its source: a bounded queue, and the runtime of both.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::SourceError;

/// Records of a poll, from which on the rest waits for the next. Raising it makes fewer batches of events and takes
/// memory.
const RECORDS: usize = 8192;

/// Messages of tasks that read a service, for the source that is polled.
#[derive(Debug)]
pub(in crate::connect) struct Inbox<M> {
    /// The source's name.
    source: String,
    /// Messages that may wait to be taken.
    room: usize,
    /// Runs on the thread that polls, and only while it does: what reads ahead never takes another core from requests.
    runtime: Runtime,
    received: mpsc::Receiver<M>,
    /// Where messages are put, until what puts them there is started.
    out: Option<mpsc::Sender<M>>,
}

impl<M> Inbox<M> {
    /// An inbox in which this many messages may wait; nothing runs yet.
    ///
    /// # Errors
    /// No runtime.
    pub(in crate::connect) fn new(source: &str, room: usize) -> Result<Self, SourceError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| SourceError::client(source, &error))?;
        let (out, received) = mpsc::channel(room);
        Ok(Self { source: source.to_owned(), room, runtime, received, out: Some(out) })
    }

    /// Starts what fills it, if nothing does yet.
    pub(in crate::connect) fn fill<T>(&mut self, task: impl FnOnce(mpsc::Sender<M>) -> T)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        if let Some(out) = self.out.take() {
            self.runtime.spawn(task(out));
        }
    }

    /// Takes what is there, waiting up to `wait` for the first message; `take` says how many records one had. Says
    /// whether more is there already.
    ///
    /// # Errors
    /// What fills it has ended, which it never should. The next [`Inbox::fill`] starts it again.
    pub(in crate::connect) fn poll(
        &mut self,
        wait: Duration,
        mut take: impl FnMut(M) -> usize,
    ) -> Result<bool, SourceError> {
        let Self { runtime, received, .. } = self;
        let mut next = match runtime.block_on(async { tokio::time::timeout(wait, received.recv()).await }) {
            Ok(Some(first)) => Some(first),
            Ok(None) => return Err(self.ended()),
            Err(_) => None,
        };
        let mut records = 0;
        while let Some(message) = next.take() {
            // Tasks run in here only: this lets them ask for more, which comes while these records are decoded.
            runtime.block_on(tokio::task::yield_now());
            // Also one without records takes time.
            records += take(message).max(1);
            if records < RECORDS {
                next = received.try_recv().ok();
            }
        }
        Ok(!received.is_empty())
    }

    fn ended(&mut self) -> SourceError {
        let (out, received) = mpsc::channel(self.room);
        (self.out, self.received) = (Some(out), received);
        SourceError::Ended { name: self.source.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_poll_takes_what_is_there_up_to_a_bound_and_says_whether_there_is_more() {
        let mut inbox = Inbox::new("shop", 4).unwrap();
        let mut taken = Vec::new();
        assert!(!inbox.poll(SHORT, |_: usize| unreachable!()).unwrap(), "nothing is started yet");
        for _ in 0..2 {
            // The second time it runs already.
            inbox.fill(|out| async move {
                for message in [10, RECORDS, 1, 0] {
                    let _ = out.send(message).await;
                }
                std::future::pending().await
            });
        }
        let mut take = |message: usize| {
            taken.push(message);
            message
        };
        assert!(inbox.poll(LONG, &mut take).unwrap());
        assert!(!inbox.poll(LONG, &mut take).unwrap());
        assert!(!inbox.poll(SHORT, &mut take).unwrap());
        assert_eq!(taken, [10, RECORDS, 1, 0]);
    }

    #[test]
    fn messages_wait_in_bounds_and_so_do_those_who_send_them() {
        let mut inbox = Inbox::new("shop", 2).unwrap();
        let (sent, seen) = std::sync::mpsc::channel();
        inbox.fill(|out| async move {
            loop {
                let _ = out.send(RECORDS).await;
                let _ = sent.send(());
            }
        });
        for polls in 1..5 {
            assert!(inbox.poll(LONG, |records| records).unwrap());
            let total = seen.try_iter().count();
            assert!(total <= 3, "{total} were sent before poll {polls} was over, and 2 have room");
        }
    }

    #[test]
    fn what_ends_is_said_and_started_again() {
        let mut inbox = Inbox::new("shop", 1).unwrap();
        for run in [7, 8] {
            inbox.fill(|out| async move {
                let _ = out.send(run).await;
                assert_eq!(run, 0, "this task fails");
            });
            let mut seen = None;
            inbox.poll(LONG, |run| *seen.insert(run)).unwrap();
            assert_eq!(seen, Some(run));
            let error = inbox.poll(LONG, |run| run).unwrap_err();
            assert!(error.to_string().starts_with("source shop: what reads it has failed"), "{error}");
        }
    }
}
