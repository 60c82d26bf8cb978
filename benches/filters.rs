//! What a filter expression takes over a million items: looked up in indexes, also after events have changed some
//! rows, and row by row.
//!
//! A generated catalogue, fixed seed: a price, a stock flag, a number of stars, a category of 2000, eight tags of 5000.
//! The bad expression is the longest list that a request may send, of which no tag is left out by the index.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use larder::domain::{AttributeValue, Deadline, FilterValue};
use larder::feature::{Column, ColumnBuilder, ColumnKind, Predicate, Table, Value};

const ITEMS: usize = 1_000_000;

/// Name and expression; `$t` is a thousand tags.
const EXPRESSIONS: [(&str, &str); 11] = [
    ("equality", "category == 'cat7'"),
    ("equality_of_a_frequent_value", "stars == 4"),
    ("flag", "in_stock"),
    ("range", "price < 50"),
    ("range_with_two_ends", "price >= 20 && price < 60"),
    ("list_membership", "tags == 'tag77'"),
    ("in_five", "category in ['cat1', 'cat2', 'cat3', 'cat4', 'cat5']"),
    ("usual", "in_stock && price < 20 && category != 'cat9'"),
    ("any", "price < 3 || tags in ['tag1', 'tag2'] || !in_stock"),
    ("bad", "tags not in $t"),
    ("bad_twice", "tags not in $t && !(tags in $t)"),
];

fn column(kind: ColumnKind, mut value: impl FnMut() -> Value<'static>) -> Column {
    let mut column = ColumnBuilder::with_capacity(kind, ITEMS);
    (0..ITEMS).for_each(|_| column.push(value()));
    column.finish()
}

fn texts(name: &str, count: usize) -> Vec<&'static str> {
    (0..count).map(|at| &*format!("{name}{at}").leak()).collect()
}

fn catalogue() -> Table {
    let mut random = fastrand::Rng::with_seed(1);
    let (categories, tags) = (texts("cat", 2000), texts("tag", 5000));
    let mut table = Table::new(ITEMS);
    let price = column(ColumnKind::Float, || Value::Float(random.f64() * 100.0));
    assert!(table.add("price", price));
    assert!(table.add("in_stock", column(ColumnKind::Bool, || Value::Bool(random.u8(..) < 230))));
    assert!(table.add("stars", column(ColumnKind::Int, || Value::Int(random.i64(1..6)))));
    let category = column(ColumnKind::Text, || Value::Text(categories[random.usize(..2000)]));
    assert!(table.add("category", category));
    let tags = column(ColumnKind::List, || Value::List((0..8).map(|_| tags[random.usize(..5000)]).collect()));
    assert!(table.add("tags", tags));
    table
}

fn filters(criterion: &mut Criterion) {
    let plain = catalogue();
    let mut indexed = plain.clone();
    indexed.index(usize::MAX);
    let mut changed = indexed.clone();
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..10_000 {
        let (row, at) = (random.usize(..ITEMS), changed.position("price").unwrap());
        assert!(changed.set(at, row, &AttributeValue::Float(random.f64() * 100.0)));
    }
    let tags = (0..1000).map(|at| FilterValue::Text(format!("tag{}", at * 5))).collect();
    let parameters = BTreeMap::from([("t".to_owned(), FilterValue::List(tags))]);
    let tables = [("indexed", &indexed), ("indexed_after_10k_changes", &changed), ("row_by_row", &plain)];
    for (way, table) in tables {
        let mut group = criterion.benchmark_group(way);
        group.sample_size(20);
        for (name, text) in EXPRESSIONS {
            let predicate = Predicate::compile(text, table, &parameters).unwrap();
            eprintln!("{way} {name}: {} units", predicate.price());
            group.bench_function(name, |bench| {
                bench.iter(|| black_box(predicate.select(Deadline::NEVER).unwrap()));
            });
        }
        group.finish();
    }
    criterion.bench_function("compile/usual", |bench| {
        bench.iter(|| {
            Predicate::compile(
                black_box("in_stock && price < 20 && category != 'cat9'"),
                &indexed,
                &parameters,
            )
            .unwrap()
            .price()
        });
    });
    criterion.bench_function("compile/bad", |bench| {
        let text = vec!["tags not in $t"; 64].join(" && ");
        bench.iter(|| Predicate::compile(black_box(&text), &indexed, &parameters).unwrap().price());
    });
}

criterion_group!(benches, filters);
criterion_main!(benches);
