//! How long does a LightGBM model of 500 trees with 31 leaves and 50 inputs take for a request's candidates, and how do
//! the processor's instructions matter? Generated: random trees over 254 random cuts an input, normal features, fixed
//! seed.

#![allow(clippy::expect_used, reason = "a bench that cannot begin must stop")]
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use larder::cpu::{self, Level};
use larder::model::{Format, Matrix, RankScratch, Ranker};

mod model;

use model::{INPUTS, normal};

fn score(criterion: &mut Criterion) {
    let ranker = Ranker::read(Format::LightGbm, model::lightgbm(&names()).as_bytes()).expect("a model");
    let mut scratch = RankScratch::default();
    let most = cpu::level();
    let mut group = criterion.benchmark_group("trees");
    for rows in [1, 64, 100, 500, 1000] {
        let matrix = features(rows);
        let mut scores = vec![0.0; rows];
        group.throughput(Throughput::Elements(rows as u64));
        for level in Level::all().filter(|level| rows == 500 || *level == most) {
            cpu::limit_to(level);
            group.bench_with_input(BenchmarkId::new(level.name(), rows), &matrix, |bencher, matrix| {
                bencher.iter(|| ranker.score(black_box(matrix), &mut scratch, black_box(&mut scores)));
            });
        }
    }
    cpu::limit_to(most);
    group.finish();
}

fn names() -> Vec<String> {
    (0..INPUTS).map(|input| format!("f{input}")).collect()
}

fn features(rows: usize) -> Matrix {
    let mut random = fastrand::Rng::with_seed(2);
    let mut matrix = Matrix::default();
    matrix.reset(rows, INPUTS);
    for input in 0..INPUTS {
        matrix.column_mut(input).iter_mut().for_each(|value| *value = normal(&mut random) as f32);
    }
    matrix
}

criterion_group!(benches, score);
criterion_main!(benches);
