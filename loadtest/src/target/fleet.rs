//! One server, or several that do the same: requests go to each in turn, and what a server did not begin with is sent
//! again at once, to another where there is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Failure, Reply, Server, Target, TargetError, Url};
use crate::mix::Call;

/// How long a server that could not be reached is left alone, in milliseconds, while there are others.
const REST_MS: u64 = 500;

/// Each of several connections of a server may say goodbye in turn.
const GOODBYES: usize = 16;

/// Servers under test.
#[derive(Debug)]
pub(crate) struct Fleet<T = Server> {
    members: Vec<Member<T>>,
    turn: AtomicUsize,
    since: Instant,
    /// Requests sent again.
    retries: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Member<T> {
    server: T,
    /// Until when it is left alone, in milliseconds after `since`.
    resting: AtomicU64,
}

impl Fleet {
    pub(crate) async fn connect(
        urls: &[Url],
        connections: Option<usize>,
        deadline: Option<Duration>,
        retries: Arc<AtomicU64>,
    ) -> Result<Fleet, TargetError> {
        let mut servers = Vec::with_capacity(urls.len());
        for url in urls {
            servers.push(Server::connect(url, connections, deadline).await?);
        }
        Ok(Fleet::new(servers, retries))
    }
}

impl<T> Fleet<T> {
    fn new(servers: Vec<T>, retries: Arc<AtomicU64>) -> Fleet<T> {
        let members = servers.into_iter().map(|server| Member { server, resting: AtomicU64::new(0) });
        Fleet { members: members.collect(), turn: AtomicUsize::new(0), since: Instant::now(), retries }
    }

    /// The first from `turn` on that is not resting; the very first if all are.
    fn member(&self, turn: usize) -> &Member<T> {
        let count = self.members.len();
        let now = self.since.elapsed().as_millis() as u64;
        let mut from = (0..count).map(|step| &self.members[(turn + step) % count]);
        let awake = from.find(|member| count == 1 || member.resting.load(Ordering::Relaxed) <= now);
        awake.unwrap_or(&self.members[turn % count])
    }
}

impl<T: Target> Target for Fleet<T> {
    async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut answer = Err(Failure::new("CONNECTION", "no server"));
        for attempt in 0..GOODBYES + 2 * self.members.len() {
            let member = self.member(turn + attempt);
            answer = member.server.ask(call).await;
            match &answer {
                Err(failure) if failure.not_begun => {}
                _ => return answer,
            }
            let until = self.since.elapsed().as_millis() as u64 + REST_MS;
            member.resting.store(until, Ordering::Relaxed);
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
        self.retries.fetch_sub(1, Ordering::Relaxed); // after the last there was no other
        answer
    }
}

#[cfg(test)]
mod tests {
    use larder_proto::v1;

    use super::*;
    use crate::mix::{Mix, SentAs};

    #[derive(Default)]
    struct Fake {
        asked: AtomicU64,
        refuses: bool,
        fails: bool,
    }

    impl Target for Fake {
        async fn ask(&self, _: &Call) -> Result<Reply, Failure> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match (self.refuses, self.fails) {
                (true, _) => Err(Failure::not_begun("goodbye")),
                (_, true) => Err(Failure::new("CONNECTION", "reset")),
                _ => Ok(Reply::Message(hyper::body::Bytes::new())),
            }
        }
    }

    async fn asked(fleet: &Fleet<Fake>, times: u32) -> (u32, Vec<u64>) {
        let request = v1::RecommendRequest { placement: "p".into(), ..Default::default() };
        let mix = Mix::new(vec![request], SentAs::Synthetic).unwrap();
        let mut answered = 0;
        for _ in 0..times {
            answered += u32::from(fleet.ask(mix.turn(0)).await.is_ok());
        }
        (answered, fleet.members.iter().map(|member| member.server.asked.load(Ordering::Relaxed)).collect())
    }

    #[tokio::test]
    async fn what_one_server_did_not_begin_with_another_answers() {
        let retries = Arc::new(AtomicU64::new(0));
        let leaving = Fake { refuses: true, ..Fake::default() };
        let fleet = Fleet::new(vec![leaving, Fake::default()], retries.clone());
        let (answered, asked) = asked(&fleet, 10).await;
        assert_eq!((answered, asked[1]), (10, 10));
        assert_eq!(asked[0], retries.load(Ordering::Relaxed));
        assert!(asked[0] < 10, "it is left alone for a while: {asked:?}");
    }

    #[tokio::test]
    async fn what_may_have_been_begun_is_not_sent_again_and_a_lone_server_is_not_asked_for_ever() {
        let retries = Arc::new(AtomicU64::new(0));
        let fleet =
            Fleet::new(vec![Fake { fails: true, ..Fake::default() }, Fake::default()], retries.clone());
        assert_eq!(asked(&fleet, 10).await, (5, vec![5, 5]));
        assert_eq!(retries.load(Ordering::Relaxed), 0);

        let fleet = Fleet::new(vec![Fake { refuses: true, ..Fake::default() }], retries.clone());
        assert_eq!(asked(&fleet, 1).await, (0, vec![GOODBYES as u64 + 2]));
        assert_eq!(retries.load(Ordering::Relaxed), GOODBYES as u64 + 1);
    }
}
