//! Every form of the wire, and forms inside forms.

use larder::connect::Record;
use larder::connect::decode::Decoder;
use larder::domain::{AttributeValue, Consent, EventKind};
use serde_json::{Value, json};

use super::{GOOD, NOW, decode, decode_record, decoder, events, interaction, one, set, text};

/// The mapping of the documentation: a DynamoDB table whose changes EventBridge brings.
const DYNAMODB: &str = r#"
[[map]]
match = '{"detail-type":["ItemChanged"],"detail":{"eventName":["INSERT","MODIFY","REMOVE"]}}'
type = "item.changed"
item_id = { at = "/detail/dynamodb/NewImage/pk/S", strip_prefix = "ITEM#" }
time = "/time"
set.in_stock = { at = "/detail/dynamodb/NewImage/qty/N", as = "number", gt = 0 }
set.price = { at = "/detail/dynamodb/NewImage/price/N", as = "number" }
set.category = { at = "/dynamodb/NewImage/cat" }
"#;

/// A table of products that Debezium follows.
const DEBEZIUM: &str = r#"
[[map]]
match = '{"source":{"table":["products"]}}'
type = "item.changed"
item_id = "/after/id"
upsert = true
set.price = { at = "/after/price", as = "number" }
set.in_stock = { at = "/after/active", as = "bool" }
set.tags = { at = "/after/tags", optional = true }
"#;

fn changed_row(event_name: &str) -> Value {
    let image =
        json!({"pk": {"S": "ITEM#tea-1"}, "qty": {"N": "3"}, "price": {"N": "9.5"}, "cat": {"S": "tea"}});
    let images = match event_name {
        "REMOVE" => json!({"OldImage": image, "Keys": {"pk": image["pk"]}}),
        _ => json!({"NewImage": image}),
    };
    json!({"eventID": "dyn-7", "eventName": event_name, "eventSource": "aws:dynamodb", "dynamodb": images})
}

fn on_the_bus(detail_type: &str, source: &str, detail: &Value) -> Value {
    json!({"version": "0", "id": "bus-1", "detail-type": detail_type, "source": source, "account": "1",
        "time": "2026-11-20T08:15:00Z", "region": "eu-central-1", "resources": [], "detail": detail})
}

fn notified(message: &Value) -> Value {
    json!({"Type": "Notification", "MessageId": "sns-1", "TopicArn": "arn:aws:sns:eu-central-1:1:shop",
        "Message": message.to_string(), "Timestamp": "2026-11-20T08:20:00.000Z"})
}

#[test]
fn an_event_in_larders_words_keeps_all_it_says() {
    let event = one(
        &Decoder::canonical(),
        r#"{"id":"e1","type":"purchase","time":"2026-11-20T09:00:00.250+01:00","item_id":"A","user_id":"u",
            "visitor_id":"v","session_id":"s","recommendation_id":"r","attribution_token":"t","value":12.5,
            "quantity":2,"consent":"GRANTED"}"#,
    );
    assert_eq!(
        (event.id.as_str(), event.kind, event.time_ms),
        ("e1", interaction("purchase"), NOW - 1_799_750)
    );
    assert_eq!(event.item_id.as_deref(), Some("A"));
    assert_eq!((event.user_id.as_deref(), event.visitor_id.as_deref()), (Some("u"), Some("v")));
    assert_eq!((event.session_id.as_deref(), event.recommendation_id.as_deref()), (Some("s"), Some("r")));
    assert_eq!((event.value, event.quantity, event.consent), (Some(12.5), Some(2.0), Consent::Granted));

    let event = one(
        &Decoder::canonical(),
        r#"{"type":"item.listed","time":1795161600,"item_id":"B","upsert":true,"user_id":null,
            "set":{"price":3,"rate":0.5,"name":"é","in_stock":true,"tags":["a","b"],"old":null},"unset":["sale"]}"#,
    );
    assert_eq!((&event.kind, event.upsert, event.attributes.len()), (&EventKind::ItemListed, true, 7));
    assert_eq!(set(&event, "price"), Some(AttributeValue::Int(3)));
    assert_eq!(set(&event, "rate"), Some(AttributeValue::Float(0.5)));
    assert_eq!(set(&event, "name"), Some(text("é")));
    assert_eq!(set(&event, "in_stock"), Some(AttributeValue::Bool(true)));
    assert_eq!(set(&event, "tags"), Some(AttributeValue::List(vec!["a".into(), "b".into()])));
    assert_eq!(
        (set(&event, "old"), set(&event, "sale")),
        (Some(AttributeValue::Null), Some(AttributeValue::Null))
    );
}

