//! One immutable state of what events say, in the rows of one snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::arrivals::Arrivals;
use super::states::{ItemState, States};
use crate::domain::{ChunkedBitmap, Chunks, ItemIdx};
use crate::feature::{IdTable, Predicate, Table};

/// The row of an item that has none.
const NO_ROW: u32 = u32::MAX;

/// What the items were before the first event: what epochs are made from.
#[derive(Debug, Clone)]
pub struct Base {
    /// The snapshot's items.
    pub ids: Arc<IdTable>,
    /// Their attributes.
    pub attributes: Arc<Table>,
    /// Events at or before this are in the snapshot, in milliseconds since 1970-01-01 UTC.
    pub watermark_ms: i64,
    /// Rows for items that the snapshot does not know.
    pub reserve: usize,
    /// The placements' filter expressions, and which items pass.
    pub filters: Vec<(Arc<str>, ChunkedBitmap)>,
}

/// One epoch: items with their attributes as events have left them, which of them are sold, and which pass the
/// placements' filters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Live {
    base: Arc<Base>,
    epoch: u64,
    /// The epoch from which slates that were made can be shown.
    fresh_from: u64,
    /// The changes of [`States`] that are in it.
    sequence: u64,
    digest: u64,
    last_event_ms: i64,
    attributes: Arc<Table>,
    arrivals: Arrivals,
    /// The row of each handle of [`States`]; [`NO_ROW`] for an item that has none here.
    rows: Chunks<u32>,
    /// `None`: the catalogue, and nothing else.
    listed: Option<ChunkedBitmap>,
    filters: HashMap<Arc<str>, ChunkedBitmap>,
}

impl Live {
    /// The snapshot alone.
    pub fn new(base: Base) -> Self {
        let (items, rows) = (base.ids.len(), base.ids.len() + base.reserve);
        let mut attributes = Arc::clone(&base.attributes);
        if base.reserve > 0 {
            Arc::make_mut(&mut attributes).extend_to(rows);
        }
        let filters = base.filters.iter().map(|(expression, allowed)| {
            let mut allowed = allowed.clone();
            allowed.extend_to(rows);
            (Arc::clone(expression), allowed)
        });
        Self {
            epoch: 0,
            fresh_from: 0,
            sequence: 0,
            digest: 0,
            last_event_ms: i64::MIN,
            attributes,
            arrivals: Arrivals::new(items, base.reserve),
            rows: Chunks::default(),
            listed: None,
            filters: filters.collect(),
            base: Arc::new(base),
        }
    }

    /// The items of these ids, their attributes, and nothing that could change.
    pub fn still(ids: Arc<IdTable>, attributes: Arc<Table>) -> Self {
        let (watermark_ms, reserve, filters) = (i64::MIN, 0, Vec::new());
        Self::new(Base { ids, attributes, watermark_ms, reserve, filters })
    }

    /// Which state it is, counted from 0, the snapshot alone; a later one is greater.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// This state under another number.
    pub fn at(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }

    /// The epoch from which slates that were made can be shown, if nothing in them has changed: there were changes
    /// before it that none of them may miss.
    pub fn fresh_from(&self) -> u64 {
        self.fresh_from
    }

    /// This state, with slates of this epoch and later ones to be shown.
    pub fn with_fresh_from(self, fresh_from: u64) -> Self {
        Self { fresh_from, ..self }
    }

    /// The same for the same state of what events say, on every replica that serves the same snapshot.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How many changes of [`States`] are in it.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The time of the newest event in it, in milliseconds since 1970-01-01 UTC; `None` before the first.
    pub fn last_event_ms(&self) -> Option<i64> {
        (self.last_event_ms > i64::MIN).then_some(self.last_event_ms)
    }

    /// Events at or before this are in the snapshot already.
    pub fn watermark_ms(&self) -> i64 {
        self.base.watermark_ms
    }

    /// Rows of everything that has one for each item: those of the catalogue, and those for items that may come.
    #[inline]
    pub fn rows(&self) -> usize {
        self.base.ids.len() + self.base.reserve
    }

