//! Clicks and purchases, each of which looks for the impression that it is due to.

use hashbrown::HashSet;
use serde::Serialize;

use super::error::ReportError;
use super::tally::Tally;
use crate::artifact::Part;
use crate::exposure::{Shown, ShownItem};
use crate::train::{EventKind, EventMeaning, EventTable, EventTypes};

/// What a hash is of, so that a user and a visitor of one name are two.
pub(super) const IMPRESSION: u8 = 0;
const EVENT: u8 = 1;
const ANSWER: u8 = 2;
const USER: u8 = 3;
const VISITOR: u8 = 4;
const SESSION: u8 = 5;

/// What became of the events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EventCounts {
    /// Clicks and purchases of items, each event once.
    pub events: u64,
    /// Events that were there before, and did not count.
    pub repeated: u64,
    /// Those that name the answer that led to them, which is among the exposures and has their item.
    pub by_recommendation: u64,
    /// Those without a name of an answer whose item their subject was shown within the window before.
    pub by_last_touch: u64,
}

/// An impression that an event may be due to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Touch {
    pub(super) time_ms: i64,
    /// Which one: among those of one time the choice must not depend on the order of files.
    pub(super) impression: u64,
    pub(super) cell: u32,
}

#[derive(Debug, Clone, Copy)]
struct Act {
    is_purchase: bool,
    by_recommendation: bool,
    touch: Option<Touch>,
}

/// Something by which impressions lead to an event: the answer and the item, or a subject and the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    key: u64,
    time_ms: i64,
    act: u32,
}

/// All clicks and purchases.
#[derive(Debug)]
pub(super) struct Acts {
    window_ms: i64,
    acts: Vec<Act>,
    links: Vec<Link>,
    seen: HashSet<u64>,
    repeated: u64,
}

/// What an event says, by row of its file.
struct Columns {
    kinds: Vec<Option<EventKind>>,
    items: Vec<Option<String>>,
    times: Vec<Option<i64>>,
    answers: Vec<Option<String>>,
    subjects: [Vec<Option<String>>; 3],
}

impl Acts {
    pub(super) fn new(window_ms: i64) -> Self {
        Self { window_ms, acts: Vec::new(), links: Vec::new(), seen: HashSet::new(), repeated: 0 }
    }

    /// Adds the clicks and purchases of a file.
    pub(super) fn read(&mut self, part: &Part, types: &EventTypes) -> Result<(), ReportError> {
        let table = EventTable::open(part)?;
        if table.rows() as u64 + self.acts.len() as u64 > u64::from(u32::MAX) {
            return Err(ReportError::TooManyEvents { file: part.name.clone(), limit: u32::MAX });
        }
        let mut columns = columns(&table, types)?;
        let (seen, repeated) = (&mut self.seen, &mut self.repeated);
        table.each_event_id(&mut |row, id| {
            if let (Some(id), Some(kind)) = (id, columns.kinds.get_mut(row))
                && kind.is_some()
                && !seen.insert(hash(EVENT, &[&id]))
            {
                *repeated += 1;
                *kind = None;
            }
        })?;
        for row in 0..table.rows() {
            self.add(&columns, row);
        }
        Ok(())
    }

    fn add(&mut self, columns: &Columns, row: usize) {
        let (Some(kind), Some(item), Some(time_ms)) =
            (columns.kinds[row], &columns.items[row], columns.times[row])
        else {
            return;
        };
        let act = self.acts.len() as u32;
        let answer = &columns.answers[row];
        let is_purchase = kind == EventKind::Purchase;
        self.acts.push(Act { is_purchase, by_recommendation: answer.is_some(), touch: None });
        if let Some(answer) = answer {
            // It says itself what led to it: that its subject saw the item elsewhere too does not matter.
            self.links.push(Link { key: hash(ANSWER, &[answer, item]), time_ms, act });
            return;
        }
        for (domain, ids) in [USER, VISITOR, SESSION].into_iter().zip(&columns.subjects) {
            if let Some(id) = &ids[row] {
                self.links.push(Link { key: hash(domain, &[id, item]), time_ms, act });
            }
        }
    }

