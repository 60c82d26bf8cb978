//! An event as the tables keep it: one word of 64 bits, whose order as a number is the order of the events.

use super::ActionKind;

/// Milliseconds of a tick: fine enough for the order of what somebody does, coarse enough for 32 bits.
pub(super) const TICK_MS: u64 = 250;

/// Ticks of a minute.
pub(super) const MINUTE: u32 = 240;

/// 2020-01-01 00:00 UTC, from which ticks count. It is fixed, so that two processes pack alike.
const EPOCH_MS: i64 = 1_577_836_800_000;

/// Bits of an item's handle in a word.
const ITEM_BITS: u32 = 27;

/// Bits of a kind.
const KIND_BITS: u32 = 4;

/// The places of the tick in a word: everything above item and kind.
pub(super) const TICK_SHIFT: u32 = ITEM_BITS + KIND_BITS;

/// Somebody did something with an item.
///
/// Its order is by tick, item and kind: the order in which events are kept, whatever order they arrive in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecentEvent {
    /// When, in quarters of a second since 2020-01-01 UTC.
    pub tick: u32,
    /// The item's handle: a number below 2^27 that stays the item's for the life of the process.
    pub item: u32,
    /// What was done.
    pub kind: ActionKind,
}

impl RecentEvent {
    /// The first tick that can be kept.
    pub const FIRST_TICK: u32 = 1;
    /// The last tick that can be kept, in January 2054.
    pub const LAST_TICK: u32 = u32::MAX - 1;

    /// The word: one bit that is free, 32 bits of tick, 27 of item and 4 of kind. `None` if the tick or the handle
    /// cannot be kept.
    pub(super) fn packed(self) -> Option<u64> {
        if !(Self::FIRST_TICK..=Self::LAST_TICK).contains(&self.tick) || self.item >> ITEM_BITS != 0 {
            return None;
        }
        let item = u64::from(self.item) << KIND_BITS;
        Some(u64::from(self.tick) << TICK_SHIFT | item | u64::from(self.kind.code()))
    }

    /// The event of a word.
    pub(super) fn unpacked(word: u64) -> Self {
        Self {
            tick: (word >> TICK_SHIFT) as u32,
            item: (word >> KIND_BITS) as u32 & ((1 << ITEM_BITS) - 1),
            kind: ActionKind::from_code(word as u8 & ((1 << KIND_BITS) - 1)),
        }
    }
}

/// The tick of a time in milliseconds since 1970-01-01 UTC; times before 2020 are 0.
pub fn tick_of(time_ms: i64) -> u32 {
    let since = u64::try_from(time_ms.saturating_sub(EPOCH_MS)).unwrap_or(0);
    u32::try_from(since / TICK_MS).unwrap_or(u32::MAX)
}

/// The beginning of a tick, in milliseconds since 1970-01-01 UTC.
pub(super) fn ms_of(tick: u32) -> i64 {
    EPOCH_MS + i64::from(tick) * TICK_MS as i64
}

/// Leaves one of several events of the same item and kind at most a minute apart, the newest: a reload of a page, or an
/// event that reached the server on two ways, is one visit. `events[start..]` are in their order.
///
/// It is done to what was read and not to what is kept: which of a chain of near events are left depends on all of them
/// and would otherwise depend on the order of their arrival.
pub fn leave_out_repeats(events: &mut Vec<RecentEvent>, start: usize) {
    let mut kept = start;
    for at in start..events.len() {
        let event = events[at];
        let near =
            events[at + 1..].iter().take_while(|later| later.tick <= event.tick.saturating_add(MINUTE));
        if !near.into_iter().any(|later| (later.item, later.kind) == (event.item, event.kind)) {
            events[kept] = event;
            kept += 1;
        }
    }
    events.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(tick: u32, item: u32, kind: ActionKind) -> RecentEvent {
        RecentEvent { tick: RecentEvent::FIRST_TICK + tick, item, kind }
    }

    fn minute(minute: u32, item: u32, kind: ActionKind) -> RecentEvent {
        event(minute * MINUTE, item, kind)
    }

    #[test]
    fn words_are_ordered_as_events_are() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut draw = || {
            let tick = if random.bool() { random.u32(..3) } else { random.u32(..u32::MAX - 2) };
            let item = if random.bool() { random.u32(..3) } else { random.u32(..1 << ITEM_BITS) };
            event(tick, item, ActionKind::ALL[random.usize(..ActionKind::ALL.len())])
        };
        for _ in 0..2000 {
            let (one, other) = (draw(), draw());
            assert_eq!(one.cmp(&other), one.packed().cmp(&other.packed()));
            assert_eq!(RecentEvent::unpacked(one.packed().unwrap()), one);
        }
    }

    #[test]
    fn what_is_out_of_range_cannot_be_kept() {
        for (tick, kept) in [(0, false), (1, true), (u32::MAX - 1, true), (u32::MAX, false)] {
            let event = RecentEvent { tick, item: 1, kind: ActionKind::View };
            assert_eq!(event.packed().is_some(), kept, "{tick}");
        }
        assert!(event(5, 1 << ITEM_BITS, ActionKind::View).packed().is_none());
        assert!(event(5, (1 << ITEM_BITS) - 1, ActionKind::View).packed().is_some());
        assert_eq!(tick_of(EPOCH_MS + 250), RecentEvent::FIRST_TICK);
        assert_eq!(tick_of(-1), 0);
        assert_eq!(tick_of(i64::MAX), u32::MAX);
    }

    #[test]
    fn repeats_within_a_minute_are_left_out_and_the_newest_stays() {
        use ActionKind::{Purchase, View};
        let before = minute(0, 1, View);
        let mut events = vec![before, minute(0, 1, View), minute(0, 2, View), minute(1, 1, Purchase)];
        events.extend([minute(1, 1, View), minute(3, 1, View), minute(3, 2, View)]);
        leave_out_repeats(&mut events, 1);
        let expected = [
            before,
            minute(0, 2, View),
            minute(1, 1, Purchase),
            minute(1, 1, View),
            minute(3, 1, View),
            minute(3, 2, View),
        ];
        assert_eq!(events, expected);
        leave_out_repeats(&mut events, 6);
        leave_out_repeats(&mut events, 9);
        assert_eq!(events.len(), 6);
    }
}
