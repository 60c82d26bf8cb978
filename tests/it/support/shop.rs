//! A snapshot of a very small shop: twenty items, a similarity table, popularity, and two placements.

use std::fs;
use std::path::Path;

use arrow_array::{BooleanArray, Float32Array, Float64Array, StringArray};
use chrono::{TimeZone as _, Utc};
use larder::artifact::table::TableWriter;
use larder::recommender::Recommender;
use larder::snapshot::{MANIFEST, build_manifest, describe_directory};
use tempfile::TempDir;

const ITEMS: usize = 20;

const PLACEMENTS: &str = r#"
[placements."pdp.similar"]
page_size = 4
sources  = [ { kind = "neighbors", artifact = "similar" } ]
exclude  = ["seeds"]
scorer   = { kind = "blend" }
fallback = [ { kind = "popular", artifact = "popularity" } ]

[placements."home.popular"]
page_size = 6
sources  = [ { kind = "popular", artifact = "popularity" } ]
scorer   = { kind = "blend" }
fallback = [ { kind = "popular", artifact = "popularity" } ]
"#;

/// A recommender over the shop; its items are `i0`, the most popular, to `i19`, and each is similar to the five after
/// it.
pub(crate) fn shop() -> Recommender {
    shop_of(20)
}

/// The same shop from the snapshot of another day of November 2026.
pub(crate) fn shop_of(day: u32) -> Recommender {
    Recommender::open(snapshot(day).path()).unwrap()
}

/// The directory of the snapshot of a day.
pub(crate) fn snapshot(day: u32) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_tables(dir.path());
    fs::write(dir.path().join("placements.toml"), PLACEMENTS).unwrap();
    let artifacts = describe_directory(dir.path()).unwrap();
    let published = Utc.with_ymd_and_hms(2026, 11, day, 3, 0, 0).unwrap();
    let data_until = published.timestamp_millis() - 3_600_000;
    let manifest = build_manifest(dir.path(), artifacts, Some(data_until), published).unwrap();
    fs::write(dir.path().join(MANIFEST), manifest.to_json()).unwrap();
    dir
}

fn write_tables(dir: &Path) {
    let id = |i: usize| format!("i{}", i % ITEMS);
    let ids = || StringArray::from_iter_values((0..ITEMS).map(id));
    let category = |i: usize| if i.is_multiple_of(2) { "mugs" } else { "lamps" };
    TableWriter::default()
        .column("item_id", ids())
        .column("title", StringArray::from_iter_values((0..ITEMS).map(|i| format!("Item {i}"))))
        .column("category", StringArray::from_iter_values((0..ITEMS).map(category)))
        .column("price", Float64Array::from_iter_values((0..ITEMS).map(|i| 5.0 + i as f64)))
        .column("in_stock", BooleanArray::from(vec![true; ITEMS]))
        .write(&dir.join("catalog.parquet"))
        .unwrap();
    TableWriter::default()
        .column("item_id", ids())
        .column("score", Float32Array::from_iter_values((0..ITEMS).map(|i| (ITEMS - i) as f32)))
        .write(&dir.join("popularity.parquet"))
        .unwrap();
    let pairs = || (0..ITEMS).flat_map(|i| (1..=5).map(move |step| (i, step)));
    TableWriter::default()
        .column("item_id", StringArray::from_iter_values(pairs().map(|(i, _)| id(i))))
        .column("neighbor_id", StringArray::from_iter_values(pairs().map(|(i, step)| id(i + step))))
        .column("score", Float32Array::from_iter_values(pairs().map(|(_, step)| 1.0 / step as f32)))
        .write(&dir.join("similar.parquet"))
        .unwrap();
}
