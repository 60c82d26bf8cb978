//! Next items from similar past sessions: VMIS-kNN.
//!
//! Kersbergen, Sprangers, Schelter, "Serenade: Low-Latency Session-Based Recommendation in e-Commerce at Scale", SIGMOD
//! 2022, algorithm 1; it computes VS-kNN of Ludewig & Jannach, "Evaluation of session-based recommendation algorithms",
//! UMUAI 2018, over the m most recent sessions that share an item.
//!
//! Larder's own: a session is known by where its items lie, so that a posting leads to them without a table between;
//! the postings of the running session's items are merged newest first until m sessions are found; weights are summed
//! as integers, so that the order of summation does not show and ties are ties.

mod build;
mod params;
mod recent;
mod sums;

pub use build::{SessionClicks, SessionLimits};
pub use params::{Decay, Idf, MatchWeight, SessionKnnParams};

use crate::domain::{ItemMask, score};
use crate::machine::prefetch;
use recent::{Handle, MOST_ITEMS, Recent};
use sums::ItemSums;

/// The bit of the last item of a session.
const LAST: u32 = 1 << 31;

/// Historical sessions: their items end to end, oldest session first, and for each item the sessions that hold it.
#[derive(Debug, Clone, Default)]
pub struct SessionKnn {
    clicks: Vec<u32>,
    sessions: usize,
    posting_offsets: Vec<u32>,
    postings: Vec<Handle>,
    idf: Vec<f32>,
    limits: SessionLimits,
}

/// Working memory of one query, reused.
#[derive(Debug, Default)]
pub struct SessionScratch {
    recent: Recent,
    sums: ItemSums,
}

impl SessionKnn {
    /// How many sessions the index was built from.
    pub fn sessions(&self) -> usize {
        self.sessions
    }

    /// How many items the sessions hold together, repeats within a session not counted.
    pub fn clicks(&self) -> usize {
        self.clicks.len()
    }

    /// What the index was built to keep.
    pub fn limits(&self) -> SessionLimits {
        self.limits
    }

    /// How many sessions the index can name for `item`: those that hold it, or as many of the newest as it was built to
    /// keep.
    pub fn sessions_with(&self, item: u32) -> usize {
        self.postings_of(item).len()
    }

    /// The best `take` admitted next items for a session (items oldest first), best first.
    ///
    /// Looks at no more sessions than [`SessionLimits::sessions_per_item`] for one item, whatever `params` say.
    pub fn recommend<'s>(
        &self,
        session: &[u32],
        params: &SessionKnnParams,
        take: usize,
        mask: &ItemMask,
        scratch: &'s mut SessionScratch,
    ) -> &'s [score::Key] {
        // On the stack: sessions are short, and nothing is allocated for a request.
        let mut newest = [0u32; MOST_ITEMS];
        let length = newest_distinct(session, params.max_items_in_session, &mut newest);
        self.recommend_from(&newest[..length], None, params, take, mask, scratch)
    }

    /// As [`SessionKnn::recommend`], for distinct items, newest first, that do not all count the same: a weight of 0 to
    /// 1 multiplies what an item adds to the similarity of the past sessions that hold it.
    pub fn recommend_weighted<'s>(
        &self,
        newest: &[(u32, f32)],
        params: &SessionKnnParams,
        take: usize,
        mask: &ItemMask,
        scratch: &'s mut SessionScratch,
    ) -> &'s [score::Key] {
        let (mut items, mut weights) = ([0u32; MOST_ITEMS], [0f32; MOST_ITEMS]);
        let length = newest.len().min(params.max_items_in_session).min(MOST_ITEMS);
        for (at, (item, weight)) in newest.iter().take(length).enumerate() {
            (items[at], weights[at]) = (*item, *weight);
        }
        self.recommend_from(&items[..length], Some(&weights[..length]), params, take, mask, scratch)
    }

    fn recommend_from<'s>(
        &self,
        newest: &[u32],
        weights: Option<&[f32]>,
        params: &SessionKnnParams,
        take: usize,
        mask: &ItemMask,
        scratch: &'s mut SessionScratch,
    ) -> &'s [score::Key] {
        let mut lists: [&[Handle]; MOST_ITEMS] = [&[]; MOST_ITEMS];
        for (list, item) in lists.iter_mut().zip(newest) {
            *list = self.postings_of(*item);
            // All lists are merged from their heads at once: their memory is asked for together.
            prefetch(list, 0);
        }
        let neighbors = scratch.recent.neighbors(&lists[..newest.len()], weights, params);
        // Not stored: recipes choose what rarity is, and it is one logarithm a request.
        let per_session = build::natural_log(self.clicks.len() as f32 / self.sessions.max(1) as f32);
        let rarity = |idf: f32| params.idf.rarity(idf, per_session, params.idf_weighting);
        scratch.sums.best(&self.clicks, &self.idf, neighbors, rarity, take, mask)
    }

    /// The sessions that hold `item`, newest first.
    fn postings_of(&self, item: u32) -> &[Handle] {
        let offset = |row: usize| self.posting_offsets.get(row).map(|offset| *offset as usize);
        match (offset(item as usize), offset((item as usize).saturating_add(1))) {
            (Some(start), Some(end)) => self.postings.get(start..end).unwrap_or(&[]),
            _ => &[],
        }
    }

    /// The bytes the index occupies.
    pub fn resident_bytes(&self) -> usize {
        let columns = [&self.clicks, &self.posting_offsets, &self.postings];
        columns.iter().map(|column| column.len() * 4).sum::<usize>() + self.idf.len() * 4
    }

    /// The bytes an index will occupy over `items` items that holds `clicks` clicks (repeats within a session not
    /// counted): eight a click and eight an item, nothing a session, which ends in a bit of its last click. Less if
    /// [`SessionLimits`] cut anything.
    pub fn predict_bytes(items: usize, clicks: usize) -> usize {
        clicks.saturating_mul(8).saturating_add(items.saturating_mul(8)).saturating_add(4)
    }
}

fn newest_distinct(session: &[u32], limit: usize, out: &mut [u32; MOST_ITEMS]) -> usize {
    let mut length = 0;
    for item in session.iter().rev() {
        if length == limit.min(out.len()) {
            break;
        }
        if !out[..length].contains(item) {
            out[length] = *item;
            length += 1;
        }
    }
    length
}

#[cfg(test)]
mod tests;
