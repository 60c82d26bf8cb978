//! Clicks in any order become the index: sessions by time, their items, and the postings, in parallel.

use rayon::prelude::*;

use super::recent::Handle;
use super::{LAST, SessionKnn};

/// Clicks as columns, one row a click, and one time a session. The rows of a session may lie anywhere.
#[derive(Debug, Clone, Default)]
pub struct SessionClicks {
    /// The session of each row, numbered from 0. Rows of a number that has no time are left out.
    pub session: Vec<u32>,
    /// The item of each row. Rows of items that are not in the catalogue are left out.
    pub item: Vec<u32>,
    /// The newest time of each session, in any unit.
    pub newest: Vec<i64>,
}

/// What an index keeps of its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// The most distinct items of a session; the last ones given are kept.
    pub items_per_session: usize,
    /// The most sessions that an item is found in; the newest are kept.
    pub sessions_per_item: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { items_per_session: 1000, sessions_per_item: 1_000_000 }
    }
}

/// Chunks of fewer sessions are not split between threads.
const CHUNK: usize = 1 << 14;

/// A row's place is a 32-bit number, and so is a session's handle.
const MOST_ROWS: usize = (u32::MAX - 1) as usize;

impl SessionKnn {
    /// Builds the index from (newest timestamp, items in the order of their clicks) of each session over a catalogue of
    /// `items` items, with the default limits.
    ///
    /// Sessions are ordered by time, then by their place in the input. Repeated items count once.
    pub fn new(items: usize, sessions: Vec<(i64, Vec<u32>)>) -> Self {
        let mut clicks = SessionClicks::default();
        for (number, (newest, session)) in sessions.into_iter().enumerate() {
            clicks.newest.push(newest);
            clicks.session.extend(session.iter().map(|_| number as u32));
            clicks.item.extend(session);
        }
        Self::from_clicks(items, clicks, SessionLimits::default())
    }

    /// Builds the index from columns, which it takes apart as it goes: at its peak it holds 12 bytes a row and 24 a
    /// session; 8 bytes a row and 16 a session where rows and sessions come in the order of time.
    ///
    /// Sessions are ordered by time, then by number; the rows of a session count as given, oldest first. Rows after the
    /// first 2³² − 2 are left out, and so are items from 2³¹ on.
    pub fn from_clicks(items: usize, clicks: SessionClicks, limits: SessionLimits) -> Self {
        // The highest bit of an item marks the end of its session.
        let items = items.min(LAST as usize);
        let sessions = clicks.newest.len();
        let (mut runs, offsets) = by_session(clicks);
        let mut lengths = vec![0u32; sessions];
        tidy_runs(&mut runs, &offsets, &mut lengths, items, limits.items_per_session);
        let mut filled = 0;
        for (start, length) in offsets.iter().zip(&lengths) {
            let (start, length) = (*start as usize, *length as usize);
            // Closed up in place: a second copy of the clicks would double the peak.
            runs.copy_within(start..start + length, filled);
            filled += length;
        }
        // They are needed no more, and the postings are as large as they are.
        drop((offsets, lengths));
        runs.truncate(filled);
        runs.shrink_to_fit();

        let mut counts = vec![0u32; items];
        for item in &runs {
            counts[(item & !LAST) as usize] += 1;
        }
        let total = sessions.max(1) as f32;
        let idf = counts.iter().map(|n| if *n == 0 { 0.0 } else { natural_log(total / *n as f32) }).collect();
        let mut posting_offsets = Vec::with_capacity(items + 1);
        let mut end = 0u32;
        posting_offsets.push(end);
        for count in counts {
            // Postings are filled newest session first, so that what is cut off are the oldest.
            end += count.min(u32::try_from(limits.sessions_per_item).unwrap_or(u32::MAX));
            posting_offsets.push(end);
        }
        let mut postings = vec![0; end as usize];
        fill_postings(&runs, &posting_offsets, 0..items, &mut postings, rayon::current_num_threads());
        Self { clicks: runs, sessions, posting_offsets, postings, idf, limits }
    }
}

/// Worked out in f64 and rounded once: libraries for mathematics differ in the last bit of an f32.
pub(super) fn natural_log(x: f32) -> f32 {
    f64::from(x).ln() as f32
}

