//! An event as the tables keep it: one word of 64 bits, whose order as a number is the order of the events.

use super::ActionKind;

/// Somebody did something with an item.
///
/// Its order is by minute, item and kind: the order in which events are kept, whatever order they arrive in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecentEvent {
    /// When, in whole minutes since 1970-01-01 UTC.
    pub minute: u32,
    /// The item's handle: a number that stays the item's for the life of the process.
    pub item: u32,
    /// What was done.
    pub kind: ActionKind,
}

impl RecentEvent {
    /// The first minute that can be kept: 2020-01-01 00:00 UTC. It is fixed, so that two processes pack alike.
    pub const FIRST_MINUTE: u32 = 26_297_280;
    /// The last minute that can be kept, in November 2051: 24 bits count from the first.
    pub const LAST_MINUTE: u32 = Self::FIRST_MINUTE + (1 << 24) - 1;

    /// The word: minute in the upper 24 bits, then 32 bits of item and 8 of kind. `None` if the minute cannot be kept.
    pub(super) fn packed(self) -> Option<u64> {
        if !(Self::FIRST_MINUTE..=Self::LAST_MINUTE).contains(&self.minute) {
            return None;
        }
        let minute = u64::from(self.minute - Self::FIRST_MINUTE);
        Some(minute << 40 | u64::from(self.item) << 8 | u64::from(self.kind.code()))
    }

    /// The event of a word.
    pub(super) fn unpacked(word: u64) -> Self {
        Self {
            minute: Self::FIRST_MINUTE + (word >> 40) as u32,
            item: (word >> 8) as u32,
            kind: ActionKind::from_code(word as u8),
        }
    }
}

/// The minute of a time in milliseconds since 1970-01-01 UTC; times before that are 0.
pub fn minute_of(time_ms: i64) -> u32 {
    u32::try_from(time_ms.max(0) / 60_000).unwrap_or(u32::MAX)
}

/// Leaves one of several events of the same item and kind at most a minute apart, the newest: a reload of a page, or an
/// event that reached the server on two ways, is one visit. `events[start..]` are in their order.
///
/// It is done to what was read and not to what is kept: which of a chain of near events are left depends on all of them
/// and would otherwise depend on the order of their arrival. Minutes are all that is known of the time, so that events
/// up to 119 seconds apart may count as one.
pub fn leave_out_repeats(events: &mut Vec<RecentEvent>, start: usize) {
    let mut kept = start;
    for at in start..events.len() {
        let event = events[at];
        let near = events[at + 1..].iter().take_while(|later| later.minute <= event.minute.saturating_add(1));
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

    fn event(minute: u32, item: u32, kind: ActionKind) -> RecentEvent {
        RecentEvent { minute: RecentEvent::FIRST_MINUTE + minute, item, kind }
    }

    #[test]
    fn words_are_ordered_as_events_are() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut draw = || {
            let minute = if random.bool() { random.u32(..3) } else { random.u32(..1 << 24) };
            let item = if random.bool() { random.u32(..3) } else { random.u32(..) };
            event(minute, item, ActionKind::ALL[random.usize(..ActionKind::ALL.len())])
        };
        for _ in 0..2000 {
            let (one, other) = (draw(), draw());
            assert_eq!(one.cmp(&other), one.packed().cmp(&other.packed()));
            assert_eq!(RecentEvent::unpacked(one.packed().unwrap()), one);
        }
    }

    #[test]
    fn a_minute_out_of_range_cannot_be_kept() {
        for (minute, kept) in [(0, false), (u32::MAX, false), (26_297_279, false), (26_297_280, true)] {
            let event = RecentEvent { minute, item: 1, kind: ActionKind::View };
            assert_eq!(event.packed().is_some(), kept, "{minute}");
        }
        assert!(event(1 << 24, 1, ActionKind::View).packed().is_none());
        assert_eq!(minute_of(1_577_836_800_000), RecentEvent::FIRST_MINUTE);
        assert_eq!(minute_of(-1), 0);
        assert_eq!(minute_of(i64::MAX), u32::MAX);
    }

    #[test]
    fn repeats_within_a_minute_are_left_out_and_the_newest_stays() {
        use ActionKind::{Purchase, View};
        let before = event(0, 1, View);
        let mut events = vec![before, event(0, 1, View), event(0, 2, View), event(1, 1, Purchase)];
        events.extend([event(1, 1, View), event(3, 1, View), event(3, 2, View)]);
        leave_out_repeats(&mut events, 1);
        let expected = [
            before,
            event(0, 2, View),
            event(1, 1, Purchase),
            event(1, 1, View),
            event(3, 1, View),
            event(3, 2, View),
        ];
        assert_eq!(events, expected);
        leave_out_repeats(&mut events, 6);
        leave_out_repeats(&mut events, 9);
        assert_eq!(events.len(), 6);
    }
}
