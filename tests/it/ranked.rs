//! Rankers in the grocer's shop: each family of features decides an order, and a user's features come from wherever
//! they are.

use std::fs;
use std::path::Path;
use std::time::Duration;

use arrow_array::{Float32Array, StringArray};
use larder::domain::{Cause, DegradationLevel, Request};
use larder::pipeline::Stages;
use larder::recommender::{Limits, Recommendation, Recommender};
use larder::snapshot::{
    LoadOptions, MANIFEST, Snapshot, UserFeatures, describe_directory, open_directory, shard_tables,
};
use tempfile::TempDir;

use crate::support::following::lines;
use crate::support::grocer::{self, array, floats, table, texts};

mod features;
mod memory;
#[cfg(feature = "onnx")]
mod onnx;
mod users;

/// A shop whose placement "ranked" shows neighbours of the seed in the order of a ranker called "judge".
struct Shop {
    dir: TempDir,
}

impl Shop {
    /// `params` is the `[judge]` table of `params.toml`, or more tables.
    fn new(file: &str, model: impl AsRef<[u8]>, params: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        grocer::stock(dir.path(), 1);
        fs::write(dir.path().join(file), model).unwrap();
        let said = fs::read_to_string(dir.path().join("params.toml")).unwrap();
        fs::write(dir.path().join("params.toml"), format!("{said}\n{params}")).unwrap();
        let shop = Self { dir };
        shop.recipe(r#"scorer = { kind = "ranker", artifact = "judge" }"#);
        shop
    }

    fn linear(weights: &str) -> Self {
        Self::new("judge.json", format!("{{\"weights\": {weights}}}"), "")
    }

    /// Gives the placement other keys than its sources.
    fn recipe(&self, keys: &str) {
        let recipes = format!(
            "{}\n[placements.ranked]\npage_size = 6\n\
             sources = [ {{ kind = \"neighbors\", artifact = \"similar\" }},\n  \
             {{ kind = \"neighbors\", artifact = \"goes_with\", name = \"together\" }} ]\n{keys}\n",
            grocer::PLACEMENTS
        );
        fs::write(self.dir.path().join("placements.toml"), recipes).unwrap();
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn snapshot(&self, options: &LoadOptions) -> Snapshot {
        shard_tables(self.path(), &describe_directory(self.path()).unwrap()).unwrap();
        grocer::seal(self.path(), 1);
        open_directory(self.path(), "production", options).unwrap()
    }

    fn open(&self) -> Recommender {
        self.open_with(&LoadOptions::default(), Limits::default())
    }

    fn open_with(&self, options: &LoadOptions, limits: Limits) -> Recommender {
        Recommender::with(self.snapshot(options), &Stages::default(), limits).unwrap()
    }

    /// What a snapshot with these recipes is refused with.
    fn refusal(&self) -> String {
        grocer::seal(self.path(), 1);
        let opened = open_directory(self.path(), "production", &LoadOptions::default());
        opened
            .and_then(|snapshot| Recommender::with(snapshot, &Stages::default(), Limits::default()))
            .unwrap_err()
            .to_string()
    }
}

fn ranked() -> Request {
    Request::new("ranked").viewing("earl-grey")
}

/// The items of an answer.
fn shown(answer: &Recommendation) -> String {
    let ids = answer.slate.items.iter().map(|item| answer.id(item.item));
    ids.collect::<Vec<_>>().join(" ")
}

fn ask(recommender: &Recommender, request: &Request) -> String {
    shown(&recommender.recommend(request).unwrap())
}
