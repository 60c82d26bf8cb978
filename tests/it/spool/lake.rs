//! Exposures at rest as Parquet.

use larder::artifact::table::{Cell, Table, TableLimits};
use larder::artifact::{ArtifactStore, MemoryStore};
use larder::exposure::What;
use larder::exposure::sink::Lake;
use serde_json::json;

use super::*;
use crate::support::faulty_store::FaultyStore;

/// An exposure of two items, with or without a user.
fn shown(seq: u64, user: Option<&str>) -> serde_json::Value {
    let mut shown = json!({
        "replica": "r1", "boot": "b0", "seq": seq, "recommendation_id": format!("id-{seq}"), "time_ms": NOON,
        "placement": "home", "snapshot": "s", "rules_version": "", "live_epoch": 0, "level": "partial",
        "causes": ["deadline"], "skipped_stages": ["a", "b"], "asked": {"placement": "home"},
        "impressions": [
            {"item_id": "x", "rank": 1, "score": 0.5, "source": "popular"},
            {"item_id": "y", "rank": 2, "score": null, "source": "similar"},
        ],
    });
    if let Some(user) = user {
        shown["user_id"] = json!(user);
    }
    shown
}

fn lake(store: &Arc<FaultyStore<MemoryStore>>) -> Vec<Sink> {
    vec![Sink::segments("lake", Lake::new(Arc::clone(store) as Arc<dyn ArtifactStore>, What::Exposures))]
}

/// A column's cells as text.
fn column(table: &Table, name: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let mut visit = |_: usize, cell: Cell<'_>| {
        cells.push(match cell {
            Cell::Null => "-".to_owned(),
            Cell::Text(text) => text.to_owned(),
            Cell::Int(number) | Cell::Time(number) => number.to_string(),
            Cell::Float(number) => number.to_string(),
            Cell::Texts(texts) => texts.join("+"),
            other => format!("{other:?}"),
        });
        Ok(())
    };
    table.each(name, &mut visit).unwrap();
    cells
}

#[test]
fn a_segment_becomes_one_object_with_the_same_bytes_however_often_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(FaultyStore::new(MemoryStore::new()));
    let (mut writer, deliverers) = open(options(dir.path()), "b0", lake(&store));
    let mut batch = Batch::default();
    for (seq, user) in [(1, None), (2, Some("ada")), (3, None)] {
        batch.push_json(NOON, &shown(seq, user)).unwrap();
    }
    batch.push(Record { time_ms: NOON, bytes: b"no exposure" });
    writer.append(&batch);
    writer.close();
    drop((writer, deliverers));
    let segment = segments(dir.path()).remove(0);
    let kept = std::fs::read(&segment).unwrap();

    let deliver = || {
        let (_writer, mut deliverers) = open(options(dir.path()), "b1", lake(&store));
        drain(&mut deliverers[0]);
        deliverers[0].counts().sent()
    };
    store.set_down(true);
    assert_eq!(deliver(), 0);
    assert!(segment.exists(), "it waits until the store is back");
    store.set_down(false);
    assert_eq!(deliver(), 3);
    let keys = store.take_writes();
    let key = "exposures/dt=2026-06-21/hour=00/r1-b0-00000001.parquet";
    assert_eq!(keys, [key]);
    let object = store.inner.read(key).unwrap();
    // A crash after the upload and before the cursor: the segment is still there, the cursor is the old one.
    std::fs::write(&segment, kept).unwrap();
    std::fs::remove_file(dir.path().join("lake.cursor")).unwrap();
    assert_eq!(deliver(), 3);
    assert_eq!(store.take_writes(), [key]);
    assert_eq!(store.inner.read(key).unwrap(), object, "the same bytes under the same name");

    let table = Table::from_parquet(object.bytes.into(), key, &TableLimits::default()).unwrap();
    assert_eq!(column(&table, "item_id"), ["x", "y", "x", "y", "x", "y"]);
    assert_eq!(column(&table, "seq"), ["1", "1", "2", "2", "3", "3"]);
    assert_eq!(column(&table, "user_id"), ["-", "-", "ada", "ada", "-", "-"]);
    assert_eq!(column(&table, "rank")[..2], ["1", "2"]);
    assert_eq!(column(&table, "score")[..2], ["0.5", "-"]);
    assert_eq!(column(&table, "skipped_stages")[0], "a+b");
    assert_eq!(column(&table, "time")[0], NOON.to_string());
    assert_eq!(column(&table, "asked")[..2], [r#"{"placement":"home"}"#, "-"]);
}

#[test]
fn a_segment_of_events_becomes_the_same_two_objects_however_often_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(FaultyStore::new(MemoryStore::new()));
    let sinks = || {
        let store = Arc::clone(&store) as Arc<dyn ArtifactStore>;
        vec![Sink::segments("lake", Lake::new(store, What::Events))]
    };
    let (mut writer, deliverers) = open(options(dir.path()), "b0", sinks());
    let mut batch = Batch::default();
    for (kind, value) in [("view", None), ("user.forgotten", None), ("purchase", Some(2.5))] {
        let time = "2026-06-20T10:00:00.250Z";
        let event = json!({"id": kind, "type": kind, "time": time, "user_id": "ada", "value": value});
        batch.push_json(NOON, &event).unwrap();
    }
    writer.append(&batch);
    writer.close();
    drop((writer, deliverers));
    let segment = segments(dir.path()).remove(0);
    let kept = std::fs::read(&segment).unwrap();
    let mut stored = Vec::new();
    for _ in 0..2 {
        let (_writer, mut deliverers) = open(options(dir.path()), "b1", sinks());
        drain(&mut deliverers[0]);
        assert_eq!(deliverers[0].counts().sent(), 3);
        let keys = store.take_writes();
        // By the hour in which they arrived; their own time is a column.
        let below = "dt=2026-06-21/hour=00/b0-00000001.parquet";
        assert_eq!(keys, [format!("events/{below}"), format!("forgotten/{below}")]);
        stored.push(keys.iter().map(|key| store.inner.read(key).unwrap().bytes).collect::<Vec<_>>());
        // A crash after the upload and before the cursor.
        std::fs::write(&segment, &kept).unwrap();
        std::fs::remove_file(dir.path().join("lake.cursor")).unwrap();
    }
    assert!(stored[0] == stored[1], "the same bytes under the same names");
    let table = Table::from_parquet(stored[0][0].clone().into(), "events", &TableLimits::default()).unwrap();
    assert_eq!(column(&table, "event_type"), ["view", "purchase"]);
    assert_eq!(column(&table, "value"), ["-", "2.5"]);
    assert_eq!(column(&table, "timestamp")[0], "1781949600250");
}
