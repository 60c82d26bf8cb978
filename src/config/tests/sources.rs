//! `[[events.source]]`: what its tables take and refuse, and in which words.

use super::*;
use crate::connect::source::SourceKind;
#[cfg(any(feature = "kafka", feature = "nats"))]
use crate::connect::source::Start;

const FILES: &str = "[[events.source]]\nname = 'a'\nkind = 'files'\ndir = '/events'\n";

#[test]
fn the_sources_of_a_file_are_read_with_their_mappings() {
    let map = "[[events.source.map]]\ntype = 'item.changed'\nitem_id = '/id'\n\
               set.price = { at = '/price', as = 'number' }";
    let config = good(&format!("[events]\ndir = '/short'\n{FILES}{map}"));
    let sources = config.events.all_sources();
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["files", "a"]);
    assert!(matches!(&sources[1].kind, SourceKind::Files(files) if files.dir == Path::new("/events")));
    assert_eq!(sources[1].mappings[0].set["price"].at, "/price");
    assert_eq!(
        config.server.cache_max_age, config.live.max_http_age,
        "what follows events is not kept for long"
    );
    assert_eq!(good("").events.all_sources(), []);
}

#[test]
fn a_source_that_cannot_be_used_is_refused_with_its_line_and_what_would_fit() {
    let source = "events.source";
    let cases = [
        ("[events]\nsource = 'x'", "line 2: events.source is no list of tables: expected tables"),
        (
            "[[events.source]]\nname = 'a'",
            "line 1: events.source.kind is missing: expected \"files\", \"kafka\", \"kinesis\", \"sqs\" or \"nats\"",
        ),
        ("[[events.source]]\nkind = 'files'\ndir = '/x'", "line 1: events.source.name is missing"),
        (
            "[[events.source]]\nname = 'a'\nkind = 'file'",
            "line 3: events.source.kind is \"file\": expected \
          \"files\", \"kafka\", \"kinesis\", \"sqs\" or \"nats\"; did you mean \"files\"?",
        ),
        ("[[events.source]]\nname = 'a'\nkind = 5", "line 3: events.source.kind is 5: expected"),
        (
            "[[events.source]]\nname = 'a'\nkind = 'files'",
            "line 1: events.source.dir is missing: expected a directory",
        ),
        (
            "[[events.source]]\nname = 'a'\nkind = 'files'\ndirs = '/x'",
            "line 4: there is no setting \
          events.source.dirs; did you mean dir?",
        ),
        (
            "[[events.source]]\nname = 'a b'\nkind = 'files'\ndir = '/x'",
            "line 2: events.source.name is \"a b\": \
          expected 1 to 64 letters",
        ),
        (
            "[[events.source]]\nname = 'a'\nkind = 'files'\ndir = 7",
            "line 4: events.source.dir is 7: expected a path",
        ),
    ];
    for (file, expected) in cases {
        let said = bad(file);
        assert!(said.contains(expected) && said.contains(source), "{file}:\n{said}\n{expected}");
    }
    let twice = bad(&format!("{FILES}{FILES}"));
    assert!(twice.contains("line 6: events.source.name is \"a\": expected a name that no other"), "{twice}");
    let same = bad(&format!("[events]\ndir = '/x'\n{}", FILES.replace("'a'", "'files'")));
    assert!(same.contains("line 4: events.source.name is \"files\": expected another name"), "{same}");
}

#[test]
fn a_mapping_that_cannot_be_used_is_refused_with_its_line() {
    let cases = [
        ("item_id = '/id'", "line 5: events.source.map.type is missing"),
        (
            "type = 'view'\nitemid = '/id'",
            "line 7: there is no setting events.source.map.itemid; did you mean item_id?",
        ),
        (
            "type = 'view'\nitem_id = { at = '/id', as = 'numbr' }",
            "line 7: events.source.map.item_id.as is 'numbr': \
          expected one of",
        ),
        (
            "type = 'view'\nitem_id = 'id'",
            "line 5: events.source.map: map 1: item_id is \"id\": expected a JSON Pointer",
        ),
    ];
    for (map, expected) in cases {
        let said = bad(&format!("{FILES}[[events.source.map]]\n{map}"));
        assert!(said.contains(expected), "{map}:\n{said}\n{expected}");
    }
}

