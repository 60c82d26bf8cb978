//! However the clicks lie in the file, the same sessions make the same index.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};

use super::*;
use crate::artifact::table::{TableLimits, TableWriter};

/// A click: session, item, time.
type Click = (i64, u32, i64);

fn catalogue() -> IdTable {
    let mut items = IdTable::default();
    for item in 0..50 {
        items.insert(&format!("item {item}")).unwrap();
    }
    items
}

fn decode(session: ArrayRef, clicks: &[Click], limits: SessionLimits) -> Result<SessionKnn, ArtifactError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.parquet");
    TableWriter::default()
        .column("session_id", session)
        .column(
            "item_id",
            StringArray::from_iter_values(clicks.iter().map(|click| format!("item {}", click.1))),
        )
        .column("timestamp", Int64Array::from_iter_values(clicks.iter().map(|click| click.2)))
        .write(&path)
        .unwrap();
    let open = || Table::open_parquet(&path, &TableLimits::default()).unwrap();
    sessions([&open(), &open()], &catalogue(), limits)
}

fn numbers(clicks: &[Click]) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(clicks.iter().map(|click| click.0)))
}

fn names(clicks: &[Click]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(clicks.iter().map(|click| format!("session {}", click.0))))
}

#[test]
fn rows_may_come_in_any_order_and_ids_be_numbers_or_text() {
    let mut random = fastrand::Rng::with_seed(3);
    // No two sessions end at the same time, so that their order does not depend on which is read first.
    let mut clicks: Vec<Click> = Vec::new();
    for session in 0..300 {
        clicks.extend((0..random.i64(1..9)).map(|at| (session, random.u32(0..50), session * 100 + at)));
    }
    let limits = SessionLimits::default();
    let grouped: Vec<(i64, Vec<u32>)> = clicks
        .chunk_by(|a, b| a.0 == b.0)
        .map(|session| (session[0].0, session.iter().map(|click| click.1).collect()))
        .collect();
    let expected = format!("{:?}", SessionKnn::new(50, grouped));
    assert_eq!(format!("{:?}", decode(numbers(&clicks), &clicks, limits).unwrap()), expected);
    assert_eq!(format!("{:?}", decode(names(&clicks), &clicks, limits).unwrap()), expected);
    random.shuffle(&mut clicks);
    assert_eq!(format!("{:?}", decode(numbers(&clicks), &clicks, limits).unwrap()), expected);
    assert_eq!(format!("{:?}", decode(names(&clicks), &clicks, limits).unwrap()), expected);
}

#[test]
fn a_session_over_the_limit_keeps_what_was_clicked_last_whatever_the_order_of_rows() {
    let clicks = [(7, 1, 30), (8, 5, 1), (7, 2, 10), (7, 3, 40), (7, 4, 20), (8, 6, 2)];
    let limits = SessionLimits { items_per_session: 2, ..SessionLimits::default() };
    for ids in [numbers(&clicks), names(&clicks)] {
        let index = decode(ids, &clicks, limits).unwrap();
        let held: Vec<u32> = (0..50).filter(|item| index.sessions_with(*item) > 0).collect();
        assert_eq!(held, [1, 3, 5, 6]);
    }
}

#[test]
fn ids_that_are_missing_or_no_ids_are_refused() {
    let clicks = [(1, 1, 1), (2, 2, 2)];
    let refusal = |ids: ArrayRef| decode(ids, &clicks, SessionLimits::default()).unwrap_err().to_string();
    let missing = refusal(Arc::new(Int64Array::from(vec![Some(1), None])));
    assert!(missing.contains("column \"session_id\", row 2: is missing"), "{missing}");
    let missing = refusal(Arc::new(StringArray::from(vec![Some("b"), None])));
    assert!(missing.contains("column \"session_id\", row 2: is missing"), "{missing}");
    let empty = refusal(Arc::new(StringArray::from(vec!["b", ""])));
    assert!(empty.contains("column \"session_id\", row 2: is empty"), "{empty}");
    let float = refusal(Arc::new(Float64Array::from(vec![1.0, 2.0])));
    assert!(float.contains("column \"session_id\" is a float, expected text or an integer"), "{float}");
}
