//! What cannot be used is refused with its reason and its place; what stands beside it is not touched.

use fastrand::Rng;
use larder::connect::Record;
use larder::connect::decode::{Decoder, MissingTime, Reason, limits};
use larder::domain::Event;

use super::{GOOD, NOW, decode, decode_record, decoder, events, fault};

/// An event with some members more, or others.
fn with(members: &str) -> String {
    format!(r#"{{"type":"item.changed","time":"2026-11-20T08:00:00Z","item_id":"A",{members}}}"#)
}

fn attributes(count: usize) -> String {
    let pairs: Vec<String> = (0..count).map(|at| format!("\"a{at}\":{at}")).collect();
    pairs.join(",")
}

/// Poison, its reason and its field. What no good event can stand beside is a record of its own.
#[rustfmt::skip]
pub(crate) fn poison() -> Vec<(String, Reason, &'static str)> {
    let time = r#""time":"2026-11-20T08:00:00Z""#;
    let long = |bytes: usize| "x".repeat(bytes);
    let created = |object: &str| {
        format!(r#"{{"Records":[{{"s3":{{"object":{object}}},"eventName":"ObjectCreated:Put"}}]}}"#)
    };
    vec![
        ("3".into(), Reason::NotCanonical, ""),
        ("null".into(), Reason::NotCanonical, ""),
        ("[1]".into(), Reason::NotCanonical, "/0"),
        (r#"{"dynamodb":{"NewImage":{"a":{"S":"b"}}},"eventName":"INSERT"}"#.into(), Reason::NotCanonical, ""),
        (r#"{"op":"c","after":{"id":1},"source":{}}"#.into(), Reason::NotCanonical, ""),
        (with(r#""itemid":"B""#), Reason::UnknownField, "/itemid"),
        (with(r#""a/b":1"#), Reason::UnknownField, "/a~1b"),
        (format!(r#"{{"type":"item.chnged",{time},"item_id":"A"}}"#), Reason::UnknownType, "/type"),
        (format!(r#"{{"type":"user.deleted",{time},"user_id":"A"}}"#), Reason::UnknownType, "/type"),
        (format!(r#"{{"type":"Page View",{time},"item_id":"A"}}"#), Reason::UnknownType, "/type"),
        (format!(r#"{{"type":"{}",{time},"item_id":"A"}}"#, long(65)), Reason::UnknownType, "/type"),
        (format!(r#"{{"type":7,{time},"item_id":"A"}}"#), Reason::BadValue, "/type"),
        (format!(r#"{{{time},"item_id":"A"}}"#), Reason::MissingField, "/type"),
        (format!(r#"{{"type":"item.listed",{time}}}"#), Reason::MissingField, "/item_id"),
        (format!(r#"{{"type":"view",{time},"item_id":null}}"#), Reason::MissingField, "/item_id"),
        (format!(r#"{{"type":"user.forgotten",{time},"session_id":"s"}}"#), Reason::MissingField, "/user_id"),
        (r#"{"type":"view","item_id":"A"}"#.into(), Reason::MissingTime, "/time"),
        (r#"{"type":"view","item_id":"A","time":"tomorrow"}"#.into(), Reason::BadTime, "/time"),
        (r#"{"type":"view","item_id":"A","time":0}"#.into(), Reason::BadTime, "/time"),
        (r#"{"type":"view","item_id":"A","time":"2026-11-20T08:35:01Z"}"#.into(), Reason::FutureTime, "/time"),
        (r#"{"type":"view","item_id":"A","time":4102444800}"#.into(), Reason::FutureTime, "/time"),
        (format!(r#"{{"type":"view",{time},"item_id":7}}"#), Reason::BadValue, "/item_id"),
        (format!(r#"{{"type":"view",{time},"item_id":""}}"#), Reason::BadValue, "/item_id"),
        (format!(r#"{{"type":"view",{time},"item_id":"{}"}}"#, long(513)), Reason::TooLong, "/item_id"),
        (with(&format!(r#""attribution_token":"{}""#, long(513))), Reason::TooLong, "/attribution_token"),
        (with(r#""value":3"#), Reason::MisplacedField, "/value"),
        (format!(r#"{{"type":"view",{time},"item_id":"A","set":{{"a":1}}}}"#), Reason::MisplacedField, "/set"),
        (GOOD.replace(r#"changed""#, r#"delisted","upsert":true"#), Reason::MisplacedField, "/upsert"),
        (format!(r#"{{"type":"view",{time},"item_id":"A","value":"3"}}"#), Reason::BadValue, "/value"),
        (with(r#""consent":"YES""#), Reason::BadValue, "/consent"),
        (with(r#""upsert":1"#), Reason::BadValue, "/upsert"),
        (with(r#""set":[1]"#), Reason::BadValue, "/set"),
        (with(r#""set":{"a":{"b":1}}"#), Reason::NestedValue, "/set/a"),
        (with(r#""set":{"a":["x",["y"]]}"#), Reason::NestedValue, "/set/a/1"),
        (with(r#""set":{"a":["x",1]}"#), Reason::BadValue, "/set/a/1"),
        (with(r#""set":{"":1}"#), Reason::BadValue, "/set/"),
        (with(&format!(r#""set":{{"a":"{}"}}"#, long(4097))), Reason::TooLong, "/set/a"),
        (with(&format!(r#""set":{{"a":[{}"x"]}}"#, "\"x\",".repeat(1000))), Reason::TooMany, "/set/a"),
        (with(&format!(r#""set":{{{}}},"unset":["z"]"#, attributes(500))), Reason::TooMany, "/set"),
        (with(r#""unset":["a",3]"#), Reason::BadValue, "/unset/1"),
        (with(r#""set":{"a":1},"unset":["a"]"#), Reason::Conflict, "/unset/0"),
        (r#"{"specversion":"0.3","type":"view","id":"1","data":{}}"#.into(), Reason::BadEnvelope, "/specversion"),
        (r#"{"specversion":"1.0","type":"view","id":"1","data":"x"}"#.into(), Reason::BadEnvelope, "/data"),
        (r#"{"specversion":"1.0","type":"view","data_base64":"*"}"#.into(), Reason::BadEnvelope, "/data_base64"),
        (r#"{"Type":"Notification","Message":{}}"#.into(), Reason::BadEnvelope, "/Message"),
        (r#"{"Type":"Notification","Message":"Hello"}"#.into(), Reason::BadJson, "/Message"),
        (r#"{"Type":"Notification","Message":"{\"a\":1,\"a\":2}"}"#.into(), Reason::DuplicateKey, "/Message/a"),
        (r#"{"detail-type":"Shop Closed","detail":{}}"#.into(), Reason::UnknownType, "/detail-type"),
        (r#"{"detail-type":"view","detail":{"item_id":"A"},"time":"now"}"#.into(), Reason::BadTime, "/time"),
        (r#"{"detail-type":"view","detail":{"pirce":1},"time":"now"}"#.into(), Reason::UnknownField, "/detail/pirce"),
        (created(r#"{"key":"%zz"}"#), Reason::BadValue, "/Records/0/s3/object/key"),
        (created("{}"), Reason::MissingField, "/Records/0/s3/object/key"),
        (created(r#"{"key":"channels/a.json"}"#), Reason::MissingTime, "/Records/0/time"),
    ]
}

#[test]
fn every_kind_of_poison_has_its_reason_and_its_place_and_harms_no_neighbour() {
    let decoder = Decoder::canonical();
    for (body, reason, field) in poison() {
        let said = fault(&decoder, &body);
        assert_eq!((said.0, said.1.as_str()), (reason, field), "{body}: {}", said.2);
        assert!(!said.2.is_empty() && said.2.len() < 500, "{}", said.2);

        let (events, decoded) = decode(&decoder, format!("[{GOOD},{body},{GOOD}]"));
        assert_eq!((events.len(), decoded.poison.len()), (2, 1), "{body}");
        let poison = &decoded.poison[0];
        assert_eq!(
            (poison.event, poison.reason, poison.field.clone()),
            (1, reason, format!("/1{field}")),
            "{body}"
        );
    }
}

/// Records that are refused as a whole, the reason and the field.
pub(crate) fn broken() -> Vec<(Vec<u8>, Reason, String)> {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    let many = format!("[{}{GOOD}]", format!("{GOOD},").repeat(limits::EVENTS));
    let mut sns = GOOD.to_owned();
    for _ in 0..5 {
        sns = serde_json::json!({"Type": "Notification", "Message": sns}).to_string();
    }
    let fifth = "/Message".repeat(4);
    let bodies: Vec<(Vec<u8>, Reason, &str)> = vec![
        (b"\0\0\0\0\x07Hi".to_vec(), Reason::AvroHeader, ""),
        (b"{\"type\":\"\xff\"}".to_vec(), Reason::NotUtf8, ""),
        (b"\x1f\x8b\x08\0".to_vec(), Reason::NotUtf8, ""),
        (b"{\"type\":".to_vec(), Reason::BadJson, "/type"),
        (b"{'type': 1}".to_vec(), Reason::BadJson, ""),
        (format!("{GOOD}{GOOD}").into_bytes(), Reason::BadJson, ""),
        (with(r#""item_id":"B""#).into_bytes(), Reason::DuplicateKey, "/item_id"),
        (with(r#""set":{"a":1e999}"#).into_bytes(), Reason::BadJson, "/set/a"),
        (nested(65), Reason::TooDeep, ""),
        (nested(400_000), Reason::TooDeep, ""),
        (vec![b' '; limits::RECORD_BYTES + 1], Reason::TooLarge, ""),
        (many.into_bytes(), Reason::TooManyEvents, ""),
        (sns.into_bytes(), Reason::TooManyEnvelopes, &fifth),
    ];
    bodies.into_iter().map(|(body, reason, field)| (body, reason, field.to_owned())).collect()
}

#[test]
fn a_record_that_is_no_json_is_refused_as_a_whole() {
    for (body, reason, field) in broken() {
        let said = fault(&Decoder::canonical(), &body);
        assert_eq!((said.0, said.1), (reason, field), "{}", said.2);
    }
    assert_eq!(
        events(&Decoder::canonical(), format!("[{}{GOOD}]", format!("{GOOD},").repeat(499))).len(),
        500
    );
}

#[test]
fn what_is_just_within_its_bounds_is_taken() {
    let decoder = Decoder::canonical();
    for (at, members) in [
        format!(r#""set":{{{}}}"#, attributes(500)),
        format!(r#""set":{{"a":"{}"}}"#, "x".repeat(4096)),
        format!(r#""set":{{"a":[{}"x"]}}"#, "\"x\",".repeat(999)),
        format!(r#""user_id":"{}""#, "x".repeat(512)),
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(events(&decoder, with(members)).len(), 1, "{at}");
    }
    let soon = r#"{"type":"view","item_id":"A","time":"2026-11-20T08:35:00Z"}"#;
    assert_eq!(events(&decoder, soon)[0].time_ms, NOW + 300_000);
}

#[test]
fn an_event_of_the_api_may_have_happened_as_it_arrived() {
    let decoder = Decoder::canonical().with_missing_time(MissingTime::Arrival);
    assert_eq!(events(&decoder, r#"{"type":"view","item_id":"A"}"#)[0].time_ms, NOW);
}

#[test]
fn refusals_do_not_say_who_it_was_but_that_somebody_is_named() {
    let decoder = Decoder::canonical();
    for (body, named) in [
        (r#"{"type":"view","user_id":["ada"],"item_id":"A","time":1}"#, true),
        (r#"{"type":"view","user_id":"ada","item_id":7,"time":1795161600}"#, true),
        (r#"{"type":"view","userId":"ada","item_id":"A","time":1795161600}"#, true),
        (r#"{"visitor_id":"ada"#, true),
        (r#"{"type":"item.changed"}"#, false),
    ] {
        let (_, decoded) = decode(&decoder, body);
        assert_eq!((decoded.poison.len(), decoded.names_a_person), (1, named), "{body}");
        assert!(!decoded.poison[0].message.contains("ada"), "{}", decoded.poison[0].message);
    }
    assert!(
        !decode(&decoder, GOOD.replace("\"item_id\"", "\"user_id\":\"ada\",\"item_id\"")).1.names_a_person
    );
}

#[test]
fn the_names_of_reasons_are_in_the_documentation() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md");
    let text = std::fs::read_to_string(path).unwrap();
    for reason in Reason::ALL {
        assert!(text.contains(&format!("| `{reason}` |")), "{reason} has no row in docs/events.md");
    }
}

/// Changed records of every form must neither break the decoder nor get anything past its bounds.
#[test]
fn no_record_breaks_the_decoder_or_gets_past_its_bounds() {
    let decoders = [
        Decoder::canonical(),
        Decoder::canonical().with_missing_time(MissingTime::Arrival),
        decoder("[[map]]\ntype = \"item.changed\"\nitem_id = \"/dynamodb/NewImage/a\"\nset.x = \"/x\""),
    ];
    let mut seeds: Vec<Vec<u8>> = poison().into_iter().map(|(body, ..)| body.into_bytes()).collect();
    seeds.extend([GOOD.as_bytes().to_vec(), b"\0\0\0\0\0".to_vec()]);
    let mut rng = Rng::with_seed(7);
    for seed in seeds.iter().filter(|seed| seed.len() < 2000) {
        for _ in 0..60 {
            let body = changed(seed, &mut rng);
            for decoder in &decoders {
                check(decoder, &body);
            }
        }
    }
    for _ in 0..2000 {
        let body: Vec<u8> = (0..rng.usize(..64)).map(|_| rng.u8(..)).collect();
        decoders.iter().for_each(|decoder| check(decoder, &body));
    }
}

fn check(decoder: &Decoder, body: &[u8]) {
    let headers: [(&str, &[u8]); 2] = [("ce_type", b"view"), ("ce_time", b"2026-11-20T08:00:00Z")];
    for headers in [&headers[..], &[]] {
        let (events, decoded) = decode_record(decoder, &Record::new("test", body).with_headers(headers));
        let all = events.len() + decoded.poison.len() + decoded.unmatched + decoded.ignored;
        assert!(all <= 2 * limits::EVENTS + 1);
        assert!(decoded.poison.iter().all(|poison| poison.field.len() < 2000 && poison.message.len() < 1000));
        events.iter().for_each(check_event);
    }
}

fn check_event(event: &Event) {
    assert!(event.time_ms > 0 && event.time_ms <= NOW + limits::FUTURE_MS);
    let ids = [&event.item_id, &event.user_id, &event.visitor_id, &event.session_id];
    assert!(ids.into_iter().flatten().all(|id| (1..=limits::ID_BYTES).contains(&id.len())));
    assert!(event.id.len() <= limits::ID_BYTES && event.attributes.len() <= limits::ATTRIBUTES);
    assert!(event.value.is_none_or(f64::is_finite) && event.quantity.is_none_or(f64::is_finite));
}

fn changed(seed: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.usize(1..=3) {
        let at = rng.usize(..bytes.len().max(1)).min(bytes.len());
        match rng.u8(..4) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            1 if at < bytes.len() => bytes[at] = *rng.choice(b"\x00\xff{}[]\",:\\/-.0129eE~% ").unwrap(),
            2 => bytes.truncate(at),
            _ => {
                let end = (at + rng.usize(..32)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece.repeat(rng.usize(..8)));
            }
        }
    }
    bytes
}
