//! One tiny snapshot per format version stays in git and loads for ever, with the answers it gave on the day it was
//! made.
//!
//! `LARDER_REGENERATE=1 cargo test compat` writes the folder of the current format anew; no other folder ever changes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder::artifact::MemoryStore;
use larder::domain::Request;
use larder::recommender::Recommender;
use larder::snapshot::{FORMAT_VERSION, MANIFEST, Manifest};

use crate::support::following::{Following, publish_to};
use crate::support::grocer;

/// The slates of [`queries`], a line each.
const ANSWERS: &str = "answers.txt";

/// The most that git should have to keep for all formats together.
const MOST_BYTES: u64 = 60_000;

/// What is asked of every version; only ever added to.
fn queries() -> [Request; 6] {
    let (similar, home) = (|| Request::new("pdp.similar"), || Request::new("home.for_you"));
    [
        similar().viewing("earl-grey"),
        similar().viewing("sencha").page_size(8),
        similar().event("shortbread").event("espresso"),
        home().user("ada"),
        home().user("eve").event("honey").page_size(6),
        home(),
    ]
}

#[test]
fn every_format_still_loads_and_gives_the_answers_of_its_day() {
    let newest = folder().join(format!("v{FORMAT_VERSION}"));
    if std::env::var_os("LARDER_REGENERATE").is_some() {
        regenerate(&newest);
    }
    assert!(newest.is_dir(), "{} is missing: see this file's first lines", newest.display());
    for version in 1..=FORMAT_VERSION {
        let dir = folder().join(format!("v{version}"));
        let manifest = Manifest::parse(&fs::read(dir.join(MANIFEST)).unwrap(), MANIFEST).unwrap();
        assert_eq!(manifest.format_version, version);
        let expected = fs::read_to_string(dir.join(ANSWERS)).unwrap();
        assert_eq!(answers(&Recommender::open(&dir).unwrap()), expected, "in place, v{version}");

        let (store, cache) = (Arc::new(MemoryStore::new()), tempfile::tempdir().unwrap());
        publish_to(&*store, &dir).unwrap();
        let following = Following::new(store, cache.path(), true);
        following.refresher.refresh(false).unwrap();
        assert_eq!(answers(&following.recommender), expected, "from a store, v{version}");
    }
}

#[test]
fn the_kept_snapshots_are_tiny_and_none_is_of_the_future() {
    let (mut bytes, mut versions) = (0, 0);
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            versions += 1;
            bytes +=
                fs::read_dir(&path).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>();
        }
    }
    assert_eq!(versions, FORMAT_VERSION);
    assert!(bytes < MOST_BYTES, "{bytes} bytes");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat")
}

/// `placement: item source, item source`, a line a query.
fn answers(recommender: &Recommender) -> String {
    let mut text = String::new();
    for query in queries() {
        let answer = recommender.recommend(&query).unwrap();
        let item = |item: &larder::domain::SlateItem| format!("{} {}", answer.id(item.item), item.source);
        let items: Vec<String> = answer.slate.items.iter().map(item).collect();
        writeln!(text, "{}: {}", query.placement, items.join(", ")).unwrap();
    }
    text
}

fn regenerate(dir: &Path) {
    let made = grocer::snapshot(1);
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).unwrap();
    let manifest = Manifest::parse(&fs::read(made.path().join(MANIFEST)).unwrap(), MANIFEST).unwrap();
    let files = manifest.artifacts.iter().map(|entry| entry.path.as_str()).chain([MANIFEST]);
    for file in files {
        fs::copy(made.path().join(file), dir.join(file)).unwrap();
    }
    fs::write(dir.join(ANSWERS), answers(&Recommender::open(dir).unwrap())).unwrap();
}
