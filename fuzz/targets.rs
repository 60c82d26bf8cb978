//! What is fuzzed: every parser that reads what a client sends or a publisher writes, as a function over bytes.
//!
//! A target may refuse its input in any way but a panic, an abort, or the use of memory or time without a bound. What
//! it accepts must hold together: it is used, and written and read again where there is a way to. cargo-fuzz runs each
//! through a file in `fuzz_targets/`; `tests/it/fuzz.rs` runs all of them from seeds. A new one is a function and its
//! line in [`TARGETS`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use larder::artifact::table::{Table, TableLimits};
use larder::connect::Record;
use larder::connect::decode::{As, Decoder, Field, Mapping, TypeField, limits};
use larder::domain::Deadline;
use larder::feature::{self, ColumnBuilder, ColumnKind, Predicate, Value};
use larder::model::{Format, Matrix, RankScratch, Ranker};
use larder::pipeline::Stages;
use larder::recommender::View;
use larder::server::fuzzing;
use larder::snapshot::{Channel, LoadOptions, Manifest, Snapshot, open_directory};

/// The snapshot that recipes are compiled against: the smallest that is in git.
const SNAPSHOT: &str = "tests/compat/v1";

/// A name, which is that of its file in `fuzz_targets/`, and what reads the bytes.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All targets.
pub(crate) const TARGETS: [Target; 13] = [
    ("predicate", predicate),
    ("json_request", fuzzing::json_request),
    ("caller_class", fuzzing::caller_class),
    ("page_token", fuzzing::page_token),
    ("credential", fuzzing::credential),
    ("manifest", manifest),
    ("channel", channel),
    ("parquet", parquet),
    ("lightgbm", lightgbm),
    ("xgboost_json", xgboost_json),
    ("xgboost_ubjson", xgboost_ubjson),
    ("placements", placements),
    ("event_record", event_record),
];

/// Runs the target of this name.
///
/// # Panics
/// There is none, or what the target found.
#[allow(dead_code, reason = "called by the files in fuzz_targets/")]
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(bytes);
}

/// A filter expression of a request, over a catalogue with a column of every kind: by operations on sets it finds what
/// it finds row by row.
pub(crate) fn predicate(bytes: &[u8]) {
    static CATALOGUE: LazyLock<feature::Table> = LazyLock::new(catalogue);
    let text = String::from_utf8_lossy(bytes);
    if let Ok(predicate) = Predicate::compile(&text, &CATALOGUE, &BTreeMap::new()) {
        assert_eq!(predicate.select(Deadline::NEVER), Ok(predicate.bitmap(CATALOGUE.rows())), "{text}");
    }
}

/// A snapshot's `manifest.json`.
pub(crate) fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes, "manifest.json") {
        let again =
            Manifest::parse(&manifest.to_json(), "manifest.json").expect("what was read can be written");
        assert_eq!(again.to_json(), manifest.to_json());
    }
}

/// A `channels/NAME.json`.
pub(crate) fn channel(bytes: &[u8]) {
    if let Ok(channel) = Channel::parse(bytes, "channel.json") {
        let again = Channel::parse(&channel.to_json(), "channel.json").expect("what was read can be written");
        assert_eq!(again, channel);
    }
}

/// A Parquet file: its footer and the pages of every column.
pub(crate) fn parquet(bytes: &[u8]) {
    let limits = TableLimits { rows: 100_000, bytes: 16 << 20, at_a_time: 16 << 20 };
    // Readers of foreign formats may give up on a file by a panic, which the loader catches and turns into a refusal.
    let _ = std::panic::catch_unwind(|| {
        let Ok(table) = Table::from_parquet(Bytes::copy_from_slice(bytes), "fuzzed", &limits) else { return };
        for (column, _) in table.columns() {
            let _ = table.each(column, &mut |_, _| Ok(()));
        }
    });
}

/// A LightGBM model in its text format.
pub(crate) fn lightgbm(bytes: &[u8]) {
    ranker(Format::LightGbm, bytes);
}

/// An XGBoost model in JSON.
pub(crate) fn xgboost_json(bytes: &[u8]) {
    ranker(Format::XgboostJson, bytes);
}