    /// Makes links be found, once all are there.
    pub(super) fn sort(&mut self) {
        self.seen = HashSet::new();
        self.links.sort_unstable();
    }

    /// Tells the events of an impression that it may be what they are due to.
    pub(super) fn shown(&mut self, shown: &Shown, item: &ShownItem, touch: Touch) {
        // Whoever names the answer is right, whatever the clocks of browsers say.
        let answer = hash(ANSWER, &[&shown.recommendation_id, &item.item_id]);
        self.touch(answer, (i64::MIN, i64::MAX), touch);
        let until = touch.time_ms.saturating_add(self.window_ms);
        let ids = [&shown.user_id, &shown.visitor_id, &shown.session_id];
        for (domain, id) in [USER, VISITOR, SESSION].into_iter().zip(ids) {
            if let Some(id) = id {
                self.touch(hash(domain, &[id, &item.item_id]), (touch.time_ms, until), touch);
            }
        }
    }

    fn touch(&mut self, key: u64, (from, until): (i64, i64), touch: Touch) {
        let first = self.links.partition_point(|link| (link.key, link.time_ms) < (key, from));
        for link in self.links.get(first..).unwrap_or_default() {
            if link.key != key || link.time_ms > until {
                return;
            }
            if let Some(act) = self.acts.get_mut(link.act as usize) {
                act.touch = act.touch.max(Some(touch));
            }
        }
    }

    /// Counts each impression that an event found: once, however many did.
    pub(super) fn settle(&self, tally: &mut Tally) {
        let mut done = HashSet::new();
        for act in &self.acts {
            if let Some(touch) = act.touch
                && done.insert((touch.impression, act.is_purchase))
            {
                tally.act(touch.cell, act.is_purchase);
            }
        }
    }

    /// What became of the events.
    pub(super) fn counts(&self) -> EventCounts {
        let found = |by_recommendation: bool| {
            let found = self.acts.iter().filter(|act| act.touch.is_some());
            found.filter(|act| act.by_recommendation == by_recommendation).count() as u64
        };
        EventCounts {
            events: self.acts.len() as u64,
            repeated: self.repeated,
            by_recommendation: found(true),
            by_last_touch: found(false),
        }
    }
}

fn columns(table: &EventTable, types: &EventTypes) -> Result<Columns, ReportError> {
    let ids = |column: &str| -> Result<Vec<Option<String>>, ReportError> {
        let mut ids = vec![None; table.rows()];
        table.each_id(column, &mut |row, id| ids[row] = id)?;
        Ok(ids)
    };
    let mut kinds = vec![None; table.rows()];
    table.each_type(&mut |row, name| {
        let meaning = types.meaning(name.unwrap_or_default());
        // Unlike in training, a type that nobody knows is no click: a rate must not grow by what is not known.
        kinds[row] = match meaning {
            Some(EventMeaning::Kind(kind @ (EventKind::View | EventKind::Purchase))) => Some(kind),
            _ => None,
        };
    })?;
    let mut times = vec![None; table.rows()];
    table.each_time(&mut |row, time_ms| times[row] = time_ms)?;
    let mut subjects = [ids("user_id")?, ids("visitor_id")?, ids("session_id")?];
    for (row, _) in table.denied()?.iter().enumerate().filter(|(_, denied)| **denied) {
        subjects.iter_mut().for_each(|ids| ids[row] = None);
    }
    Ok(Columns { kinds, items: ids("item_id")?, times, answers: ids("recommendation_id")?, subjects })
}

/// A hash that is the same in every run: FNV-1a (Fowler, Noll, Vo), with the finalizer of MurmurHash3 behind it.
pub(super) fn hash(domain: u8, texts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    add(domain);
    for text in texts {
        text.bytes().for_each(&mut add);
        // No UTF-8 has this byte, so that where one text ends is part of the hash.
        add(0xff);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
