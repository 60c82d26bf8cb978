//! The items of the neighbours, summed and cut to the best.

use super::LAST;
use super::recent::{Handle, UNIT};
use crate::domain::{ItemIdx, ItemMask, score};
use crate::machine::prefetch;

/// Items of a session that are copied in one go, needed or not: most sessions are shorter, and a longer copy would be
/// wasted on them.
const STRIDE: usize = 16;

/// Sessions ahead whose items are prefetched: enough for memory to answer before they are gathered.
const AHEAD: usize = 16;

/// Neighbours that are gathered and summed at a time: what is gathered stays in the first-level cache.
const BATCH: usize = 128;

/// Items from which on a catalogue's sums do not fit a second-level cache: they and the rarities are prefetched then,
/// which would cost a smaller catalogue more than it gains.
const LARGE: usize = 1 << 17;

/// Items ahead whose sums are prefetched, in a large catalogue.
const ITEMS_AHEAD: usize = 24;

/// Sums of one query: a dense column of exact sums and the list of what was touched. Reused; all zero between queries.
#[derive(Debug, Default)]
pub(super) struct ItemSums {
    sums: Vec<u64>,
    touched: Vec<u32>,
    items: Vec<u32>,
    weights: Vec<u32>,
    keys: Vec<score::Key>,
}

impl ItemSums {
    /// The best `take` admitted items of the neighbours (handle, weight in units), best first.
    pub(super) fn best(
        &mut self,
        clicks: &[u32],
        idf: &[f32],
        neighbors: &[(Handle, u32)],
        rarity: impl Fn(f32) -> f32,
        take: usize,
        mask: &ItemMask,
    ) -> &[score::Key] {
        if self.sums.len() != idf.len() {
            self.sums.clear();
            self.sums.resize(idf.len(), 0);
        }
        // Decided once a request: the loops for small catalogues have no prefetch in them at all.
        let large = idf.len() > LARGE;
        neighbors
            .iter()
            .take(AHEAD)
            .for_each(|(handle, _)| prefetch(clicks, (*handle as usize).wrapping_sub(1)));
        let mut touched = 0;
        for batch in (0..neighbors.len()).step_by(BATCH) {
            let gathered = self.gather(clicks, neighbors, batch);
            touched = if large {
                self.add::<true>(gathered, touched)
            } else {
                self.add::<false>(gathered, touched)
            };
        }
        if large {
            self.select::<true>(touched, idf, rarity, take, mask)
        } else {
            self.select::<false>(touched, idf, rarity, take, mask)
        }
    }

    /// Lines up the items of a batch of neighbours with their weights, so that summing them needs no branch at a
    /// session's end.
    fn gather(&mut self, clicks: &[u32], neighbors: &[(Handle, u32)], batch: usize) -> usize {
        let mut filled = 0;
        for (at, (handle, weight)) in neighbors.iter().enumerate().skip(batch).take(BATCH) {
            if let Some((ahead, _)) = neighbors.get(at + AHEAD) {
                prefetch(clicks, (*ahead as usize).wrapping_sub(1));
            }
            if *weight == 0 {
                // A sum of 0 stands for an item that was not touched.
                continue;
            }
            let mut run = clicks.get((*handle as usize).wrapping_sub(1)..).unwrap_or(&[]);
            loop {
                if self.items.len() < filled + STRIDE {
                    // Doubled, so that after a few requests nothing is allocated any more.
                    self.items.resize(2 * filled + 64 * STRIDE, 0);
                    self.weights.resize(2 * filled + 64 * STRIDE, 0);
                }
                let (items, weights) = (&mut self.items[filled..], &mut self.weights[filled..]);
                let Some((block, rest)) = run.split_first_chunk::<STRIDE>() else {
                    let length =
                        run.iter().position(|item| item & LAST != 0).map_or(run.len(), |last| last + 1);
                    items[..length].copy_from_slice(&run[..length]);
                    weights[..length].fill(*weight);
                    filled += length;
                    break;
                };
                items[..STRIDE].copy_from_slice(block);
                weights[..STRIDE].copy_from_slice(&[*weight; STRIDE]);
                let mut last = 0u32;
                for (lane, item) in block.iter().enumerate() {
                    last |= (item >> 31) << lane;
                }
                if last != 0 {
                    filled += last.trailing_zeros() as usize + 1;
                    break;
                }
                filled += STRIDE;
                run = rest;
            }
        }
        filled
    }

    /// Adds what was gathered to the sums. `touched` items have a sum already; says how many have one then.
    fn add<const FETCH: bool>(&mut self, gathered: usize, mut touched: usize) -> usize {
        if self.touched.len() < touched + gathered {
            self.touched.resize((touched + gathered).next_power_of_two(), 0);
        }
        for (at, (item, weight)) in self.items[..gathered].iter().zip(&self.weights).enumerate() {
            if FETCH && let Some(ahead) = self.items.get(at + ITEMS_AHEAD) {
                prefetch(&self.sums, (ahead & !LAST) as usize);
            }
            let item = item & !LAST;
            let Some(sum) = self.sums.get_mut(item as usize) else { continue };
            // Written always, counted only if the item is new: a branch here would often be mispredicted.
            if let Some(place) = self.touched.get_mut(touched) {
                *place = item;
            }
            touched += usize::from(*sum == 0);
            *sum += u64::from(*weight);
        }
        touched
    }

    /// Zeroes the sums while it looks for the best: only what beats the worst of the best so far is held against the
    /// mask.
    fn select<const FETCH: bool>(
        &mut self,
        touched: usize,
        idf: &[f32],
        rarity: impl Fn(f32) -> f32,
        take: usize,
        mask: &ItemMask,
    ) -> &[score::Key] {
        self.keys.clear();
        // Cut down at twice what is wanted: one selection in as many pushes, and a threshold that rises.
        let most = take.saturating_mul(2).max(64);
        let mut worst = 0;
        for (at, item) in self.touched[..touched].iter().enumerate() {
            if FETCH && let Some(ahead) = self.touched.get(at + ITEMS_AHEAD) {
                prefetch(idf, *ahead as usize);
                prefetch(&self.sums, *ahead as usize);
            }
            // Zeroed here and not at the next start, while the cache line is at hand.
            let sum = std::mem::take(&mut self.sums[*item as usize]);
            // By way of a signed number, which the processor converts in one instruction; sums are far below 2⁶³.
            let score = sum as i64 as f32 * UNIT * rarity(idf[*item as usize]);
            let key = score::key(score, ItemIdx(*item));
            if key > worst && mask.admits(ItemIdx(*item)) {
                self.keys.push(key);
                if self.keys.len() == most && take > 0 {
                    let (_, kept, _) = self.keys.select_nth_unstable_by(take - 1, |a, b| b.cmp(a));
                    worst = *kept;
                    self.keys.truncate(take);
                }
            }
        }
        score::keep_top(&mut self.keys, take);
        &self.keys
    }
}
