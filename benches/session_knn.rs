//! How long do next items from similar sessions take, by size of the catalogue?
//!
//! One thread asks for 20 items with 1,000 running sessions in turn: 500,000 generated sessions of 2 to 16 distinct
//! items, 4.4 in the mean, Zipf items in random order, fixed seed; m=500 and k=500, the last 2 or 7 items, and a mask
//! that admits a tenth.
//! `cargo bench --bench session_knn --no-default-features`

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot begin must stop"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use larder::domain::{Bitmap, ItemMask};
use larder::index::{SessionKnn, SessionKnnParams, SessionScratch};

const SESSIONS: i64 = 500_000;

fn session_knn(criterion: &mut Criterion) {
    for items in [10_000, 100_000, 1_000_000] {
        let mut shop = Shop::new(items);
        let index = SessionKnn::new(items, (0..SESSIONS).map(|time| (time, shop.session())).collect());
        let params =
            SessionKnnParams { m_most_recent_sessions: 500, k_neighbors: 500, ..SessionKnnParams::default() };
        let running: Vec<Vec<u32>> = (0..1000).map(|_| shop.session()).collect();
        let mut tenth = ItemMask::default();
        tenth.reset(items);
        tenth.allow_only(&Bitmap::from_fn(items, |item| item % 10 == 0));
        let mut all = ItemMask::default();
        all.reset(items);
        for (name, last, mask) in [("last 2", 2, &all), ("last 7", 7, &all), ("last 2 of a tenth", 2, &tenth)]
        {
            let (mut scratch, mut next) = (SessionScratch::default(), 0);
            criterion.bench_function(&format!("session_knn/{items} items, {name}"), |bencher| {
                bencher.iter(|| {
                    let session = &running[next % running.len()];
                    next += 1;
                    let session = &session[session.len().saturating_sub(last)..];
                    black_box(index.recommend(session, &params, 20, mask, &mut scratch).len())
                });
            });
        }
    }
}

/// A seeded source of sessions.
struct Shop {
    random: fastrand::Rng,
    names: Vec<u32>,
}

impl Shop {
    fn new(items: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let mut names: Vec<u32> = (0..items as u32).collect();
        random.shuffle(&mut names);
        Self { random, names }
    }

    fn session(&mut self) -> Vec<u32> {
        // Many short sessions, some long ones: a geometric length.
        let length = (2 + (self.random.f64().ln() / 0.71_f64.ln()) as usize).min(16);
        let mut session = Vec::new();
        while session.len() < length {
            // The logarithm of a Zipf rank is uniform, nearly.
            let rank = (self.names.len() as f64).powf(self.random.f64()) as usize - 1;
            let item = self.names[rank.min(self.names.len() - 1)];
            if !session.contains(&item) {
                session.push(item);
            }
        }
        session
    }
}

criterion_group!(benches, session_knn);
criterion_main!(benches);
