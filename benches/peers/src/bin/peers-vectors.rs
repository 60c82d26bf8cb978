//! How long does a search for the best 100 by inner product take, and how many of the exact best does it find?
//! `peers-vectors --data DIR --name NAME --k 100 --json` reads what `vectors_data.py` wrote, calibrates the index with
//! the first hundred queries as a snapshot does with its users, and measures the others: one thread, one query at a
//! time.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use larder::domain::{Bitmap, ItemMask, score};
use larder::index::{IndexKind, IndexParams, Metric, VectorIndex, VectorScratch, Vectors};
use larder::cpu;
use serde_json::{Map, Value, json};

/// Queries that the index is calibrated with; they are not measured.
const CALIBRATION: usize = 100;
/// The other queries are all searched so often; the median of the passes counts.
const PASSES: usize = 5;
/// Shares of the rows that filters keep.
const KEPT: [f64; 4] = [0.5, 0.1, 0.01, 0.001];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let value = arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
        value.map(String::as_str)
    };
    let usage = "usage: peers-vectors --data DIR --name NAME [--k 100] [--level scalar|avx2|avx512]";
    let (Some(data), Some(name)) = (option("--data"), option("--name")) else { return Err(usage.into()) };
    let k: usize = option("--k").unwrap_or("100").parse()?;
    if let Some(name) = option("--level") {
        cpu::limit_to(cpu::Level::named(name).ok_or("this machine has no such level")?);
    }
    let folder = Path::new(data);
    let header: Value = serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json")))?)?;
    let width = header["dim"].as_u64().ok_or("the header has no dim")? as usize;
    let base = floats(&folder.join(format!("{name}.base.f32")))?;
    let queries = floats(&folder.join(format!("{name}.queries.f32")))?;
    let queries: Vec<Vec<f32>> = queries.chunks_exact(width).map(<[f32]>::to_vec).collect();
    if queries.len() <= CALIBRATION {
        return Err("too few queries".into());
    }
    let (calibration, queries) = queries.split_at(CALIBRATION);
    let rows = base.len() / width;
    let vectors = || {
        Vectors::new(width, Metric::InnerProduct, base.clone(), vec![true; rows])
            .ok_or("the vectors do not fit")
    };

    eprintln!("{name}: building");
    let given = vectors()?;
    let begun = Instant::now();
    let mut index = VectorIndex::build(given, IndexParams::default());
    index.calibrate(calibration);
    let build_s = begun.elapsed().as_secs_f64();
    let exact =
        VectorIndex::build(vectors()?, IndexParams { kind: IndexKind::Exact, ..IndexParams::default() });

    eprintln!("{name}: searching");
    let all = mask(rows, None);
    let few = &queries[..queries.len().min(200)];
    let measured = measure(&index, &exact, queries, k, &all);
    let unfiltered = measure(&index, &exact, few, k, &all);
    let mut filtered = Map::new();
    for keep in KEPT {
        let mask = mask(rows, Some(keep));
        let measured = measure(&index, &exact, few, k, &mask);
        let times = measured.us_mean / unfiltered.us_mean;
        filtered.insert(
            keep.to_string(),
            json!({"us_mean": measured.us_mean, "recall": measured.recall, "times_unfiltered": times}),
        );
    }
    let scanned = measure(&exact, &exact, &few[..few.len().min(50)], k, &all);
    let bytes = rows * width.next_multiple_of(64);
    let stream_us = stream(bytes);
    let report = json!({
        "index": index.way(), "recall": measured.recall, "us_mean": measured.us_mean, "us_p50": measured.us_p50,
        "us_p99": measured.us_p99, "rows_read": measured.rows_read, "build_s": build_s,
        "bytes_per_row": index.resident_bytes() / rows,
        "unfiltered_us_mean": unfiltered.us_mean, "filtered": filtered,
        "exact": {
            "us_mean": scanned.us_mean, "recall": scanned.recall, "matrix_bytes": bytes, "stream_us": stream_us,
            "share_of_stream_bandwidth": stream_us / scanned.us_mean,
        },
    });
    println!("{report}");
    Ok(())
}

struct Measured {
    recall: f64,
    us_mean: f64,
    us_p50: f64,
    us_p99: f64,
    /// Quantised rows that a search reads, in the mean.
    rows_read: usize,
}

fn measure(
    index: &VectorIndex,
    exact: &VectorIndex,
    queries: &[Vec<f32>],
    k: usize,
    mask: &ItemMask,
) -> Measured {
    let (mut scratch, mut found, mut best) = (VectorScratch::default(), Vec::new(), Vec::new());
    let (mut hits, mut wanted, mut rows) = (0, 0, 0);
    for query in queries {
        rows += index.search(query, k, mask, &mut scratch, &mut found).rows;
        exact.search(query, k, mask, &mut scratch, &mut best);
        wanted += best.len();
        let best: Vec<u32> = best.iter().map(|key| score::item(*key).0).collect();
        hits += found.iter().filter(|key| best.contains(&score::item(**key).0)).count();
    }
    let mut means = Vec::new();
    let mut all = Vec::new();
    for _ in 0..PASSES {
        let mut taken = Vec::with_capacity(queries.len());
        for query in queries {
            let begun = Instant::now();
            index.search(black_box(query), k, mask, &mut scratch, black_box(&mut found));
            taken.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        means.push(taken.iter().sum::<f64>() / taken.len() as f64);
        all.extend(taken);
    }
    means.sort_by(f64::total_cmp);
    all.sort_by(f64::total_cmp);
    Measured {
        recall: hits as f64 / f64::max(wanted as f64, 1.0),
        us_mean: means[PASSES / 2],
        us_p50: all[all.len() / 2],
        us_p99: all[all.len() * 99 / 100],
        rows_read: rows / queries.len().max(1),
    }
}

/// Microseconds of a plain read of so many bytes in sequence, the median of several.
fn stream(bytes: usize) -> f64 {
    let words: Vec<u64> = (0..bytes as u64 / 8).collect();
    let mut taken: Vec<f64> = (0..25)
        .map(|_| {
            let begun = Instant::now();
            let mut sums = [0u64; 16];
            for sixteen in black_box(&words).chunks_exact(16) {
                sums.iter_mut().zip(sixteen).for_each(|(sum, word)| *sum ^= word);
            }
            black_box(sums);
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    taken[taken.len() / 2]
}

fn mask(rows: usize, keep: Option<f64>) -> ItemMask {
    let mut mask = ItemMask::default();
    mask.reset(rows);
    if let Some(keep) = keep {
        let mut random = fastrand::Rng::with_seed(5);
        mask.allow_only(&Bitmap::from_fn(rows, |_| random.f64() < keep));
    }
    mask
}

fn floats(path: &Path) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect())
}
