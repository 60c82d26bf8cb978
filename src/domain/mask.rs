//! What may be recommended to one request, as retrieval consults it.

use super::{Bitmap, ChunkedBitmap, ItemIdx};

/// What may be recommended to one request: the items that are allowed, if not all are, less those that are excluded.
///
/// Reused between requests: [`ItemMask::reset`] undoes the last request in time proportional to what it excluded.
#[derive(Debug, Default)]
pub struct ItemMask {
    allowed: Option<Bitmap>,
    /// The memory of the last request's `allowed`, for the next.
    spare: Option<Bitmap>,
    /// The memory of [`ItemMask::allow_only_items`].
    listed: Option<Bitmap>,
    excluded: Bitmap,
    /// What `excluded` has held since the last reset. A catalogue has millions of items and a request excludes some
    /// dozens: emptying the bitmap word by word would cost more than the rest of the request.
    touched: Vec<ItemIdx>,
    /// Those of `excluded` that come back when the slate stays short.
    soft: Vec<ItemIdx>,
}

impl ItemMask {
    /// Empties the mask and sizes it for a catalogue of `items` items.
    pub fn reset(&mut self, items: usize) {
        if self.excluded.len() == items {
            for item in self.touched.drain(..) {
                self.excluded.remove(item);
            }
        } else {
            self.excluded = Bitmap::new(items);
            self.touched.clear();
        }
        self.soft.clear();
        // Most placements have a filter: the next request's bitmap, a bit an item, is filled in the memory of this one.
        if let Some(used) = self.allowed.take() {
            self.spare = Some(used);
        }
    }

    /// Keeps only what `set` holds, on top of what was demanded before.
    pub fn allow_only(&mut self, set: &Bitmap) {
        match &mut self.allowed {
            Some(allowed) => allowed.intersect(set),
            None => {
                let mut copy = self.spare.take().unwrap_or_default();
                copy.clone_from(set);
                self.allowed = Some(copy);
            }
        }
    }

    /// As [`ItemMask::allow_only`], for a set in chunks.
    pub fn allow_only_chunked(&mut self, set: &ChunkedBitmap) {
        match &mut self.allowed {
            Some(allowed) => set.intersect_into(allowed),
            None => {
                let mut copy = self.spare.take().unwrap_or_default();
                set.copy_to(&mut copy);
                self.allowed = Some(copy);
            }
        }
    }

    /// Keeps only the listed items, on top of what was demanded before.
    pub fn allow_only_items(&mut self, items: &[ItemIdx]) {
        let mut set = self.listed.take().unwrap_or_default();
        set.reset(self.excluded.len());
        for item in items {
            set.insert(*item);
        }
        self.allow_only(&set);
        self.listed = Some(set);
    }

    /// Admits nothing any more, whatever is lifted later: for a filter that cannot tell what may be shown.
    pub fn close(&mut self) {
        self.allow_only_items(&[]);
    }

    /// Excludes one item for good, also where it was excluded softly before.
    pub fn exclude(&mut self, item: ItemIdx) {
        if self.excluded.insert(item) {
            self.touched.push(item);
        } else {
            // Filters run in any order: what one of them excludes for good must not come back because another was
            // lenient.
            self.soft.retain(|soft| *soft != item);
        }
    }

    /// Excludes one item unless the slate would otherwise stay short ([`ItemMask::relax`]).
    pub fn exclude_softly(&mut self, item: ItemIdx) {
        if self.excluded.insert(item) {
            self.touched.push(item);
            self.soft.push(item);
        }
    }

    /// Lets the softly excluded items in again; true if there were any.
    pub fn relax(&mut self) -> bool {
        for item in &self.soft {
            self.excluded.remove(*item);
        }
        let any = !self.soft.is_empty();
        self.soft.clear();
        any
    }

    /// The only items that may be recommended, less the excluded ones; `None`: all of the catalogue.
    pub fn allowed(&self) -> Option<&Bitmap> {
        self.allowed.as_ref()
    }

    /// Whether `item` may be recommended.
    #[inline]
    pub fn admits(&self, item: ItemIdx) -> bool {
        // Sources ask this for each item that they come by; the exclusions are in most requests and come first.
        !self.excluded.contains(item) && self.allowed.as_ref().is_none_or(|set| set.contains(item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_excluded_for_good_stays_so_whatever_was_said_before_or_after() {
        let [soft, hard, both, other] = [ItemIdx(1), ItemIdx(2), ItemIdx(3), ItemIdx(4)];
        let mut mask = ItemMask::default();
        mask.reset(5);
        mask.exclude(hard);
        [soft, hard, both].into_iter().for_each(|item| mask.exclude_softly(item));
        mask.exclude(both);
        assert!(mask.admits(other) && ![soft, hard, both].iter().any(|item| mask.admits(*item)));
        assert!(mask.relax());
        assert!(mask.admits(soft) && !mask.admits(hard) && !mask.admits(both));
        mask.reset(5);
        assert!([soft, hard, both].iter().all(|item| mask.admits(*item)) && !mask.relax());
    }

    #[test]
    fn a_closed_mask_admits_nothing_until_it_is_reset() {
        let mut mask = ItemMask::default();
        mask.reset(70);
        mask.exclude_softly(ItemIdx(69));
        mask.close();
        mask.relax();
        assert!((0..70).all(|item| !mask.admits(ItemIdx(item))));
        mask.reset(70);
        assert!((0..70).all(|item| mask.admits(ItemIdx(item))));
    }
}
