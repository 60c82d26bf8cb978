//! Takes events that callers record: each is checked and applied, and has its own outcome.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use larder_proto::{Timestamp, v1, value};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use crate::connect::decode::{Decoder, MissingTime, Poison};
use crate::domain::{Event, EventKind};
use crate::recommender::{EventBatch, EventOutcome, EventQueue, NoEvent, QueueError, Recommender};
use crate::server::edge::admission::Admission;
use crate::server::edge::limits;
use crate::server::problem::{Kind, Problem};

/// Events that are applied while others of callers wait: raising it takes memory, as each of them may have a megabyte.
const OPEN: usize = 32;

/// Milliseconds between the events of one request that say no time, the last of which happened just now.
const APART_MS: i64 = 250;

/// How long to wait for the epoch of an event. It takes some milliseconds; who waits for longer is told to come again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes events. Cheap to clone.
#[derive(Clone)]
pub(crate) struct EventService {
    queue: Option<EventQueue>,
    recommender: Arc<Recommender>,
    admission: Arc<Admission>,
    decoder: Decoder,
    source: Arc<str>,
    open: Arc<tokio::sync::Semaphore>,
}

/// The body of a request over HTTP. Not the message of the contract: an event is read as in any other source, so that
/// one event that is wrong does not refuse the others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    #[serde(default)]
    pub(super) events: Vec<Value>,
}

/// Events and what is known of those that are none, by their places in the request.
#[derive(Default)]
struct Parsed {
    events: Vec<Event>,
    /// For each entry of the request: the place of its event, or what it is instead.
    entries: Vec<Result<usize, NoEvent>>,
}

impl EventService {
    pub(crate) fn new(
        queue: Option<EventQueue>,
        recommender: Arc<Recommender>,
        admission: Arc<Admission>,
    ) -> Self {
        let decoder = Decoder::canonical().with_missing_time(MissingTime::Arrival);
        let open = Arc::new(tokio::sync::Semaphore::new(OPEN));
        Self { queue, recommender, admission, decoder, source: "http".into(), open }
    }

    /// Applies the events of a request.
    pub(super) async fn record(&self, documents: Vec<Value>) -> Result<v1::RecordEventsResponse, Problem> {
        let entries = documents.len();
        if !(1..=limits::RECORDED).contains(&entries) {
            let reason = format!("must have 1 to {} entries, got {entries}", limits::RECORDED);
            return Err(Problem::invalid("events", reason));
        }
        let Parsed { events, entries } = self.parse(documents);
        let no_events = entries.iter().filter_map(|entry| entry.as_ref().err().cloned()).collect();
        let (outcomes, live_epoch) = self.apply(events, no_events).await?;
        let results = entries.into_iter().map(|entry| match entry {
            Ok(at) => outcomes.get(at).map_or_else(v1::EventResult::default, result),
            Err(NoEvent { reason, field, message, .. }) => rejected(reason, field, message),
        });
        Ok(v1::RecordEventsResponse { results: results.collect(), live_epoch })
    }

    /// Forgets a user.
    pub(super) async fn forget(
        &self,
        message: v1::ForgetUserRequest,
    ) -> Result<v1::ForgetUserResponse, Problem> {
        let ids = [("user_id", message.user_id), ("visitor_id", message.visitor_id)];
        let mut document = Map::new();
        for (name, id) in ids.into_iter().filter(|(_, id)| !id.is_empty()) {
            document.insert(name.to_owned(), id.into());
        }
        if document.is_empty() {
            return Err(Problem::invalid("user_id", "must not be empty, unless visitor_id is set"));
        }
        let receipt = uuid::Uuid::now_v7().to_string();
        document.insert("type".to_owned(), EventKind::UserForgotten.as_str().into());
        document.insert("id".to_owned(), receipt.as_str().into());
        let parsed = self.parse(vec![document.into()]);
        if let Some(Err(NoEvent { field, message, .. })) = parsed.entries.into_iter().next() {
            return Err(Problem::invalid(field.trim_start_matches('/'), message));
        }
        let until = parsed.events.first().map(|event| event.time_ms);
        let (outcomes, _) = self.apply(parsed.events, Vec::new()).await?;
        match outcomes.first() {
            Some(EventOutcome::Applied | EventOutcome::Stale) => {}
            // Not to be taken for done: the caller has to send it again, to a disk that takes it.
            Some(outcome @ EventOutcome::NotKept) => {
                return Err(Problem::new(Kind::NotReady, format!("the user is {}", outcome.message())));
            }
            outcome => {
                let reason = outcome.map(EventOutcome::message).unwrap_or_default();
                return Err(Problem::new(Kind::Overloaded, format!("the user is not forgotten: {reason}")));
            }
        }
        let timestamp = |ms: i64| Timestamp {
            seconds: ms.div_euclid(1000),
            nanos: (ms.rem_euclid(1000) * 1_000_000) as i32,
        };
        Ok(v1::ForgetUserResponse { receipt, forgotten_until: until.map(timestamp) })
    }

