//! Events as many files, in any format and place, are the events of one file.

use std::fs;
use std::path::Path;

use arrow_array::{Float64Array, StringArray, TimestampMillisecondArray};
use larder::artifact::table::TableWriter;
use larder::artifact::{OpenOptions, Part, PartError, PartOptions, find_parts};
use larder::connect::encode;
use larder::domain::{Event, EventKind};
use larder::train::{
    Attribute, Catalog, EventKind as Kind, EventLog, EventOptions, EventTypes, EventsError, RowFault,
    TrainPlan, train_all,
};
use larder_sample::{SampleSpec, generate};

const HOUR_MS: i64 = 3_600_000;

/// A small shop's events, oldest first, and its catalogue.
fn shop() -> (Catalog, Vec<Event>) {
    let shop =
        generate(&SampleSpec { products: 80, users: 40, sessions: 300, days: 60, ..SampleSpec::default() });
    let catalog = Catalog::from_ids(shop.products.iter().map(|product| product.item_id.as_str()));
    let mut events: Vec<Event> = shop
        .events
        .iter()
        .enumerate()
        .map(|(at, found)| {
            let kind = EventKind::Interaction(found.event_type.as_str().into());
            Event {
                id: format!("e{at}"),
                item_id: Some(shop.products[found.item as usize].item_id.clone()),
                user_id: found.user.map(|user| shop.users[user as usize].user_id.clone()),
                session_id: Some(found.session_id()),
                recommendation_id: at.is_multiple_of(7).then(|| format!("r{at}")),
                value: at.is_multiple_of(3).then_some(at as f64 / 4.0),
                ..Event::new(kind, found.timestamp_ms)
            }
        })
        .collect();
    events.sort_by_key(|event| event.time_ms);
    (catalog, events)
}

fn write_lines(path: &Path, events: &[Event]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let lines = events.iter().flat_map(|event| [encode(event), b"\n".to_vec()].concat());
    fs::write(path, lines.collect::<Vec<u8>>()).unwrap();
}

fn write_parquet(path: &Path, events: &[Event]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let texts = |text: fn(&Event) -> Option<&str>| events.iter().map(text).collect::<StringArray>();
    TableWriter::default()
        .column("event_id", texts(|event| Some(&event.id)))
        .column("user_id", texts(|event| event.user_id.as_deref()))
        .column("session_id", texts(|event| event.session_id.as_deref()))
        .column("item_id", texts(|event| event.item_id.as_deref()))
        .column("event_type", texts(|event| Some(event.kind.as_str())))
        .column(
            "timestamp",
            TimestampMillisecondArray::from_iter_values(events.iter().map(|event| event.time_ms)),
        )
        .column("value", events.iter().map(|event| event.value).collect::<Float64Array>())
        .write(path)
        .unwrap();
}

/// `write` for each hour's events, below `dt=…/hour=…`.
fn in_hours(dir: &Path, ending: &str, events: &[Event], write: impl Fn(&Path, &[Event])) {
    for hour in events.chunk_by(|one, next| one.time_ms / HOUR_MS == next.time_ms / HOUR_MS) {
        let time = chrono::DateTime::from_timestamp_millis(hour[0].time_ms).unwrap();
        write(&dir.join(time.format("dt=%Y-%m-%d/hour=%H/part-0").to_string() + ending), hour);
    }
}

