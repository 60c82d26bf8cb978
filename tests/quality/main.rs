//! The quality that real shops' data must reach. The data is not part of the project: these tests run where
//! `LARDER_REAL_DATA` names a directory with `webshop/` and `webshop_clicks/`. A program of their own, since they are
//! built optimised and the others are not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::io::Write;
use std::path::{Path, PathBuf};

use larder::evaluate::{Metrics, ReplayOptions, Replayer, split, trial, tune};
use larder::train::{Catalog, EventLog, TrainPlan, parse_time_ms};

const REFERENCES: &str = include_str!("../../benches/quality/references.toml");

fn real_data(test: &str, shop: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("LARDER_REAL_DATA").map(|root| Path::new(&root).join(shop));
    if dir.is_none() {
        // Past the test harness, which swallows what passing tests print.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {test}: needs real shops' data: LARDER_REAL_DATA names its directory"
        );
    }
    dir
}

struct Shop {
    catalog: Catalog,
    early: EventLog,
    held: EventLog,
}

fn shop(dir: &Path, split_at: &str) -> Shop {
    let catalog = Catalog::read(&dir.join("items.parquet")).unwrap();
    let log = EventLog::read(&dir.join("events.parquet"), &catalog).unwrap();
    let (early, held) = split(&log, parse_time_ms(split_at).unwrap());
    Shop { catalog, early, held }
}

impl Shop {
    /// The quality of recipes over artifacts trained on the early part with `plan`.
    fn ask(&self, plan: &TrainPlan, recipes: &str, asked: &[(&str, ReplayOptions)]) -> Vec<Metrics> {
        let dir = tempfile::tempdir().unwrap();
        let trial = trial(&self.early, &self.catalog, plan, dir.path(), &|_| true, &mut |_, _| {}).unwrap();
        let recommender = trial.recommender(recipes).unwrap();
        let replayer = Replayer::new(&self.held, &self.catalog.ids);
        let report = |(name, options): &(&str, ReplayOptions)| {
            replayer.replay(&recommender, name, options).unwrap().metrics
        };
        asked.iter().map(report).collect()
    }

    /// The quality of the recipes that the tuner chooses on the last stretch of the early part, with `predictions` a
    /// trial.
    fn ask_tuned(&self, predictions: usize, asked: &[(&str, ReplayOptions)]) -> Vec<Metrics> {
        let work = tempfile::tempdir().unwrap();
        let plan = TrainPlan::default();
        let tuned =
            tune(&self.early, &self.catalog, &plan, predictions, work.path(), &mut |_, _| {}).unwrap();
        self.ask(&tuned.plan, &tuned.recipes.to_toml().unwrap(), asked)
    }
}

fn anonymous() -> ReplayOptions {
    ReplayOptions { anonymous: true, ..ReplayOptions::default() }
}

fn reaches(what: &str, metrics: &Metrics, hr: f64, mrr: f64) {
    println!("{what}: hr@20 {:.4} (at least {hr}), mrr@20 {:.4} (at least {mrr})", metrics.hr, metrics.mrr);
    assert!(metrics.hr >= hr && metrics.mrr >= mrr, "{what}: {metrics:?}");
}

#[test]
fn plain_methods_reach_their_reference_on_purchases() {
    let test = "plain_methods_reach_their_reference_on_purchases";
    let Some(dir) = real_data(test, "webshop") else { return };
    let shop = shop(&dir, "2011-11-10");
    let names = ["reference.cooccurrence", "reference.vmis_knn", "reference.sequential_rules"];
    let found = shop.ask(&TrainPlan::default(), REFERENCES, &names.map(|name| (name, anonymous())));
    reaches("co-occurrence", &found[0], 0.325, 0.155);
    reaches("VMIS-kNN", &found[1], 0.26, 0.069);
    reaches("sequential rules", &found[2], 0.345, 0.169);
}

#[test]
fn chosen_recipes_reach_the_reference_on_purchases() {
    let test = "chosen_recipes_reach_the_reference_on_purchases";
    let Some(dir) = real_data(test, "webshop") else { return };
    let shop = shop(&dir, "2011-11-10");
    let by_user = ReplayOptions::default();
    let found = shop.ask_tuned(
        1000,
        &[("session.next", anonymous()), ("home.for_you", by_user.clone()), ("home.buy_again", by_user)],
    );
    reaches("session.next", &found[0], 0.345, 0.169);
    println!("ndcg@10: new items {:.4}, repurchase allowed {:.4}", found[1].ndcg, found[2].ndcg);
    assert!(found[1].ndcg >= 0.095, "home.for_you, new items only: {:?}", found[1]);
    assert!(found[2].ndcg >= 0.33, "home.buy_again: {:?}", found[2]);
}

#[test]
fn chosen_recipes_reach_the_reference_on_clicks() {
    let test = "chosen_recipes_reach_the_reference_on_clicks";
    let Some(dir) = real_data(test, "webshop_clicks") else { return };
    let shop = shop(&dir, "2008-08-01");
    let found = shop.ask_tuned(4000, &[("session.next", anonymous())]);
    reaches("session.next", &found[0], 0.66, 0.245);
    let excluding = |groups: &str| REFERENCES.replace("[\"session\"]", groups);
    let vmis = [("reference.vmis_knn", anonymous())];
    let plan = TrainPlan::default();
    reaches(
        "VMIS-kNN, current item excluded",
        &shop.ask(&plan, &excluding("[\"current\"]"), &vmis)[0],
        0.49,
        0.108,
    );
    reaches("VMIS-kNN, current item allowed", &shop.ask(&plan, &excluding("[]"), &vmis)[0], 0.53, 0.119);
}
