//! `[[events.sink]]`: what its tables take and refuse, and in which words.

use super::*;
use crate::connect::sink::SinkKind;
use crate::exposure::What;

const LINES: &str = "[[events.sink]]\nname = 'a'\nkind = 'jsonl'\ndir = '/shown'\n";

#[test]
fn the_sinks_of_a_file_are_read_and_may_be_of_one_kind() {
    let file = format!(
        "[spool]\ndir = '/s'\n{LINES}what = ['dead', 'events', 'dead']\n\
         [[events.sink]]\nname = 'b'\nkind = 'jsonl'\ndir = '/b'\n\
         [[events.sink]]\nname = 'lake'\nkind = 'parquet'\nto = 's3://b/p'\n\
         [[events.sink]]\nname = 'out'\nkind = 'stdout'\n"
    );
    let sinks = good(&file).events.sinks;
    let names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "lake", "out"]);
    assert_eq!(sinks[0].what, [What::Events, What::Dead]);
    assert!(sinks[1..].iter().all(|sink| sink.what == [What::Exposures]));
    assert!(matches!(&sinks[1].kind, SinkKind::Jsonl(jsonl) if jsonl.dir == Path::new("/b")));
    assert!(matches!(&sinks[2].kind, SinkKind::Parquet(parquet) if parquet.to == "s3://b/p"));
    assert_eq!(good("").events.sinks, []);
}

#[test]
fn a_sink_that_cannot_be_used_is_refused_with_its_line_and_what_would_fit() {
    let parquet = "[[events.sink]]\nname = 'p'\nkind = 'parquet'\n";
    let cases = [
        ("[events]\nsink = 'x'".to_owned(), "line 2: events.sink is no list of tables"),
        (
            LINES.replace("jsonl", "json"),
            "line 3: events.sink.kind is \"json\": expected \"jsonl\", \"parquet\"",
        ),
        (LINES.replace("dir", "dirs"), "line 4: there is no setting events.sink.dirs; did you mean dir?"),
        (parquet.to_owned(), "line 1: events.sink.to is missing: expected a directory or s3://"),
        (
            format!("{parquet}to = '/lake'"),
            "line 3: events.sink.kind is of sink \"p\": expected spool.dir beside it",
        ),
        (format!("{LINES}what = []"), "line 5: events.sink.what is empty: expected some of what goes out"),
        (format!("{LINES}what = ['exposure']"), "line 5: events.sink.what"),
        (format!("{LINES}{LINES}"), "line 6: events.sink.name is \"a\": expected a name that no other has"),
        (
            format!("{}[exposure]\ndir = '/x'", LINES.replace("'a'", "'jsonl'")),
            "line 2: events.sink.name is \"jsonl\": expected another name",
        ),
    ];
    for (file, expected) in cases {
        let said = bad(&file);
        assert!(said.contains(expected), "{file}:\n{said}\n{expected}");
    }
}

#[test]
fn settings_of_kafka_that_are_gone_say_what_to_write() {
    let said = bad("[exposure]\nkafka_brokers = 'k:9092'");
    assert!(
        said.contains("exposure.kafka_brokers (line 2) is there no more: write [[events.sink]]"),
        "{said}"
    );
}

#[cfg(not(feature = "kafka"))]
#[test]
fn a_kind_of_sink_that_this_build_does_not_have_is_refused_with_what_to_do() {
    let said = bad("[[events.sink]]\nname = 'a'\nkind = 'kafka'\nbrokers = 'k:9092'\ntopic = 't'");
    assert!(said.contains("expected \"jsonl\", \"parquet\""), "{said}");
    assert!(said.ends_with(": this build has no Kafka; build with --features kafka"), "{said}");
}

#[cfg(feature = "kafka")]
#[test]
fn a_topic_that_exposures_go_to_is_told_with_its_cluster_and_needs_a_spool() {
    let text = "[[events.sink]]\nname = 'k'\nkind = 'kafka'\nbrokers = 'k:9092'\ntopic = 'shown'\n";
    let sinks = good(&format!("[spool]\ndir = '/s'\n{text}")).events.sinks;
    assert!(matches!(&sinks[0].kind, SinkKind::Kafka(kafka) if kafka.topic == "shown"));
    let cases = [
        (text.to_owned(), "line 3: events.sink.kind is of sink \"k\": expected spool.dir beside it"),
        (text.replace("topic = 'shown'\n", ""), "line 1: events.sink.topic is missing: expected a topic"),
        (text.replace("k:9092", "k"), "line 4: events.sink.brokers is 'k': expected brokers with"),
        (format!("{text}user = 'u'"), "line 6: events.sink.user is there: expected none, or security"),
        (format!("{text}start = 'latest'"), "line 6: there is no setting events.sink.start"),
    ];
    for (file, expected) in cases {
        let said = bad(&file);
        assert!(said.contains(expected), "{file}:\n{said}\n{expected}");
    }
}

#[cfg(feature = "eventbridge")]
#[test]
fn a_bus_is_told_with_what_its_events_look_like() {
    let text =
        |more: &str| format!("[[events.sink]]\nname = 'b'\nkind = 'eventbridge'\nbus = 'shop'\n{more}\n");
    let spool = "[spool]\ndir = '/s'\n";
    let sinks = good(&format!("{spool}{}", text("sample = 0.1"))).events.sinks;
    let SinkKind::EventBridge(bus) = &sinks[0].kind else { panic!("no bus") };
    let keys = &bus.keys;
    assert_eq!(
        (keys.bus.as_str(), keys.source.as_str(), keys.detail_type.as_str()),
        ("shop", "larder", "Slate Shown")
    );
    assert_eq!(keys.sample, 0.1);
    let cases = [
        ("", "line 3: events.sink.kind is of sink \"b\": expected spool.dir beside it"),
        ("sample = 1.5", "line 5: events.sink.sample is 1.5: expected"),
        ("sample = 'x'", "line 5: events.sink.sample"),
    ];
    for (more, expected) in cases {
        let said = bad(&text(more));
        assert!(said.contains(expected), "{more}:\n{said}\n{expected}");
    }
}