    fn parse(&self, documents: Vec<Value>) -> Parsed {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
        let mut parsed = Parsed::default();
        let last = documents.len().saturating_sub(1);
        for (at, mut document) in documents.into_iter().enumerate() {
            spell_as_sources_do(&mut document);
            let dated = document.get("time").is_some_and(|time| !time.is_null());
            // In the order in which they are given, and as far apart as events are told apart by their time.
            let now = now - if dated { 0 } else { (last - at) as i64 * APART_MS };
            let before = parsed.events.len();
            let mut decoded = self.decoder.decode_document(&document, now, &mut parsed.events);
            // An envelope may have several: here an event is one event.
            let poison = match decoded.poison.pop() {
                None if decoded.events == 1 => None,
                None => Some(Poison::not_one_event(decoded.events)),
                some => some,
            };
            let entry = match poison {
                None => Ok(before),
                Some(Poison { reason, field, message, .. }) => {
                    let body = document.to_string().into_bytes();
                    Err(NoEvent { body, reason: reason.as_str(), field, message })
                }
            };
            // By which it is known where it comes back, or is read twice by who trains.
            if let Some(event) = parsed.events.get_mut(before).filter(|event| event.id.is_empty()) {
                event.id = uuid::Uuid::now_v7().to_string();
            }
            if entry.is_err() {
                parsed.events.truncate(before);
            }
            parsed.entries.push(entry);
        }
        parsed
    }

    /// Waits until the events are in what is served.
    async fn apply(
        &self,
        events: Vec<Event>,
        no_events: Vec<NoEvent>,
    ) -> Result<(Vec<EventOutcome>, u64), Problem> {
        let Some(queue) = &self.queue else {
            return Err(Problem::new(Kind::NotReady, "events are not taken here"));
        };
        // What an event may say is up to the catalogue.
        if self.recommender.served().is_none() {
            return Err(Problem::new(Kind::NotReady, "no snapshot is loaded yet; try again shortly"));
        }
        // Slates go before events, whose callers can try again.
        if self.admission.is_overloaded() {
            return Err(Problem::new(
                Kind::Overloaded,
                "more requests than can be answered; try again later",
            ));
        }
        let Ok(_open) = self.open.try_acquire() else {
            return Err(Problem::new(Kind::Overloaded, "too many events are waiting; try again later"));
        };
        let (done, applied) = oneshot::channel();
        let batch = EventBatch {
            source: Arc::clone(&self.source),
            events,
            arrived: Instant::now(),
            no_events,
            record: true,
            done: Some(Box::new(move |_: &[Event], outcomes, epoch| {
                let _ = done.send((outcomes, epoch)); // unless the caller has gone
            })),
        };
        queue.try_send(batch).map_err(|error| match error {
            QueueError::Closed => Problem::new(Kind::NotReady, "the server is about to end"),
            _ => Problem::new(Kind::Overloaded, "too many events are waiting; try again later"),
        })?;
        match tokio::time::timeout(PATIENCE, applied).await {
            Ok(Ok(applied)) => Ok(applied),
            _ => {
                Err(Problem::new(Kind::Overloaded, "the events are not applied yet; they may be sent again"))
            }
        }
    }
}

