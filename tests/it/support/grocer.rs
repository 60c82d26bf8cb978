//! A corner shop of thirty items with every kind of artifact, written down by hand, so that every answer can be worked
//! out on paper.

use std::fs;
use std::path::Path;

use arrow_array::{ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, StringArray};
use chrono::{TimeZone as _, Utc};
use larder::artifact::table::{TableWriter, float_lists, text_lists};
use larder::snapshot::{GoldenQuery, MANIFEST, Manifest, build_manifest, describe_directory};
use tempfile::TempDir;

/// Category and items; whatever is named in [`SOLD_OUT`] is not in stock.
const SHELVES: [(&str, &[&str]); 6] = [
    ("tea", &["earl-grey", "assam", "sencha", "mint", "chai", "rooibos"]),
    ("coffee", &["espresso", "filter-roast", "decaf", "instant"]),
    ("ware", &["blue-mug", "white-mug", "teapot", "cafetiere", "grinder", "kettle", "strainer"]),
    ("biscuits", &["shortbread", "digestives", "ginger-nuts", "macaroons", "stollen"]),
    ("spreads", &["honey", "lemon-curd", "marmalade", "jam"]),
    ("staples", &["milk", "oat-milk", "sugar", "lemon"]),
];
const SOLD_OUT: [&str; 2] = ["stollen", "rooibos"];

/// The whole shop's best sellers; the rest sells less, in the order of the shelves. Each category has its own list too.
const BEST: [&str; 8] =
    ["milk", "earl-grey", "sugar", "espresso", "shortbread", "digestives", "white-mug", "honey"];
const SEGMENTS: [(&str, &[&str]); 3] = [
    ("country=DE", &["filter-roast", "stollen", "jam"]),
    ("country=GB", &["earl-grey", "shortbread", "marmalade"]),
    ("season=winter", &["chai", "stollen", "blue-mug"]),
];

/// Item, neighbour, score.
const SIMILAR: [(&str, &str, f32); 13] = [
    ("earl-grey", "assam", 0.9),
    ("earl-grey", "chai", 0.6),
    ("earl-grey", "sencha", 0.5),
    ("earl-grey", "rooibos", 0.2),
    ("assam", "earl-grey", 0.9),
    ("assam", "chai", 0.7),
    ("sencha", "mint", 0.8),
    ("sencha", "rooibos", 0.5),
    ("sencha", "earl-grey", 0.3),
    ("espresso", "filter-roast", 0.9),
    ("espresso", "decaf", 0.6),
    ("blue-mug", "white-mug", 0.9),
    ("blue-mug", "teapot", 0.3),
];

