//! The line in front of the work: pure bookkeeping, told the time by its caller.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Classes of callers, the most important first.
pub(super) const CLASSES: usize = 3;
/// A line that has not been empty for so long, although so many were served, is no burst but an overload. Either alone may be a
/// hitch: a container out of its CPU quota stands still for a while, and then has all that came in the meantime in line.
const BURST: Duration = Duration::from_millis(500);
const BURST_SERVED: u32 = 100;
/// And the one who waits longest has waited for so long: a busy server has a line too, which moves.
const STANDING: Duration = Duration::from_millis(10);
/// For so long an overload is taken for granted; then it is looked at whether it goes on.
const AGAIN: Duration = Duration::from_millis(100);
/// While one in so many who join has to go, or more, it goes on being an overload; fewer are the bursts of a busy server.
const STILL_TOO_MANY: u32 = 8;

/// Who waits, by class.
#[derive(Debug)]
pub(super) struct Line<T> {
    classes: [VecDeque<Waiting<T>>; CLASSES],
    most: usize,
    joined: u64,
    /// When it was last empty; `None` while it is.
    since: Option<Instant>,
    /// How many were served since then.
    served: u32,
    /// Until when it overflows, whether it is empty in between or not; then it is looked at again.
    overflows_until: Option<Instant>,
    /// Who joined, and who had to go, since that was last decided.
    lately: (u32, u32),
}

#[derive(Debug)]
struct Waiting<T> {
    number: u64,
    since: Instant,
    due: Option<Instant>,
    who: T,
}

/// Whose turn it is.
#[derive(Debug, PartialEq)]
pub(super) enum Next<T> {
    /// To be worked for.
    Serve(T),
    /// Of this class, and its time is up.
    Late(T, usize),
}

