//! A shop of any size, already trained: the artifacts of a snapshot, written in batches so that memory stays small.
//!
//! This is for finding out how a server does at scale. The shape is that of real shops (items by Zipf, sessions of a
//! few clicks, vectors in clusters with log-normal lengths); the content is random, so its quality means nothing.

mod people;
mod products;
mod rows;
mod shape;
mod visits;

use std::path::Path;

pub use shape::ScaleSpec;
use shape::Shape;

use crate::table::SampleError;

/// The recipes that go with the artifacts.
const PLACEMENTS: &str = include_str!("placements.toml");

/// Writes the artifacts and `placements.toml` into `dir`, which is created where it does not exist; `larder snapshot
/// build` makes a snapshot of it. `progress` is told which file is being written and what share of the whole is done.
///
/// The same spec gives the same bytes.
///
/// # Errors
/// A directory or file that cannot be written.
pub fn write_scale(
    spec: &ScaleSpec,
    dir: &Path,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<(), SampleError> {
    std::fs::create_dir_all(dir).map_err(|source| SampleError::Io { path: dir.to_owned(), source })?;
    let shape = Shape::new(spec);
    // What a row costs differs by file; these are seconds per million, near enough for a progress bar.
    let parts: [(&str, usize, f64, Write); 7] = [
        ("catalog", spec.items, 2.0, products::catalog),
        ("popularity", spec.items, 1.0, products::popularity),
        ("similar", spec.items, 6.0, products::similar),
        ("item_factors", spec.items, 4.0, products::factors),
        ("user_vectors", spec.users, 4.0, people::vectors),
        ("user_features", spec.user_features, 2.0, people::features),
        ("sessions", spec.sessions, 2.0, visits::sessions),
    ];
    let total: f64 = parts.iter().map(|(_, rows, cost, _)| *rows as f64 * cost).sum();
    let mut done = 0.0;
    for (name, rows, cost, write) in parts {
        // Parquet has no file without columns, and only the first batch says which there are.
        if rows == 0 {
            continue;
        }
        let file = dir.join(format!("{name}.parquet"));
        progress(name, done / total);
        write(spec, &shape, &file, &mut |row| progress(name, (done + row as f64 * cost) / total))?;
        done += rows as f64 * cost;
    }
    let file = dir.join("placements.toml");
    std::fs::write(&file, PLACEMENTS).map_err(|source| SampleError::Io { path: file, source })
}

/// Writes one file, and says after each batch how many rows are done.
type Write = fn(&ScaleSpec, &Shape, &Path, &mut dyn FnMut(usize)) -> Result<(), SampleError>;
