//! The last fallback of every placement: whatever may be shown, in an order that is worked out once for each view.

use std::cell::RefCell;
use std::sync::Arc;

use crate::domain::{DeadlineCheck, ItemIdx, ItemMask, score};
use crate::feature::{Column, ColumnKind, Table};

/// Names of the date that says how new an item is, the most telling first.
const DATE_NAMES: [&str; 6] =
    ["available_from", "published_at", "launched_at", "launched", "released_at", "created_at"];

/// How many items of the order are looked at before the mask is gone through instead. Where the mask admits one item in
/// a hundred, this finds a page. Raising it costs a nanosecond or two an item for masks that admit only old items.
const SCANNED: usize = 4096;

/// The items of a catalogue, newest first where it has a date, else as the catalogue has them.
#[derive(Debug)]
pub(super) struct CatalogOrder {
    items: usize,
    /// `None`: as the catalogue has them.
    by_date: Option<ByDate>,
    /// The source that its items are credited to.
    pub(super) label: Arc<str>,
}

#[derive(Debug)]
struct ByDate {
    /// Item numbers, newest first.
    order: Box<[u32]>,
    /// The place of each item in `order`.
    places: Box<[u32]>,
}

thread_local! {
    static KEYS: RefCell<Vec<score::Key>> = const { RefCell::new(Vec::new()) };
}

impl CatalogOrder {
    /// The order of this catalogue: O(items · log items), 8 bytes an item where there is a date and nothing where not.
    pub(super) fn of(catalog: &Table) -> Self {
        let by_date = date_column(catalog).map(|date| ByDate::new(catalog.rows(), date));
        Self { items: catalog.rows(), by_date, label: "fallback.catalog_order".into() }
    }

    /// Hands the first `most` items to `take` that the mask admits and that are not `known`, in order: where there are
    /// dates, `arrivals`, which are newer than the catalogue, before all others; else after them.
    ///
    /// Looks at a few items where the mask admits many. Where it admits few, their number decides, and a word of the
    /// mask for every 64 items of the catalogue; when `check` says that it is late, those do that were looked at.
    pub(super) fn first(
        &self,
        mask: &ItemMask,
        arrivals: impl Iterator<Item = ItemIdx>,
        known: impl Fn(ItemIdx) -> bool,
        most: usize,
        check: &mut DeadlineCheck,
        mut take: impl FnMut(ItemIdx),
    ) {
        let fits = |item: &ItemIdx| mask.admits(*item) && !known(*item);
        match (&self.by_date, mask.allowed()) {
            (None, None) => (0..self.items as u32).map(ItemIdx).filter(fits).take(most).for_each(take),
            // Arrivals have the rows after the catalogue's, and are listed: there is a set of what is allowed.
            (None, Some(allowed)) => allowed.items().filter(fits).take(most).for_each(take),
            (Some(dated), None) => dated.items().filter(fits).take(most).for_each(take),
            (Some(dated), Some(allowed)) => {
                let mut taken = 0;
                for item in arrivals.chain(dated.items().take(SCANNED)).filter(fits).take(most) {
                    take(item);
                    taken += 1;
                }
                // A mask that admits only old items: what is left is picked by number, since the order cannot be
                // searched.
                if taken < most {
                    let of_catalog = allowed.items().filter(|item| item.row() < self.items);
                    let of_catalog = of_catalog.take_while(|_| !check.is_late_after(1));
                    let older = of_catalog.filter(|item| dated.place(*item) >= SCANNED).filter(fits);
                    dated.newest(older, most - taken, take);
                }
            }
        }
    }
}

impl ByDate {
    fn new(items: usize, date: &Column) -> Self {
        let mut order: Vec<u32> = (0..items as u32).collect();
        // Missing dates last; a stable sort leaves equal ones as the catalogue has them.
        let newest = |item: &u32| {
            let date = date.number(*item as usize);
            std::cmp::Reverse(if date.is_nan() { i64::MIN } else { date as i64 })
        };
        // Cached: a date is looked up once an item and not twice a comparison.
        order.sort_by_cached_key(newest);
        let mut places = vec![0; items];
        for (place, item) in order.iter().enumerate() {
            places[*item as usize] = place as u32;
        }
        Self { order: order.into(), places: places.into() }
    }

    fn items(&self) -> impl Iterator<Item = ItemIdx> {
        self.order.iter().map(|item| ItemIdx(*item))
    }

    fn place(&self, item: ItemIdx) -> usize {
        self.places.get(item.row()).map_or(usize::MAX, |place| *place as usize)
    }

    /// Hands the newest `most` of these items to `take`, newest first.
    fn newest(&self, items: impl Iterator<Item = ItemIdx>, most: usize, mut take: impl FnMut(ItemIdx)) {
        KEYS.with_borrow_mut(|keys| {
            keys.clear();
            for item in items {
                // A key's upper half decides; the smaller place is the newer item.
                keys.push(u64::from(u32::MAX - self.place(item) as u32) << 32 | u64::from(item.0));
                // Cut now and then, so that half a million admitted items do not take half a million keys.
                if keys.len() >= 2 * most.max(64) {
                    score::keep_top(keys, most);
                }
            }
            score::keep_top(keys, most);
            for key in keys.iter() {
                take(ItemIdx(*key as u32));
            }
        });
    }
}

