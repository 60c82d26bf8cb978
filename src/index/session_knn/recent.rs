//! The most recent sessions that share an item with the running session, and how much each of them counts.

use super::SessionKnnParams;

/// A session is known by its place in the clicks, counted from 1: a greater handle is more recent, 0 is none.
pub(super) type Handle = u32;

/// Weights are counted in units of 2⁻²⁵, so that sums are exact whatever their order, and ties are ties.
pub(super) const UNIT: f32 = 1.0 / (1 << 25) as f32;

/// The most items of a running session that can be used: a match is a bit of a word.
pub(super) const MOST_ITEMS: usize = 64;

/// Up to here the table of groups has a place for every combination of matches.
const DIRECT_ITEMS: usize = 10;

/// The neighbours of one query, newest first. Reused.
#[derive(Debug, Default)]
pub(super) struct Recent {
    found: Vec<(Handle, u32)>,
    groups: Vec<Group>,
    slots: Vec<u32>,
    order: Vec<(f32, u32)>,
}

/// All neighbours that share the same items with the running session: they are equally similar.
#[derive(Debug, Clone, Copy)]
struct Group {
    matched: u64,
    slot: u32,
    sessions: u32,
    similarity: f32,
    weight: u32,
}

impl Recent {
    /// Finds the k most similar of the m most recent sessions in `lists` (one list an item, newest item first, each
    /// newest session first; at most [`MOST_ITEMS`]), the more recent one where two are equally similar. Gives (handle,
    /// weight in [`UNIT`]s), newest first; some may have no weight. `weights`, 0 to 1, are those of the items; `None`:
    /// all are 1.
    pub(super) fn neighbors(
        &mut self,
        lists: &[&[Handle]],
        weights: Option<&[f32]>,
        params: &SessionKnnParams,
    ) -> &[(Handle, u32)] {
        let m = params.m_most_recent_sessions;
        self.reset(lists, m);
        match lists.len() {
            // A loop of its own for each few lengths, which is unrolled: most sessions have few items.
            0 => {}
            1 => self.merge::<1>(lists, m),
            2 => self.merge::<2>(lists, m),
            3..=4 => self.merge::<4>(lists, m),
            5..=8 => self.merge::<8>(lists, m),
            9..=DIRECT_ITEMS => self.merge::<DIRECT_ITEMS>(lists, m),
            _ => self.merge::<MOST_ITEMS>(lists, m),
        }
        self.weigh(lists.len(), weights, params);
        if self.found.len() > params.k_neighbors {
            self.keep_nearest(params.k_neighbors);
        } else {
            self.found.iter_mut().for_each(|(_, group)| *group = self.groups[*group as usize].weight);
        }
        &self.found
    }

    fn reset(&mut self, lists: &[&[Handle]], m: usize) {
        self.groups.drain(..).for_each(|group| self.slots[group.slot as usize] = 0);
        self.found.clear();
        let most = lists.iter().map(|list| list.len().min(m)).sum::<usize>().min(m);
        self.found.reserve(most);
        // Ten items have 1024 combinations, a table that stays in the first-level cache. More items are hashed.
        let slots = match lists.len() {
            ..=DIRECT_ITEMS => 1 << DIRECT_ITEMS,
            _ => (2 * most).next_power_of_two().max(1 << DIRECT_ITEMS),
        };
        if self.slots.len() != slots {
            self.slots.clear();
            self.slots.resize(slots, 0);
        }
    }