#[test]
fn a_list_is_as_many_events() {
    let found = events(
        &Decoder::canonical(),
        format!(r#"[{GOOD},{{"type":"view","time":1795161600000,"item_id":"B"}}]"#),
    );
    let items: Vec<_> = found.iter().map(|event| event.item_id.as_deref()).collect();
    assert_eq!(items, [Some("A"), Some("B")]);
}

#[test]
fn a_structured_cloud_event_lends_its_attributes() {
    let event = json!({"specversion": "1.0", "id": "ce-1", "source": "/shop", "type": "item.changed",
        "subject": "tea-1", "time": "2026-11-20T08:10:00Z", "datacontenttype": "application/json", "partitionkey": "x",
        "data": {"set": {"price": 4}}});
    let event = one(&Decoder::canonical(), event.to_string());
    assert_eq!((event.id.as_str(), event.kind.as_str()), ("/shop#ce-1", "item.changed"));
    assert_eq!((event.item_id.as_deref(), event.time_ms), (Some("tea-1"), NOW - 1_200_000));
    assert_eq!(set(&event, "price"), Some(AttributeValue::Int(4)));

    let data = "eyJpdGVtX2lkIjoiQiJ9"; // {"item_id":"B"}
    let time = "2026-11-20T08:10:00Z";
    let event = json!({"specversion": "1.0", "id": "2", "type": "view", "time": time, "data_base64": data});
    assert_eq!(one(&Decoder::canonical(), event.to_string()).item_id.as_deref(), Some("B"));
    let forget =
        json!({"specversion": "1.0", "id": "3", "type": "user.forgotten", "subject": "u", "time": time});
    assert_eq!(one(&Decoder::canonical(), forget.to_string()).user_id.as_deref(), Some("u"));
}

#[test]
fn a_binary_cloud_event_has_its_attributes_in_headers() {
    for (dash, body) in [("_", GOOD), ("-", r#"{"set":{"price":4}}"#), ("_", "")] {
        let names = ["specversion", "id", "type", "time", "subject"].map(|name| format!("ce{dash}{name}"));
        let values = ["1.0", "ce-2", "item.changed", "2026-11-20T08:10:00Z", "A"];
        let headers: Vec<(&str, &[u8])> =
            names.iter().map(String::as_str).zip(values.map(str::as_bytes)).collect();
        let record = Record::new("test", body.as_bytes()).with_headers(&headers);
        let (events, decoded) = decode_record(&Decoder::canonical(), &record);
        assert_eq!(decoded.poison, [], "{body}");
        assert_eq!((events[0].id.as_str(), events[0].item_id.as_deref()), ("ce-2", Some("A")));
    }
}

#[test]
fn an_event_of_eventbridge_is_opened() {
    let event = on_the_bus("view", "shop.web", &json!({"item_id": "A", "visitor_id": "v"}));
    let event = one(&Decoder::canonical(), event.to_string());
    assert_eq!((event.id.as_str(), event.kind, event.time_ms), ("bus-1", interaction("view"), NOW - 900_000));
}

#[test]
fn a_notification_of_sns_is_opened_and_its_list_has_ids_of_their_own() {
    let views = json!([{"type": "view", "item_id": "A"}, {"type": "view", "item_id": "B", "id": "own"}]);
    let found = events(&Decoder::canonical(), notified(&views).to_string());
    let ids: Vec<_> = found.iter().map(|event| (event.id.as_str(), event.time_ms)).collect();
    assert_eq!(ids, [("sns-1#0", NOW - 600_000), ("own", NOW - 600_000)]);
}

#[test]
fn a_channel_that_s3_tells_of_is_a_published_snapshot() {
    let record = |key: &str, name: &str| {
        json!({"eventSource": "aws:s3", "eventTime": "2026-11-20T08:00:00.000Z", "eventName": name,
            "s3": {"bucket": {"name": "shop"}, "object": {"key": key, "sequencer": "0A1B"}}})
    };
    let created = "ObjectCreated:Put";
    let records = json!({"Records": [record("eu%2Fchannels%2Fproduction.json", created),
        record("snapshots/1/manifest.json", created), record("channels/production.json", "ObjectRemoved:Delete"),
        record("channels/a+b.json", created)]});
    for body in [records.clone(), notified(&records)] {
        let (events, decoded) = decode(&Decoder::canonical(), body.to_string());
        assert_eq!((decoded.ignored, decoded.poison.len()), (2, 0));
        let found: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.id.as_str())).collect();
        let expected = [
            ("snapshot.published", "eu%2Fchannels%2Fproduction.json@0A1B"),
            ("snapshot.published", "channels/a+b.json@0A1B"),
        ];
        assert_eq!(found, expected);
        assert_eq!(events[0].time_ms, NOW - 1_800_000);
    }
    let test =
        r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-20T08:00:00.000Z","Bucket":"shop"}"#;
    assert_eq!(decode(&decoder(DYNAMODB), test).1.ignored, 1);
}

