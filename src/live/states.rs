//! What events have said of each item: the last value of each attribute, and whether the item is sold.
//!
//! Independent of any snapshot and its numbers. Of two events about the same thing the later one counts, by the time
//! that they happened and not by the order in which they came: any order, any repetition and any overlap of the same
//! events ends in the same state (a last-writer-wins register for each attribute; Shapiro et al., "A comprehensive
//! study of Convergent and Commutative Replicated Data Types", INRIA RR-7506, 2011, section 3.2.1).

mod writer;

use std::collections::VecDeque;
use std::sync::Arc;

use super::digest::register_digest;
use crate::domain::{AttributeValue, Event, EventKind};
use crate::feature::IdTable;
use writer::{LISTED, UPSERTED, Writer, register_bytes};

/// Upper bound on the attributes that events may name, over all items. A name that a producer makes up for each event
/// would otherwise take memory for ever.
const MAX_ATTRIBUTES: usize = 1000;

/// Bytes of an item in the table of ids, besides its id.
const HANDLE_BYTES: usize = 16;

/// Bytes of an item in the list of states, besides its attributes.
const ITEM_BYTES: usize = size_of::<ItemState>();

/// Changes that are remembered in their order: those of some seconds. Raising it takes 4 bytes each.
const LOGGED: usize = 1 << 17;

/// Bytes of that list.
pub(super) const LOG_BYTES: u64 = (LOGGED * size_of::<u32>()) as u64;

/// The place of an item that has no state: somebody did something with it, and that is all.
const NO_STATE: u32 = u32::MAX;

/// All items that events have named, by handle: their numbers in the order in which they came. A handle stays the same
/// while the process lives, whatever snapshot is served.
#[derive(Debug)]
pub struct States {
    ids: IdTable,
    /// The place of each handle's state among the items.
    places: Vec<u32>,
    items: Vec<ItemState>,
    attributes: Vec<Arc<str>>,
    /// Counts changes; each register knows the one that it came with.
    sequence: u64,
    /// The places of the items of the last changes, in their order: one for each number of the sequence.
    log: VecDeque<u32>,
    bytes: usize,
    max_bytes: usize,
    last_event_ms: i64,
    /// Events at or before this are in every snapshot that may be served, and are not taken any more.
    forgotten_ms: i64,
    /// Registers of events before this are in the snapshot that is served, and do not count in the digest.
    watermark_ms: i64,
    digest: u64,
}

/// What is known of an item.
#[derive(Debug, Default)]
pub(super) struct ItemState {
    pub(super) handle: u32,
    /// The sequence of its last change.
    pub(super) sequence: u64,
    /// Whether it is sold, if an event has said so.
    pub(super) listed: Option<Register<bool>>,
    /// When a change first asked for it to be listed, should no event say anything else.
    pub(super) upserted_ms: Option<i64>,
    pub(super) attributes: Vec<Register<(u16, AttributeValue)>>,
}

/// A value and when it was set.
#[derive(Debug, Clone)]
pub(super) struct Register<T> {
    pub(super) value: T,
    pub(super) time_ms: i64,
    /// The sequence of the change that set it.
    pub(super) sequence: u64,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// It changed something.
    Changed,
    /// Everything that it says is known, or something newer is.
    Stale,
    /// There is no memory for another item, attribute or value.
    NoRoom,
    /// It says nothing of an item.
    NoItem,
}

