//! A shop whose server reads events from a stream of another system, seen from outside.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use larder::artifact::LocalStore;
use serde_json::Value;
use tempfile::TempDir;

use super::following::publish_to;
use super::grocer;
use super::process::Process;
use super::scrape::Scrape;

/// The mapping of a shop that tells its stock in words of its own.
pub(crate) const STOCK: &str = "[[events.source.map]]\nmatch = '{\"sku\": [{\"exists\": true}]}'\n\
                                type = 'item.changed'\nitem_id = '/sku'\ntime = '/at'\n\
                                set.in_stock = { at = '/pieces', gt = 0 }\n";

/// Minutes after the catalogue of the grocer's first snapshot.
pub(crate) fn after(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 1, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

/// A store with a snapshot, and a configuration.
pub(crate) struct Shop {
    dir: TempDir,
    config: PathBuf,
}

impl Shop {
    pub(crate) fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::create(dir.path()).unwrap();
        publish_to(&store, grocer::snapshot(1).path()).unwrap();
        let path = dir.path().join("larder.toml");
        std::fs::write(&path, config).unwrap();
        Self { dir, config: path }
    }

    pub(crate) fn serve(&self) -> Process {
        Process::serve_with(self.dir.path(), &[("--config", &self.config)])
    }
}

pub(crate) fn status(server: &Process) -> Value {
    server.send(server.admin, "GET", "/status", "").json()
}

pub(crate) fn digest(server: &Process) -> String {
    status(server)["live_digest"].as_str().unwrap().to_owned()
}

pub(crate) fn scrape(server: &Process) -> Scrape {
    Scrape::parse(&server.send(server.admin, "GET", "/metrics", "").body)
}

/// How many events of the source `shop` were applied.
pub(crate) fn applied(server: &Process) -> f64 {
    let labels = [("source", "shop"), ("outcome", "applied")];
    scrape(server).value("larder_events_total", &labels).unwrap_or_default()
}

pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

pub(crate) fn is_ready(server: &Process) -> bool {
    server.send(server.admin, "GET", "/readyz", "").status == 200
}