#[cfg(not(any(feature = "kafka", feature = "nats")))]
#[test]
fn a_kind_that_this_build_does_not_have_is_refused_with_what_to_do() {
    let said = bad("[[events.source]]\nname = 'a'\nkind = 'kafka'\nbrokers = 'k:9092'\ntopic = 't'");
    assert!(said.contains("is \"kafka\": expected \"files\""), "{said}");
    assert!(said.ends_with(": this build has no Kafka; build with --features kafka"), "{said}");
    let said = bad("[[events.source]]\nname = 'a'\nkind = 'nats'\nservers = 'n'\nstream = 'S'");
    assert!(
        said.ends_with("expected \"files\": this build has no NATS; build with --features nats"),
        "{said}"
    );
}

#[cfg(feature = "kafka")]
#[test]
fn a_kafka_topic_is_told_with_its_cluster_and_where_to_begin() {
    let text = |more: &str| {
        format!(
            "[[events.source]]\nname = 'shop'\nkind = 'kafka'\nbrokers = 'k1:9092, k2:9092'\ntopic = 'items'\n{more}"
        )
    };
    let kafka = |more: &str| {
        let SourceKind::Kafka(kafka) = good(&text(more)).events.sources[0].kind.clone() else {
            panic!("{more}")
        };
        kafka
    };
    assert_eq!(kafka("").access.brokers, ["k1:9092", "k2:9092"]);
    assert_eq!((kafka("").start, kafka("start = 'latest'").start), (Start::Watermark, Start::Latest));
    assert_eq!(kafka("start = '2026-11-20T08:30:00Z'").start, Start::At(1_795_163_400_000));
    let secret = "security = 'SASL_SSL'\nmechanism = 'PLAIN'\nuser = 'u'\npassword = 'hunter2'";
    let access = kafka(secret).access;
    assert_eq!(access.password.as_ref().unwrap().reveal(), "hunter2");
    assert!(!format!("{access:?}").contains("hunter2"));
    let cases = [
        (
            "start = 'now'",
            "line 6: events.source.start is 'now': expected watermark, earliest, latest, or a time",
        ),
        ("security = 'tls'", "line 6: events.source.security is 'tls': expected plaintext, ssl"),
        ("security = 'sasl_ssl'", "line 4: events.source.user is missing: expected a value"),
        ("user = 'u'", "line 6: events.source.user is there: expected none, or security"),
        ("ca_file = '/ca'", "line 6: events.source.ca_file is there: expected none, or security"),
        (
            "security = 'sasl_ssl'\nuser = 'u'\npassword = 12345",
            "line 8: events.source.password is not usable: expected",
        ),
        ("dir = '/x'", "line 6: there is no setting events.source.dir"),
    ];
    for (more, expected) in cases {
        let said = bad(&text(more));
        assert!(said.contains(expected) && !said.contains("12345"), "{more}:\n{said}\n{expected}");
    }
    let said = bad(&text("").replace("k1:9092, ", "k1, "));
    assert!(said.contains("line 4: events.source.brokers is 'k1, k2:9092': expected brokers with"), "{said}");
}

