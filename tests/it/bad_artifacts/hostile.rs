//! Files that nobody writes by mistake: a few bytes that would take the stack or gigabytes of memory. Each is refused
//! before it does.

use larder::artifact::table::{Table, TableError, TableLimits};
use larder::snapshot::ManifestError;

use super::*;
use crate::support::parquet_bytes::{
    Column, FLOAT, INT64, PLAIN, Page, RLE_DICTIONARY, TEXT, file, group, leaf, levels, list_of, plain_text,
    run, varint,
};

/// Puts a file in the place of an artifact's, with the right digest.
fn instead_of(name: &'static str, bytes: Vec<u8>) -> impl FnOnce(&mut Bad) {
    move |bad| {
        let entry = bad.manifest.artifacts.iter().find(|entry| entry.name == name).unwrap();
        let path = bad.file(&entry.path);
        fs::write(&path, bytes).unwrap();
        let (sha256, length) = sha256_file(&path).unwrap();
        bad.edit_entry(name, |entry| {
            entry["sha256"] = json!(sha256);
            entry["bytes"] = json!(length);
            entry["rows"] = json!(0);
        });
    }
}

fn refused(name: &'static str, bytes: Vec<u8>, says: &[&str]) {
    refuses(instead_of(name, bytes), Refusal { artifact: Some(name), label: "table", says });
}

/// A table of ids, and of whatever else is in the file.
fn schema(columns: &[Vec<u8>], roots: i32) -> Vec<Vec<u8>> {
    [vec![group("schema", 0, roots)], columns.to_vec()].concat()
}

/// A schema in which groups stand so deep in each other.
fn nested(depth: usize) -> Vec<u8> {
    let mut fields = vec![leaf("item_id", 0, TEXT)];
    fields.extend(vec![group("a", 1, 1); depth]);
    fields.push(leaf("x", 2, INT64));
    file(&schema(&fields, 2), 1, &[])
}

#[test]
fn fields_that_stand_too_deep_in_each_other_are_refused_before_the_stack_is_used_up() {
    for depth in [40, 1_000, 19_000] {
        refused("similar", nested(depth), &["cannot be read: its schema has fields more than 32 deep"]);
    }
    refused("catalog", nested(5_000), &["more than 32 deep"]);
}

#[test]
fn schemas_without_end_are_refused() {
    refused("similar", nested(30_000), &["its schema has 30003 fields, over the limit of 20000"]);
    let short = schema(&[leaf("item_id", 0, TEXT)], 5);
    refused("similar", file(&short, 1, &[]), &["ends before all of the fields that it announces"]);
    let many = schema(&[leaf("item_id", 0, TEXT)], i32::MAX);
    refused("similar", file(&many, 1, &[]), &["ends before all of the fields that it announces"]);
}

#[test]
fn a_footer_that_is_no_thrift_is_refused() {
    let mut bytes = file(&schema(&[leaf("item_id", 0, TEXT)], 1), 1, &[]);
    // The schema's list, whose length is the first number of 15 and more: now of two billion fields.
    let at = bytes.windows(2).position(|pair| pair == [0x19, 0xfc]).unwrap() + 2;
    bytes.splice(at..=at, varint(2_000_000_000));
    let footer = bytes.len() - 12;
    let end = bytes.len() - 8;
    bytes[end..end + 4].copy_from_slice(&(footer as u32).to_le_bytes());
    refused("similar", bytes, &["its footer has a list of 2000000000 values, longer than itself"]);
    let deep =
        [b"PAR1".to_vec(), vec![0x1c; 5_000], 5_000u32.to_le_bytes().to_vec(), b"PAR1".to_vec()].concat();
    refused("similar", deep, &["its footer has values more than 24 deep"]);
}

fn ids(codec: i32, pages: Vec<Page>, rows: i64) -> Vec<u8> {
    let column = Column { path: &["item_id"], kind: TEXT, codec, pages };
    file(&schema(&[leaf("item_id", 0, TEXT)], 1), rows, &[column])
}

