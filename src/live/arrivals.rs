//! Items that the snapshot does not know, in rows behind its catalogue.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::domain::ItemIdx;

/// The ids of new items by row, in the order in which they came. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals {
    first_row: u32,
    reserved: u32,
    list: Arc<List>,
}

#[derive(Debug, Clone, Default)]
struct List {
    /// With the time of the event that listed it, in milliseconds since 1970-01-01 UTC.
    ids: Vec<(Arc<str>, i64)>,
    /// Their places, by the time of the listing and then by id, so that replicas agree whatever they heard of first.
    by_time: Vec<u32>,
    rows: HashMap<Arc<str>, u32>,
}

impl Arrivals {
    /// No item yet, and room for `reserved` rows from `first_row` on.
    pub(super) fn new(first_row: usize, reserved: usize) -> Self {
        // Numbers are 32 bits: a catalogue that has nearly all of them leaves fewer.
        let first_row = u32::try_from(first_row).unwrap_or(u32::MAX);
        let reserved = u32::try_from(reserved).unwrap_or(u32::MAX).min(u32::MAX - first_row);
        Self { first_row, reserved, list: Arc::default() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.ids.len()
    }

    /// The number of an item.
    pub(super) fn number(&self, id: &str) -> Option<ItemIdx> {
        self.list.rows.get(id).map(|row| ItemIdx(*row))
    }

    /// The id of an item.
    pub(super) fn id(&self, item: ItemIdx) -> Option<&str> {
        let at = item.0.checked_sub(self.first_row)?;
        self.list.ids.get(at as usize).map(|(id, _)| &**id)
    }

    /// The number of a new item; `None` where all rows are taken. The first of a batch copies the list if it is shared.
    pub(super) fn add(&mut self, id: &str, came_ms: i64) -> Option<ItemIdx> {
        let at = self.list.ids.len() as u32;
        if at >= self.reserved {
            return None;
        }
        let (row, id) = (self.first_row + at, Arc::<str>::from(id));
        let list = Arc::make_mut(&mut self.list);
        list.rows.insert(Arc::clone(&id), row);
        let List { ids, by_time, .. } = &mut *list;
        let key = |at: &u32| ids.get(*at as usize).map(|(id, came_ms)| (*came_ms, Arc::clone(id)));
        let new = Some((came_ms, Arc::clone(&id)));
        let place = by_time.partition_point(|at| key(at) < new);
        by_time.insert(place, at);
        list.ids.push((id, came_ms));
        Some(ItemIdx(row))
    }

    /// The ids and the times of their listing, in the order in which they came.
    pub(super) fn ids(&self) -> impl Iterator<Item = (&str, i64)> {
        self.list.ids.iter().map(|(id, came_ms)| (&**id, *came_ms))
    }

    /// All of them and the times of their listing, the last that was listed first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = (ItemIdx, i64)> {
        let came_ms = |at: u32| self.list.ids.get(at as usize).map_or(i64::MIN, |(_, came_ms)| *came_ms);
        self.list.by_time.iter().rev().map(move |at| (ItemIdx(self.first_row + at), came_ms(*at)))
    }
}
