//! Files that are what their digest says, and still no good: columns, types, values, ids, sizes.

use std::fs;

use arrow_array::{Float64Array, Int64Array, StringArray};
use larder::artifact::sha256_bytes;
use larder::artifact::table::{float_lists, text_lists};
use larder::snapshot::{LoadOptions, MANIFEST, Manifest, open_directory};

use super::{Bad, Refusal, content, refuses};
use crate::support::grocer::{self, array, floats, items, table, texts};

fn bad_table<'a>(artifact: &'a str, says: &'a [&'a str]) -> Refusal<'a> {
    Refusal { artifact: Some(artifact), label: "table", says }
}

/// Replaces one table, with the right digest.
fn instead(name: &'static str, columns: Vec<(&'static str, arrow_array::ArrayRef)>) -> impl FnOnce(&mut Bad) {
    move |bad| {
        table(bad.dir.path(), name, columns);
        bad.seal();
    }
}

fn similar(items: [&str; 3], neighbors: [&str; 3], scores: arrow_array::ArrayRef) -> impl FnOnce(&mut Bad) {
    instead("similar", vec![("item_id", texts(items)), ("neighbor_id", texts(neighbors)), ("score", scores)])
}

const ITEMS: [&str; 3] = ["assam", "chai", "mint"];
const NEIGHBORS: [&str; 3] = ["chai", "mint", "assam"];

#[test]
fn a_missing_column_is_refused() {
    let columns = vec![("item_id", texts(ITEMS)), ("neighbor_id", texts(NEIGHBORS))];
    refuses(
        instead("similar", columns),
        bad_table("similar", &["column \"score\" is missing", "the file has: item_id, neighbor_id"]),
    );
}

#[test]
fn a_column_of_the_wrong_type_is_refused() {
    let harm = similar(ITEMS, NEIGHBORS, texts(["1", "2", "3"]));
    refuses(harm, bad_table("similar", &["column \"score\" is text, expected a number"]));
    let harm = instead("catalog", vec![("item_id", array(Int64Array::from(vec![1, 2, 3])))]);
    refuses(harm, bad_table("catalog", &["column \"item_id\" is an integer, expected text"]));
}

#[test]
fn infinite_and_missing_scores_are_refused_by_row() {
    let harm = similar(ITEMS, NEIGHBORS, floats([1.0, f32::INFINITY, 1.0]));
    refuses(harm, bad_table("similar", &["column \"score\", row 2", "is inf, expected a finite number"]));
    let harm = similar(ITEMS, NEIGHBORS, floats([1.0, 1.0, f32::NAN]));
    refuses(harm, bad_table("similar", &["column \"score\", row 3", "is NaN"]));
    let harm = similar(ITEMS, NEIGHBORS, array(Float64Array::from(vec![None, Some(1.0), None])));
    refuses(harm, bad_table("similar", &["column \"score\", row 1", "is missing"]));
}

#[test]
fn a_score_that_is_only_finite_in_64_bits_is_refused() {
    let harm = similar(ITEMS, NEIGHBORS, array(Float64Array::from(vec![1.0, 2.0, -1e300])));
    refuses(harm, bad_table("similar", &["column \"score\", row 3", "-1e300", "32-bit float"]));
}

#[test]
fn unknown_item_ids_are_refused_by_row() {
    let harm = similar(ITEMS, ["chai", "mint", "absinthe"], floats([1.0; 3]));
    let says = ["column \"neighbor_id\", row 3", "item \"absinthe\" is not in the catalogue"];
    refuses(harm, bad_table("similar", &says));
    let lists = [vec!["milk"], vec!["chai", "absinthe"]];
    let columns = vec![
        ("user_id", texts(["ada", "ben"])),
        ("items", array(text_lists(lists))),
        ("scores", array(float_lists([[1.0].as_slice(), &[1.0, 0.5]]))),
    ];
    refuses(instead("bought", columns), bad_table("bought", &["column \"items\", row 2", "\"absinthe\""]));
}

#[test]
fn an_item_that_left_the_catalogue_but_not_the_models_is_refused() {
    let harm = instead("catalog", vec![("item_id", texts(items().filter(|item| *item != "rooibos")))]);
    refuses(harm, bad_table("popularity", &["\"rooibos\" is not in the catalogue", "row"]));
}

#[test]
fn duplicate_ids_are_refused_by_row() {
    let harm = instead("catalog", vec![("item_id", texts(["assam", "chai", "assam"]))]);
    let says = ["column \"item_id\", row 3", "\"assam\" occurs a second time (first in row 1)"];
    refuses(harm, bad_table("catalog", &says));
    let harm = similar(["assam"; 3], ["chai", "mint", "chai"], floats([1.0; 3]));
    let says = ["column \"neighbor_id\", row 3", "the pair with \"assam\" occurs a second time"];
    refuses(harm, bad_table("similar", &says));
    let columns =
        vec![("user_id", texts(["ada", "ada"])), ("vector", array(float_lists([[1f32; 3].as_slice(); 2])))];
    let says = ["column \"user_id\", row 2", "\"ada\" occurs a second time"];
    refuses(instead("user_vectors", columns), bad_table("user_vectors", &says));
    let segment = StringArray::from_iter([None, Some("country=DE"), None]);
    let columns =
        vec![("item_id", texts(["assam"; 3])), ("score", floats([1.0; 3])), ("segment", array(segment))];
    let says = ["column \"item_id\", row 3", "\"assam\" occurs a second time in its segment"];
    refuses(instead("popularity", columns), bad_table("popularity", &says));
}

