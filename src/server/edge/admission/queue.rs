//! The priority queue in front of the work, and when a full one counts as an overload: pure bookkeeping, told the time
//! by its caller.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::server::edge::class::CLASSES;

/// A queue that has not been empty for longer than this may be an overload; raising it lets longer bursts be served
/// oldest first and delays the shedding of real overloads. Half a second outlasts a container that is throttled for a
/// CPU period or two and then finds everything that arrived meanwhile in its queue.
const BURST: Duration = Duration::from_millis(500);
/// Requests that must have been dequeued meanwhile: a process that stood still all the time was stalled, not
/// overloaded.
const BURST_SERVED: u32 = 100;
/// The oldest entry must have waited for longer than this, too: a busy server always has a queue, but one that moves.
/// Raising it detects overloads later.
const STANDING: Duration = Duration::from_millis(10);
/// How long a detected overload lasts before it is decided anew; raising it makes the end of an overload come later.
const HOLD: Duration = Duration::from_millis(100);
/// An overload goes on while at least one in this many arrivals is rejected. Fewer are the bursts of a busy server;
/// raising it prolongs overloads.
const REJECTED_ONE_IN: u32 = 8;

/// Requests that wait, by class. `T` is how their waiting callers are told.
#[derive(Debug)]
pub(super) struct PriorityQueue<T> {
    // A queue for each class and not one heap: both ends are taken from, the oldest in a burst and the newest in an
    // overload.
    classes: [VecDeque<Entry<T>>; CLASSES],
    capacity: usize,
    next_id: u64,
    /// When it last stopped being empty; `None` while it is empty.
    nonempty_since: Option<Instant>,
    /// Entries dequeued since then.
    dequeued: u32,
    /// The end of the current [`HOLD`]; the queue may run empty in between.
    overloaded_until: Option<Instant>,
    /// Counts since [`PriorityQueue::update_overload`] last decided.
    arrivals: u32,
    rejections: u32,
}