/// The date of a catalogue: of the timestamp columns the first with a usual name, else the only one there is.
fn date_column(catalog: &Table) -> Option<&Column> {
    let dates = || {
        let named = catalog.names().iter().filter_map(|name| Some((name.as_str(), catalog.column(name)?)));
        named.filter(|(_, column)| column.kind() == ColumnKind::Time)
    };
    // A name that says it beats being the only one: a catalogue may have no date but that of its last change.
    let usual = DATE_NAMES.iter().find_map(|usual| dates().find(|(name, _)| name == usual));
    let mut all = dates();
    let only = all.next().filter(|_| all.next().is_none());
    usual.or(only).map(|(_, column)| column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Bitmap, Deadline};
    use crate::feature::{ColumnBuilder, Value};

    /// A column of timestamps: its name, and the value by item.
    type Dates<'a> = (&'a str, &'a dyn Fn(usize) -> Option<i64>);

    fn catalog(items: usize, dates: &[Dates<'_>]) -> Table {
        let mut table = Table::new(items);
        for (name, date) in dates {
            let mut column = ColumnBuilder::new(ColumnKind::Time);
            for item in 0..items {
                column.push(date(item).map_or(Value::Null, Value::Time));
            }
            assert!(table.add(name, column.finish()));
        }
        table
    }

    fn first(order: &CatalogOrder, mask: &ItemMask, most: usize) -> Vec<u32> {
        let mut found = Vec::new();
        let none = std::iter::empty();
        let mut check = DeadlineCheck::new(Deadline::NEVER);
        order.first(mask, none, |item| item.0 == 3, most, &mut check, |item| found.push(item.0));
        found
    }

    #[test]
    fn without_a_date_the_catalogue_says_the_order_and_with_one_the_newest_come_first() {
        let mut mask = ItemMask::default();
        mask.reset(8);
        mask.exclude(ItemIdx(0));
        let plain = CatalogOrder::of(&catalog(8, &[]));
        assert_eq!(first(&plain, &mask, 3), [1, 2, 4]);
        let date = |item: usize| (item != 5).then_some(item as i64 / 2);
        let dated = CatalogOrder::of(&catalog(8, &[("whatever", &date)]));
        assert_eq!(
            first(&dated, &mask, 8),
            [6, 7, 4, 2, 1, 5],
            "no date comes last, and equal ones in order"
        );
        mask.allow_only_items(&[1, 2, 3, 7].map(ItemIdx));
        assert_eq!(first(&plain, &mask, 8), [1, 2, 7]);
        assert_eq!(first(&dated, &mask, 8), [7, 2, 1]);
    }

    #[test]
    fn what_came_since_the_catalogue_is_newer_than_all_of_it() {
        let mut mask = ItemMask::default();
        mask.reset(6);
        mask.allow_only_items(&[0, 1, 4, 5].map(ItemIdx));
        let date = |item: usize| Some(item as i64);
        for (dates, expected) in [(&[][..], [0, 1, 4, 5]), (&[("created_at", &date as _)][..], [5, 4, 1, 0])]
        {
            let order = CatalogOrder::of(&catalog(4, dates));
            let mut found = Vec::new();
            let arrivals = [ItemIdx(5), ItemIdx(4)].into_iter();
            let mut check = DeadlineCheck::new(Deadline::NEVER);
            order.first(&mask, arrivals, |_| false, 9, &mut check, |item| found.push(item.0));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_usual_name_goes_before_others_and_of_two_unusual_dates_neither_counts() {
        let (up, down) = (|item: usize| Some(item as i64), |item: usize| Some(-(item as i64)));
        let mut mask = ItemMask::default();
        mask.reset(3);
        let order = |dates: &[Dates<'_>]| first(&CatalogOrder::of(&catalog(3, dates)), &mask, 3);
        assert_eq!(order(&[("changed", &down), ("created_at", &up)]), [2, 1, 0]);
        assert_eq!(order(&[("created_at", &down), ("available_from", &up)]), [2, 1, 0]);
        assert_eq!(order(&[("changed", &up), ("ends", &up)]), [0, 1, 2]);
    }

    #[test]
    fn old_items_are_found_where_only_they_are_admitted() {
        let items = 3 * SCANNED;
        let age = |item: usize| Some(-(item as i64));
        let order = CatalogOrder::of(&catalog(items, &[("created_at", &age)]));
        let mut mask = ItemMask::default();
        let old = items - 500;
        for from in [0, SCANNED - 2, old] {
            mask.reset(items);
            mask.allow_only(&Bitmap::from_fn(items, |item| item >= from && item % 3 != 0));
            let expected: Vec<u32> = (from as u32..).filter(|item| item % 3 != 0).take(300).collect();
            assert_eq!(first(&order, &mask, 300), expected, "from {from}");
        }
    }
}
