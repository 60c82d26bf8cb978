//! Vector retrieval against the obvious way: every metric, every way to look, every level of the processor, with and
//! without filters.

use larder::cpu::{self, Level};
use larder::domain::{Bitmap, ItemIdx, ItemMask, score};
use larder::index::{IndexKind, IndexParams, Metric, VectorIndex, VectorScratch, Vectors, Work};

use crate::support::levels;

const METRICS: [Metric; 3] = [Metric::InnerProduct, Metric::Cosine, Metric::L2];

/// Enough for partitions to be thought of.
const ROWS: usize = 9000;

/// Clusters around random points, with log-normal lengths; some rows have no vector.
fn clusters(rows: usize, width: usize, metric: Metric, seed: u64) -> Vectors {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut normal = move || (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
    let centres: Vec<Vec<f32>> = (0..40).map(|_| (0..width).map(|_| normal()).collect()).collect();
    let mut values = Vec::with_capacity(rows * width);
    for row in 0..rows {
        let length = (0.5 * normal()).exp();
        values.extend(centres[row * 7 % 40].iter().map(|x| length * (x + 0.8 * normal())));
    }
    let present = (0..rows).map(|row| row % 97 != 5).collect();
    Vectors::new(width, metric, values, present).unwrap()
}

fn queries(vectors: &Vectors, count: usize) -> Vec<Vec<f32>> {
    if vectors.present().next().is_none() {
        return Vec::new();
    }
    let mut random = fastrand::Rng::with_seed(9);
    let row = |random: &mut fastrand::Rng| vectors.row(random.usize(0..vectors.rows())).map(<[f32]>::to_vec);
    let found = std::iter::repeat_with(|| row(&mut random)).flatten().take(count);
    found.map(|query| query.iter().map(|x| x * 1.1 + 0.05).collect()).collect()
}

fn mask(rows: usize, keep: Option<f64>) -> ItemMask {
    let mut mask = ItemMask::default();
    mask.reset(rows);
    if let Some(keep) = keep {
        let mut random = fastrand::Rng::with_seed(2);
        mask.allow_only(&Bitmap::from_fn(rows, |_| random.f64() < keep));
    }
    (0..rows as u32).step_by(11).for_each(|row| mask.exclude(ItemIdx(row)));
    mask
}

fn built(vectors: Vectors, kind: IndexKind) -> VectorIndex {
    let calibration = queries(&vectors, 60);
    let mut index = VectorIndex::build(vectors, IndexParams { kind, ..IndexParams::default() });
    index.calibrate(&calibration);
    index
}

#[test]
fn the_exact_index_gives_the_very_slates_of_a_search_over_all_vectors() {
    let mut scratch = VectorScratch::default();
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for metric in METRICS {
        for width in [3, 16, 24, 64, 100] {
            let index = built(clusters(1500, width, metric, 1), IndexKind::Exact);
            assert_eq!((index.way(), index.recall()), ("exact", 1.0));
            for keep in [None, Some(0.6), Some(0.02), Some(0.0)] {
                let mask = mask(1500, keep);
                for query in queries(index.vectors(), 20) {
                    index.search(&query, 30, &mask, &mut scratch, &mut found);
                    index.vectors().search(&query, 30, &mask, &mut expected);
                    assert_eq!(found, expected, "{metric:?} {width} {keep:?}");
                }
            }
        }
    }
}

#[test]
fn partitions_find_nearly_all_of_the_best_and_look_at_few_rows_whatever_the_filter_keeps() {
    let mut scratch = VectorScratch::default();
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for metric in METRICS {
        let index = built(clusters(ROWS, 16, metric, 3), IndexKind::Partitions);
        assert_eq!(index.way(), "partitions", "{metric:?}");
        assert!(index.recall() >= 0.97, "{metric:?}: {}", index.recall());
        for keep in [None, Some(0.5), Some(0.1), Some(0.01)] {
            let mask = mask(ROWS, keep);
            let (mut hits, mut wanted, mut rows) = (0, 0, 0);
            for query in queries(index.vectors(), 30) {
                let work: Work = index.search(&query, 100, &mask, &mut scratch, &mut found);
                index.vectors().search(&query, 100, &mask, &mut expected);
                hits += found.iter().filter(|key| expected.contains(key)).count();
                wanted += expected.len();
                rows += work.rows;
                assert!(found.iter().all(|key| mask.admits(score::item(*key))));
                assert!(found.is_sorted_by(|a, b| a > b));
            }
            assert!(hits * 100 >= wanted * 95, "{metric:?} {keep:?}: {hits} of {wanted}");
            assert!(rows < 30 * ROWS / 2, "{metric:?} {keep:?}: {rows} rows");
        }
    }
}

#[test]
fn auto_keeps_a_small_index_exact_and_partitions_a_large_one_only_if_that_is_less_work() {
    assert_eq!(built(clusters(2000, 16, Metric::InnerProduct, 1), IndexKind::Auto).way(), "exact");
    assert_eq!(built(clusters(ROWS, 16, Metric::InnerProduct, 1), IndexKind::Auto).way(), "partitions");
    // Noise in many dimensions has no partitions worth the name.
    let mut random = fastrand::Rng::with_seed(1);
    let values = (0..9000 * 48).map(|_| random.f32() - 0.5).collect();
    let noise = Vectors::new(48, Metric::Cosine, values, vec![true; 9000]).unwrap();
    assert_eq!(built(noise, IndexKind::Auto).way(), "exact");
}

#[test]
fn every_level_of_the_processor_builds_and_finds_the_same() {
    let mut answers = Vec::new();
    let _guard = levels::one_at_a_time();
    for level in Level::all() {
        cpu::limit_to(level);
        let index = built(clusters(2500, 24, Metric::InnerProduct, 6), IndexKind::Partitions);
        let mut scratch = VectorScratch::default();
        let mut keys = Vec::new();
        let mut found = Vec::new();
        for keep in [None, Some(0.3)] {
            for query in queries(index.vectors(), 20) {
                let work = index.search(&query, 50, &mask(2500, keep), &mut scratch, &mut keys);
                found.push((work, keys.clone()));
            }
        }
        answers.push((index.recall().to_bits(), found));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn odd_vectors_and_queries_find_something_or_nothing_but_never_fail() {
    let mut scratch = VectorScratch::default();
    let mut keys = Vec::new();
    for kind in [IndexKind::Exact, IndexKind::Partitions] {
        for metric in METRICS {
            let none = built(Vectors::new(4, metric, vec![0.0; 12], vec![false; 3]).unwrap(), kind);
            none.search(&[1.0; 4], 5, &mask(3, None), &mut scratch, &mut keys);
            assert!(keys.is_empty());
            let small = vec![0.0, 0.0, 1.0, 2.0, 1e-40, -1e-40, 3.0, -4.0, 1e-37, 2e-37, 3.0, -4.0];
            let small = built(Vectors::new(2, metric, small, vec![true; 6]).unwrap(), IndexKind::Exact);
            let mut expected = Vec::new();
            for query in [[0.0, 0.0], [1e-42, 0.0], [1.0, 0.0], [1.0, -1.0], [-2e-38, 1.0]] {
                for k in [1, 3, 100] {
                    small.search(&query, k, &mask(6, None), &mut scratch, &mut keys);
                    small.vectors().search(&query, k, &mask(6, None), &mut expected);
                    assert_eq!(keys, expected, "{metric:?} {query:?} {k}");
                }
            }
            let values = vec![0.0, 0.0, f32::MAX, f32::MAX, 1e-40, -1e-40, 3.0, -4.0];
            let odd = built(Vectors::new(2, metric, values, vec![true; 4]).unwrap(), kind);
            for query in [[0.0, 0.0], [f32::MAX, f32::MIN], [1e-42, 0.0], [1.0, -1.0]] {
                for k in [0, 1, 100] {
                    odd.search(&query, k, &mask(4, None), &mut scratch, &mut keys);
                    assert!(keys.len() <= 3.min(k));
                }
            }
            odd.search(&[1.0; 3], 5, &mask(4, None), &mut scratch, &mut keys);
            assert!(keys.is_empty(), "a query of another width");
        }
    }
}
