//! Time-decayed popularity, over the whole shop and by segment.

use std::collections::BTreeMap;

use super::{Catalog, EventKind, EventLog};

const DAY_MS: f64 = 86_400_000.0;

/// (segment, item, score) with `None` for the whole shop; segments are `category=…` and `country=…`.
///
/// An event counts 1 (view), 2 (cart) or 4 (purchase), halved every `half_life_days`; each segment keeps its `keep` best.
pub fn popularity(
    log: &EventLog,
    catalog: &Catalog,
    half_life_days: f64,
    keep: usize,
) -> Vec<(Option<String>, u32, f32)> {
    let until = log.period_ms().1;
    let mut sums: BTreeMap<Option<String>, BTreeMap<u32, f64>> = BTreeMap::new();
    for event in &log.events {
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
        items.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let keep = if segment.is_none() { usize::MAX } else { keep };
        rows.extend(items.into_iter().take(keep).map(|(item, score)| (segment.clone(), item, score)));
    }
    rows
}
