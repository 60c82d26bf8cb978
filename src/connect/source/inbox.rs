//! From the tasks that read a service to the thread that polls its source: a bounded queue, and the runtime of both.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::SourceError;
use crate::connect::Record;

/// Records of a poll and their bytes, from which on the rest waits for the next. Raising them makes fewer batches of
/// events and takes memory: a record may have a megabyte.
const RECORDS: usize = 8192;
const BYTES: usize = 16 << 20;

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

    /// Takes what is there, waiting up to `wait` for the first message; `take` hands on the records of one. Says
    /// whether more is there already.
    ///
    /// # Errors
    /// What fills it has ended, which it never should. The next [`Inbox::fill`] starts it again.
    pub(in crate::connect) fn poll(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Record<'_>),
        mut take: impl FnMut(M, &mut dyn FnMut(&Record<'_>)),
    ) -> Result<bool, SourceError> {
        let Self { runtime, received, .. } = self;
        let mut next = match runtime.block_on(async { tokio::time::timeout(wait, received.recv()).await }) {
            Ok(Some(first)) => Some(first),
            Ok(None) => return Err(self.ended()),
            Err(_) => None,
        };
        let (mut records, mut bytes) = (0, 0);
        while let Some(message) = next.take() {
            // Tasks run in here only: this lets them ask for more, which comes while these records are decoded.
            runtime.block_on(tokio::task::yield_now());
            // Also one without records takes time.
            records += 1;
            take(message, &mut |record| {
                records += 1;
                bytes += record.body.len();
                each(record);
            });
            if records < RECORDS && bytes < BYTES {
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

    /// Hands on as many records as a message says, of so many bytes each.
    fn hand_on((count, bytes): (usize, usize), each: &mut dyn FnMut(&Record<'_>)) {
        let body = vec![b' '; bytes];
        (0..count).for_each(|_| each(&Record::new("shop", &body)));
    }

    /// An inbox into which these messages are sent, and no others.
    fn with(room: usize, messages: impl IntoIterator<Item = (usize, usize)>) -> Inbox<(usize, usize)> {
        let messages: Vec<_> = messages.into_iter().collect();
        let mut inbox = Inbox::new("shop", room).unwrap();
        inbox.fill(|out| async move {
            for message in messages {
                let _ = out.send(message).await;
            }
            std::future::pending().await
        });
        inbox
    }

    /// The bodies' lengths of a poll, and whether there is more.
    fn poll(inbox: &mut Inbox<(usize, usize)>, wait: Duration) -> (Vec<usize>, bool) {
        let mut seen = Vec::new();
        let more = inbox.poll(wait, &mut |record| seen.push(record.body.len()), hand_on).unwrap();
        (seen, more)
    }

    #[test]
    fn a_poll_takes_what_is_there_up_to_a_bound_and_says_whether_there_is_more() {
        let mut idle = Inbox::new("shop", 4).unwrap();
        assert_eq!(poll(&mut idle, SHORT), (Vec::new(), false), "nothing is started yet");
        let mut inbox = with(5, [(2, 1), (RECORDS, 2), (1, 3), (0, 0), (1, 4)]);
        inbox.fill(|_| async { unreachable!("it is filled already") });
        assert_eq!(poll(&mut inbox, LONG), ([vec![1; 2], vec![2; RECORDS]].concat(), true));
        assert_eq!(poll(&mut inbox, LONG), (vec![3, 4], false));
        assert_eq!(poll(&mut inbox, SHORT), (Vec::new(), false));
        let mut large = with(9, [(1, BYTES / 2); 3]);
        assert_eq!(poll(&mut large, LONG), (vec![BYTES / 2; 2], true), "however few the records are");
        let mut empty = with(usize::from(u16::MAX), vec![(0, 0); RECORDS + 1]);
        assert_eq!(poll(&mut empty, LONG), (Vec::new(), true), "or if there are none");
    }

    #[test]
    fn messages_wait_in_bounds_and_so_do_those_who_send_them() {
        let mut inbox = Inbox::new("shop", 2).unwrap();
        let (sent, seen) = std::sync::mpsc::channel();
        inbox.fill(|out| async move {
            loop {
                let _ = out.send((RECORDS, 0)).await;
                let _ = sent.send(());
            }
        });
        for polls in 1..5 {
            assert!(poll(&mut inbox, LONG).1);
            let total = seen.try_iter().count();
            assert!(total <= 3, "{total} were sent before poll {polls} was over, and 2 have room");
        }
    }

    #[test]
    fn what_ends_is_said_and_started_again() {
        let mut inbox = Inbox::new("shop", 1).unwrap();
        for run in [7, 8] {
            inbox.fill(|out| async move {
                let _ = out.send((1, run)).await;
                assert_eq!(run, 0, "this task fails");
            });
            assert_eq!(poll(&mut inbox, LONG).0, [run]);
            let error = inbox.poll(LONG, &mut |_| {}, hand_on).unwrap_err();
            assert!(error.to_string().starts_with("source shop: what reads it has failed"), "{error}");
        }
    }
}
