//! Records of streams and files: every form of the wire becomes the right events, what cannot be used is refused with
//! its reason and its place, and nothing that arrives can break the decoder.

use std::sync::Arc;

use larder::connect::Record;
use larder::connect::decode::{Decoded, Decoder, Mapping, Reason};
use larder::domain::{AttributeValue, Event, EventKind};

mod check;
mod dead;
mod mappings;
pub(crate) mod poison;
mod tail;
mod wire;

/// 2026-11-20T08:30:00Z, when all of this arrives.
const NOW: i64 = 1_795_163_400_000;

/// A change of an item without anything else in it.
pub(super) const GOOD: &str = r#"{"type":"item.changed","time":"2026-11-20T08:00:00Z","item_id":"A"}"#;

/// The mappings of a configuration's `[[map]]`s.
pub(super) fn mappings(toml: &str) -> Vec<Mapping> {
    #[derive(serde::Deserialize)]
    struct Source {
        map: Vec<Mapping>,
    }
    toml::from_str::<Source>(toml).unwrap().map
}

fn decoder(toml: &str) -> Decoder {
    Decoder::new(&mappings(toml)).unwrap()
}

fn decode(decoder: &Decoder, body: impl AsRef<[u8]>) -> (Vec<Event>, Decoded) {
    decode_record(decoder, &Record::new("test", body.as_ref()))
}

fn decode_record(decoder: &Decoder, record: &Record<'_>) -> (Vec<Event>, Decoded) {
    let mut events = Vec::new();
    let decoded = decoder.decode(record, NOW, &mut events);
    assert_eq!(decoded.events, events.len());
    (events, decoded)
}

/// The events of a record that has no faults.
fn events(decoder: &Decoder, body: impl AsRef<[u8]>) -> Vec<Event> {
    let (events, decoded) = decode(decoder, body);
    assert_eq!(decoded.poison, [], "{events:?}");
    events
}

/// The only event of a record.
fn one(decoder: &Decoder, body: impl AsRef<[u8]>) -> Event {
    let mut events = events(decoder, body);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// Reason and field of the only fault of a record.
fn fault(decoder: &Decoder, body: impl AsRef<[u8]>) -> (Reason, String, String) {
    let (events, mut decoded) = decode(decoder, body);
    assert_eq!((events.len(), decoded.poison.len()), (0, 1), "{decoded:?}");
    let poison = decoded.poison.remove(0);
    (poison.reason, poison.field, poison.message)
}

fn set(event: &Event, name: &str) -> Option<AttributeValue> {
    event.attributes.iter().find(|(known, _)| &**known == name).map(|(_, value)| value.clone())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.into())
}

fn interaction(name: &str) -> EventKind {
    EventKind::Interaction(Arc::from(name))
}