/// An XGBoost model in UBJSON.
pub(crate) fn xgboost_ubjson(bytes: &[u8]) {
    ranker(Format::XgboostUbj, bytes);
}

/// A `placements.toml`, compiled against a snapshot.
pub(crate) fn placements(bytes: &[u8]) {
    static LOADED: LazyLock<Arc<Snapshot>> = LazyLock::new(|| {
        // From the repository's root, or from `fuzz/`.
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = here.ancestors().map(|folder| folder.join(SNAPSHOT)).find(|path| path.is_dir());
        let path = path.expect("the repository has its smallest snapshot");
        Arc::new(open_directory(&path, "production", &LoadOptions::default()).expect("it loads"))
    });
    let text = String::from_utf8_lossy(bytes);
    if let Ok(view) = View::compile(Arc::clone(&LOADED), &text, &Stages::default()) {
        assert!(!view.placements.is_empty());
    }
}

/// A record of events: in Larder's own words, and for a mapping.
pub(crate) fn event_record(bytes: &[u8]) {
    static DECODERS: LazyLock<[Decoder; 2]> =
        LazyLock::new(|| [Decoder::canonical(), Decoder::new(&[mapping()]).expect("the mapping is right")]);
    /// 2026-11-20T08:30:00Z.
    const NOW: i64 = 1_795_163_400_000;
    for decoder in DECODERS.iter() {
        let mut events = Vec::new();
        let decoded = decoder.decode(&Record::new("fuzzed", bytes), NOW, &mut events);
        assert_eq!(decoded.events, events.len());
        assert!(events.len() + decoded.poison.len() <= 2 * limits::EVENTS);
        for event in &events {
            assert!(event.time_ms <= NOW + limits::FUTURE_MS && event.attributes.len() <= limits::ATTRIBUTES);
            assert!(event.item_id.as_ref().is_none_or(|id| (1..=limits::ID_BYTES).contains(&id.len())));
        }
    }
}

fn mapping() -> Mapping {
    let field = |at: &str| Field { at: at.to_owned(), ..Field::default() };
    let number = Field { kind: Some(As::Number), gt: Some(0.0), ..field("/dynamodb/NewImage/qty") };
    Mapping {
        pattern: Some(r#"{"eventName":[{"exists":true}]}"#.to_owned()),
        kind: TypeField::Name("item.changed".to_owned()),
        id: None,
        time: None,
        item_id: Some(field("/dynamodb/NewImage/pk")),
        user_id: None,
        visitor_id: None,
        session_id: None,
        recommendation_id: None,
        value: None,
        quantity: None,
        consent: None,
        set: BTreeMap::from([("in_stock".to_owned(), number), ("tags".to_owned(), field("/tags"))]),
        unset: Vec::new(),
        upsert: true,
    }
}

fn catalogue() -> feature::Table {
    let mut table = feature::Table::new(3);
    let mut add = |name: &str, kind, values: [Value<'_>; 3]| {
        let mut column = ColumnBuilder::new(kind);
        for value in values {
            column.push(value);
        }
        assert!(table.add(name, column.finish()), "{name}");
    };
    add("in_stock", ColumnKind::Bool, [Value::Bool(true), Value::Bool(false), Value::Null]);
    add("year", ColumnKind::Int, [Value::Int(2024), Value::Int(-1), Value::Null]);
    add("price", ColumnKind::Float, [Value::Float(9.5), Value::Float(f64::MAX), Value::Null]);
    add("category", ColumnKind::Text, [Value::Text("tea"), Value::Text(""), Value::Null]);
    add("launched", ColumnKind::Time, [Value::Time(0), Value::Time(i64::MIN), Value::Null]);
    add("tags", ColumnKind::List, [Value::List(vec!["a", "b"]), Value::List(Vec::new()), Value::Null]);
    table
}

fn ranker(format: Format, bytes: &[u8]) {
    let Ok(ranker) = Ranker::read(format, bytes) else { return };
    let mut rows = Matrix::default();
    rows.reset(3, ranker.inputs().len());
    for input in 0..ranker.inputs().len() {
        rows.column_mut(input).copy_from_slice(&[0.0, -1.5e30, f32::NAN]);
    }
    ranker.score(&rows, &mut RankScratch::default(), &mut [0.0; 3]);
}
