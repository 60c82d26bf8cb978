//! Whether two servers, or one protocol and the other, give the same answers to the last bit.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use larder_proto::v1;
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use crate::mix::{self, Mix, MixError, SentAs};
use crate::target::answer::{Failure, Reply, Target};
use crate::target::server::{ConnectError, Server};
use crate::target::url::Url;
use crate::units::grouped;

#[derive(Debug, Args)]
pub(crate) struct SlatesArgs {
    /// One server: grpc://host:port or http://host:port
    #[arg(long, value_name = "URL")]
    a: Url,
    /// The other
    #[arg(long, value_name = "URL")]
    b: Url,
    /// Requests to send, one JSON RecommendRequest a line (`record` makes such a file)
    #[arg(long, value_name = "FILE.jsonl")]
    requests: PathBuf,
    /// How many to send; the file is repeated if it has fewer
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    count: u64,
    /// Requests under way at a time
    #[arg(long, default_value_t = 8, value_name = "N")]
    at_a_time: usize,
    /// Parts of the answer to leave out, such as serving,cache; ids, tokens and times always are
    #[arg(long, value_name = "FIELD,FIELD", value_delimiter = ',')]
    ignore: Vec<String>,
}

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SlatesError {
    #[error(transparent)]
    Mix(#[from] MixError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct SlateComparison {
    compared: u64,
    /// Requests with the same answer from both.
    matched: u64,
    /// Items in all matching answers.
    items: u64,
    /// The differences with the lowest request numbers, by number.
    differences: BTreeMap<u64, String>,
}

/// Differences that are shown.
// Enough to see whether they have one cause.
const MAX_SHOWN: usize = 10;

/// Sends the requests to both servers.
pub(crate) async fn compare(args: &SlatesArgs) -> Result<SlateComparison, SlatesError> {
    let mix = Arc::new(Mix::new(mix::read(&args.requests)?, SentAs::Synthetic)?);
    let a = Arc::new(Server::connect(&args.a, Some(args.at_a_time), None).await?);
    let b = Arc::new(Server::connect(&args.b, Some(args.at_a_time), None).await?);
    Ok(compare_targets(a, b, mix, args.count, args.at_a_time, &args.ignore).await)
}

async fn compare_targets<T: Target>(
    a: Arc<T>,
    b: Arc<T>,
    mix: Arc<Mix>,
    count: u64,
    at_a_time: usize,
    ignored: &[String],
) -> SlateComparison {
    let (mut comparison, mut under_way, mut next) = (SlateComparison::default(), JoinSet::new(), 0);
    loop {
        while next < count && under_way.len() < at_a_time.max(1) {
            let (a, b, mix, n) = (a.clone(), b.clone(), mix.clone(), next);
            under_way.spawn(async move {
                let (from_a, from_b) = tokio::join!(a.ask(mix.nth(n)), b.ask(mix.nth(n)));
                (n, from_a.and_then(Reply::message), from_b.and_then(Reply::message))
            });
            next += 1;
        }
        match under_way.join_next().await {
            None => return comparison,
            Some(Ok((n, a, b))) => comparison.add(n, &mix.nth(n).message.placement, a, b, ignored),
            // It panicked. As it is not matched, the comparison fails.
            Some(Err(_)) => comparison.compared += 1,
        }
    }
}

type Answer = Result<v1::RecommendResponse, Failure>;

impl SlateComparison {
    /// Whether there was something to compare, and all of it was the same.
    pub(crate) fn is_same(&self) -> bool {
        self.matched == self.compared && self.items > 0
    }

    fn add(&mut self, request: u64, placement: &str, a: Answer, b: Answer, ignored: &[String]) {
        self.compared += 1;
        let difference = match (a, b) {
            (Ok(a), Ok(b)) => {
                let items = a.items.len() as u64;
                let difference = difference("", &comparable(a, ignored), &comparable(b, ignored));
                if difference.is_none() {
                    self.matched += 1;
                    self.items += items;
                }
                difference
            }
            // Two servers that fail alike have not shown a slate, so failures never match.
            (a, b) => Some(format!("A {}, B {}", outcome(&a), outcome(&b))),
        };
        if let Some(difference) = difference {
            self.differences.insert(request, format!("{placement}: {difference}"));
        }
        if self.differences.len() > MAX_SHOWN {
            self.differences.pop_last();
        }
    }
}

/// The answer as JSON, in which numbers keep every bit, without what differs from one answer to the next.
fn comparable(mut answer: v1::RecommendResponse, ignored: &[String]) -> Value {
    answer.recommendation_id.clear();
    answer.attribution_token.clear();
    // Tokens may be sealed with a key of the process; that there is one still counts.
    answer.next_page_token = answer.next_page_token.map(|_| "a token".to_owned());
    if let Some(serving) = &mut answer.serving {
        (serving.data_age, serving.server_time_us) = (None, 0);
    }
    for stage in &mut answer.trace {
        stage.took_us = 0;
    }
    // JSON writes a float in the shortest form that reads back to the same bits, so equal texts are equal bits.
    let mut value = serde_json::to_value(answer).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !ignored.contains(name));
    }
    value
}