/// The items of all sessions end to end, oldest session first, and where each session starts (and the last one ends).
fn by_session(clicks: SessionClicks) -> (Vec<u32>, Vec<u32>) {
    let SessionClicks { mut session, mut item, newest } = clicks;
    let rows = session.len().min(item.len()).min(MOST_ROWS);
    session.truncate(rows);
    item.truncate(rows);
    let sessions = newest.len();
    // Logs mostly come in the order of time: then sessions need not be placed, and rows not be moved.
    let in_order = newest.is_sorted();
    let mut place: Vec<u32> = Vec::new();
    if !in_order {
        let mut order: Vec<u32> = (0..sessions as u32).collect();
        // A stable sort: sessions of one time stay in the order of their numbers, on every machine.
        order.par_sort_by_key(|number| newest[*number as usize]);
        place.resize(sessions, 0);
        for (at, number) in order.iter().enumerate() {
            place[*number as usize] = at as u32;
        }
    }
    drop(newest);
    let place = |number: u32| if in_order { number as usize } else { place[number as usize] as usize };
    let mut offsets = vec![0u32; sessions + 1];
    for number in session.iter().filter(|number| (**number as usize) < sessions) {
        offsets[place(*number) + 1] += 1;
    }
    for at in 0..sessions {
        offsets[at + 1] += offsets[at];
    }
    let all_known = offsets.last().copied().unwrap_or(0) as usize == rows;
    // The column of items is the index's own then, and is taken as it is.
    if in_order && all_known && session.is_sorted() {
        return (item, offsets);
    }
    let mut runs = vec![0u32; offsets.last().copied().unwrap_or(0) as usize];
    for (number, item) in session.iter().zip(&item).filter(|(number, _)| (**number as usize) < sessions) {
        let next = &mut offsets[place(*number)];
        runs[*next as usize] = *item;
        *next += 1;
    }
    // Each start has moved to its end, which is the next one's start.
    offsets.rotate_right(1);
    if let Some(first) = offsets.first_mut() {
        *first = 0;
    }
    (runs, offsets)
}

/// Makes each run ascending, without repeats, unknown items or more than its share, and marks its last item. The
/// lengths say what is left of it.
fn tidy_runs(runs: &mut [u32], offsets: &[u32], lengths: &mut [u32], items: usize, most: usize) {
    if lengths.len() > CHUNK {
        let (first, second) = lengths.split_at_mut(lengths.len() / 2);
        let (ours, theirs) = (&offsets[..=first.len()], &offsets[first.len()..]);
        let (before, after) = runs.split_at_mut((theirs[0] - offsets[0]) as usize);
        rayon::join(
            || tidy_runs(before, ours, first, items, most),
            || tidy_runs(after, theirs, second, items, most),
        );
        return;
    }
    let mut rest = runs;
    for (bounds, length) in offsets.windows(2).zip(lengths) {
        let (run, after) = std::mem::take(&mut rest).split_at_mut((bounds[1] - bounds[0]) as usize);
        rest = after;
        *length = tidy_run(run, items, most) as u32;
    }
}

fn tidy_run(run: &mut [u32], items: usize, most: usize) -> usize {
    let mut kept = 0;
    for at in 0..run.len() {
        if (run[at] as usize) < items {
            run[kept] = run[at];
            kept += 1;
        }
    }
    let mut run = &mut run[..kept];
    if run.len() > most {
        // From the end, as the last clicks are the newest: only sessions over the limit, which are few, need a set.
        let mut seen = hashbrown::HashSet::new();
        let first = run.iter().rposition(|item| seen.insert(*item) && seen.len() == most).unwrap_or(0);
        run.rotate_left(first);
        kept -= first;
        run = &mut run[..kept];
    }
    // The order of clicks within a session has done its work: sorted, repeats lie side by side.
    run.sort_unstable();
    let mut distinct = 0;
    for at in 0..run.len() {
        if distinct == 0 || run[at] != run[distinct - 1] {
            run[distinct] = run[at];
            distinct += 1;
        }
    }
    if let Some(last) = run[..distinct].last_mut() {
        *last |= LAST;
    }
    distinct
}

/// Fills the postings of a range of items, newest session first. Halves of the range are given to two threads each;
/// every thread reads all sessions, which is cheaper than handing clicks around.
fn fill_postings(
    runs: &[u32],
    offsets: &[u32],
    range: std::ops::Range<usize>,
    postings: &mut [Handle],
    threads: usize,
) {
    let base = offsets[range.start];
    if threads > 1 && range.len() > 1 {
        // Halved by postings and not by items: a few items of a shop are in most of its sessions.
        let half = base + (postings.len() / 2) as u32;
        let middle = offsets[range.clone()].partition_point(|offset| *offset < half) + range.start;
        let middle = middle.clamp(range.start + 1, range.end - 1);
        let (before, after) = postings.split_at_mut((offsets[middle] - base) as usize);
        rayon::join(
            || fill_postings(runs, offsets, range.start..middle, before, threads / 2),
            || fill_postings(runs, offsets, middle..range.end, after, threads - threads / 2),
        );
        return;
    }
    let mut next: Vec<u32> = offsets[range.clone()].iter().map(|offset| offset - base).collect();
    let mut end = runs.len();
    while end > 0 {
        let before = &runs[..end - 1];
        // The start of a session is the end of the one before, whose last click is marked.
        let start = before.iter().rposition(|item| item & LAST != 0).map_or(0, |last| last + 1);
        for item in &runs[start..end] {
            let item = (item & !LAST) as usize;
            if let Some(next) = item.checked_sub(range.start).and_then(|at| next.get_mut(at))
                && *next < offsets[item + 1] - base
            {
                postings[*next as usize] = start as u32 + 1;
                *next += 1;
            }
        }
        end = start;
    }
}
