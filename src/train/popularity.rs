//! Time-decayed popularity, over the whole shop and by segment.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::event_kind::EventKind;
use super::events::EventLog;

const DAY_MS: f64 = 86_400_000.0;

/// One item of a popularity list.
#[derive(Debug, Clone, PartialEq)]
pub struct PopularItem {
    /// `category=…` or `country=…`; `None` for the whole shop.
    pub segment: Option<String>,
    /// The item's number in the catalogue.
    pub item: u32,
    /// Its events, by worth and age.
    pub score: f32,
}

/// The most popular items, best first: of each segment the `keep` best, of the whole shop all.
///
/// An event counts 1 (view), 2 (cart) or 4 (purchase), halved every `half_life_days`.
pub fn popularity(log: &EventLog, catalog: &Catalog, half_life_days: f64, keep: usize) -> Vec<PopularItem> {
    let until = log.period_ms().1;
    let mut sums: BTreeMap<Option<String>, BTreeMap<u32, f64>> = BTreeMap::new();
    for event in &log.events {
        // A purchase says more than a look: rough powers of two, which the tuner does not try.
        let worth = match event.kind {
            EventKind::View => 1.0,
            EventKind::Cart => 2.0,
            EventKind::Purchase => 4.0,
            EventKind::Undone => continue,
        };
        let score = worth * 0.5f64.powf((until - event.time_ms) as f64 / DAY_MS / half_life_days);
        let category = catalog.text("category", event.item).map(|name| format!("category={name}"));
        let country = log.country(event).map(|name| format!("country={name}"));
        for segment in std::iter::once(None).chain(category.map(Some)).chain(country.map(Some)) {
            *sums.entry(segment).or_default().entry(event.item).or_default() += score;
        }
    }
    let mut rows = Vec::new();
    for (segment, items) in sums {
        let mut items: Vec<(u32, f32)> = items.into_iter().map(|(item, sum)| (item, sum as f32)).collect();
        // By item number among equals, so that the same log gives the same bytes.
        items.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        // The whole shop's list is what fallbacks read: cut short, it could run out under a strict filter.
        let keep = if segment.is_none() { usize::MAX } else { keep };
        let best = items.into_iter().take(keep);
        rows.extend(best.map(|(item, score)| PopularItem { segment: segment.clone(), item, score }));
    }
    rows
}