    /// Merges up to `N` lists, each newest first, until `m` sessions are found. The loops over `N` have no branches.
    fn merge<const N: usize>(&mut self, lists: &[&[Handle]], m: usize) {
        let mut padded: [&[Handle]; N] = [&[]; N];
        let mut heads = [0; N];
        let mut next = [1usize; N];
        for (at, list) in lists.iter().enumerate().take(N) {
            padded[at] = list;
            heads[at] = list.first().copied().unwrap_or(0);
        }
        while self.found.len() < m {
            let newest = heads.iter().fold(0, |newest, head| newest.max(*head));
            if newest == 0 {
                break;
            }
            let mut matched = 0u64;
            for (at, ((head, next), list)) in heads.iter_mut().zip(&mut next).zip(padded).enumerate() {
                let here = *head == newest;
                matched |= u64::from(here) << at;
                // Without a branch where it pays: which list a session comes from is as good as random to the
                // processor.
                if N <= DIRECT_ITEMS {
                    let after = list.get(*next).copied().unwrap_or(0);
                    *head = if here { after } else { *head };
                    *next += usize::from(here);
                } else if here {
                    *head = list.get(*next).copied().unwrap_or(0);
                    *next += 1;
                }
            }
            let group =
                if N <= DIRECT_ITEMS { self.direct_group(matched) } else { self.hashed_group(matched) };
            self.found.push((newest, group));
        }
    }

    /// The group of a combination of matches that has a slot of its own.
    #[inline(always)]
    fn direct_group(&mut self, matched: u64) -> u32 {
        match self.slots[matched as usize & ((1 << DIRECT_ITEMS) - 1)] {
            0 => self.new_group(matched, matched as usize),
            group => group - 1,
        }
    }

    fn hashed_group(&mut self, matched: u64) -> u32 {
        // Never full: it has twice as many slots as sessions can be found.
        let last = self.slots.len() - 1;
        let mut slot = (matched.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & last;
        loop {
            match self.slots[slot] {
                0 => return self.new_group(matched, slot),
                group if self.groups[group as usize - 1].matched == matched => return group - 1,
                _ => slot = (slot + 1) & last,
            }
        }
    }

    #[cold]
    fn new_group(&mut self, matched: u64, slot: usize) -> u32 {
        let group = self.groups.len() as u32;
        self.slots[slot] = group + 1;
        self.groups.push(Group { matched, slot: slot as u32, sessions: 0, similarity: 0.0, weight: 0 });
        group
    }

    fn weigh(&mut self, items: usize, weights: Option<&[f32]>, params: &SessionKnnParams) {
        for group in &mut self.groups {
            let (mut bits, mut similarity) = (group.matched, 0.0);
            while bits != 0 {
                let distance = bits.trailing_zeros() as usize;
                let own = weights.and_then(|weights| weights.get(distance)).copied().unwrap_or(1.0);
                similarity += own * params.decay.weight(distance, items);
                bits &= bits - 1;
            }
            let weight = similarity * params.match_weight.weight(group.matched.trailing_zeros() as usize);
            group.similarity = similarity;
            // Rounded once a group, not once a session.
            // At most 64 · 2²⁵.
            group.weight = (weight / UNIT).round() as u32;
        }
    }

    /// Keeps `k` sessions, the more recent ones of those that are equally similar.
    fn keep_nearest(&mut self, k: usize) {
        let Self { found, groups, order, .. } = self;
        found.iter().for_each(|(_, group)| groups[*group as usize].sessions += 1);
        order.clear();
        order.extend(groups.iter().map(|group| (group.similarity, group.sessions)));
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut places = k;
        // The similarity of which not all sessions fit.
        let mut cut = f32::NEG_INFINITY;
        for (similarity, sessions) in order.iter() {
            match places.checked_sub(*sessions as usize) {
                Some(rest) => places = rest,
                None => {
                    cut = *similarity;
                    break;
                }
            }
        }
        let whole =
            order.iter().filter(|(similarity, _)| *similarity > cut).map(|(_, sessions)| *sessions as usize);
        let mut places = k - whole.sum::<usize>();
        // In one pass, newest first, so that of equally similar sessions the newest are kept.
        found.retain_mut(|(_, group)| {
            let Group { similarity, weight, .. } = groups[*group as usize];
            *group = weight;
            let fits = similarity > cut || (similarity == cut && places > 0);
            places -= usize::from(fits && similarity == cut);
            fits
        });
    }
}
