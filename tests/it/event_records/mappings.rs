//! Mappings: which records they are for, what they read, and which are refused when they are loaded.

use larder::connect::decode::{Decoder, MappingError, PatternError, Reason};
use larder::domain::{AttributeValue, EventKind};

use super::{GOOD, NOW, decode, decoder, fault, interaction, mappings, one, set, text};

fn matches(pattern: &str, document: &str) -> bool {
    let toml = format!(
        "[[map]]\nmatch = '{pattern}'\ntype = \"snapshot.published\"\ntime = {{ at = \"/t\", optional = true }}"
    );
    let decoder = decoder(&toml).with_missing_time(larder::connect::decode::MissingTime::Arrival);
    let (events, decoded) = decode(&decoder, document);
    assert_eq!(events.len() + decoded.unmatched, 1, "{document}");
    events.len() == 1
}

#[test]
fn patterns_are_those_of_eventbridge() {
    for (pattern, yes, no) in [
        (r#"{"a":["x","y"]}"#, r#"{"a":"y","b":1}"#, r#"{"a":"z"}"#),
        (r#"{"a":[1,true,null]}"#, r#"{"a":1.0}"#, r#"{"a":"1"}"#),
        (r#"{"a":[null]}"#, r#"{"a":null}"#, r#"{"b":null}"#),
        (r#"{"a.b":{"c":["x"]}}"#, r#"{"a.b":{"c":"x"}}"#, r#"{"a":{"b":{"c":"x"}}}"#),
        (r#"{"a":[{"prefix":"IT"}]}"#, r#"{"a":"ITEM"}"#, r#"{"a":"EXIT"}"#),
        (r#"{"a":[{"suffix":".json"}]}"#, r#"{"a":"x.json"}"#, r#"{"a":"x.jsonl"}"#),
        (r#"{"a":[{"equals-ignore-case":"Tea"}]}"#, r#"{"a":"TEA"}"#, r#"{"a":"TEAS"}"#),
        (r#"{"a":[{"wildcard":"a*b*c"}]}"#, r#"{"a":"axxbyc"}"#, r#"{"a":"acb"}"#),
        (r#"{"a":[{"wildcard":"ab*ba"}]}"#, r#"{"a":"abba"}"#, r#"{"a":"aba"}"#),
        (r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, r#"{"a":5}"#, r#"{"a":0}"#),
        (r#"{"a":[{"numeric":["=",3]}]}"#, r#"{"a":3.0}"#, r#"{"a":"3"}"#),
        (r#"{"a":[{"exists":true}]}"#, r#"{"a":null}"#, r#"{"b":1}"#),
        (r#"{"a":{"b":[{"exists":false}]}}"#, r#"{"c":1}"#, r#"{"a":{"b":1}}"#),
        (r#"{"a":[{"anything-but":["x",1]}]}"#, r#"{"a":"y"}"#, r#"{"a":1}"#),
        (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":"y"}"#, r#"{"b":"y"}"#),
        (r#"{"a":["x"]}"#, r#"{"a":["z","x"]}"#, r#"{"a":[]}"#),
        (r#"{"a":{"b":[1]}}"#, r#"{"a":[{"b":2},{"b":1}]}"#, r#"{"a":[{"b":2}]}"#),
        (r#"{"a":["x"],"b":["y"]}"#, r#"{"a":"x","b":"y"}"#, r#"{"a":"x"}"#),
    ] {
        assert!(matches(pattern, yes), "{pattern} {yes}");
        assert!(!matches(pattern, no), "{pattern} {no}");
    }
}

#[test]
fn what_a_pattern_cannot_say_is_refused_with_its_place() {
    let refused = |pattern: &str| {
        let toml = format!("[[map]]\nmatch = '{pattern}'\ntype = \"snapshot.published\"");
        match Decoder::new(&mappings(&toml)).unwrap_err() {
            MappingError::Pattern { map: 1, source } => source,
            other => panic!("{other}"),
        }
    };
    for (pattern, place) in [
        (r#"{"a":{"$or":[{"b":["x"]}]}}"#, "/a/$or"),
        (r#"{"a":[{"anything-but":{"prefix":"x"}}]}"#, "/a/0/anything-but"),
        (r#"{"a":["y",{"cidr":"10.0.0.0/8"}]}"#, "/a/1/cidr"),
        (r#"{"a":[{"prefix":{"equals-ignore-case":"x"}}]}"#, "/a/0/prefix"),
    ] {
        let error = refused(pattern);
        assert!(matches!(&error, PatternError::Unsupported { at, .. } if at == place), "{pattern}: {error}");
    }
    for (pattern, place) in [
        (r#"{"a":"x"}"#, "/a"),
        (r#"{"a":[]}"#, "/a"),
        (r#"{}"#, ""),
        (r#"["a"]"#, ""),
        (r#"{"a":{}}"#, "/a"),
        (r#"{"a":[{"numeric":[">"]}]}"#, "/a/0/numeric"),
        (r#"{"a":[{"exists":1}]}"#, "/a/0/exists"),
        (r#"{"a":[{"prefix":"x","suffix":"y"}]}"#, "/a/0"),
    ] {
        let error = refused(pattern);
        assert!(matches!(&error, PatternError::Shape { at, .. } if at == place), "{pattern}: {error}");
    }
    assert!(matches!(refused("{"), PatternError::Json(_)));
}

#[test]
fn values_are_converted() {
    let convert = |field: &str, value: &str| {
        let toml =
            format!("[[map]]\ntype = \"item.changed\"\nitem_id = \"/id\"\ntime = \"/t\"\nset.x = {field}");
        let (mut events, decoded) =
            decode(&decoder(&toml), format!(r#"{{"id":"A","t":1795161600,"x":{value}}}"#));
        match events.pop() {
            Some(event) => Ok(set(&event, "x").unwrap()),
            None => Err((decoded.poison[0].reason, decoded.poison[0].message.clone())),
        }
    };
    let ok = |field: &str, value: &str, expected: AttributeValue| {
        assert_eq!(convert(field, value), Ok(expected), "{field} {value}");
    };
    ok(r#""/x""#, "\"t\"", text("t"));
    ok(r#"{ at = "/x", as = "number" }"#, "\"3\"", AttributeValue::Int(3));
    ok(r#"{ at = "/x", as = "number" }"#, "\"2.5\"", AttributeValue::Float(2.5));
    ok(r#"{ at = "/x", as = "number" }"#, "null", AttributeValue::Null);
    ok(r#"{ at = "/x", as = "bool" }"#, "0", AttributeValue::Bool(false));
    ok(r#"{ at = "/x", as = "bool" }"#, "\"TRUE\"", AttributeValue::Bool(true));
    ok(r#"{ at = "/x", as = "text" }"#, "17", text("17"));
    ok(
        r#"{ at = "/x", as = "list" }"#,
        "[\"a\", 1, true]",
        AttributeValue::List(vec!["a".into(), "1".into(), "true".into()]),
    );
    ok(r#"{ at = "/x", as = "time_ms" }"#, "1795161600000", text("2026-11-20T08:00:00.000Z"));
    ok(r#"{ at = "/x", strip_prefix = "CAT#" }"#, "\"CAT#tea\"", text("tea"));
    ok(r#"{ at = "/x", gt = 0 }"#, "\"0\"", AttributeValue::Bool(false));
    ok(r#"{ at = "/x", gt = 0.5 }"#, "1", AttributeValue::Bool(true));
    ok(r#"{ at = "/x", eq = "ACTIVE" }"#, "\"ACTIVE\"", AttributeValue::Bool(true));
    ok(r#"{ at = "/x", eq = 3 }"#, "\"3\"", AttributeValue::Bool(true));
    ok(r#"{ at = "/x", eq = true }"#, "\"true\"", AttributeValue::Bool(false));
    ok(r#"{ at = "/x", map = { on = true, off = false } }"#, "\"off\"", AttributeValue::Bool(false));
    ok(r#"{ at = "/x", map = { 1 = "one" } }"#, "1", text("one"));
    for (field, value, reason, said) in [
        (
            r#"{ at = "/x", as = "number" }"#,
            "\"many\"",
            Reason::BadValue,
            "set.x is \"many\": expected a number",
        ),
        (r#"{ at = "/x", as = "number" }"#, "\"1e999\"", Reason::BadValue, "expected a number"),
        (r#"{ at = "/x", as = "bool" }"#, "2", Reason::BadValue, "is 2: expected true or false"),
        (r#"{ at = "/x", as = "list" }"#, "\"a\"", Reason::BadValue, "expected a list"),
        (r#"{ at = "/x", as = "time_ms" }"#, "\"soon\"", Reason::BadTime, "RFC 3339"),
        (r#"{ at = "/x", strip_prefix = "CAT#" }"#, "\"DOG#\"", Reason::BadValue, "begins with \"CAT#\""),
        (r#"{ at = "/x", map = { on = true } }"#, "\"out\"", Reason::BadValue, "one of those in map: \"on\""),
        (r#""/x""#, "{}", Reason::NestedValue, "is an object"),
        (r#""/y""#, "1", Reason::MissingField, "optional = true"),
    ] {
        let (found, message) = convert(field, value).unwrap_err();
        assert_eq!(found, reason, "{field} {value}");
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn the_first_mapping_that_matches_counts_and_the_rest_is_unmatched_or_canonical() {
    let decoder = decoder(
        r#"
[[map]]
match = '{"kind":["click"]}'
type = { at = "/action", map = { buy = "purchase", look = "view" } }
item_id = "/sku"
user_id = { at = "/user", optional = true }
visitor_id = { at = "/cookie", optional = true }
value = { at = "/price", optional = true }
time = { at = "/at", as = "time_ms" }
[[map]]
match = '{"kind":[{"prefix":"c"}]}'
type = "item.delisted"
item_id = "/sku"
time = "/at"
"#,
    );
    let event = one(
        &decoder,
        r#"{"kind":"click","action":"buy","sku":7,"cookie":"v","user":null,"price":"3.5","at":1795161600000}"#,
    );
    assert_eq!((event.kind, event.item_id.as_deref()), (interaction("purchase"), Some("7")));
    assert_eq!((event.user_id, event.visitor_id.as_deref(), event.value), (None, Some("v"), Some(3.5)));
    let event = one(&decoder, r#"{"kind":"closed","sku":"A","at":"2026-11-20T08:00:00Z"}"#);
    assert_eq!((event.kind, event.time_ms), (EventKind::ItemDelisted, NOW - 1_800_000));
    assert_eq!(one(&decoder, GOOD).kind, EventKind::ItemChanged);
    for other in [r#"{"kind":"x","type":"view"}"#, "3", "[]", r#"{"type":"OrderPlaced","item_id":1}"#] {
        let (events, decoded) = decode(&decoder, other);
        assert_eq!((events.len(), decoded.poison.len()), (0, 0), "{other}");
        assert_eq!(decoded.unmatched, usize::from(other != "[]"), "{other}");
    }
    let (reason, field, _) = fault(&decoder, r#"{"type":"item.chnged","item_id":"A"}"#);
    assert_eq!((reason, field.as_str()), (Reason::UnknownType, "/type"));
    let (reason, field, message) =
        fault(&decoder, r#"{"kind":"click","action":"buy","sku":7,"user":["secret"],"at":1795161600000}"#);
    assert_eq!((reason, field.as_str()), (Reason::BadValue, "/user"));
    assert!(message.starts_with("user_id is a list") && !message.contains("secret"), "{message}");
}

#[test]
fn a_mapping_that_could_never_work_is_refused_when_it_is_loaded() {
    for (toml, said) in [
        (r#"type = "item.changed""#, "map 1: item_id is not there"),
        ("type = \"item.chnged\"\nitem_id = \"/a\"", "did you mean \"item.changed\"?"),
        ("type = \"view\"\nitem_id = \"sku\"", "item_id is \"sku\": expected a JSON Pointer"),
        ("type = \"view\"\nitem_id = \"/a\"\nset.x = \"/x\"", "set belongs to events about items"),
        ("type = \"user.forgotten\"", "user_id is not there"),
        ("type = \"item.listed\"\nitem_id = \"/a\"\nvalue = \"/v\"", "value belongs to interactions"),
        (
            "type = \"item.listed\"\nitem_id = \"/a\"\nset.x = { at = \"/x\", gt = 1, eq = 2 }",
            "set.x has gt and eq",
        ),
        (
            "type = \"item.listed\"\nitem_id = \"/a\"\nset.x = { at = \"/x\", as = \"text\", gt = 1 }",
            "compares numbers",
        ),
        ("type = \"item.listed\"\nitem_id = \"/a\"\nset.x = { at = \"/x\", map = {} }", "map that is empty"),
        ("type = \"item.listed\"\nitem_id = \"/a\"\nset.x = \"/x\"\nunset = [\"x\"]", "which is in set too"),
    ] {
        let error = Decoder::new(&mappings(&format!("[[map]]\n{toml}"))).unwrap_err().to_string();
        assert!(error.contains(said), "{toml}: {error}");
    }
    for (toml, said) in [
        ("type = \"view\"\nitemid = \"/a\"", "unknown field `itemid`"),
        ("type = \"view\"\nitem_id = { at = \"/a\", az = \"text\" }", "unknown field `az`"),
        ("type = \"view\"\nitem_id = { at = \"/a\", as = \"int\" }", "unknown variant `int`"),
        ("type = \"view\"\nitem_id = 3", "a JSON Pointer, or a table"),
        ("item_id = \"/a\"", "missing field `type`"),
    ] {
        let error = toml::from_str::<larder::connect::decode::Mapping>(toml).unwrap_err().to_string();
        assert!(error.contains(said), "{toml}: {error}");
    }
}
