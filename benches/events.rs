//! What an event costs: to decode it, to apply it, and to serve an epoch with a batch of them.
//!
//! A catalogue of a million generated items with a price, a stock flag and a category, fixed seed; one placement with a
//! filter. Events are spread evenly over the items, which is the worst case for epochs: each copies a chunk of its own.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use larder::connect::Record;
use larder::connect::decode::Decoder;
use larder::domain::{AttributeValue, ChunkedBitmap, Event, EventKind};
use larder::feature::{Column, ColumnBuilder, ColumnKind, IdTable, Table, Value};
use larder::live::{Base, Live, States};

const ITEMS: usize = 1_000_000;
/// Events of an epoch at ten thousand a second and one epoch every 20 ms.
const BATCH: usize = 200;

fn id(item: usize) -> String {
    format!("P{item:07}")
}

fn column(kind: ColumnKind, value: impl Fn(usize) -> Value<'static>) -> Column {
    let mut column = ColumnBuilder::with_capacity(kind, ITEMS);
    (0..ITEMS).for_each(|item| column.push(value(item)));
    column.finish()
}

fn base() -> Base {
    let mut ids = IdTable::with_capacity(ITEMS);
    for item in 0..ITEMS {
        ids.insert(&id(item)).unwrap();
    }
    let mut table = Table::new(ITEMS);
    assert!(table.add("price", column(ColumnKind::Float, |item| Value::Float(item as f64 / 100.0))));
    assert!(table.add("in_stock", column(ColumnKind::Bool, |_| Value::Bool(true))));
    assert!(table.add("category", column(ColumnKind::Text, |item| Value::Text(["tea", "coffee"][item % 2]))));
    Base {
        ids: Arc::new(ids),
        attributes: Arc::new(table),
        watermark_ms: 0,
        reserve: 10_000,
        filters: vec![("in_stock".into(), ChunkedBitmap::from_fn(ITEMS, |_| true))],
    }
}

fn changes(random: &mut fastrand::Rng, time_ms: i64) -> Vec<Event> {
    let one = |_| Event {
        item_id: Some(id(random.usize(..ITEMS))),
        attributes: vec![
            ("price".into(), AttributeValue::Float(random.f64())),
            ("in_stock".into(), AttributeValue::Bool(random.bool())),
        ],
        ..Event::new(EventKind::ItemChanged, time_ms)
    };
    (0..BATCH).map(one).collect()
}

fn decode(criterion: &mut Criterion) {
    let line = concat!(
        r#"{"id":"e-17","type":"item.changed","time":"2026-11-20T08:30:00Z","item_id":"P0004711","#,
        r#""set":{"price":9.5,"in_stock":false}}"#,
    );
    let decoder = Decoder::canonical();
    let mut events = Vec::new();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    group.bench_function("json", |bencher| {
        bencher.iter(|| {
            events.clear();
            decoder.decode(&Record::new("bench", line.as_bytes()), 1_800_000_000_000, &mut events)
        });
    });
    group.finish();
    assert_eq!(events.len(), 1);
}

fn apply(criterion: &mut Criterion) {
    let base = base();
    let mut random = fastrand::Rng::with_seed(1);
    let mut group = criterion.benchmark_group("live");
    group.throughput(Throughput::Elements(BATCH as u64)).measurement_time(Duration::from_secs(8));
    let mut states = States::new(1 << 30);
    let mut time = 0;
    group.bench_function("apply", |bencher| {
        let mut batch = || {
            time += 1;
            changes(&mut random, time)
        };
        bencher.iter_batched(
            &mut batch,
            |events| events.iter().map(|event| states.apply(event)).collect::<Vec<_>>(),
            BatchSize::SmallInput,
        );
    });
    let mut live = Live::new(base);
    live.bring_up(&states);
    let mut random = fastrand::Rng::with_seed(2);
    group.bench_function("epoch", |bencher| {
        bencher.iter_custom(|epochs| {
            let mut took = Duration::ZERO;
            for _ in 0..epochs {
                time += 1;
                for event in changes(&mut random, time) {
                    states.apply(&event);
                }
                // Two epochs are alive, as while requests hold the one before.
                let before = live.clone();
                let began = std::time::Instant::now();
                live.bring_up(&states);
                took += began.elapsed();
                drop(before);
            }
            took
        });
    });
    group.finish();
}

criterion_group!(benches, decode, apply);
criterion_main!(benches);