/// An id and its list of items with their scores.
type List = (&'static str, &'static [(&'static str, f32)]);
const GOES_WITH: [List; 4] = [
    ("earl-grey", &[("milk", 9.0), ("lemon", 8.0), ("assam", 7.0), ("teapot", 4.0)]),
    ("espresso", &[("sugar", 9.0), ("milk", 5.0), ("grinder", 4.5), ("macaroons", 4.0)]),
    ("teapot", &[("strainer", 9.0), ("earl-grey", 5.0)]),
    ("shortbread", &[("earl-grey", 6.0), ("honey", 3.0)]),
];
/// What users had, newest first, and what they will want again.
const BOUGHT: [List; 2] = [
    ("ada", &[("earl-grey", 3.0), ("milk", 2.0), ("shortbread", 1.0)]),
    ("ben", &[("espresso", 2.0), ("sugar", 1.0)]),
];
const BUY_AGAIN: [List; 2] =
    [("ada", &[("milk", 0.9), ("earl-grey", 0.4)]), ("ben", &[("sugar", 0.8), ("espresso", 0.7)])];

/// Past visits, oldest first.
const SESSIONS: [&[&str]; 6] = [
    &["assam", "lemon"],
    &["earl-grey", "milk", "shortbread"],
    &["espresso", "sugar", "macaroons"],
    &["earl-grey", "lemon", "honey"],
    &["kettle", "teapot", "strainer"],
    &["earl-grey", "shortbread", "marmalade"],
];

/// Tastes: tea, coffee, sweets.
type Vector = (&'static str, [f32; 3]);
const ITEM_VECTORS: [Vector; 9] = [
    ("earl-grey", [1.0, 0.0, 0.0]),
    ("assam", [0.9, 0.0, 0.1]),
    ("chai", [0.7, 0.1, 0.3]),
    ("teapot", [0.5, 0.0, 0.0]),
    ("espresso", [0.0, 1.0, 0.0]),
    ("filter-roast", [0.1, 0.9, 0.0]),
    ("grinder", [0.0, 0.5, 0.0]),
    ("macaroons", [0.0, 0.3, 0.8]),
    ("honey", [0.2, 0.0, 0.9]),
];
const USER_VECTORS: [Vector; 2] = [("ada", [1.0, 0.0, 0.0]), ("ben", [0.0, 1.0, 0.2])];

/// Placements that serve, for tests whose subject is not the recipe.
pub(crate) const PLACEMENTS: &str = r#"
[placements."pdp.similar"]
page_size = 4
sources  = [ { kind = "session_knn", artifact = "sessions" }, { kind = "neighbors", artifact = "similar" } ]
filter   = "in_stock"
exclude  = ["seeds"]
rerank   = [ { kind = "cap", by = "category", max = 2 } ]
fallback = [ { kind = "popular", artifact = "popularity", segment = "category" },
             { kind = "popular", artifact = "popularity" } ]

[placements."home.for_you"]
page_size = 4
sources  = [ { kind = "vectors", artifact = "item_vectors", users = "user_vectors" },
             { kind = "user_items", artifact = "buy_again" } ]
fallback = [ { kind = "popular", artifact = "popularity" } ]
"#;

/// A snapshot of the shop in a directory of its own, with [`PLACEMENTS`], made at an hour of a day in 2026. No file of
/// it has the digest of another hour's, although all of them say the same.
pub(crate) fn snapshot(hour: u32) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    stock(dir.path(), hour);
    fs::write(dir.path().join("placements.toml"), format!("# {hour}\n{PLACEMENTS}")).unwrap();
    seal(dir.path(), hour);
    dir
}

/// Writes the manifest of what is in `dir`; its version names the hour.
pub(crate) fn seal(dir: &Path, hour: u32) -> Manifest {
    let made = Utc.with_ymd_and_hms(2026, 11, 20, hour, 0, 0).unwrap();
    let artifacts = describe_directory(dir).unwrap();
    let mut manifest = build_manifest(dir, artifacts, Some(made.timestamp_millis()), made).unwrap();
    let expect = vec!["assam".to_owned(), "shortbread".to_owned()];
    let seeds = vec!["earl-grey".to_owned()];
    manifest.golden = vec![GoldenQuery {
        placement: "pdp.similar".to_owned(),
        seeds,
        session: Vec::new(),
        user: None,
        expect,
    }];
    fs::write(dir.join(MANIFEST), manifest.to_json()).unwrap();
    manifest
}

/// Writes all tables of the shop, each with a column that nobody reads and that tells one batch from another.
pub(crate) fn stock(dir: &Path, batch: u32) {
    let table = |dir: &Path, name: &str, mut columns: Columns| {
        let batches = std::iter::repeat_n(i64::from(batch), columns[0].1.len());
        columns.push(("batch", array(Int64Array::from_iter_values(batches))));
        self::table(dir, name, columns);
    };
    let items: Vec<&str> = items().collect();
    let category = |item: &str| SHELVES.iter().find(|(_, shelf)| shelf.contains(&item)).unwrap().0;
    let price = |at: usize| 1.0 + at as f64;
    table(
        dir,
        "catalog",
        vec![
            ("item_id", texts(items.iter().copied())),
            ("title", texts(items.iter().map(|item| item.replace('-', " ")))),
            ("category", texts(items.iter().map(|item| category(item)))),
            ("price", array(Float64Array::from_iter_values((0..items.len()).map(price)))),
            (
                "in_stock",
                array(BooleanArray::from_iter(items.iter().map(|item| Some(!SOLD_OUT.contains(item))))),
            ),
        ],
    );
    table(dir, "popularity", popularity(&items, category));
    table(
        dir,
        "similar",
        vec![
            ("item_id", texts(SIMILAR.map(|row| row.0))),
            ("neighbor_id", texts(SIMILAR.map(|row| row.1))),
            ("score", floats(SIMILAR.map(|row| row.2))),
        ],
    );
    table(dir, "goes_with", lists(["item_id", "neighbors"], &GOES_WITH));
    table(dir, "bought", lists(["user_id", "items"], &BOUGHT));
    table(dir, "buy_again", lists(["user_id", "items"], &BUY_AGAIN));
    let clicks =
        || SESSIONS.iter().enumerate().flat_map(|(at, items)| items.iter().map(move |item| (at, item)));
    table(
        dir,
        "sessions",
        vec![
            ("session_id", texts(clicks().map(|(at, _)| format!("visit {at}")))),
            ("item_id", texts(clicks().map(|(_, item)| *item))),
            ("timestamp", array(Int64Array::from_iter_values(clicks().map(|(at, _)| at as i64 * 60_000)))),
        ],
    );
    table(dir, "item_vectors", vectors("item_id", &ITEM_VECTORS));
    table(dir, "user_vectors", vectors("user_id", &USER_VECTORS));
    fs::write(dir.join("params.toml"), "[item_vectors]\nalpha = 4.0\nregularization = 0.5\n").unwrap();
}

/// Writes a table of the given columns over whatever has this name.
pub(crate) fn table(dir: &Path, name: &str, columns: Columns) {
    let columns = columns.into_iter();
    let writer = columns.fold(TableWriter::default(), |writer, (name, values)| writer.column(name, values));
    writer.write(&dir.join(format!("{name}.parquet"))).unwrap();
}

/// Values as a column.
pub(crate) fn array(values: impl arrow_array::Array + 'static) -> ArrayRef {
    std::sync::Arc::new(values)
}

pub(crate) fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    array(StringArray::from_iter_values(values))
}

pub(crate) fn floats(values: impl IntoIterator<Item = f32>) -> ArrayRef {
    array(Float32Array::from_iter_values(values))
}

/// Every item, in the order of the catalogue.
pub(crate) fn items() -> impl Iterator<Item = &'static str> {
    SHELVES.iter().flat_map(|(_, shelf)| shelf.iter().copied())
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn popularity(items: &[&str], category: impl Fn(&str) -> &'static str) -> Columns {
    let rest = items.iter().filter(|item| !BEST.contains(item));
    let ranked: Vec<&str> = BEST.iter().chain(rest).copied().collect();
    let mut rows: Vec<(Option<String>, &str, f32)> = Vec::new();
    for (rank, item) in ranked.iter().enumerate() {
        let sold = (ranked.len() - rank) as f32;
        rows.push((None, item, sold));
        rows.push((Some(format!("category={}", category(item))), item, sold));
    }
    for (segment, list) in SEGMENTS {
        let ranked = list.iter().enumerate();
        rows.extend(ranked.map(|(rank, item)| (Some(segment.to_owned()), *item, 10.0 - rank as f32)));
    }
    vec![
        ("item_id", texts(rows.iter().map(|row| row.1))),
        ("score", floats(rows.iter().map(|row| row.2))),
        ("segment", array(StringArray::from_iter(rows.iter().map(|row| row.0.as_deref())))),
    ]
}

fn lists([id, items]: [&'static str; 2], lists: &[List]) -> Columns {
    let scores: Vec<Vec<f32>> =
        lists.iter().map(|(_, list)| list.iter().map(|(_, s)| *s).collect()).collect();
    vec![
        (id, texts(lists.iter().map(|(id, _)| *id))),
        (items, array(text_lists(lists.iter().map(|(_, list)| list.iter().map(|(item, _)| *item))))),
        ("scores", array(float_lists(scores.iter().map(Vec::as_slice)))),
    ]
}

fn vectors(id: &'static str, rows: &[Vector]) -> Columns {
    let vectors = float_lists(rows.iter().map(|(_, vector)| vector.as_slice()));
    vec![(id, texts(rows.iter().map(|(id, _)| *id))), ("vector", array(vectors))]
}
