//! How long does a LightGBM model of 500 trees with 31 leaves and 50 inputs take for a request's candidates, and how do the
//! processor's instructions matter? Generated: random trees over 254 random cuts an input, normal features, fixed seed.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use larder::machine::{self, Level};
use larder::model::{Format, Matrix, RankScratch, Ranker};

const TREES: usize = 500;
const LEAVES: usize = 31;
const INPUTS: usize = 50;
const CUTS: usize = 254;

fn score(criterion: &mut Criterion) {
    let ranker = Ranker::read(Format::LightGbm, model().as_bytes()).expect("a model");
    let mut scratch = RankScratch::default();
    let most = machine::level();
    let mut group = criterion.benchmark_group("trees");
    for rows in [1, 64, 100, 500, 1000] {
        let matrix = features(rows);
        let mut scores = vec![0.0; rows];
        group.throughput(Throughput::Elements(rows as u64));
        for level in Level::all().filter(|level| rows == 500 || *level == most) {
            machine::limit_to(level);
            group.bench_with_input(BenchmarkId::new(level.name(), rows), &matrix, |bencher, matrix| {
                bencher.iter(|| ranker.score(black_box(matrix), &mut scratch, black_box(&mut scores)));
            });
        }
    }
    machine::limit_to(most);
    group.finish();
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

/// A model as LightGBM would write it.
fn model() -> String {
    let mut random = fastrand::Rng::with_seed(1);
    let cuts: Vec<Vec<f64>> = (0..INPUTS).map(|_| (0..CUTS).map(|_| normal(&mut random)).collect()).collect();
    let names: Vec<String> = (0..INPUTS).map(|input| format!("f{input}")).collect();
    let mut text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\n\
         objective=lambdarank\nfeature_names={}\n\n",
        INPUTS - 1,
        names.join(" "),
    );
    for tree in 0..TREES {
        let _ = writeln!(text, "Tree={tree}\nnum_leaves={LEAVES}\nnum_cat=0");
        let inputs: Vec<usize> = (1..LEAVES).map(|_| random.usize(..INPUTS)).collect();
        let thresholds = inputs.iter().map(|input| cuts[*input][random.usize(..CUTS)]).collect::<Vec<_>>();
        // As LightGBM grows trees: a leaf becomes a node; its left part keeps its number.
        let (mut left, mut right) = (vec![0i32; LEAVES - 1], vec![0i32; LEAVES - 1]);
        let mut above: Vec<Option<(usize, bool)>> = vec![None];
        for node in 0..LEAVES - 1 {
            let leaf = random.usize(..above.len());
            match above[leaf] {
                Some((parent, true)) => left[parent] = node as i32,
                Some((parent, false)) => right[parent] = node as i32,
                None => {}
            }
            (left[node], right[node]) = (!(leaf as i32), !(above.len() as i32));
            above[leaf] = Some((node, true));
            above.push(Some((node, false)));
        }
        let values: Vec<f64> = (0..LEAVES).map(|_| normal(&mut random) * 0.1).collect();
        let _ = writeln!(text, "split_feature={}\nthreshold={}", words(&inputs), words(&thresholds));
        let _ = writeln!(text, "decision_type={}", words(&vec![8 + 2 * (tree % 2); LEAVES - 1]));
        let _ = writeln!(text, "left_child={}\nright_child={}", words(&left), words(&right));
        let _ = writeln!(text, "leaf_value={}\nshrinkage=1\n", words(&values));
    }
    text + "end of trees\n"
}

fn words<T: std::fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

/// The sum of twelve uniform numbers is nearly normal.
fn normal(random: &mut fastrand::Rng) -> f64 {
    (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
}

criterion_group!(benches, score);
criterion_main!(benches);
