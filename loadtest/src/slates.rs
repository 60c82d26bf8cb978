//! Whether two servers give the same slates, to the last bit.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use larder_proto::v1;
use tokio::task::JoinSet;

use crate::mix::Mix;
use crate::target::{Failure, Target};
use crate::units::grouped;

/// What a comparison found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    /// Requests sent to both.
    pub(crate) compared: u64,
    /// Different requests among them.
    pub(crate) distinct: u64,
    /// With the same slate from both.
    pub(crate) matched: u64,
    /// Matched, and without any item: these prove little.
    pub(crate) empty: u64,
    /// Items in all matching slates.
    pub(crate) items: u64,
    /// The difference with the lowest request number.
    pub(crate) first: Option<Difference>,
}

/// Where two slates part.
#[derive(Debug, PartialEq)]
pub(crate) struct Difference {
    /// Number of the request, from 0; modulo the length of the mix, its line.
    pub(crate) request: u64,
    pub(crate) placement: String,
    pub(crate) what: String,
}

/// Sends `count` requests of the mix to both servers, so many at a time.
pub(crate) async fn compare<A: Target, B: Target>(
    a: Arc<A>,
    b: Arc<B>,
    mix: Arc<Mix>,
    count: u64,
    at_a_time: u64,
) -> Comparison {
    let mut comparison = Comparison { distinct: count.min(mix.len() as u64), ..Comparison::default() };
    let mut under_way = JoinSet::new();
    let mut next = 0;
    loop {
        while next < count && (under_way.len() as u64) < at_a_time.max(1) {
            let (a, b, mix, n) = (a.clone(), b.clone(), mix.clone(), next);
            under_way.spawn(async move {
                let call = mix.turn(n);
                let (from_a, from_b) = tokio::join!(a.ask(call), b.ask(call));
                let message = |answer: Result<crate::target::Reply, Failure>| answer?.message();
                (n, call.message.placement.clone(), message(from_a), message(from_b))
            });
            next += 1;
        }
        match under_way.join_next().await {
            None => return comparison,
            Some(Ok((n, placement, a, b))) => comparison.add(n, placement, &a, &b),
            Some(Err(_)) => {} // not counted as matched, so the comparison fails
        }
    }
}

type Answer = Result<v1::RecommendResponse, Failure>;

impl Comparison {
    /// Whether there was something to compare, and all of it was the same.
    pub(crate) fn same(&self) -> bool {
        self.matched == self.compared && self.items > 0
    }

    fn add(&mut self, request: u64, placement: String, a: &Answer, b: &Answer) {
        self.compared += 1;
        match difference(a, b) {
            Ok(items) => {
                self.matched += 1;
                self.items += items as u64;
                self.empty += u64::from(items == 0);
            }
            Err(what) if self.first.as_ref().is_none_or(|first| request < first.request) => {
                self.first = Some(Difference { request, placement, what });
            }
            Err(_) => {}
        }
    }
}

/// The length of two equal slates. An error is never equal: two servers that refuse alike have not shown a slate.
fn difference(a: &Answer, b: &Answer) -> Result<usize, String> {
    let (a, b) = match (a, b) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => return Err(format!("A {}, B {}", outcome(a), outcome(b))),
    };
    let longest = a.items.len().max(b.items.len());
    let parting = (0..longest).map(|at| (at, a.items.get(at), b.items.get(at)));
    let Some((at, left, right)) = parting.into_iter().find(|(_, left, right)| !alike(*left, *right)) else {
        return Ok(longest);
    };
    let version = |answer: &v1::RecommendResponse| {
        answer.serving.as_ref().map(|serving| serving.snapshot_version.clone()).unwrap_or_default()
    };
    let versions = match (version(a), version(b)) {
        (a, b) if a == b => String::new(),
        (a, b) => format!(" (A answers from snapshot {a:?}, B from {b:?})"),
    };
    Err(format!("item {}: A has {}, B has {}{versions}", at + 1, spelled(left), spelled(right)))
}

fn alike(a: Option<&v1::RecommendedItem>, b: Option<&v1::RecommendedItem>) -> bool {
    let key = |item: &v1::RecommendedItem| (item.item_id.clone(), item.rank, item.score.map(f32::to_bits));
    a.map(key) == b.map(key)
}

