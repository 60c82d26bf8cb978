//! How long does one request take, from the request to the slate, in process and in warm memory? Generated: a trained
//! shop of 100,000 items and 500,000 sessions (`larder sample --scale`, fixed seed), or the snapshot directory in
//! `LARDER_BENCH_SNAPSHOT`.
//!
//! `session.next` is the whole pipeline without a ranker: session kNN 300, vectors 300 and neighbours 200, stock
//! filter, blend, a cap, 12 items out. `session.ranked` has the first three, 50 features of items, user, seed, request
//! and sources, and a ranker of 500 trees with 31 leaves in the blend's place. How many candidates each placement
//! scores is printed first.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot begin must stop"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};

mod model;

use criterion::{Criterion, criterion_group, criterion_main};
use larder::domain::{Request, ResponseView, Slate};
use larder::recommender::Recommender;
use larder::snapshot::{MANIFEST, build_manifest, describe_directory};
use larder_sample::{ScaleSpec, write_scale};

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
        eprintln!("{placement}: {:.0} candidates scored in the mean", scored(&requests, &recommender));
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
        user_features: 20_000,
        seed: 1,
        until_ms: 1_793_404_800_000,
    };
    write_scale(&spec, dir, &mut |_, _| {}).expect("a shop");
    rank(dir);
    let artifacts = describe_directory(dir).expect("known files");
    let manifest =
        build_manifest(dir, artifacts, Some(spec.until_ms), chrono::Utc::now()).expect("a manifest");
    std::fs::write(dir.join(MANIFEST), manifest.to_json()).expect("a manifest");
    dir.to_owned()
}

/// Adds a ranker, and a placement that uses it.
fn rank(dir: &Path) {
    let item = ["price", "rating", "in_stock", "launched", "tags"].map(|name| format!("item.{name}"));
    let seed = ["price", "rating", "same_category", "same_brand", "price_ratio", "rating_ratio"];
    let seed = seed.map(|name| format!("seed.{name}"));
    let source = ["sessions", "vectors", "similar"]
        .map(|name| [format!("source.{name}.score"), format!("source.{name}.rank")])
        .concat();
    let user = ["newsletter", "member", "orders", "last_order", "average_basket", "discount_share"];
    let user = user.map(|name| format!("user.{name}"));
    let rest =
        ["candidate.rank", "candidate.sources", "context.hour", "context.day_of_week"].map(str::to_owned);
    let known = [&item[..], &seed, &source, &user, &rest].concat();
    let inputs: Vec<String> = known.into_iter().cycle().take(model::INPUTS).collect();
    let names: Vec<String> = (0..model::INPUTS).map(|at| format!("f{at}")).collect();
    std::fs::write(dir.join("ltr.txt"), model::lightgbm(&names)).expect("a model");
    std::fs::write(dir.join("params.toml"), format!("[ltr]\ninputs = {inputs:?}\n")).expect("parameters");
    let path = dir.join("placements.toml");
    let mut text = std::fs::read_to_string(&path).expect("recipes");
    text.push_str(
        r#"
[placements."session.ranked"]
page_size = 12
sources = [
  { kind = "session_knn", name = "sessions", artifact = "sessions", take = 300 },
  { kind = "vectors", artifact = "item_factors", take = 300, fold_in = "always", from = "session", decay = 1.0 },
  { kind = "neighbors", name = "similar", artifact = "similar", take = 200, from = "session" },
]
filter = 'in_stock'
exclude = ["session"]
scorer = { kind = "ranker", artifact = "ltr" }
rerank = [{ kind = "cap", by = "category", max = 4 }]
fallback = [{ kind = "popular", artifact = "popularity" }]
"#,
    );
    std::fs::write(&path, text).expect("recipes");
}

/// How many candidates reach the scorer, in the mean.
fn scored(requests: &[Request], recommender: &Recommender) -> f64 {
    let scored = |request: &Request| {
        let request = Request { view: ResponseView::Debug, ..request.clone() };
        let answer = recommender.recommend(&request).expect("an answer");
        // Scorers drop nothing, so none of the stages before or after one has more.
        answer.slate.trace.iter().map(|stage| stage.candidates).max().unwrap_or(0)
    };
    requests.iter().map(|request| scored(request) as f64).sum::<f64>() / requests.len() as f64
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).without_plots();
    targets = placements
}
criterion_main!(benches);
