//! Who interacted with which items: the matrix that factorisations learn from.

use std::collections::BTreeMap;

use super::event_kind::EventKind;
use super::events::EventLog;
use super::sessions::Session;

const DAY_MS: f64 = 86_400_000.0;

/// Rows of (item, strength > 0), sorted by item; a row is a user, or a session where no user is known.
#[derive(Debug, Clone, Default)]
pub struct Interactions {
    /// The rows.
    pub rows: Vec<Vec<(u32, f32)>>,
    /// The user of each row; empty if the rows are sessions.
    pub users: Vec<u32>,
    /// How many items there are.
    pub items: usize,
}

impl Interactions {
    /// By user where the log knows at least one, else by session.
    pub fn new(log: &EventLog, sessions: &[Session], items: usize) -> Self {
        let mut users: BTreeMap<u32, BTreeMap<u32, f32>> = BTreeMap::new();
        for event in log.events.iter().filter(|event| event.kind != EventKind::Undone) {
            if let Some(user) = event.user {
                *users.entry(user).or_default().entry(event.item).or_default() += 1.0;
            }
        }
        let sorted = |row: BTreeMap<u32, f32>| row.into_iter().collect::<Vec<_>>();
        // A log of anonymous sessions still says which items go together; the rows are sessions then.
        if users.is_empty() {
            let rows = sessions.iter().map(|session| {
                let mut row = BTreeMap::new();
                for event in &session.events {
                    *row.entry(event.item).or_default() += 1.0;
                }
                sorted(row)
            });
            return Self { rows: rows.collect(), users: Vec::new(), items };
        }
        let (users, rows) = users.into_iter().map(|(user, row)| (user, sorted(row))).unzip();
        Self { rows, users, items }
    }

    /// The matrix transposed: for each item its (row, strength).
    pub fn by_item(&self) -> Vec<Vec<(u32, f32)>> {
        let mut columns = vec![Vec::new(); self.items];
        for (number, row) in self.rows.iter().enumerate() {
            for (item, strength) in row {
                columns[*item as usize].push((number as u32, *strength));
            }
        }
        columns
    }
}

/// For each user (by number, ascending) the items bought, or seen where nothing was bought, newest first.
pub fn histories(log: &EventLog, keep: usize) -> Vec<(u32, Vec<(u32, f32)>)> {
    let mut users = by_user(log, keep, |times, _| times.iter().copied().max().unwrap_or(0) as f64);
    // The order is what counts, and times would not survive as 32-bit floats.
    for (_, list) in &mut users {
        let length = list.len();
        for (at, (_, score)) in list.iter_mut().enumerate() {
            *score = (length - at) as f32;
        }
    }
    users
}

/// For each user (by number, ascending) what they are likely to buy again, best first.
///
/// The score is the number of purchases, each halved after `half_life_days`: the "personal top" of Hu, He, Gao, Zhang,
/// "Modeling Personalized Item Frequency Information for Next-basket Recommendation", SIGIR 2020, §3, with a smooth
/// fade.
pub fn buy_again(log: &EventLog, half_life_days: f64, keep: usize) -> Vec<(u32, Vec<(u32, f32)>)> {
    by_user(log, keep, |times, until| {
        times.iter().map(|time| 0.5f64.powf((until - time) as f64 / DAY_MS / half_life_days)).sum()
    })
}

/// For each user the items bought, or seen where nothing was bought, scored by the times of these events and the log's
/// last.
fn by_user(log: &EventLog, keep: usize, score: impl Fn(&[i64], i64) -> f64) -> Vec<(u32, Vec<(u32, f32)>)> {
    let until = log.period_ms().1;
    // In a log of clicks alone, what a user looked at is all there is.
    let any_purchase = log.events.iter().any(|event| event.kind == EventKind::Purchase);
    let mut users: BTreeMap<u32, BTreeMap<u32, BTreeMap<u32, i64>>> = BTreeMap::new();
    for event in &log.events {
        let counts =
            if any_purchase { event.kind == EventKind::Purchase } else { event.kind != EventKind::Undone };
        if let Some(user) = event.user.filter(|_| counts) {
            // One purchase an item and session: two rows of one order are one decision.
            let sessions = users.entry(user).or_default().entry(event.item).or_default();
            sessions.insert(event.session, event.time_ms);
        }
    }
    let rows = users.into_iter().map(|(user, items)| {
        let mut list: Vec<(u32, f64)> = items
            .into_iter()
            .map(|(item, times)| (item, score(&times.into_values().collect::<Vec<_>>(), until)))
            .collect();
        // By item number among equals, so that the same log gives the same bytes.
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        list.truncate(keep);
        (user, list.into_iter().map(|(item, score)| (item, score as f32)).collect())
    });
    rows.collect()
}