fn spelled(item: Option<&v1::RecommendedItem>) -> String {
    match item {
        None => "nothing".to_owned(),
        Some(v1::RecommendedItem { item_id, rank, score: Some(score), .. }) => {
            format!("{item_id:?} at rank {rank} with score {score:?} ({:#010x})", score.to_bits())
        }
        Some(v1::RecommendedItem { item_id, rank, .. }) => format!("{item_id:?} at rank {rank}"),
    }
}

fn outcome(answer: &Answer) -> String {
    match answer {
        Ok(answer) => format!("gave {} items", answer.items.len()),
        Err(failure) => format!("failed: {}: {}", failure.code, failure.message),
    }
}

impl Display for Comparison {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{} of {} slates are the same to the last bit ({} different requests, {} items, {} empty slates)",
            grouped(self.matched),
            grouped(self.compared),
            grouped(self.distinct),
            grouped(self.items),
            grouped(self.empty),
        )?;
        match &self.first {
            None => Ok(()),
            Some(Difference { request, placement, what }) => {
                writeln!(out, "first difference: request {request}, {placement}: {what}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{Call, SentAs};
    use crate::target::Reply;

    /// Answers request `n` with `n` items; one item may have a score that is off by a bit.
    struct Fixed {
        off: Option<i32>,
    }

    impl Target for Fixed {
        async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
            let n = call.message.page_size();
            if n > 90 {
                return Err(Failure::new("NOT_FOUND", "no such placement"));
            }
            let score = |rank| if self.off == Some(n) { f32::from_bits(1) } else { 1.0 / rank as f32 };
            let item = |rank| v1::RecommendedItem {
                item_id: format!("item-{rank}"),
                rank: rank as u32,
                score: Some(score(rank)),
                ..Default::default()
            };
            let items = (1..=n).map(item).collect();
            let answer = v1::RecommendResponse { items, ..Default::default() };
            Ok(Reply::Message(prost::Message::encode_to_vec(&answer).into()))
        }
    }

    fn mix(sizes: impl IntoIterator<Item = i32>) -> Arc<Mix> {
        let request =
            |n| v1::RecommendRequest { placement: "p".into(), page_size: Some(n), ..Default::default() };
        Arc::new(Mix::new(sizes.into_iter().map(request).collect(), SentAs::Synthetic).unwrap())
    }

    async fn compared(off: Option<i32>, sizes: impl IntoIterator<Item = i32>, count: u64) -> Comparison {
        compare(Arc::new(Fixed { off: None }), Arc::new(Fixed { off }), mix(sizes), count, 4).await
    }

    #[tokio::test]
    async fn equal_slates_match() {
        let comparison = compared(None, 0..10, 25).await;
        assert!(comparison.same(), "{comparison}");
        assert_eq!((comparison.compared, comparison.distinct, comparison.matched), (25, 10, 25));
        assert_eq!((comparison.empty, comparison.items), (3, 45 + 45 + 10));
    }

    #[tokio::test]
    async fn one_bit_is_a_difference_and_the_first_is_told() {
        let comparison = compared(Some(7), 0..10, 20).await;
        assert!(!comparison.same());
        assert_eq!(comparison.matched, 18);
        let first = comparison.first.unwrap();
        assert_eq!(first.request, 7);
        assert!(first.what.contains("item 1: A has \"item-1\" at rank 1 with score 1.0"), "{}", first.what);
    }

    #[tokio::test]
    async fn nothing_proves_nothing() {
        assert!(!compared(None, [0], 10).await.same(), "only empty slates");
        let comparison = compared(None, [1, 99], 2).await;
        assert!(!comparison.same(), "both refuse alike");
        assert!(comparison.first.unwrap().what.starts_with("A failed: NOT_FOUND"));
    }

    #[test]
    fn a_longer_slate_is_a_difference() {
        let answer = |n: u32| {
            let item = |rank| v1::RecommendedItem { item_id: "i".into(), rank, ..Default::default() };
            Ok(v1::RecommendResponse { items: (1..=n).map(item).collect(), ..Default::default() })
        };
        let what = difference(&answer(2), &answer(3)).unwrap_err();
        assert_eq!(what, "item 3: A has nothing, B has \"i\" at rank 3");
        assert_eq!(difference(&answer(3), &answer(3)), Ok(3));
    }
}
