//! How long does a model of LightGBM or XGBoost take for a batch of rows? `peers-trees MODEL ROWS.f32 --rows N
//! --features M` reads the model and N rows of M floats (little-endian, row by row), and prints JSON: what a call
//! takes, and the first scores, so that whoever compares sees that both sides computed the same.

use std::error::Error;
use std::time::{Duration, Instant};

use larder::cpu;
use larder::model::{Format, Matrix, RankScratch, Ranker};

/// Calls are timed for this long, so that the least of them met a quiet moment.
const FOR: Duration = Duration::from_millis(500);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, rows, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: peers-trees MODEL ROWS.f32 --rows N --features M [--level scalar|avx2|avx512]".into()
        );
    };
    let option = |name: &str| rest.iter().position(|word| word == name).and_then(|at| rest.get(at + 1));
    let number = |name: &str| -> Result<usize, Box<dyn Error>> {
        Ok(option(name).ok_or_else(|| format!("{name} is missing"))?.parse()?)
    };
    let (count, features) = (number("--rows")?, number("--features")?);
    if let Some(name) = option("--level") {
        cpu::limit_to(cpu::Level::named(name).ok_or("this machine has no such level")?);
    }
    let bytes = std::fs::read(model)?;
    let format = Format::guess(&bytes).ok_or("the model has no known format")?;
    let ranker = Ranker::read(format, &bytes)?;
    if ranker.inputs().len() != features {
        return Err(format!("the model has {} inputs, not {features}", ranker.inputs().len()).into());
    }
    let values = std::fs::read(rows)?;
    let (values, _) = values.as_chunks::<4>();
    if values.len() < count * features {
        return Err(format!("{rows} has {} numbers, fewer than {count} x {features}", values.len()).into());
    }
    let mut matrix = Matrix::default();
    matrix.reset(count, features);
    for feature in 0..features {
        for (row, value) in matrix.column_mut(feature).iter_mut().enumerate() {
            *value = f32::from_le_bytes(values[row * features + feature]);
        }
    }

    let (mut scratch, mut scores) = (RankScratch::default(), vec![0.0; count]);
    let mut call = || {
        let begun = Instant::now();
        ranker.score(std::hint::black_box(&matrix), &mut scratch, std::hint::black_box(&mut scores));
        begun.elapsed().as_nanos() as u64
    };
    let begun = Instant::now();
    let mut taken: Vec<u64> = Vec::new();
    while begun.elapsed() < FOR || taken.len() < 20 {
        taken.push(call());
    }
    taken.sort_unstable();
    let median = taken[taken.len() / 2];
    let first: Vec<f32> = scores.iter().take(3).copied().collect();
    let report = serde_json::json!({
        "ns_per_call": median, "us_p50": median as f64 / 1000.0, "us_min": taken[0] as f64 / 1000.0,
        "calls": taken.len(), "rows": count, "level": cpu::level().name(), "model": ranker.describe(),
        "resident_bytes": ranker.resident_bytes(), "first_scores": first,
    });
    println!("{report}");
    Ok(())
}