#[test]
fn s3_may_tell_by_way_of_eventbridge() {
    let detail = |key: &str| json!({"bucket": {"name": "shop"}, "object": {"key": key, "sequencer": "0C"}});
    let created = on_the_bus("Object Created", "aws.s3", &detail("channels/production.json"));
    let event = one(&decoder(DYNAMODB), created.to_string());
    assert_eq!(
        (event.kind, event.id.as_str()),
        (EventKind::SnapshotPublished, "channels/production.json@0C")
    );
    for (kind, key) in
        [("Object Tags Added", "channels/production.json"), ("Object Created", "channels%2Fx.json")]
    {
        let other = on_the_bus(kind, "aws.s3", &detail(key));
        assert_eq!(decode(&Decoder::canonical(), other.to_string()).1.ignored, 1, "{kind} {key}");
    }
}

#[test]
fn an_image_of_dynamodb_is_mapped_in_every_envelope_it_comes_in() {
    let event = on_the_bus("ItemChanged", "shop.items", &changed_row("MODIFY"));
    let nested = notified(&event);
    let in_cloud_event = json!({"specversion": "1.0", "type": "x", "id": "y", "data": nested});
    for body in [&event, &nested, &in_cloud_event] {
        let event = one(&decoder(DYNAMODB), body.to_string());
        assert_eq!((&event.kind, event.item_id.as_deref()), (&EventKind::ItemChanged, Some("tea-1")));
        assert_eq!((event.id.as_str(), event.time_ms), ("dyn-7", NOW - 900_000));
        assert_eq!(set(&event, "in_stock"), Some(AttributeValue::Bool(true)));
        assert_eq!(set(&event, "price"), Some(AttributeValue::Float(9.5)));
        assert_eq!(set(&event, "category"), Some(text("tea")));
    }
    let removed = on_the_bus("ItemChanged", "shop.items", &changed_row("REMOVE"));
    let event = one(&decoder(DYNAMODB), removed.to_string());
    assert_eq!((&event.kind, event.item_id.as_deref()), (&EventKind::ItemDelisted, Some("tea-1")));
    assert_eq!(event.attributes, []);
}

#[test]
fn an_image_of_dynamodb_may_come_alone_or_among_records() {
    let decoder = decoder(
        "[[map]]\ntype = \"item.changed\"\nitem_id = \"/dynamodb/NewImage/pk\"\nset.qty = \"/dynamodb/NewImage/qty\"",
    );
    let mut row = changed_row("INSERT");
    row["dynamodb"]["ApproximateCreationDateTime"] = json!(1_795_161_600);
    for (body, count) in [(row.clone(), 1), (json!({"Records": [row, row]}), 2)] {
        let events = events(&decoder, body.to_string());
        assert_eq!(events.len(), count);
        assert_eq!((events[0].item_id.as_deref(), events[0].time_ms), (Some("ITEM#tea-1"), NOW - 1_800_000));
        assert_eq!(set(&events[0], "qty"), Some(AttributeValue::Int(3)));
    }
}

#[test]
fn a_change_of_debezium_is_mapped_with_and_without_its_schema() {
    let row = json!({"id": 42, "price": "19.90", "active": 1, "tags": null});
    let source = json!({"table": "products", "ts_ms": 1_795_161_600_000_i64});
    let change =
        json!({"op": "u", "before": null, "after": row, "source": source, "ts_ms": 1_795_161_601_000_i64});
    let deleted = json!({"op": "d", "before": {"id": 42}, "after": null, "source": source});
    let decoder = decoder(DEBEZIUM);
    for change in [change.clone(), json!({"schema": {"type": "struct"}, "payload": change})] {
        let event = one(&decoder, change.to_string());
        assert_eq!(
            (&event.kind, event.item_id.as_deref(), event.upsert),
            (&EventKind::ItemChanged, Some("42"), true)
        );
        assert_eq!(event.time_ms, NOW - 1_800_000);
        assert_eq!(set(&event, "price"), Some(AttributeValue::Float(19.9)));
        assert_eq!(set(&event, "in_stock"), Some(AttributeValue::Bool(true)));
        assert_eq!(set(&event, "tags"), Some(AttributeValue::Null));
    }
    for deleted in [deleted.clone(), json!({"schema": null, "payload": deleted})] {
        let event = one(&decoder, deleted.to_string());
        assert_eq!((event.kind, event.item_id.as_deref()), (EventKind::ItemDelisted, Some("42")));
        assert_eq!((event.attributes.len(), event.upsert), (0, false));
    }
    for tombstone in
        ["", " ", r#"{"schema":null,"payload":null}"#, r#"{"op":"t","source":{"table":"products"}}"#]
    {
        assert_eq!(decode(&decoder, tombstone).1.ignored, 1, "{tombstone}");
    }
}