    /// The number of an item, of the catalogue or new.
    #[inline]
    pub fn item(&self, id: &str) -> Option<ItemIdx> {
        self.base.ids.number(id).map(ItemIdx).or_else(|| self.arrivals.number(id))
    }

    /// The id of an item; empty for a number that was not given.
    pub fn id(&self, item: ItemIdx) -> &str {
        self.arrivals.id(item).unwrap_or_else(|| self.base.ids.text(item.0))
    }

    /// The item of a handle, if it has a row here.
    #[inline]
    pub fn of_handle(&self, handle: u32) -> Option<ItemIdx> {
        self.rows.get(handle as usize).filter(|row| **row != NO_ROW).map(|row| ItemIdx(*row))
    }

    /// How many handles of [`States`] it knows.
    pub fn handles(&self) -> usize {
        self.rows.len()
    }

    /// The items' attributes.
    #[inline]
    pub fn attributes(&self) -> &Table {
        &self.attributes
    }

    /// The items that are sold; `None` if all of the catalogue are, and no other.
    #[inline]
    pub fn listed(&self) -> Option<&ChunkedBitmap> {
        self.listed.as_ref()
    }

    /// Whether an item is sold.
    pub fn is_listed(&self, item: ItemIdx) -> bool {
        self.listed.as_ref().map_or(item.row() < self.base.ids.len(), |listed| listed.contains(item))
    }

    /// The items that pass one of the placements' filters; `None` for an expression that was not among them.
    pub fn filter(&self, expression: &str) -> Option<&ChunkedBitmap> {
        self.filters.get(expression)
    }

    /// The items that the snapshot does not know and when events listed them (milliseconds since 1970-01-01 UTC), the
    /// last that came first.
    pub fn arrivals(&self) -> impl Iterator<Item = (ItemIdx, i64)> {
        self.arrivals.newest_first()
    }

    /// How many items came since the snapshot was made.
    pub fn arrived(&self) -> usize {
        self.arrivals.len()
    }

    /// Whether another item has a row.
    pub fn has_room(&self) -> bool {
        self.arrivals.len() < self.base.reserve
    }

    /// Brings in what has changed since: in time for the items that changed and the chunks that they are in, not for
    /// the catalogue.
    pub fn bring_up(&mut self, states: &States) {
        let items: Vec<&ItemState> = states.changed_since(self.sequence).collect();
        self.bring_in(states, &items);
        self.find_rows(states, usize::MAX);
        self.sequence = states.sequence();
        self.last_event_ms = states.last_event_ms();
        self.digest = states.digest();
    }

    /// Brings in up to `most` items of the states from the `begin`-th on, for who must not hold the states for long;
    /// whether those were the last. Then [`Live::bring_up`] has to follow, from the changes that there were [at the
    /// beginning](Live::since).
    pub fn bring_in_slice(&mut self, states: &States, begin: usize, most: usize) -> bool {
        let items: Vec<&ItemState> = states.slice(begin, most).collect();
        self.bring_in(states, &items);
        let knows_handles = self.find_rows(states, most);
        items.len() < most && knows_handles
    }

    /// The same state with the attributes' indexes made anew, of which many rows have changed; `None` where none is.
    pub fn with_new_indexes(&self) -> Option<Self> {
        if !self.attributes.has_stale_index() {
            return None;
        }
        let mut renewed = self.clone();
        Arc::make_mut(&mut renewed.attributes).renew_indexes();
        Some(renewed)
    }

    /// All changes up to this one are in it.
    pub fn since(self, sequence: u64) -> Self {
        Self { sequence, ..self }
    }

    /// The same state, without the texts of values that are gone.
    pub fn rebuilt(&self, states: &States) -> Self {
        let mut rebuilt = Self::new(Base::clone(&self.base)).at(self.epoch);
        // Requests compare item numbers within one epoch only, but slates that are kept have numbers too.
        for (id, came_ms) in self.arrivals.ids() {
            rebuilt.arrivals.add(id, came_ms);
        }
        rebuilt.bring_up(states);
        rebuilt
    }