fn result(outcome: &EventOutcome) -> v1::EventResult {
    use v1::event_result::Outcome;
    let of = |outcome: Outcome| v1::EventResult { outcome: outcome.into(), ..v1::EventResult::default() };
    match outcome {
        EventOutcome::Applied => of(Outcome::Accepted),
        EventOutcome::Stale | EventOutcome::Duplicate => of(Outcome::Duplicate),
        EventOutcome::WrongType { attribute, .. } => {
            rejected(outcome.reason().unwrap_or_default(), format!("/set/{attribute}"), outcome.message())
        }
        _ => rejected(outcome.reason().unwrap_or_default(), String::new(), outcome.message()),
    }
}

fn rejected(reason: &str, field: String, message: String) -> v1::EventResult {
    let outcome = v1::event_result::Outcome::Rejected.into();
    v1::EventResult { outcome, reason: reason.to_owned(), field, message }
}

/// Writes the keys of an event as other sources have them: callers of this API know them in lowerCamelCase.
fn spell_as_sources_do(document: &mut Value) {
    const NAMES: [(&str, &str); 6] = [
        ("itemId", "item_id"),
        ("userId", "user_id"),
        ("visitorId", "visitor_id"),
        ("sessionId", "session_id"),
        ("recommendationId", "recommendation_id"),
        ("attributionToken", "attribution_token"),
    ];
    let Some(event) = document.as_object_mut() else { return };
    for (camel, snake) in NAMES {
        // One that has both is refused for the one that is left.
        if !event.contains_key(snake)
            && let Some(value) = event.remove(camel)
        {
            event.insert(snake.to_owned(), value);
        }
    }
}

/// The events of a message, as documents.
pub(super) fn documents(message: v1::RecordEventsRequest) -> Vec<Value> {
    message.events.into_iter().map(document).collect()
}

fn document(event: v1::Event) -> Value {
    let mut document = Map::new();
    let texts = [
        ("id", event.id),
        ("type", event.r#type),
        ("item_id", event.item_id),
        ("user_id", event.user_id),
        ("visitor_id", event.visitor_id),
        ("session_id", event.session_id),
        ("recommendation_id", event.recommendation_id),
        ("attribution_token", event.attribution_token),
    ];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        document.insert(name.to_owned(), text.into());
    }
    for (name, number) in [("value", event.value), ("quantity", event.quantity)] {
        if let Some(number) = number {
            document.insert(name.to_owned(), number.into());
        }
    }
    if let Some(Timestamp { seconds, nanos }) = event.time {
        let time = chrono::DateTime::from_timestamp(seconds, u32::try_from(nanos).unwrap_or_default());
        // One that is no time is refused like any other text.
        let text = time.map_or_else(|| format!("{seconds} s"), |time| time.to_rfc3339());
        document.insert("time".to_owned(), text.into());
    }
    match v1::subject::Consent::try_from(event.consent) {
        Ok(v1::subject::Consent::Unspecified) => {}
        Ok(consent) => drop(document.insert("consent".to_owned(), consent.as_str_name().into())),
        Err(_) => drop(document.insert("consent".to_owned(), event.consent.into())),
    }
    if let Some(set) = event.set {
        let set: Map<String, Value> =
            set.fields.into_iter().map(|field| (field.key, json(field.value.unwrap_or_default()))).collect();
        document.insert("set".to_owned(), set.into());
    }
    if !event.unset.is_empty() {
        document.insert("unset".to_owned(), event.unset.into());
    }
    if event.upsert {
        document.insert("upsert".to_owned(), true.into());
    }
    document.into()
}

fn json(value: larder_proto::Value) -> Value {
    match value.kind {
        None | Some(value::Kind::Null(_)) => Value::Null,
        Some(value::Kind::Bool(value)) => value.into(),
        // Whole numbers as such: a protobuf number is a float, and a column of integers takes both.
        Some(value::Kind::Number(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
            (number as i64).into()
        }
        Some(value::Kind::Number(number)) => number.into(),
        Some(value::Kind::String(text)) => text.into(),
        Some(value::Kind::List(list)) => list.values.into_iter().map(json).collect(),
        // Not followed further: nested values are refused, however deep.
        Some(value::Kind::Struct(_)) => Value::Object(Map::new()),
    }
}