#[derive(Debug)]
struct Entry<T> {
    id: u64,
    enqueued_at: Instant,
    deadline: Option<Instant>,
    caller: T,
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub(super) enum Dequeued<T> {
    /// A request to be served.
    Serve(T),
    /// A request whose deadline has passed, and its class.
    Expired(T, usize),
}

impl<T> PriorityQueue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            classes: Default::default(),
            capacity,
            next_id: 0,
            nonempty_since: None,
            dequeued: 0,
            overloaded_until: None,
            arrivals: 0,
            rejections: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.iter().all(VecDeque::is_empty)
    }

    pub(super) fn len(&self) -> usize {
        self.classes.iter().map(VecDeque::len).sum()
    }

    /// Appends a request to its class; returns its id, for [`PriorityQueue::cancel`].
    pub(super) fn enqueue(
        &mut self,
        class: usize,
        deadline: Option<Instant>,
        caller: T,
        now: Instant,
    ) -> u64 {
        self.nonempty_since.get_or_insert(now);
        self.arrivals = self.arrivals.saturating_add(1);
        self.next_id += 1;
        let id = self.next_id;
        if let Some(class) = self.classes.get_mut(class) {
            class.push_back(Entry { id, enqueued_at: now, deadline, caller });
        }
        id
    }

    /// Counts a request that was rejected before it could be enqueued.
    pub(super) fn rejected(&mut self) {
        self.arrivals = self.arrivals.saturating_add(1);
        self.rejections = self.rejections.saturating_add(1);
    }

    /// Removes a request whose caller has gone; says whether it was still queued.
    pub(super) fn cancel(&mut self, class: usize, id: u64) -> bool {
        let Some(entries) = self.classes.get_mut(class) else { return false };
        // Ids rise within a class, since entries are only ever appended.
        // To take one out of the middle moves its neighbours: at most half of the queue, for the few callers who give
        // up while they wait.
        let found = entries.binary_search_by_key(&id, |entry| entry.id);
        let removed = found.ok().and_then(|at| entries.remove(at)).is_some();
        self.note_if_empty();
        removed
    }

    /// Removes one request, with its class, if the queue is too long: the oldest of the least important class. To be
    /// called until it returns `None`.
    ///
    /// During an overload, the queue may be at most `overload_capacity` long.
    pub(super) fn evict(&mut self, overload_capacity: usize, now: Instant) -> Option<(T, usize)> {
        self.update_overload(now);
        let capacity =
            if self.is_overloaded(now) { overload_capacity.min(self.capacity) } else { self.capacity };
        if self.len() <= capacity {
            return None;
        }
        let (class, entries) =
            self.classes.iter_mut().enumerate().rfind(|(_, entries)| !entries.is_empty())?;
        let evicted = entries.pop_front()?;
        self.rejections = self.rejections.saturating_add(1);
        self.note_if_empty();
        Some((evicted.caller, class))
    }

    /// Removes the request that comes next: of the most important class the oldest, or the newest during an overload.
    pub(super) fn dequeue(&mut self, now: Instant) -> Option<Dequeued<T>> {
        let newest_first = self.is_overloaded(now);
        let (class, entries) =
            self.classes.iter_mut().enumerate().find(|(_, entries)| !entries.is_empty())?;
        let next = if newest_first { entries.pop_back() } else { entries.pop_front() }?;
        self.dequeued = self.dequeued.saturating_add(1);
        self.note_if_empty();
        Some(match next.deadline {
            Some(deadline) if deadline <= now => Dequeued::Expired(next.caller, class),
            // Whether the time that is left suffices is the planner's question: it knows what the placement takes.
            _ => Dequeued::Serve(next.caller),
        })
    }

    /// Whether requests arrive faster than they are served.
    pub(super) fn is_overloaded(&self, now: Instant) -> bool {
        self.overloaded_until.is_some_and(|until| now < until)
    }

    /// Begins an overload, prolongs it, or lets it end.
    fn update_overload(&mut self, now: Instant) {
        if self.is_overloaded(now) {
            return;
        }
        let arrivals = std::mem::take(&mut self.arrivals);
        let rejections = std::mem::take(&mut self.rejections);
        // Rejections count only right after a hold: those of an overload long ago say nothing about the next burst.
        let held_until_now =
            self.overloaded_until.is_some_and(|until| now.saturating_duration_since(until) < HOLD);
        let goes_on = held_until_now && rejections > 0 && rejections >= arrivals / REJECTED_ONE_IN;
        let nonempty_for =
            self.nonempty_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let oldest = self.classes.iter().filter_map(VecDeque::front).map(|entry| entry.enqueued_at).min();
        let stands = oldest.is_some_and(|oldest| now.saturating_duration_since(oldest) > STANDING);
        // All three: a throttled container alone has a long queue, a slow request alone an old entry, a busy minute
        // alone many served.
        let is_no_burst = nonempty_for > BURST && stands && self.dequeued >= BURST_SERVED;
        let begins = self.len() > self.capacity || is_no_burst;
        self.overloaded_until = if goes_on || begins { now.checked_add(HOLD) } else { None };
    }

    fn note_if_empty(&mut self) {
        if self.is_empty() {
            self.nonempty_since = None;
            self.dequeued = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: usize = 0;
    const SHADOW: usize = 1;
    const SYNTHETIC: usize = 2;

    fn queue_of(capacity: usize, classes: &[usize], now: Instant) -> PriorityQueue<usize> {
        let mut queue = PriorityQueue::new(capacity);
        for (caller, class) in classes.iter().enumerate() {
            queue.enqueue(*class, None, caller, now);
        }
        queue
    }

    fn order(queue: &mut PriorityQueue<usize>, now: Instant) -> Vec<usize> {
        let served = std::iter::from_fn(|| queue.dequeue(now));
        served
            .map(|next| if let Dequeued::Serve(caller) = next { caller } else { panic!("expired") })
            .collect()
    }

    #[test]
    fn a_burst_is_served_oldest_first_and_by_class() {
        let now = Instant::now();
        let mut queue = queue_of(10, &[SYNTHETIC, LIVE, SHADOW, LIVE, SYNTHETIC], now);
        assert_eq!(queue.evict(2, now), None, "a burst may be longer than the queue of an overload");
        assert_eq!(order(&mut queue, now), [1, 3, 2, 0, 4]);
    }

    #[test]
    fn a_queue_that_does_not_run_empty_is_served_newest_first_and_kept_short() {
        let now = Instant::now();
        let mut queue = queue_of(200, &[LIVE; 106], now);
        let later = now + BURST + Duration::from_millis(1);
        assert_eq!(queue.evict(4, later), None, "nothing was served: the process stood still");
        let served: Vec<_> = (0..BURST_SERVED).map(|_| queue.dequeue(later)).collect();
        assert!(served.iter().enumerate().all(|(n, next)| *next == Some(Dequeued::Serve(n))));
        let evicted: Vec<_> = std::iter::from_fn(|| queue.evict(4, later)).collect();
        assert_eq!(evicted, [(100, LIVE), (101, LIVE)], "the oldest are rejected");
        assert_eq!(order(&mut queue, later), [105, 104, 103, 102]);
        // A queue that is empty for a moment does not end the overload.
        queue.enqueue(LIVE, None, 107, later);
        queue.enqueue(LIVE, None, 108, later);
        assert_eq!(order(&mut queue, later), [108, 107]);
    }

    /// Overloads a queue with one arrival a millisecond, of which one in `share` is rejected, and says whether it still
    /// is overloaded after a second.
    fn is_overloaded_after(share: u32) -> bool {
        let mut now = Instant::now();
        let mut queue = queue_of(1, &[LIVE; 2], now);
        queue.evict(1, now);
        assert!(queue.is_overloaded(now));
        for n in 0..1000 {
            now += Duration::from_millis(1);
            let capacity = if n % share == 0 { 0 } else { usize::MAX };
            queue.enqueue(LIVE, None, 0, now);
            let _ = queue.evict(capacity, now);
            order(&mut queue, now);
        }
        queue.is_overloaded(now)
    }

    #[test]
    fn an_overload_of_long_ago_says_nothing_about_the_next_burst() {
        let now = Instant::now();
        let mut queue = queue_of(1, &[LIVE; 3], now);
        assert!(queue.evict(1, now).is_some() && queue.evict(1, now).is_some());
        order(&mut queue, now);
        let later = now + 60 * HOLD;
        queue.enqueue(LIVE, None, 7, later);
        assert_eq!(queue.evict(0, later), None);
    }

    #[test]
    fn an_overload_goes_on_while_many_are_rejected_and_not_for_a_burst_now_and_then() {
        assert!(is_overloaded_after(3));
        assert!(!is_overloaded_after(50));
    }

    #[test]
    fn the_least_important_are_evicted_even_if_they_came_last() {
        let now = Instant::now();
        let mut queue = queue_of(2, &[LIVE, LIVE, SYNTHETIC], now);
        assert_eq!(queue.evict(1, now), Some((2, SYNTHETIC)));
        assert_eq!(queue.evict(1, now), Some((0, LIVE)), "an overloaded queue is kept short");
        assert_eq!(queue.evict(1, now), None);
    }

    #[test]
    fn a_cancelled_or_expired_request_is_not_served() {
        let now = Instant::now();
        let mut queue = PriorityQueue::new(10);
        let cancelled = queue.enqueue(LIVE, None, 'a', now);
        queue.enqueue(LIVE, Some(now), 'b', now);
        queue.enqueue(LIVE, Some(now + BURST), 'c', now);
        assert!(queue.cancel(LIVE, cancelled));
        assert!(!queue.cancel(LIVE, cancelled), "once");
        assert_eq!(queue.dequeue(now), Some(Dequeued::Expired('b', LIVE)));
        assert_eq!(queue.dequeue(now), Some(Dequeued::Serve('c')));
        assert_eq!((queue.dequeue(now), queue.len()), (None, 0));
    }
}
