//! Artifacts with flipped bits and the right digests: whatever becomes of them, the one at fault is named and the
//! process lives.
//!
//! The changes come from a fixed seed. `LARDER_FUZZ_ARTIFACTS` is how many there are, and `LARDER_FUZZ_FROM` the first.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use larder::artifact::{sha256_bytes, sha256_file};
use larder::pipeline::Stages;
use larder::recommender::View;
use larder::snapshot::{LoadOptions, MANIFEST, SnapshotError, open_directory};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::rankers::bad_models;
use crate::support::grocer;

/// Changed snapshots in a run of the test suite.
const CHANGES: u64 = 300;

/// Bytes at the end of a Parquet file, where its footer is: half of the changes are there.
const FOOTER: usize = 1500;

/// A sound snapshot that is changed, one artifact at a time.
struct Sound {
    dir: TempDir,
    manifest: Value,
}

impl Sound {
    fn of(dir: TempDir) -> Self {
        let manifest = serde_json::from_slice(&fs::read(dir.path().join(MANIFEST)).unwrap()).unwrap();
        Self { dir, manifest }
    }

    /// The sample shop.
    fn sample() -> Self {
        let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/snapshots");
        let from = fs::read_dir(store).unwrap().next().unwrap().unwrap().path();
        let dir = tempfile::tempdir().unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
        }
        Self::of(dir)
    }

    /// The same, with a model of each format.
    fn with_models(mut self) -> Self {
        let ubjson = bad_models::ubjson(&serde_json::from_str(bad_models::XGBOOST).unwrap());
        let models: [(&str, &[u8]); 4] = [
            ("lightgbm", bad_models::LIGHTGBM.as_bytes()),
            ("xgboost_json", bad_models::XGBOOST.as_bytes()),
            ("xgboost_ubj", &ubjson),
            ("linear", bad_models::LINEAR.as_bytes()),
        ];
        for (format, bytes) in models {
            fs::write(self.dir.path().join(format), bytes).unwrap();
            let entry = json!({
                "name": format, "kind": "ranker", "path": format, "bytes": bytes.len(),
                "sha256": sha256_bytes(bytes), "params": {"format": format},
            });
            self.manifest["artifacts"].as_array_mut().unwrap().push(entry);
        }
        self
    }

    /// Changes some bits of one artifact, sees what becomes of the snapshot, and changes them back.
    fn change(&self, random: &mut Rng) -> (String, Result<(), SnapshotError>) {
        let mut manifest = self.manifest.clone();
        let entries = manifest["artifacts"].as_array_mut().unwrap();
        let entry = &mut entries[random.usize(..self.manifest["artifacts"].as_array().unwrap().len())];
        let (name, path) = (entry["name"].as_str().unwrap().to_owned(), entry["path"].as_str().unwrap());
        let file = self.dir.path().join(path);
        let before = fs::read(&file).unwrap();
        let mut bytes = before.clone();
        for _ in 0..random.usize(1..=8) {
            let from = if random.bool() { bytes.len().saturating_sub(FOOTER) } else { 0 };
            let at = random.usize(from..bytes.len());
            bytes[at] ^= 1 << random.u8(..8);
        }
        fs::write(&file, &bytes).unwrap();
        entry["sha256"] = json!(sha256_file(&file).unwrap().0);
        // As for a writer that does not say how many rows there are.
        entry["rows"] = json!(0);
        fs::write(self.dir.path().join(MANIFEST), manifest.to_string()).unwrap();
        let loaded = open_directory(self.dir.path(), "production", &LoadOptions::default());
        let outcome = loaded.and_then(|snapshot| View::prepare(snapshot, &Stages::default()));
        fs::write(&file, before).unwrap();
        (name, outcome.map(drop))
    }
}

#[test]
fn whatever_bits_of_an_artifact_are_flipped_the_one_at_fault_is_named() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (from, changes) = (number("LARDER_FUZZ_FROM").unwrap_or(0), number("LARDER_FUZZ_ARTIFACTS"));
    let (sample, grocer) = (Sound::sample().with_models(), Sound::of(grocer::snapshot(1)).with_models());
    let (mut refused, mut passed) = (0, 0);
    for seed in from..from + changes.unwrap_or(CHANGES) {
        if changes.is_some() {
            eprintln!("change {seed}");
        }
        let mut random = Rng::with_seed(seed);
        // The sample shop is the larger: a twentieth of the changes takes half of the time.
        let sound = if seed % 20 == 0 { &sample } else { &grocer };
        let (artifact, outcome) = sound.change(&mut random);
        let Err(error) = outcome else {
            passed += 1;
            continue;
        };
        refused += 1;
        let said = error.to_string();
        let named = error.artifact().is_some() || said.contains("largest: artifact \"");
        assert!(named, "change {seed}, of {artifact}: {said}");
        // Rows that name an item which is no longer there are at fault elsewhere, and so is a recipe without its part.
        let other = !["catalog", "placements"].contains(&artifact.as_str());
        if let (true, SnapshotError::Artifact { artifact: named, .. }) = (other, &error) {
            assert!(*named == artifact || named.contains("vectors"), "change {seed}, of {artifact}: {said}");
        }
    }
    eprintln!("{refused} changed snapshots were refused, {passed} were sound");
    assert!(refused > 0, "bits were flipped, and nobody minded");
}