#[cfg(feature = "kinesis")]
#[test]
fn a_stream_is_told_with_how_often_it_is_looked_at() {
    let text =
        |more: &str| format!("[[events.source]]\nname = 'k'\nkind = 'kinesis'\nstream = 'items'\n{more}");
    let kinesis = |more: &str| {
        let SourceKind::Kinesis(kinesis) = good(&text(more)).events.sources[0].kind.clone() else {
            panic!("no stream")
        };
        kinesis
    };
    let by_default = kinesis("");
    assert_eq!((by_default.stream.as_str(), by_default.poll_interval.as_secs()), ("items", 1));
    assert_eq!((&by_default.access.region, &by_default.access.endpoint), (&None, &None));
    let given = kinesis("region = 'eu-west-1'\nendpoint = 'http://127.0.0.1:4567'\npoll_interval = '2s'");
    assert_eq!(given.access.endpoint.as_deref(), Some("http://127.0.0.1:4567"));
    assert_eq!((given.access.region.as_deref(), given.poll_interval.as_secs()), (Some("eu-west-1"), 2));
    let cases = [
        ("poll_interval = '10ms'", "line 5: events.source.poll_interval is 10ms: expected"),
        (
            "endpoint = '127.0.0.1:4567'",
            "line 5: events.source.endpoint is '127.0.0.1:4567': expected none, or an",
        ),
        ("start = 'now'", "line 5: events.source.start is 'now': expected watermark"),
        ("topic = 'x'", "line 5: there is no setting events.source.topic"),
    ];
    for (more, expected) in cases {
        let said = bad(&text(more));
        assert!(said.contains(expected), "{more}:\n{said}\n{expected}");
    }
}

#[cfg(feature = "nats")]
#[test]
fn a_stream_of_nats_is_told_with_its_servers_and_where_to_begin() {
    let text = |more: &str| {
        format!(
            "[[events.source]]\nname = 'shop'\nkind = 'nats'\nservers = 'n1, tls://n2'\nstream = 'SHOP'\n{more}"
        )
    };
    let nats = |more: &str| {
        let SourceKind::Nats(nats) = good(&text(more)).events.sources[0].kind.clone() else {
            panic!("{more}")
        };
        nats
    };
    let plain = nats("");
    assert_eq!(plain.access.servers, ["nats://n1:4222", "tls://n2:4222"]);
    assert_eq!((plain.start, plain.subjects, plain.stream.as_str()), (Start::Watermark, Vec::new(), "SHOP"));
    assert_eq!(nats("subjects = 'a.>, b.*'\nstart = 'latest'").subjects, ["a.>", "b.*"]);
    let access = nats("user = 'u'\npassword = 'hunter2'\nca_file = '/ca'").access;
    assert_eq!(access.password.as_ref().unwrap().reveal(), "hunter2");
    assert!(!format!("{access:?}").contains("hunter2") && access.is_encrypted());
    let cases = [
        (
            "start = 'now'",
            "line 6: events.source.start is 'now': expected watermark, earliest, latest, or a time",
        ),
        ("subjects = 'a b'", "line 6: events.source.subjects is 'a b': expected subjects such as"),
        ("user = 'u'", "line 4: events.source.password is missing: expected a value beside user"),
        (
            "token = 't'\ncredentials_file = '/c'",
            "line 7: events.source.credentials_file is there: expected none",
        ),
        ("token = 12345", "line 6: events.source.token is not usable: expected"),
        ("topic = 't'", "line 6: there is no setting events.source.topic"),
    ];
    for (more, expected) in cases {
        let said = bad(&text(more));
        assert!(said.contains(expected) && !said.contains("12345"), "{more}:\n{said}\n{expected}");
    }
    let said = bad(&text("").replace("n1, ", "u:p@n1, "));
    assert!(said.contains("line 4: events.source.servers is 'u:p@n1"), "{said}");
}

#[cfg(feature = "sqs")]
#[test]
fn a_queue_is_told_by_its_address() {
    let text = |url: &str| format!("[[events.source]]\nname = 'q'\nkind = 'sqs'\nqueue_url = '{url}'");
    let url = "https://sqs.eu-west-1.amazonaws.com/1/q";
    let SourceKind::Sqs(sqs) = good(&text(url)).events.sources[0].kind.clone() else { panic!("no queue") };
    assert_eq!(sqs.queue_url, url);
    let said = bad(&text("q"));
    assert!(said.contains("line 4: events.source.queue_url is 'q': expected an address"), "{said}");
}
