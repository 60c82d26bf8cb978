//! What is fuzzed: every parser that reads what a client sends or a publisher writes, as a function over bytes.
//!
//! A target may refuse its input in any way but a panic, an abort, or the use of memory or time without a bound. What it
//! accepts must hold together: it is used, and written and read again where there is a way to. cargo-fuzz runs each through a
//! file in `fuzz_targets/`; `tests/it/fuzz.rs` runs all of them from seeds. A new one is a function and its line in [`TARGETS`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use larder::artifact::table::{Table, TableLimits};
use larder::feature::{self, Column, ColumnBuilder, ColumnKind, Predicate};
use larder::model::{Format, Matrix, RankScratch, Ranker};
use larder::pipeline::Stages;
use larder::recommender::View;
use larder::server::fuzzing;
use larder::snapshot::{Channel, LoadOptions, Manifest, Snapshot, open_directory};

/// A name, which is that of its file in `fuzz_targets/`, and what reads the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("predicate", predicate),
    ("json_request", fuzzing::json_request),
    ("caller_class", fuzzing::caller_class),
    ("page_token", fuzzing::page_token),
    ("manifest", manifest),
    ("channel", channel),
    ("parquet", parquet),
    ("lightgbm", lightgbm),
    ("xgboost_json", xgboost_json),
    ("xgboost_ubjson", xgboost_ubjson),
    ("placements", placements),
];

/// A filter expression of a request, over a catalogue with a column of every kind.
pub fn predicate(bytes: &[u8]) {
    static CATALOGUE: LazyLock<feature::Table> = LazyLock::new(catalogue);
    let text = String::from_utf8_lossy(bytes);
    if let Ok(predicate) = Predicate::compile(&text, &CATALOGUE, &BTreeMap::new()) {
        assert!(predicate.bitmap(CATALOGUE.rows()).count() <= CATALOGUE.rows());
    }
}

/// A snapshot's `manifest.json`.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes, "manifest.json") {
        let again = Manifest::parse(&manifest.to_json(), "manifest.json").expect("what was read can be written");
        assert_eq!(again.to_json(), manifest.to_json());
    }
}

/// A `channels/NAME.json`.
pub fn channel(bytes: &[u8]) {
    if let Ok(channel) = Channel::parse(bytes, "channel.json") {
        let again = Channel::parse(&channel.to_json(), "channel.json").expect("what was read can be written");
        assert_eq!(again, channel);
    }
}

/// A Parquet file: its footer and the pages of every column.
pub fn parquet(bytes: &[u8]) {
    let limits = TableLimits { max_rows: 100_000, max_bytes: 16 << 20, ..TableLimits::default() };
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), bytes).expect("a temporary file takes bytes");
    // Readers of foreign formats may give up on a file by a panic, which the loader catches and turns into a refusal.
    let _ = std::panic::catch_unwind(|| {
        let Ok(table) = Table::open_parquet(file.path(), &limits) else { return };
        for (column, _) in table.columns() {
            let _ = table.each(column, &mut |_, _| Ok(()));
        }
    });
}

/// A LightGBM model in its text format.
pub fn lightgbm(bytes: &[u8]) {
    ranker(Format::LightGbm, bytes);
}

/// An XGBoost model in JSON.
pub fn xgboost_json(bytes: &[u8]) {
    ranker(Format::XgboostJson, bytes);
}

/// An XGBoost model in UBJSON.
pub fn xgboost_ubjson(bytes: &[u8]) {
    ranker(Format::XgboostUbjson, bytes);
}

/// A `placements.toml`, compiled against a snapshot.
pub fn placements(bytes: &[u8]) {
    static SNAPSHOT: LazyLock<Arc<Snapshot>> = LazyLock::new(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SNAPSHOT_PATH);
        Arc::new(open_directory(&path, "production", &LoadOptions::default()).expect("the snapshot in git loads"))
    });
    let text = String::from_utf8_lossy(bytes);
    if let Ok(view) = View::compile(Arc::clone(&SNAPSHOT), &text, &Stages::default()) {
        assert!(!view.placements.is_empty());
    }
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
