//! A shop of any size, already trained: the artifacts of a snapshot, written in batches so that memory stays small.
//!
//! For finding out how a server does at scale. The shape is that of real shops (items by Zipf, sessions of a few clicks, vectors in
//! clusters with log-normal lengths); the content is random, so its quality means nothing.

mod people;
mod products;
mod shape;
mod visits;

use std::path::Path;

use crate::artifact::table::TableError;

use shape::Shape;

/// The recipes that go with the artifacts.
const PLACEMENTS: &str = include_str!("placements.toml");

/// Rows in a batch.
const BATCH: usize = 1 << 16;

/// Numbers in each vector.
const WIDTH: usize = 64;

/// How large a trained shop to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleSpec {
    /// Items in the catalogue, each with a vector and neighbours: 100 to 100 million.
    pub items: usize,
    /// Past sessions, about five clicks each.
    pub sessions: usize,
    /// Users with a vector.
    pub users: usize,
    /// Users in the table of user features; 0 leaves the table out.
    pub user_features: usize,
    /// Another seed makes another shop.
    pub seed: u64,
    /// The newest session, milliseconds since 1970.
    pub until_ms: i64,
}

/// Writes the artifacts and `placements.toml` into a directory; `larder snapshot build` makes a snapshot of it.
///
/// `progress` hears which file is being written and what share of all rows is done.
///
/// # Errors
/// A file that cannot be written.
pub fn write_scale(
    spec: &ScaleSpec,
    dir: &Path,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<(), TableError> {
    let shape = Shape::new(spec);
    // What a row costs differs by file; these are seconds per million, near enough for a bar.
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
        let file = dir.join(format!("{name}.parquet"));
        if rows == 0 {
            continue;
        }
        progress(name, done / total);
        write(spec, &shape, &file, &mut |row| progress(name, (done + row as f64 * cost) / total))?;
        done += rows as f64 * cost;
    }
    let file = dir.join("placements.toml");
    std::fs::write(&file, PLACEMENTS)
        .map_err(|e| TableError::Unwritable { file: file.display().to_string(), source: e.into() })
}

/// Writes one file, and says after each batch how many rows are done.
type Write = fn(&ScaleSpec, &Shape, &Path, &mut dyn FnMut(usize)) -> Result<(), TableError>;

/// Ranges of at most [`BATCH`] rows.
fn batches(rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..rows).step_by(BATCH).map(move |first| first..rows.min(first + BATCH))
}

/// A text such as `P0000042`, made without taking memory.
fn label(prefix: u8, number: usize, text: &mut String) -> &str {
    let mut digits = *b"00000000000000000000";
    let mut rest = number;
    let mut first = digits.len() - 8; // at least eight digits
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit += (rest % 10) as u8;
        if rest > 0 {
            first = first.min(place);
        }
        rest /= 10;
    }
    text.clear();
    text.push(char::from(prefix));
    text.push_str(std::str::from_utf8(&digits[first..]).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_eight_digits_or_more() {
        let mut text = String::new();
        assert_eq!(label(b'P', 42, &mut text), "P00000042");
        assert_eq!(label(b'S', 0, &mut text), "S00000000");
        assert_eq!(label(b'U', 123_456_789_012, &mut text), "U123456789012");
    }
}