#[test]
fn a_page_that_claims_more_than_its_compression_can_is_refused() {
    for codec in [1, 6] {
        let page = Page { unpacked: Some(i32::MAX), ..Page::data(1, PLAIN, plain_text("milk")) };
        refused(
            "catalog",
            ids(codec, vec![page], 1),
            &["column \"item_id\"", "claims to unpack to 2147483647"],
        );
    }
}

#[test]
fn a_dictionary_that_claims_more_values_than_it_has_bytes_is_refused() {
    let pages = vec![
        Page::dictionary(i32::MAX, 7i64.to_le_bytes().to_vec()),
        Page::data(1, RLE_DICTIONARY, [vec![1], run(1, 0)].concat()),
    ];
    let columns = [
        Column {
            path: &["item_id"],
            kind: TEXT,
            codec: 0,
            pages: vec![Page::data(1, PLAIN, plain_text("milk"))],
        },
        Column { path: &["price"], kind: INT64, codec: 0, pages },
    ];
    let fields = schema(&[leaf("item_id", 0, TEXT), leaf("price", 0, INT64)], 2);
    refused("catalog", file(&fields, 1, &columns), &["column \"price\"", "claims to have 2147483647 values"]);
}

#[test]
fn a_delta_encoding_that_claims_more_values_than_its_page_is_refused() {
    for encoding in [6, 7] {
        // One block of 2^40 values in one part, of no bits each.
        let block = [varint(1 << 40), varint(1), varint(1 << 40), vec![0, 0, 0]].concat();
        let page = Page::data(1, encoding, block);
        refused(
            "catalog",
            ids(0, vec![page], 1),
            &["claims 1099511627776 values in its own encoding, and has 1"],
        );
    }
}

#[test]
fn rows_beyond_those_of_the_footer_end_the_reading() {
    let pages = vec![
        Page::dictionary(1, plain_text("milk")),
        Page::data(i32::MAX, RLE_DICTIONARY, [vec![1], run(i32::MAX as u64, 0)].concat()),
    ];
    let bytes = ids(0, pages, 3);
    let table = Table::from_parquet(bytes.into(), "t", &TableLimits::default()).unwrap();
    let mut seen = 0;
    let error = table.each("item_id", &mut |_, _| {
        seen += 1;
        Ok(())
    });
    let said = error.unwrap_err().to_string();
    assert!(said.contains("the footer says 3"), "{said}");
    assert!(seen <= 3, "{seen} rows were handed out");
}

/// A column of lists, of which the first row has `first` numbers and each of `others` has one.
fn lists(first: u64, others: u64) -> Vec<u8> {
    let values = first + others;
    let repetition = levels(&[run(1, 0), run(first - 1, 1), run(others, 0)]);
    let content = [repetition, levels(&[run(values, 2)]), vec![1], run(values, 0)].concat();
    let pages = vec![
        Page::dictionary(1, 0.5f32.to_le_bytes().to_vec()),
        Page::data(values as i32, RLE_DICTIONARY, content),
    ];
    let column = Column { path: &["scores", "list", "element"], kind: FLOAT, codec: 0, pages };
    let fields = [list_of("scores"), group("list", 2, 1), leaf("element", 0, FLOAT)];
    file(&schema(&fields, 1), 1 + others as i64, &[column])
}

fn read(bytes: Vec<u8>, column: &str, limits: &TableLimits) -> Result<usize, TableError> {
    let table = Table::from_parquet(bytes.into(), "t", limits)?;
    let mut rows = 0;
    table.each(column, &mut |_, _| {
        rows += 1;
        Ok(())
    })?;
    Ok(rows)
}

#[test]
fn a_row_of_so_many_values_that_they_take_gigabytes_is_refused_by_its_levels() {
    let limits = TableLimits::default();
    assert_eq!(read(lists(1_000, 20_000), "scores", &limits).unwrap(), 20_001);
    let said = read(lists(150_000_000, 10), "scores", &limits).unwrap_err().to_string();
    assert!(said.contains("column \"scores\": would decode to 12000000"), "{said}");
    assert!(said.contains("over the limit of 268435456 bytes at a time"), "{said}");
}