fn find(values: &[String]) -> Result<Vec<Part>, PartError> {
    let cache = tempfile::tempdir().unwrap();
    let options = PartOptions { store: &OpenOptions::default(), cache_dir: cache.path() };
    find_parts(values, options, &mut |_, _| {})
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn read(values: &[String], options: &EventOptions, catalog: &Catalog) -> Result<EventLog, EventsError> {
    EventLog::read_parts(&find(values).unwrap(), options, catalog, &mut |_, _| {})
}

/// The names and bytes of all that is trained on these files.
fn trained(values: &[String], catalog: &Catalog) -> Vec<(String, Vec<u8>)> {
    let log = read(values, &EventOptions::default(), catalog).unwrap();
    let mut plan = TrainPlan::default();
    plan.als.rounds = 2;
    let out = tempfile::tempdir().unwrap();
    let built = train_all(&log, catalog, &plan, out.path(), &|_| true, &mut |_, _| {}).unwrap();
    built.into_iter().map(|found| (found.name, fs::read(out.path().join(found.file)).unwrap())).collect()
}

#[test]
fn lines_and_parquet_and_hours_of_them_train_the_same_artifacts() {
    let dir = tempfile::tempdir().unwrap();
    let (catalog, events) = shop();
    let path = |name: &str| dir.path().join(name);
    write_parquet(&path("one.parquet"), &events);
    write_lines(&path("one.jsonl"), &events);
    in_hours(&path("hours"), ".parquet", &events, write_parquet);
    in_hours(&path("lines"), ".jsonl", &events, write_lines);
    // Every other hour in the other format, with what writers leave behind, and everything a second time.
    in_hours(&path("mixed"), ".parquet", &events, |path, events| {
        let is_even = (events[0].time_ms / HOUR_MS) % 2 == 0;
        if is_even { write_parquet(path, events) } else { write_lines(&path.with_extension("jsonl"), events) }
    });
    for name in ["_SUCCESS", ".part-0.parquet.crc", "_delta_log/0.json"] {
        fs::create_dir_all(path("mixed").join(name).parent().unwrap()).unwrap();
        fs::write(path("mixed").join(name), "x").unwrap();
    }
    let expected = trained(&[text(&path("one.parquet"))], &catalog);
    assert_eq!(expected.len(), 11, "{:?}", expected.iter().map(|(name, _)| name).collect::<Vec<_>>());
    for values in [
        vec![text(&path("one.jsonl"))],
        vec![text(&path("hours"))],
        vec![text(&path("lines"))],
        vec![format!("{}/**/*.jsonl", text(&path("lines")))],
        vec![format!("file://{}", text(&path("mixed")))],
        vec![
            text(&path("mixed")),
            text(&path("one.jsonl")),
            format!("{}/dt=*/*/part-?.*", text(&path("hours"))),
        ],
    ] {
        assert!(trained(&values, &catalog) == expected, "{values:?}");
    }
}

#[test]
fn what_nobody_did_is_not_learned_from_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::from_ids(["cup", "pot"]);
    let time = "\"time\":\"2026-11-20T08:30:00Z\",\"session_id\":\"s\"";
    let lines = [
        format!("{{\"type\":\"impression\",\"item_id\":\"cup\",{time}}}"),
        format!("{{\"type\":\"item.changed\",\"item_id\":\"cup\",{time},\"set\":{{\"price\":3}}}}"),
        format!("{{\"type\":\"user.forgotten\",\"user_id\":\"u\",{time}}}"),
        format!("{{\"type\":\"order_placed\",\"item_id\":\"cup\",{time},\"id\":\"1\"}}"),
        format!("{{\"type\":\"order_placed\",\"item_id\":\"cup\",{time},\"id\":\"1\"}}"),
        format!("{{\"type\":\"hover\",\"item_id\":\"pot\",{time}}}"),
        format!("{{\"type\":\"view\",\"item_id\":\"pot\",\"user_id\":\"u\",\"consent\":\"DENIED\",{time}}}"),
        "{\"type\":\"view\",\"item_id\":\"pot\",\"session_id\":\"s\",\"time\":1795163400.5}".to_owned(),
        "{\"type\":\"vie".to_owned(),
    ];
    let path = dir.path().join("events.jsonl");
    fs::write(&path, lines.join("\n")).unwrap();
    let types = EventTypes::read(&["purchase=order_placed".to_owned(), "ignore=scroll".to_owned()]).unwrap();
    let options = EventOptions { types, ..EventOptions::default() };
    let log = read(&[text(&path)], &options, &catalog).unwrap();
    let found: Vec<(Kind, u32)> = log.events.iter().map(|event| (event.kind, event.item)).collect();
    assert_eq!(found, [(Kind::Purchase, 0), (Kind::View, 1), (Kind::View, 1)]);
    assert_eq!(log.events[2].time_ms, 1_795_163_400_500);
    assert_eq!(log.unknown_types.counts().collect::<Vec<_>>(), [("hover", 1)]);
    let faults: Vec<(RowFault, usize)> =
        log.bad.faults().map(|(fault, found)| (fault, found.count)).collect();
    let expected =
        [(RowFault::Repeated, 1), (RowFault::Impression, 1), (RowFault::OtherType, 2), (RowFault::Denied, 1)];
    assert_eq!(faults, expected);
    for wrong in ["purchase", "buy=order", "purchase="] {
        let error = EventTypes::read(&[wrong.to_owned()]).unwrap_err().to_string();
        assert!(error.contains(wrong) && error.contains("KIND=TYPE"), "{error}");
    }
}

