//! Next items from similar past sessions: VMIS-kNN.
//!
//! Kersbergen, Sprangers, Schelter, "Serenade: Low-Latency Session-Based Recommendation in e-Commerce at Scale", SIGMOD
//! 2022, algorithm 1; it computes VS-kNN of Ludewig & Jannach, "Evaluation of session-based recommendation algorithms",
//! UMUAI 2018, over the m most recent sessions that share an item.

use crate::domain::{ItemMask, score};

use super::Accumulator;

/// How much an item of the running session counts, by its distance from the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decay {
    /// `1 - distance / length`: from 1 down to `1 / length`.
    #[default]
    Linear,
    /// `1 / (1 + distance)`.
    Harmonic,
    /// 1 for every item.
    None,
}

impl Decay {
    /// Reads the name used in recipes: `linear`, `harmonic` or `none`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "linear" => Some(Decay::Linear),
            "harmonic" => Some(Decay::Harmonic),
            "none" => Some(Decay::None),
            _ => None,
        }
    }

    fn weight(self, distance: usize, length: usize) -> f32 {
        match self {
            Decay::Linear => 1.0 - distance as f32 / length.max(1) as f32,
            Decay::Harmonic => 1.0 / (1.0 + distance as f32),
            Decay::None => 1.0,
        }
    }
}

/// How the neighbours are found and what they say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionKnnParams {
    /// How many of the most recent sessions that share an item are looked at (m).
    pub m_most_recent_sessions: usize,
    /// How many of those, the most similar, speak (k).
    pub k_neighbors: usize,
    /// How many of the session's newest distinct items are used.
    pub max_items_in_session: usize,
    /// Weight of an item's rarity `ln(sessions / sessions with the item)` in its score; 0 turns it off.
    pub idf_weighting: f32,
    /// Weight of the session's items in the similarity.
    pub decay: Decay,
}

impl Default for SessionKnnParams {
    fn default() -> Self {
        Self {
            m_most_recent_sessions: 500,
            k_neighbors: 100,
            max_items_in_session: 10,
            idf_weighting: 1.0,
            decay: Decay::Linear,
        }
    }
}

/// Historical sessions, numbered so that a higher number is more recent.
#[derive(Debug, Clone, Default)]
pub struct SessionKnn {
    session_offsets: Vec<u32>,
    session_items: Vec<u32>,
    posting_offsets: Vec<u32>,
    postings: Vec<u32>,
    idf: Vec<f32>,
}

/// Working memory of one query, reused.
#[derive(Debug, Default)]
pub struct SessionScratch {
    similarity: Vec<f32>,
    newest_match: Vec<u8>,
    seen: Vec<u32>,
    recent: std::collections::BinaryHeap<std::cmp::Reverse<u32>>,
    neighbors: Vec<u64>,
    sums: Accumulator,
}

impl SessionKnn {
    /// Builds the index from (newest timestamp, items) of each session over a catalogue of `items` items.
    ///
    /// Sessions are numbered by time, then by their place in the input. Repeated items count once.
    pub fn new(items: usize, mut sessions: Vec<(i64, Vec<u32>)>) -> Self {
        sessions.sort_by_key(|(newest, _)| *newest);
        let mut index = Self { session_offsets: vec![0], ..Self::default() };
        let mut counts = vec![0u32; items + 1];
        for (_, session) in &mut sessions {
            session.sort_unstable();
            session.dedup();
            session.retain(|item| (*item as usize) < items);
            session.iter().for_each(|item| counts[*item as usize + 1] += 1);
            index.session_items.extend_from_slice(session);
            index.session_offsets.push(index.session_items.len() as u32);
        }
        let total = sessions.len().max(1) as f32;
        index.idf =
            counts[1..].iter().map(|n| if *n == 0 { 0.0 } else { (total / *n as f32).ln() }).collect();
        for item in 0..items {
            counts[item + 1] += counts[item];
        }
        index.posting_offsets = counts.clone();
        index.postings = vec![0; index.session_items.len()];
        for session in (0..sessions.len()).rev() {
            for item in &sessions[session].1 {
                let next = &mut counts[*item as usize];
                index.postings[*next as usize] = session as u32;
                *next += 1;
            }
        }
        index
    }

    /// How many sessions the index holds.
    pub fn sessions(&self) -> usize {
        self.session_offsets.len().saturating_sub(1)
    }

