//! How long does it take to find an id's number, beside a hash map of strings? Generated: a million ids of nine
//! letters, all equally long or not, asked for in random order, and ids that nobody has.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot begin must stop"
)]

use larder::feature::IdTable;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashMap;

const IDS: usize = 1_000_000;
/// Look-ups in one measured turn.
const ASKED: usize = 4096;

fn numbers(criterion: &mut Criterion) {
    let mut random = fastrand::Rng::with_seed(3);
    for (shape, ids) in [
        ("equal", (0..IDS).map(|n| format!("P{n:08}")).collect::<Vec<_>>()),
        ("mixed", (0..IDS).map(|n| format!("P{}{n}", "0".repeat(n % 5))).collect()),
    ] {
        let mut table = IdTable::with_capacity(IDS);
        ids.iter().for_each(|id| assert!(table.insert(id).is_ok(), "{id}"));
        table.shrink();
        let map: HashMap<&str, u32> = ids.iter().zip(0..).map(|(id, number)| (id.as_str(), number)).collect();
        println!("{shape}: {:.1} bytes an id", table.resident_bytes() as f64 / IDS as f64);
        let known: Vec<String> = (0..ASKED).map(|_| ids[random.usize(0..IDS)].clone()).collect();
        let unknown: Vec<String> = known.iter().map(|id| id.replace('P', "Q")).collect();
        let mut group = criterion.benchmark_group(shape);
        group.throughput(Throughput::Elements(ASKED as u64));
        for (name, asked) in [("known", &known), ("unknown", &unknown)] {
            group.bench_function(format!("table/{name}"), |bencher| {
                bencher.iter(|| asked.iter().filter(|id| table.number(black_box(id)).is_some()).count());
            });
            group.bench_function(format!("map/{name}"), |bencher| {
                bencher.iter(|| asked.iter().filter(|id| map.contains_key(black_box(id.as_str()))).count());
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).without_plots();
    targets = numbers
}
criterion_main!(benches);