#[test]
fn empty_and_missing_ids_are_refused_by_row() {
    let harm = instead("catalog", vec![("item_id", texts(["assam", ""]))]);
    refuses(harm, bad_table("catalog", &["column \"item_id\", row 2", "is empty"]));
    let ids = StringArray::from(vec![Some("assam"), None]);
    let harm = instead("catalog", vec![("item_id", array(ids))]);
    refuses(harm, bad_table("catalog", &["column \"item_id\", row 2", "is missing"]));
    let harm = instead("catalog", vec![("item_id", texts(["assam", &"x".repeat(513)]))]);
    refuses(harm, bad_table("catalog", &["row 2", "513 bytes long, over the limit of 512"]));
    let harm = instead("catalog", vec![("item_id", texts([""; 0]))]);
    refuses(harm, content("catalog", &["no items"]));
}

fn vectors(rows: [&[f32]; 2]) -> Vec<(&'static str, arrow_array::ArrayRef)> {
    vec![("item_id", texts(["assam", "chai"])), ("vector", array(float_lists(rows)))]
}

#[test]
fn vectors_with_nan_are_refused_by_row() {
    let harm = instead("item_vectors", vectors([&[1.0, 0.0, 1.0], &[0.0, f32::NAN, 1.0]]));
    refuses(harm, bad_table("item_vectors", &["column \"vector\", row 2", "NaN", "finite"]));
}

#[test]
fn vectors_of_unequal_widths_are_refused() {
    let harm = instead("item_vectors", vectors([&[1.0, 0.0, 1.0], &[0.0, 1.0]]));
    let says = ["column \"vector\", row 2", "has 2 numbers, the rows before have 3"];
    refuses(harm, bad_table("item_vectors", &says));
    let harm = instead("item_vectors", vectors([&[1.0, 0.0], &[0.0, 1.0]]));
    refuses(harm, content("user_vectors", &["vectors have 3 numbers", "found: [2]"]));
}

#[test]
fn a_list_with_more_scores_than_items_is_refused() {
    let columns = vec![
        ("item_id", texts(["assam"])),
        ("neighbors", array(text_lists([vec!["chai", "mint"]]))),
        ("scores", array(float_lists([[1f32; 3].as_slice()]))),
    ];
    let says = ["column \"scores\", row 1", "has 3 scores for 2 neighbors"];
    refuses(instead("goes_with", columns), bad_table("goes_with", &says));
}

#[test]
fn more_rows_than_allowed_are_refused() {
    let columns = vec![
        ("session_id", texts((0..10_001).map(|at| format!("visit {at}")))),
        ("item_id", texts((0..10_001).map(|_| "assam"))),
        ("timestamp", array(Int64Array::from_iter_values(0..10_001))),
    ];
    let says = ["would decode to 10001 rows, over the limit of 10000"];
    refuses(instead("sessions", columns), bad_table("sessions", &says));
}

#[test]
fn a_file_that_says_it_decodes_to_more_bytes_than_allowed_is_refused() {
    let titles: Vec<String> = (0..30).map(|at| format!("{at:06}").repeat(10_000)).collect();
    let harm = instead("catalog", vec![("item_id", texts(items())), ("title", texts(titles))]);
    refuses(harm, bad_table("catalog", &["would decode to", "bytes, over the limit of 1048576"]));
}

#[test]
fn a_file_that_only_decodes_to_more_bytes_than_allowed_is_refused() {
    // Stored once and referred to thirty times: the footer speaks of little more than one title.
    let title = "so long a title ".repeat(4_000);
    let harm = |bad: &mut Bad| {
        let columns = vec![("item_id", texts(items())), ("title", texts(items().map(|_| &title)))];
        instead("catalog", columns)(bad);
        assert!(fs::metadata(bad.file("catalog.parquet")).unwrap().len() < 10_000);
    };
    refuses(harm, bad_table("catalog", &["would decode to", "bytes, over the limit of 1048576"]));
}

#[test]
fn bytes_flipped_before_they_were_digested_are_refused_by_name_or_read_but_never_fatal() {
    let dir = grocer::snapshot(1);
    let good = Manifest::parse(&fs::read(dir.path().join(MANIFEST)).unwrap(), MANIFEST).unwrap();
    let mut random = fastrand::Rng::with_seed(8);
    for round in 0..300 {
        let mut manifest = good.clone();
        let entry = random.choice(&mut manifest.artifacts).unwrap();
        let path = dir.path().join(&entry.path);
        let sound = fs::read(&path).unwrap();
        let mut bytes = sound.clone();
        // The footer, at the end, is where most can be said wrongly.
        let at =
            if round % 2 == 0 { random.usize(..bytes.len()) } else { bytes.len() - random.usize(1..200) };
        bytes[at] ^= 1 << random.u8(..8);
        fs::write(&path, &bytes).unwrap();
        entry.sha256 = sha256_bytes(&bytes);
        let name = entry.name.clone();
        fs::write(dir.path().join(MANIFEST), manifest.to_json()).unwrap();
        if let Err(error) = open_directory(dir.path(), "production", &LoadOptions::default()) {
            // An id that changed in the catalogue is missing elsewhere.
            assert!(error.artifact() == Some(&name) || name == "catalog", "{name}, byte {at}: {error}");
        }
        fs::write(&path, &sound).unwrap();
    }
}