/// The first place in which two values differ.
fn difference(place: &str, a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).find_map(|name| {
            let part = |of: &Map<String, Value>| of.get(name).cloned().unwrap_or_default();
            difference(&format!("{place}.{name}"), &part(a), &part(b))
        }),
        (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len())).find_map(|at| {
            let part = |of: &[Value]| of.get(at).cloned().unwrap_or_default();
            difference(&format!("{place}[{at}]"), &part(a), &part(b))
        }),
        _ => (a != b).then(|| format!("{}: A has {a}, B has {b}", place.trim_start_matches('.'))),
    }
}

fn outcome(answer: &Answer) -> String {
    match answer {
        Ok(answer) => format!("gave {} items", answer.items.len()),
        Err(failure) => format!("failed: {}: {}", failure.code, failure.message),
    }
}

impl Display for SlateComparison {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let [matched, compared, items] = [self.matched, self.compared, self.items].map(grouped);
        writeln!(out, "{matched} of {compared} slates are the same to the last bit, with {items} items")?;
        self.differences.iter().try_for_each(|(request, what)| writeln!(out, "request {request}, {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::Call;

    /// Answers request `n` with `n` items and ids of its own; the score of one answer may be off by a bit.
    struct Fixed {
        off: Option<i32>,
    }

    impl Target for Fixed {
        async fn ask(&self, call: &Call) -> Result<Reply, Failure> {
            let n = call.message.page_size();
            if n > 90 {
                return Err(Failure::new("NOT_FOUND", "no such placement"));
            }
            let off = u32::from(self.off == Some(n));
            let answer = v1::RecommendResponse {
                items: (1..=n).map(|_| item(f32::from_bits(1_f32.to_bits() + off))).collect(),
                recommendation_id: format!("{self:p}"),
                ..Default::default()
            };
            Ok(Reply::Message(prost::Message::encode_to_vec(&answer).into()))
        }
    }

    fn item(score: f32) -> v1::RecommendedItem {
        v1::RecommendedItem { score: Some(score), ..Default::default() }
    }

    async fn compared(off: Option<i32>, sizes: &[i32], count: u64) -> SlateComparison {
        let request = |n: &i32| v1::RecommendRequest { page_size: Some(*n), ..mix::request("p") };
        let mix = Arc::new(Mix::new(sizes.iter().map(request).collect(), SentAs::Synthetic).unwrap());
        compare_targets(Arc::new(Fixed { off: None }), Arc::new(Fixed { off }), mix, count, 4, &[]).await
    }

    #[tokio::test]
    async fn one_bit_is_a_difference_and_empty_slates_and_failures_prove_nothing() {
        let comparison = compared(None, &[5, 6, 7, 8], 8).await;
        assert!(comparison.is_same() && comparison.items == 2 * 26, "whatever their ids: {comparison}");
        let comparison = compared(Some(7), &[5, 6, 7, 8], 8).await;
        assert!(!comparison.is_same() && comparison.matched == 6 && comparison.differences.contains_key(&6));
        let said = comparison.to_string();
        assert!(said.contains("request 2, p: items[0].score: A has 1.0, B has 1.0000001"), "{said}");
        assert!(!compared(None, &[0], 10).await.is_same());
        let comparison = compared(None, &[1, 99], 2).await;
        assert!(!comparison.is_same() && comparison.differences[&1].contains("A failed: NOT_FOUND"));
    }

    #[test]
    fn every_part_of_an_answer_is_compared_unless_it_is_ignored() {
        let answer = |items: usize, version: &str| v1::RecommendResponse {
            items: vec![item(1.0); items],
            serving: Some(v1::Serving { snapshot_version: version.into(), ..Default::default() }),
            ..Default::default()
        };
        let compared = |b, ignored: &[String]| {
            difference("", &comparable(answer(2, "v1"), ignored), &comparable(b, ignored)).unwrap_or_default()
        };
        assert!(compared(answer(3, "v1"), &[]).starts_with("items[2]: A has null, B has {"));
        let versions = "serving.snapshotVersion: A has \"v1\", B has \"v2\"";
        assert_eq!(compared(answer(2, "v2"), &[]), versions);
        assert_eq!(compared(answer(2, "v2"), &["serving".to_owned()]), "");
    }
}