#[test]
fn a_part_that_does_not_fit_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::from_ids(["cup", "pot"]);
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let refused = |value: &str, options: &EventOptions| {
        read(&[text(&dir.path().join(value))], options, &catalog).unwrap_err().to_string()
    };
    let none = EventOptions::default();
    let head = "user_id,session_id,item_id,event_type,timestamp";
    write("a/1.csv", &format!("{head},price\nu,s,cup,view,2026-01-01,3\n"));
    write("a/2.csv", &format!("{head},price\nu,s,cup,view,2026-01-01,\n"));
    write("a/3.csv", &format!("{head},price\nu,s,pot,view,2026-01-01,2.5\n"));
    let log = read(&[text(&dir.path().join("a"))], &none, &catalog).unwrap();
    let Attribute::Float(prices) = &log.extra[0].1 else { panic!("{:?}", log.extra) };
    assert_eq!(prices, &[Some(3.0), None, Some(2.5)]);
    write("a/4.csv", &format!("{head},price\nu,s,cup,view,2026-01-01,cheap\n"));
    let error = refused("a", &none);
    assert!(
        error.contains("4.csv") && error.contains("\"price\" is text") && error.contains("a float"),
        "{error}"
    );
    write("a/4.csv", &format!("{head}\nu,s,cup,view,2026-01-01\n"));
    let error = refused("a", &none);
    assert!(error.contains("4.csv: lacks the column \"price\"") && error.contains("1.csv"), "{error}");
    write("a/4.csv", "user_id,session_id\nu,s\n");
    let error = refused("a", &none);
    assert!(error.contains("4.csv") && error.contains("\"item_id\" is missing"), "{error}");

    write(
        "b/exposures-20261120T08.jsonl",
        "{\"placement\":\"home\",\"recommendation_id\":\"r\",\"impressions\":[]}\n",
    );
    assert!(refused("b", &none).contains("--exposures"), "{}", refused("b", &none));

    let asked = EventOptions { partition_columns: vec!["country".to_owned()], ..EventOptions::default() };
    let line =
        "{\"type\":\"view\",\"item_id\":\"cup\",\"session_id\":\"s\",\"time\":\"2026-01-01T00:00:00Z\"}\n";
    write("c/country=DE/x.jsonl", line);
    let log = read(&[text(&dir.path().join("c"))], &asked, &catalog).unwrap();
    assert_eq!(log.country(&log.events[0]), Some("DE"));
    let log = read(&[text(&dir.path().join("c"))], &none, &catalog).unwrap();
    assert!(log.extra.is_empty());
    write("c/x.jsonl", line);
    assert!(refused("c", &asked).contains("no partition \"country\""), "{}", refused("c", &asked));

    write("d/notes.txt", "x");
    let none_there = |value: &str| find(&[text(&dir.path().join(value))]).unwrap_err().to_string();
    assert!(none_there("d").contains("notes.txt"));
    assert!(none_there("d/*.csv").contains("there are no files"));
    assert!(none_there("nothing").contains("nothing"));
    assert!(find(&["gs://x/y".to_owned()]).unwrap_err().to_string().contains("s3://bucket/prefix"));
}

#[cfg(feature = "s3")]
#[test]
fn objects_below_a_prefix_are_fetched_once_and_read_like_files() {
    use crate::support::s3_server::S3Server;
    let Some(server) = S3Server::start("objects_below_a_prefix_are_fetched_once_and_read_like_files") else {
        return;
    };
    let store = server.store("lake");
    let (catalog, events) = shop();
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    in_hours(dir.path(), ".jsonl", &events[..200], write_lines);
    let local = find(&[text(dir.path())]).unwrap();
    for part in &local {
        let key = part.path.strip_prefix(dir.path()).unwrap().display().to_string();
        store.write_file(&format!("events/{key}"), &part.path).unwrap();
    }
    store.write("events/_SUCCESS", b"", larder::artifact::Condition::Always).unwrap();
    store.write("events-old/x.jsonl", b"{}", larder::artifact::Condition::Always).unwrap();
    let options = PartOptions { store: &server.options(), cache_dir: cache.path() };
    let read = |value: &str| {
        let parts = find_parts(&[value.to_owned()], options, &mut |_, _| {}).unwrap();
        EventLog::read_parts(&parts, &EventOptions::default(), &catalog, &mut |_, _| {}).unwrap().events
    };
    let expected =
        EventLog::read_parts(&local, &EventOptions::default(), &catalog, &mut |_, _| {}).unwrap().events;
    assert_eq!(read("s3://lake/some/prefix/events"), expected);
    assert_eq!(read("s3://lake/some/prefix/events/dt=*/hour=??/*.jsonl"), expected);
    let fetched = fs::read_dir(cache.path().join("parts")).unwrap().count();
    assert_eq!(fetched, local.len(), "the second time nothing was fetched anew");
    let first = store.list_objects("events").unwrap().remove(1).key;
    assert!(read(&format!("s3://lake/some/prefix/{first}")).len() < 200);
}
