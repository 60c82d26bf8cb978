//! A server's control plane without the server: a refresher that follows a channel, and a recommender on what it
//! serves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeZone as _, Utc};
use larder::artifact::table::TableLimits;
use larder::artifact::{ArtifactStore, BlobCache};
use larder::domain::Request;
use larder::pipeline::Stages;
use larder::recommender::{Limits, Recommendation, Recommender, View};
use larder::snapshot::{
    LoadOptions, Published, Quarantine, RefreshOptions, Refresher, Registry, SnapshotError, Source,
    TrustedKeys, publish,
};

pub(crate) const CHANNEL: &str = "production";

/// Follows [`CHANNEL`] of a store.
pub(crate) struct Following {
    pub(crate) refresher: Refresher<View>,
    pub(crate) recommender: Recommender,
}

/// For the small shops of most tests.
fn small() -> LoadOptions {
    LoadOptions {
        max_artifact_bytes: 1 << 20,
        table: TableLimits { rows: 10_000, bytes: 1 << 20, ..TableLimits::default() },
        ..LoadOptions::default()
    }
}

/// One item of a slate, as far as two slates are compared: id, bits of the score, source.
pub(crate) type Line = (String, u32, String);

impl Following {
    /// Has not looked at the channel yet. `keep_previous` as in [`RefreshOptions`].
    pub(crate) fn new(store: Arc<dyn ArtifactStore>, cache: &Path, keep_previous: bool) -> Self {
        Self::within(None, store, cache, keep_previous)
    }

    /// As [`Following::new`], looking at the channel each `interval` while a snapshot is loaded.
    pub(crate) fn looking_each(
        interval: Duration,
        store: Arc<dyn ArtifactStore>,
        cache: &Path,
        keep_previous: bool,
    ) -> Self {
        Self::with_limits(None, interval, small(), store, cache, keep_previous)
    }

    /// As [`Following::new`], with a memory budget.
    pub(crate) fn within(
        memory_budget: Option<u64>,
        store: Arc<dyn ArtifactStore>,
        cache: &Path,
        keep_previous: bool,
    ) -> Self {
        let hour = Duration::from_secs(3600);
        Self::with_limits(memory_budget, hour, small(), store, cache, keep_previous)
    }

    fn with_limits(
        memory_budget: Option<u64>,
        poll_interval: Duration,
        load: LoadOptions,
        store: Arc<dyn ArtifactStore>,
        cache: &Path,
        keep_previous: bool,
    ) -> Self {
        let cache = Arc::new(BlobCache::open(cache).unwrap());
        let registry = Arc::new(Registry::default());
        let options = RefreshOptions {
            channel: CHANNEL.to_owned(),
            poll_interval,
            keep_previous: Some(keep_previous),
            memory_budget,
            reserved_memory: 0,
            quarantine: false,
            load,
        };
        let refresher = Refresher::new(
            Source { store, cache },
            Arc::clone(&registry),
            Box::new(|snapshot| View::prepare(snapshot, &Stages::default())),
            |served| served.snapshot.as_ref(),
            options,
        );
        let recommender = Recommender::new(registry, Limits::default());
        Self { refresher: refresher.unwrap(), recommender }
    }

    /// As [`Following::within`], for files of any size.
    pub(crate) fn roomy(budget: u64, store: Arc<dyn ArtifactStore>, cache: &Path) -> Self {
        let load = LoadOptions { max_artifact_bytes: 16 << 20, ..LoadOptions::default() };
        Self::with_limits(Some(budget), Duration::from_secs(3600), load, store, cache, true)
    }

    /// Serves only what one of these keys has signed.
    pub(crate) fn trusting(keys: TrustedKeys, store: Arc<dyn ArtifactStore>, cache: &Path) -> Self {
        let load = LoadOptions { trusted_keys: Some(keys), ..LoadOptions::default() };
        Self::with_limits(None, Duration::from_secs(3600), load, store, cache, true)
    }

    /// Has snapshots tried out first.
    pub(crate) fn quarantined(self, quarantine: Quarantine) -> Self {
        Self { refresher: self.refresher.with_quarantine(quarantine), ..self }
    }

    /// The version that is served.
    pub(crate) fn version(&self) -> String {
        self.recommender.served().unwrap().snapshot.version().to_owned()
    }

    /// What a few different visitors are shown.
    pub(crate) fn slates(&self) -> Vec<Vec<Line>> {
        let home = || Request::new("home.for_you");
        let similar = || Request::new("pdp.similar");
        let requests = [
            similar().viewing("earl-grey"),
            similar().event("shortbread").event("espresso").user("ben"),
            similar(),
            home().user("ada"),
            home().event("honey").page_size(20),
        ];
        requests.iter().map(|request| lines(&self.recommender.recommend(request).unwrap())).collect()
    }
}

pub(crate) fn lines(answer: &Recommendation) -> Vec<Line> {
    let line = |item: &larder::domain::SlateItem| {
        (answer.id(item.item).to_owned(), item.score.to_bits(), item.source.to_string())
    };
    answer.slate.items.iter().map(line).collect()
}

/// Publishes the snapshot in `dir` to [`CHANNEL`].
pub(crate) fn publish_to(store: &dyn ArtifactStore, dir: &Path) -> Result<Published, SnapshotError> {
    publish(store, dir, Some(CHANNEL), Utc.timestamp_opt(1_800_000_000, 0).unwrap(), &mut |_| {})
}