impl<T> Line<T> {
    /// A line of at most `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            classes: Default::default(),
            most,
            joined: 0,
            since: None,
            served: 0,
            overflows_until: None,
            lately: (0, 0),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.iter().all(VecDeque::is_empty)
    }

    pub(super) fn len(&self) -> usize {
        self.classes.iter().map(VecDeque::len).sum()
    }

    /// Puts somebody at the end and gives their number, for [`Line::leave`].
    pub(super) fn join(&mut self, class: usize, due: Option<Instant>, who: T, now: Instant) -> u64 {
        self.since.get_or_insert(now);
        self.joined += 1;
        self.lately.0 = self.lately.0.saturating_add(1);
        let number = self.joined;
        if let Some(class) = self.classes.get_mut(class) {
            class.push_back(Waiting { number, since: now, due, who });
        }
        number
    }

    /// Somebody was not let into the line.
    pub(super) fn turned_away(&mut self) {
        let (joined, gone) = self.lately;
        self.lately = (joined.saturating_add(1), gone.saturating_add(1));
    }

    /// Whether they were still in line.
    pub(super) fn leave(&mut self, class: usize, number: u64) -> bool {
        let Some(waiting) = self.classes.get_mut(class) else { return false };
        let found = waiting.binary_search_by_key(&number, |waiting| waiting.number);
        let left = found.ok().and_then(|at| waiting.remove(at)).is_some();
        self.note_empty();
        left
    }

    /// Who has to go, with their class, because the line is too long: the oldest of the least important class.
    ///
    /// While it overflows, more than `short` are too many.
    pub(super) fn overflow(&mut self, short: usize, now: Instant) -> Option<(T, usize)> {
        self.decide(now);
        let most = if self.overflows(now) { short.min(self.most) } else { self.most };
        if self.len() <= most {
            return None;
        }
        let (class, waiting) =
            self.classes.iter_mut().enumerate().rfind(|(_, waiting)| !waiting.is_empty())?;
        let gone = waiting.pop_front()?;
        self.lately.1 = self.lately.1.saturating_add(1);
        self.note_empty();
        Some((gone.who, class))
    }

    /// Whose turn it is: of the most important class the oldest, or the newest while the line overflows.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next<T>> {
        let newest_first = self.overflows(now);
        let (class, waiting) =
            self.classes.iter_mut().enumerate().find(|(_, waiting)| !waiting.is_empty())?;
        let next = if newest_first { waiting.pop_back() } else { waiting.pop_front() }?;
        self.served = self.served.saturating_add(1);
        self.note_empty();
        Some(match next.due {
            Some(due) if due <= now => Next::Late(next.who, class),
            _ => Next::Serve(next.who),
        })
    }

    /// Whether requests come faster than they are served. Then the newest are served first.
    pub(super) fn overflows(&self, now: Instant) -> bool {
        self.overflows_until.is_some_and(|until| now < until)
    }

    /// Begins an overflow, lets it go on, or ends it.
    fn decide(&mut self, now: Instant) {
        if self.overflows(now) {
            return;
        }
        let (joined, gone) = std::mem::take(&mut self.lately);
        let recent = |until: Instant| now.saturating_duration_since(until) < AGAIN;
        let still = self.overflows_until.is_some_and(recent) && gone > 0 && gone >= joined / STILL_TOO_MANY;
        let long = self.since.is_some_and(|since| now.saturating_duration_since(since) > BURST);
        let oldest = self.classes.iter().filter_map(VecDeque::front).map(|waiting| waiting.since).min();
        let stands = oldest.is_some_and(|oldest| now.saturating_duration_since(oldest) > STANDING);
        let begins = self.len() > self.most || (long && stands && self.served >= BURST_SERVED);
        let until = now.checked_add(AGAIN);
        self.overflows_until = until.filter(|_| still || begins);
    }

    fn note_empty(&mut self) {
        if self.is_empty() {
            (self.since, self.served) = (None, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: usize = 0;
    const SHADOW: usize = 1;
    const SYNTHETIC: usize = 2;

    fn joined(most: usize, classes: &[usize], now: Instant) -> Line<usize> {
        let mut line = Line::new(most);
        for (who, class) in classes.iter().enumerate() {
            line.join(*class, None, who, now);
        }
        line
    }

    fn order(line: &mut Line<usize>, now: Instant) -> Vec<usize> {
        let served = std::iter::from_fn(|| line.next(now));
        served.map(|next| if let Next::Serve(who) = next { who } else { panic!("late") }).collect()
    }

    #[test]
    fn a_burst_is_served_oldest_first_and_by_class() {
        let now = Instant::now();
        let mut line = joined(10, &[SYNTHETIC, LIVE, SHADOW, LIVE, SYNTHETIC], now);
        assert_eq!(line.overflow(2, now), None, "a burst may be longer than an overflowing line");
        assert_eq!(order(&mut line, now), [1, 3, 2, 0, 4]);
    }

    #[test]
    fn a_line_that_does_not_empty_is_served_newest_first_and_kept_short() {
        let now = Instant::now();
        let mut line = joined(200, &[LIVE; 106], now);
        let later = now + BURST + Duration::from_millis(1);
        assert_eq!(line.overflow(4, later), None, "nobody was served: a hitch");
        let served: Vec<_> = (0..BURST_SERVED).map(|_| line.next(later)).collect();
        assert!(served.iter().enumerate().all(|(n, next)| *next == Some(Next::Serve(n))));
        let evicted: Vec<_> = std::iter::from_fn(|| line.overflow(4, later)).collect();
        assert_eq!(evicted, [(100, LIVE), (101, LIVE)], "the oldest go");
        assert_eq!(order(&mut line, later), [105, 104, 103, 102]);
        // Empty for a moment is not over yet.
        line.join(LIVE, None, 107, later);
        line.join(LIVE, None, 108, later);
        assert_eq!(order(&mut line, later), [108, 107]);
    }

    /// Joins of so many in a second overflow, of whom one in `share` has to go; whether it overflows after that.
    fn overflows_after(share: u32) -> bool {
        let mut now = Instant::now();
        let mut line = joined(1, &[LIVE; 2], now);
        line.overflow(1, now);
        assert!(line.overflows(now));
        for n in 0..1000 {
            now += Duration::from_millis(1);
            let short = if n % share == 0 { 0 } else { usize::MAX };
            line.join(LIVE, None, 0, now);
            let _ = line.overflow(short, now);
            order(&mut line, now);
        }
        line.overflows(now)
    }

    #[test]
    fn an_overload_of_long_ago_says_nothing_about_the_next_burst() {
        let now = Instant::now();
        let mut line = joined(1, &[LIVE; 3], now);
        assert!(line.overflow(1, now).is_some() && line.overflow(1, now).is_some());
        order(&mut line, now);
        let later = now + 60 * AGAIN;
        line.join(LIVE, None, 7, later);
        assert_eq!(line.overflow(0, later), None);
    }

    #[test]
    fn an_overload_goes_on_while_many_have_to_go_and_not_for_a_burst_now_and_then() {
        assert!(overflows_after(3));
        assert!(!overflows_after(50));
    }

    #[test]
    fn the_least_important_make_room_even_if_they_came_last() {
        let now = Instant::now();
        let mut line = joined(2, &[LIVE, LIVE, SYNTHETIC], now);
        assert_eq!(line.overflow(1, now), Some((2, SYNTHETIC)));
        assert_eq!(line.overflow(1, now), Some((0, LIVE)), "once it overflows it is kept short");
        assert_eq!(line.overflow(1, now), None);
    }

    #[test]
    fn who_has_gone_or_is_late_is_not_served() {
        let now = Instant::now();
        let mut line = Line::new(10);
        let gone = line.join(LIVE, None, 'a', now);
        line.join(LIVE, Some(now), 'b', now);
        line.join(LIVE, Some(now + BURST), 'c', now);
        assert!(line.leave(LIVE, gone));
        assert!(!line.leave(LIVE, gone), "once");
        assert_eq!(line.next(now), Some(Next::Late('b', LIVE)));
        assert_eq!(line.next(now), Some(Next::Serve('c')));
        assert_eq!((line.next(now), line.len()), (None, 0));
    }
}