    /// How many items the sessions hold together, repeats within a session not counted.
    pub fn clicks(&self) -> usize {
        self.session_items.len()
    }

    /// The sessions that hold `item`, newest first.
    pub fn sessions_with(&self, item: u32) -> &[u32] {
        slice(&self.posting_offsets, &self.postings, item as usize)
    }

    /// The best `take` admitted next items for a session (items oldest first), best first.
    pub fn recommend<'s>(
        &self,
        session: &[u32],
        params: &SessionKnnParams,
        take: usize,
        mask: &ItemMask,
        scratch: &'s mut SessionScratch,
    ) -> &'s [score::Key] {
        let mut newest = [0u32; 64];
        let length = newest_distinct(session, params.max_items_in_session, &mut newest);
        let newest = &newest[..length];
        self.collect(newest, params, scratch);
        keep_nearest(scratch, params.k_neighbors);
        scratch.sums.start(self.idf.len());
        for neighbor in &scratch.neighbors {
            let session = *neighbor as u32;
            let similarity = score::value((neighbor >> 32) << 32);
            let matched = scratch.newest_match[session as usize];
            let weight = similarity * (1.0 - 0.1 * f32::from(matched)).max(0.0);
            for item in slice(&self.session_offsets, &self.session_items, session as usize) {
                let rarity = match params.idf_weighting {
                    0.0 => 1.0,
                    weight => 1.0 + weight * self.idf[*item as usize],
                };
                scratch.sums.add(*item, weight * rarity);
            }
        }
        scratch.sums.top(take, mask)
    }

    /// Sums the similarity of the m most recent sessions that share an item with `newest` (newest item first).
    fn collect(&self, newest: &[u32], params: &SessionKnnParams, scratch: &mut SessionScratch) {
        for session in scratch.seen.drain(..) {
            scratch.similarity[session as usize] = 0.0;
        }
        scratch.recent.clear();
        scratch.similarity.resize(self.sessions(), 0.0);
        scratch.newest_match.resize(self.sessions(), 0);
        for (distance, item) in newest.iter().enumerate() {
            let weight = params.decay.weight(distance, newest.len());
            for session in self.sessions_with(*item).iter().take(params.m_most_recent_sessions) {
                let slot = *session as usize;
                if scratch.similarity[slot] > 0.0 {
                    scratch.similarity[slot] += weight;
                    continue;
                }
                if scratch.recent.len() >= params.m_most_recent_sessions {
                    match scratch.recent.peek() {
                        Some(oldest) if oldest.0 < *session => scratch.similarity[oldest.0 as usize] = 0.0,
                        _ => break, // postings run from new to old: nothing newer can follow
                    }
                    scratch.recent.pop();
                }
                scratch.recent.push(std::cmp::Reverse(*session));
                scratch.seen.push(*session);
                scratch.similarity[slot] = weight;
                scratch.newest_match[slot] = distance.min(10) as u8;
            }
        }
    }

    /// The bytes that `sessions` sessions of `clicks` distinct items together will occupy.
    pub fn predict_bytes(items: usize, sessions: usize, clicks: usize) -> usize {
        (sessions + 1 + 2 * clicks + 2 * items + 1) * 4
    }

    /// The bytes the index occupies.
    pub fn resident_bytes(&self) -> usize {
        let columns = [&self.session_offsets, &self.session_items, &self.posting_offsets, &self.postings];
        columns.iter().map(|column| column.len() * 4).sum::<usize>() + self.idf.len() * 4
    }
}

/// Keeps the `k` most similar sessions, the more recent one where two are equally similar.
fn keep_nearest(scratch: &mut SessionScratch, k: usize) {
    scratch.neighbors.clear();
    for recent in &scratch.recent {
        let similarity = scratch.similarity[recent.0 as usize];
        let high = score::key(similarity, crate::domain::ItemIdx(0)) & !u64::from(u32::MAX);
        scratch.neighbors.push(high | u64::from(recent.0));
    }
    score::keep_top(&mut scratch.neighbors, k);
}

fn newest_distinct(session: &[u32], limit: usize, out: &mut [u32; 64]) -> usize {
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

fn slice<'a>(offsets: &[u32], values: &'a [u32], row: usize) -> &'a [u32] {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(start), Some(end)) => &values[*start as usize..*end as usize],
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