impl States {
    /// Nothing known yet; `max_bytes` bounds what will be.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            ids: IdTable::default(),
            places: Vec::new(),
            items: Vec::new(),
            attributes: Vec::new(),
            sequence: 0,
            log: VecDeque::new(),
            bytes: 0,
            max_bytes,
            last_event_ms: i64::MIN,
            forgotten_ms: i64::MIN,
            watermark_ms: i64::MIN,
            digest: 0,
        }
    }

    /// Applies an event about an item.
    pub fn apply(&mut self, event: &Event) -> Applied {
        let about_item =
            matches!(event.kind, EventKind::ItemChanged | EventKind::ItemListed | EventKind::ItemDelisted);
        let Some(id) = event.item_id.as_deref().filter(|_| about_item) else { return Applied::NoItem };
        // What was forgotten would come back as the newest that is known.
        if event.time_ms <= self.forgotten_ms {
            return Applied::Stale;
        }
        // Decided before anything is changed: an event is applied whole or not at all.
        if self.bytes + self.bytes_of(id, event) > self.max_bytes {
            return Applied::NoRoom;
        }
        let Some(numbers) = self.attribute_numbers(event) else { return Applied::NoRoom };
        let Some(at) = self.state_or_new(id) else { return Applied::NoRoom };
        let before = self.sequence;
        self.sequence += 1;
        let mut writer = Writer {
            id,
            item: &mut self.items[at as usize],
            time_ms: event.time_ms,
            sequence: self.sequence,
            watermark_ms: self.watermark_ms,
            digest: &mut self.digest,
            bytes: &mut self.bytes,
            changed: false,
        };
        match event.kind {
            EventKind::ItemListed => writer.list(true),
            EventKind::ItemDelisted => writer.list(false),
            _ if event.upsert => writer.upsert(),
            _ => {}
        }
        for ((name, value), number) in event.attributes.iter().zip(numbers) {
            writer.set(name, number, value);
        }
        if !writer.changed {
            self.sequence = before;
            return Applied::Stale;
        }
        self.items[at as usize].sequence = self.sequence;
        if self.log.len() == LOGGED {
            self.log.pop_front();
        }
        self.log.push_back(at);
        self.last_event_ms = self.last_event_ms.max(event.time_ms);
        Applied::Changed
    }

    /// From here on registers of events at or before `watermark_ms` count as known to the snapshot.
    pub fn set_watermark(&mut self, watermark_ms: i64) {
        if watermark_ms == self.watermark_ms {
            return;
        }
        self.watermark_ms = watermark_ms;
        let mut digest = 0u64;
        for item in &self.items {
            let id = self.ids.text(item.handle);
            digest = digest.wrapping_add(item.digest(id, &self.attributes, watermark_ms));
        }
        self.digest = digest;
    }

    /// Drops the registers of events at or before this time: no snapshot that may be served needs them any more.
    pub fn forget_until(&mut self, time_ms: i64) {
        self.forgotten_ms = self.forgotten_ms.max(time_ms);
        let old = |at: i64| at <= time_ms;
        for item in &mut self.items {
            item.attributes.retain(|register| {
                let drops = old(register.time_ms);
                if drops {
                    self.bytes -= register_bytes(&register.value.1);
                }
                !drops
            });
            item.listed.take_if(|listed| old(listed.time_ms));
            item.upserted_ms.take_if(|time| old(*time));
        }
    }

    /// The handle of an item that people do something with, a new one if it has none; `None` where there is no memory
    /// for it.
    pub fn handle(&mut self, id: &str) -> Option<u32> {
        if let Some(known) = self.ids.number(id) {
            return Some(known);
        }
        if self.bytes + id.len() + HANDLE_BYTES > self.max_bytes {
            return None;
        }
        self.handle_or_new(id)
    }

    /// How many handles there are: those below it are given.
    pub fn handles(&self) -> usize {
        self.places.len()
    }

    /// The item of a handle; empty for one that was not given.
    pub(super) fn id(&self, handle: u32) -> &str {
        self.ids.text(handle)
    }

    /// How many items events have changed.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether no event has changed any item.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The bytes that the state occupies, roughly.
    pub fn resident_bytes(&self) -> usize {
        self.bytes
    }

    /// The time of the newest event that changed anything, in milliseconds since 1970-01-01 UTC; `i64::MIN` before the
    /// first.
    pub fn last_event_ms(&self) -> i64 {
        self.last_event_ms
    }

    /// How many changes there were.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The same for the same state, whatever the events' order was.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Up to `most` of the items, from the `begin`-th on, in the order in which they were first changed.
    pub(super) fn slice(&self, begin: usize, most: usize) -> impl Iterator<Item = &ItemState> {
        self.items.iter().skip(begin).take(most)
    }

    /// Whether events say that an item is sold, which perhaps no epoch knows yet.
    pub fn is_listed(&self, id: &str) -> bool {
        let place = self.ids.number(id).and_then(|handle| self.places.get(handle as usize));
        let item = place.and_then(|place| self.items.get(*place as usize));
        item.is_some_and(|item| item.is_listed(self.watermark_ms) == Some(true))
    }

    /// The items that changed after this sequence.
    pub(super) fn changed_since(&self, sequence: u64) -> impl Iterator<Item = &ItemState> {
        let since = usize::try_from(self.sequence.saturating_sub(sequence)).unwrap_or(usize::MAX);
        let logged = since <= self.log.len();
        // The whole list only for a snapshot that is brought up from long ago: a pass over a million states takes
        // longer than everything else that an epoch needs.
        let all = if logged { 0 } else { self.items.len() };
        let last = if logged { since } else { 0 };
        let numbered = self.log.range(self.log.len() - last..).zip(self.sequence - last as u64 + 1..);
        // An item that has changed again since comes up at its last change.
        let of_log = numbered
            .filter_map(|(place, number)| Some((self.items.get(*place as usize)?, number)))
            .filter_map(|(item, number)| (item.sequence == number).then_some(item));
        self.items.iter().take(all).filter(move |item| item.sequence > sequence).chain(of_log)
    }

    /// The names of attributes, by their numbers here.
    pub(super) fn attributes(&self) -> &[Arc<str>] {
        &self.attributes
    }

    fn bytes_of(&self, id: &str, event: &Event) -> usize {
        let new =
            if self.ids.number(id).is_some() { ITEM_BYTES } else { id.len() + HANDLE_BYTES + ITEM_BYTES };
        // As if each of them were new: nearly full is full.
        new + event.attributes.iter().map(|(_, value)| register_bytes(value)).sum::<usize>()
    }

    fn handle_or_new(&mut self, id: &str) -> Option<u32> {
        if let Some(known) = self.ids.number(id) {
            return Some(known);
        }
        let handle = self.ids.insert(id).ok()?;
        self.places.push(NO_STATE);
        self.bytes += id.len() + HANDLE_BYTES;
        Some(handle)
    }

    /// The place of an item's state, or of a new one.
    fn state_or_new(&mut self, id: &str) -> Option<u32> {
        let handle = self.handle_or_new(id)?;
        let place = self.places.get_mut(handle as usize)?;
        if *place == NO_STATE {
            *place = self.items.len() as u32;
            self.items.push(ItemState { handle, ..ItemState::default() });
            self.bytes += ITEM_BYTES;
        }
        Some(*place)
    }

    fn attribute_numbers(&mut self, event: &Event) -> Option<Vec<u16>> {
        let mut numbers = Vec::with_capacity(event.attributes.len());
        for (name, _) in &event.attributes {
            let known = self.attributes.iter().position(|known| known == name);
            let number = match known {
                Some(number) => number,
                None if self.attributes.len() == MAX_ATTRIBUTES => return None,
                None => {
                    self.attributes.push(Arc::clone(name));
                    self.attributes.len() - 1
                }
            };
            numbers.push(number as u16);
        }
        Some(numbers)
    }
}

