//! Whatever a client sends is answered or refused; nothing panics. Seeded mutations of a request that uses every field.

use std::collections::BTreeMap;

use larder_proto::{Timestamp, Value, v1};
use prost::Message as _;

use super::PageTokenSeal;
use super::fingerprint::fingerprint;
use crate::recommender::{Reuse, Versions};
use crate::server::api::{convert, json};

fn full() -> v1::RecommendRequest {
    let text = |text: &str| Some(text.to_owned());
    v1::RecommendRequest {
        placement: "pdp.similar".to_owned(),
        subject: Some(v1::Subject {
            user_id: text("u"),
            visitor_id: text("v"),
            session_id: text("s"),
            consent: 1,
        }),
        context: Some(v1::Context {
            locale: text("de-CH"),
            country: text("CH"),
            channel: text("web"),
            attributes: BTreeMap::from([("category".to_owned(), "mugs".to_owned())]),
        }),
        seed_items: vec![v1::SeedItem { item_id: "a".to_owned(), role: 2, weight: Some(0.5) }],
        session_events: vec![v1::SessionEvent {
            item_id: "b".to_owned(),
            event_type: text("view"),
            event_time: Some(Timestamp { seconds: 1_700_000_000, nanos: 5_000_000 }),
        }],
        page_size: Some(12),
        page_token: None,
        filter: text("price < $max"),
        filter_params: BTreeMap::from([
            ("max".to_owned(), Value::from(9.5)),
            ("in".to_owned(), Value::list([Value::from("x"), Value::from(true)])),
        ]),
        exclude_item_ids: vec!["c".to_owned()],
        candidate_item_ids: vec!["d".to_owned()],
        item_fields: vec!["title".to_owned()],
        view: 3,
        traffic_class: 2,
        validate_only: true,
    }
}

#[test]
fn json_and_protobuf_say_the_same() {
    let text = serde_json::to_vec(&full()).unwrap();
    let read: v1::RecommendRequest = json::read(&text).unwrap();
    assert_eq!(read, full());
    assert_eq!(v1::RecommendRequest::decode(full().encode_to_vec().as_slice()).unwrap(), full());
    let parsed = convert::recommend(read, None, &PageTokenSeal::random().unwrap()).unwrap();
    assert_eq!(parsed.request.session_events[0].event_time_ms, Some(1_700_000_000_005));
}

#[test]
fn no_bytes_panic() {
    let mut random = fastrand::Rng::with_seed(11);
    let seal = PageTokenSeal::random().unwrap();
    let json = serde_json::to_vec(&full()).unwrap();
    let proto = full().encode_to_vec();
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let text = mutated(&json, &mut random);
        let bytes = mutated(&proto, &mut random);
        let messages = [
            json::read::<v1::RecommendRequest>(&text).ok(),
            v1::RecommendRequest::decode(bytes.as_slice()).ok(),
        ];
        for message in messages {
            match message.map(|message| convert::recommend(message, None, &seal)) {
                Some(Ok(parsed)) => {
                    let versions = Versions { snapshot: "s", rules: "", live_epoch: 0 };
                    assert!(fingerprint(&parsed.request, versions, Reuse::View, &[]).is_some());
                    answered += 1;
                }
                _ => refused += 1,
            }
        }
    }
    assert!(
        answered > 1000 && refused > 1000,
        "{answered} answered, {refused} refused: one side was not tried"
    );
}

fn mutated(bytes: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(0..bytes.len());
        match random.u8(0..5) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.insert(at, random.u8(..)),
            2 => {
                bytes.remove(at);
            }
            3 => {
                let end = random.usize(at..=bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.extend(piece);
            }
            _ => bytes[at] = random.u8(..),
        }
        if bytes.is_empty() {
            bytes.push(b'{');
        }
    }
    bytes
}
