//! How long does one request take, from the request to the slate, in process and in warm memory? Generated: a trained shop of
//! 100,000 items and 500,000 sessions (`larder sample --scale`, fixed seed), or the snapshot directory in `LARDER_BENCH_SNAPSHOT`.
//!
//! `session.next` is the whole pipeline: session kNN 300, vectors 300 and neighbours 200, stock filter, blend, a cap, 12 items out.
//! A recipe with a ranker goes beside it, into `src/train/sample/scale/placements.toml`: every placement there is measured.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot begin must stop"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use larder::domain::{Request, Slate};
use larder::recommender::Recommender;
use larder::snapshot::{MANIFEST, build_manifest, describe_directory};
use larder::train::sample::{ScaleSpec, write_scale};

/// Requests in turn, so that no list stays in the nearest cache.
const REQUESTS: usize = 256;

fn placements(criterion: &mut Criterion) {
    let made = tempfile::tempdir().expect("a directory");
    let dir = std::env::var_os("LARDER_BENCH_SNAPSHOT").map_or_else(|| shop(made.path()), PathBuf::from);
    let recommender = Recommender::open(&dir).expect("a snapshot");
    let served = recommender.served().expect("a snapshot");
    let mut slate = Slate::default();
    for placement in served.placements.keys() {
        let requests = requests(placement, &recommender);
        let mut turn = requests.iter().cycle();
        criterion.bench_function(placement, |bencher| {
            bencher.iter(|| {
                let request = turn.next().expect("an endless cycle");
                recommender.recommend_into(black_box(request), &mut slate).expect("an answer");
                black_box(slate.items.len())
            });
        });
    }
}

fn requests(placement: &str, recommender: &Recommender) -> Vec<Request> {
    let served = recommender.served().expect("a snapshot");
    let items = served.snapshot.items();
    let mut random = fastrand::Rng::with_seed(7);
    let mut item = || items.text(random.u32(0..items.len() as u32)).to_owned();
    let one = |at: usize| {
        let request = Request::new(placement).user(format!("U{:08}", at * 37)).viewing(item());
        if placement.starts_with("pdp") {
            request
        } else {
            (0..4).fold(request, |request, _| request.event(item()))
        }
    };
    (0..REQUESTS).map(one).collect()
}

fn shop(dir: &Path) -> PathBuf {
    let spec = ScaleSpec {
        items: 100_000,
        sessions: 500_000,
        users: 20_000,
        user_features: 0,
        seed: 1,
        until_ms: 1_793_404_800_000,
    };
    write_scale(&spec, dir, &mut |_, _| {}).expect("a shop");
    let artifacts = describe_directory(dir).expect("known files");
    let manifest =
        build_manifest(dir, artifacts, Some(spec.until_ms), chrono::Utc::now()).expect("a manifest");
    std::fs::write(dir.join(MANIFEST), manifest.to_json()).expect("a manifest");
    dir.to_owned()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).without_plots();
    targets = placements
}
criterion_main!(benches);
