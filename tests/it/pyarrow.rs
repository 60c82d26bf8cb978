//! A snapshot that no line of this program wrote: the example for pyarrow is served like any other.

use std::path::Path;
use std::process::Command;

use crate::support::skip::skip;
use larder::domain::{DegradationLevel, Request};
use larder::feature::Value;
use larder::recommender::Recommender;

#[test]
fn a_store_written_by_the_pyarrow_example_is_served() {
    if !python_has_pyarrow("a_store_written_by_the_pyarrow_example_is_served") {
        return;
    }
    let store = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/write_snapshot.py");
    let output = Command::new("python3").arg(script).arg(store.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let recommender = Recommender::open(store.path()).unwrap();
    let answer = recommender.recommend(&Request::new("pdp.similar").viewing("pot")).unwrap();
    let ids: Vec<&str> = answer.slate.items.iter().map(|item| answer.id(item.item)).collect();
    assert_eq!(ids, ["mug", "tea"], "neither the item itself nor what is not in stock");
    assert_eq!(answer.slate.degradation.level, DegradationLevel::None);
    let mug = answer.slate.items[0].item.row();
    assert_eq!(answer.snapshot().catalog().value("title", mug), Value::Text("Stoneware mug"));
    assert!(answer.snapshot().version().ends_with("-pyarrow"));
}

/// Without pyarrow, says that `test` is skipped; under CI that is a failure.
fn python_has_pyarrow(test: &str) -> bool {
    let imported = Command::new("python3").args(["-c", "import pyarrow.parquet"]).output();
    let found = imported.is_ok_and(|output| output.status.success());
    if !found {
        skip(test, "python3 with pyarrow: pip install pyarrow");
    }
    found
}