impl ItemState {
    /// Whether it may be shown, by what events after the watermark say; `None` where they say nothing.
    pub(super) fn is_listed(&self, watermark_ms: i64) -> Option<bool> {
        let said = self.listed.as_ref().filter(|listed| listed.time_ms > watermark_ms);
        let upserted = || self.upserted_ms.filter(|time| *time > watermark_ms).map(|_| true);
        said.map(|listed| listed.value).or_else(upserted)
    }

    /// When it was listed.
    pub(super) fn came_ms(&self) -> Option<i64> {
        self.listed.as_ref().map(|listed| listed.time_ms).or(self.upserted_ms)
    }

    fn digest(&self, id: &str, names: &[Arc<str>], watermark_ms: i64) -> u64 {
        let listed =
            self.listed.iter().map(|listed| (LISTED, AttributeValue::Bool(listed.value), listed.time_ms));
        let upserted = self.upserted_ms.iter().map(|time| (UPSERTED, AttributeValue::Null, *time));
        let attributes = self.attributes.iter().map(|register| {
            let (number, value) = &register.value;
            (names.get(*number as usize).map_or("", |name| name), value.clone(), register.time_ms)
        });
        let counted = listed.chain(upserted).chain(attributes).filter(|(_, _, time)| *time > watermark_ms);
        counted.fold(0, |sum, (name, value, time)| sum.wrapping_add(register_digest(id, name, &value, time)))
    }
}
