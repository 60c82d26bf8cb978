//! Past sessions in long form, in order of time.

use std::path::Path;

use arrow_array::builder::{StringBuilder, TimestampMillisecondBuilder};
use fastrand::Rng;

use super::rows::{ZSTD_LEVEL, label};
use super::shape::{ScaleSpec, Shape};
use crate::session::length;
use crate::table::{SampleError, Table};

/// Sessions in a batch.
const BATCH: usize = 1 << 15;
/// The sessions spread over so many days.
const DAYS: i64 = 90;

pub(super) fn sessions(
    spec: &ScaleSpec,
    shape: &Shape,
    file: &Path,
    done: &mut dyn FnMut(usize),
) -> Result<(), SampleError> {
    let mut random = Rng::with_seed(spec.seed ^ 6);
    let (mut table, mut text) = (Table::create(file, ZSTD_LEVEL)?, String::new());
    let period = DAYS * 86_400_000;
    for first in (0..spec.sessions).step_by(BATCH) {
        let end = spec.sessions.min(first + BATCH);
        let (mut sessions, mut items) = (StringBuilder::new(), StringBuilder::new());
        let mut times = TimestampMillisecondBuilder::new();
        for session in first..end {
            // Sessions begin evenly over the period, so that their ids ascend with time, as in a shop's own export.
            let mut now =
                spec.until_ms - period + (session as f64 / spec.sessions as f64 * period as f64) as i64;
            let mut rank = shape.any(&mut random);
            for _ in 0..length(&mut random) {
                sessions.append_value(label(b'S', session, &mut text));
                items.append_value(label(b'P', shape.item(rank), &mut text));
                times.append_value(now);
                now += random.i64(5_000..120_000);
                rank = shape.onward(rank, &mut random);
            }
        }
        table
            .batch()
            .column("session_id", sessions.finish())
            .column("item_id", items.finish())
            .column("timestamp", times.finish())
            .write()?;
        done(end);
    }
    table.close()
}