    /// The bytes that this state takes beside the snapshot, were all of it changed: an upper bound.
    pub fn resident_bytes(&self) -> usize {
        let filters = self.filters.values().map(ChunkedBitmap::resident_bytes).sum::<usize>();
        // Indexes that were made anew hold the attributes as they were then.
        filters + 2 * self.attributes.resident_bytes() + self.attributes.index_bytes()
    }

    /// The bytes of texts that came with events, those of values that are gone among them.
    pub fn text_bytes(&self) -> usize {
        self.attributes.new_text_bytes()
    }

    fn bring_in(&mut self, states: &States, items: &[&ItemState]) {
        let rows = self.write(states, items);
        self.filter_again(&rows);
    }

    /// Writes the items' registers; returns the rows that changed.
    fn write(&mut self, states: &States, items: &[&ItemState]) -> Vec<ItemIdx> {
        let positions: Vec<Option<usize>> =
            states.attributes().iter().map(|name| self.attributes.position(name)).collect();
        let watermark = self.base.watermark_ms;
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            let Some((row, is_new)) = self.row_of(states.id(item.handle), item) else { continue };
            if is_new {
                // Nothing happens where the handle is not known yet: it is looked up then.
                self.rows.set(item.handle as usize, row.0);
            }
            let table = Arc::make_mut(&mut self.attributes);
            for register in &item.attributes {
                let (number, value) = &register.value;
                let is_known = register.sequence <= self.sequence && !is_new;
                if let Some(position) = positions.get(*number as usize).copied().flatten()
                    && register.time_ms > watermark
                    && !is_known
                {
                    // A value of another type leaves the last good one: it was refused unless it came before the
                    // snapshot with this type.
                    table.set(position, row.row(), value);
                }
            }
            self.list(row, item.is_listed(watermark));
            rows.push(row);
        }
        rows
    }

    /// The row of an item, and whether it was given just now. An item of which no event says that it is sold gets
    /// none.
    fn row_of(&mut self, id: &str, item: &ItemState) -> Option<(ItemIdx, bool)> {
        if let Some(known) = self.item(id) {
            return Some((known, false));
        }
        if item.is_listed(self.base.watermark_ms) != Some(true) {
            return None;
        }
        let came_ms = item.came_ms().unwrap_or_default();
        self.arrivals.add(id, came_ms).map(|row| (row, true))
    }

    /// Looks up the rows of handles that came since, up to `most`; whether those were all.
    fn find_rows(&mut self, states: &States, most: usize) -> bool {
        let (known, given) = (self.rows.len(), states.handles());
        let end = given.min(known.saturating_add(most));
        self.rows.extend_to(end, &NO_ROW);
        for handle in known..end {
            if let Some(item) = self.item(states.id(handle as u32)) {
                self.rows.set(handle, item.0);
            }
        }
        end == given
    }

    fn list(&mut self, row: ItemIdx, said: Option<bool>) {
        let items = self.base.ids.len();
        let listed = said.unwrap_or(row.row() < items);
        if self.listed.is_none() && listed == (row.row() < items) {
            return;
        }
        let rows = self.rows();
        let set = self.listed.get_or_insert_with(|| ChunkedBitmap::from_fn(rows, |row| row < items));
        set.set(row, listed);
    }

    /// Asks the filters again for the rows that changed.
    fn filter_again(&mut self, rows: &[ItemIdx]) {
        if rows.is_empty() {
            return;
        }
        for (expression, allowed) in &mut self.filters {
            // Bound anew each time: an event may bring a text that the expression names and no item had. It fitted the
            // snapshot's columns, and these have the same names and types.
            let Ok(predicate) = Predicate::compile(expression, &self.attributes, &BTreeMap::new()) else {
                continue;
            };
            for row in rows {
                allowed.set(*row, predicate.holds(row.row()));
            }
        }
    }
}