#[test]
fn a_page_and_its_rows_stay_within_the_memory_for_a_table() {
    let little = TableLimits { at_a_time: 1 << 20, ..TableLimits::default() };
    let long = "x".repeat(2 << 20);
    let page = || vec![Page::data(1, PLAIN, plain_text(&long))];
    assert_eq!(read(ids(0, page(), 1), "item_id", &TableLimits::default()).unwrap(), 1);
    let said = read(ids(0, page(), 1), "item_id", &little).unwrap_err().to_string();
    assert!(said.contains("t: cannot be read: column \"item_id\": would hold 2097156 bytes"), "{said}");
    assert!(said.contains("over the 1048576 bytes of memory that there are for it"), "{said}");
    // Gigabytes, a text that is stored once in every row: decoded a few rows at a time.
    let long = "x".repeat(200_000);
    let pages = vec![
        Page::dictionary(1, plain_text(&long)),
        Page::data(5_000, RLE_DICTIONARY, [vec![1], run(5_000, 0)].concat()),
    ];
    let enough = TableLimits { at_a_time: 64 << 20, ..TableLimits::default() };
    assert_eq!(read(ids(0, pages, 5_000), "item_id", &enough).unwrap(), 5_000);
}

#[test]
fn a_footer_with_row_groups_without_end_is_refused() {
    let limits = TableLimits { at_a_time: 0, ..TableLimits::default() };
    let page = || vec![Page::data(1, PLAIN, plain_text("milk"))];
    let said = read(ids(0, page(), 1), "item_id", &limits).unwrap_err().to_string();
    assert!(said.contains("its footer lists 1 columns of row groups"), "{said}");
}

#[test]
fn a_manifest_of_values_without_end_is_refused() {
    let manifest = format!(r#"{{"format_version":1,"evidence":[{}[]]}}"#, "[],".repeat(600_000));
    let error = Manifest::parse(manifest.as_bytes(), MANIFEST).unwrap_err();
    assert!(error.to_string().contains("more than 500000 values"), "{error}");
    assert!(matches!(
        error,
        larder::snapshot::SnapshotError::Manifest { source: ManifestError::TooManyValues, .. }
    ));
}

#[test]
fn scores_that_outnumber_their_items_are_counted_in_what_an_artifact_will_take() {
    let store = Arc::new(MemoryStore::new());
    let cache = tempfile::tempdir().unwrap();
    let following = Following::within(Some(60 << 20), store.clone(), cache.path(), false);
    publish_to(&*store, grocer::snapshot(1).path()).unwrap();
    following.refresher.refresh(false).unwrap();
    let dir = grocer::snapshot(2);
    let manifest = Manifest::parse(&fs::read(dir.path().join(MANIFEST)).unwrap(), MANIFEST).unwrap();
    let mut bad = Bad { dir, manifest };
    // Twenty million scores beside one item: within what a batch may take, and 160 MB of lists.
    let each = 20_000_000;
    let name = "goes_with";
    let fields = [
        leaf("item_id", 0, TEXT),
        list_of("neighbors"),
        group("list", 2, 1),
        leaf("element", 0, TEXT),
        list_of("scores"),
        group("list", 2, 1),
        leaf("element", 0, FLOAT),
    ];
    let pages = |kind: Vec<u8>, values: u64| {
        let content =
            [levels(&[run(1, 0), run(values - 1, 1)]), levels(&[run(values, 2)]), vec![1], run(values, 0)]
                .concat();
        vec![Page::dictionary(1, kind), Page::data(values as i32, RLE_DICTIONARY, content)]
    };
    let columns = [
        Column {
            path: &["item_id"],
            kind: TEXT,
            codec: 0,
            pages: vec![Page::data(1, PLAIN, plain_text("milk"))],
        },
        Column {
            path: &["neighbors", "list", "element"],
            kind: TEXT,
            codec: 0,
            pages: pages(plain_text("tea"), 1),
        },
        Column {
            path: &["scores", "list", "element"],
            kind: FLOAT,
            codec: 0,
            pages: pages(0.5f32.to_le_bytes().to_vec(), each),
        },
    ];
    instead_of(name, file(&schema(&fields, 3), 1, &columns))(&mut bad);
    put(&*store, &bad);
    let error = following.refresher.refresh(false).unwrap_err();
    assert_eq!(error.label(), "memory", "{error}");
    assert!(error.to_string().contains("largest: artifact \"goes_with\""), "{error}");
}
