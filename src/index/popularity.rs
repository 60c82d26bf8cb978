//! Items by popularity, over the whole shop and by segment.

use std::collections::BTreeMap;

use crate::domain::score;
use crate::domain::{DeadlineCheck, ItemIdx, ItemMask};

/// Bytes of a segment's name and list in the map, without their contents.
const SEGMENT: usize = size_of::<String>() + size_of::<Vec<(u32, f32)>>();

/// Ranked items: one list for everything and one for each segment.
#[derive(Debug, Clone, Default)]
pub struct Popularity {
    whole: Vec<(u32, f32)>,
    segments: BTreeMap<String, Vec<(u32, f32)>>,
}

impl Popularity {
    /// Builds the lists from (segment, item, score); `None` is the whole shop.
    pub fn new(entries: impl IntoIterator<Item = (Option<String>, u32, f32)>) -> Self {
        let mut lists = Self::default();
        for (segment, item, score) in entries {
            match segment {
                None => lists.whole.push((item, score)),
                Some(segment) => lists.segments.entry(segment).or_default().push((item, score)),
            }
        }
        for list in lists.segments.values_mut().chain(std::iter::once(&mut lists.whole)) {
            // The lists stay for hours, and growing has left them up to twice their size.
            list.shrink_to_fit();
            list.sort_unstable_by_key(|(item, value)| std::cmp::Reverse(score::key(*value, ItemIdx(*item))));
        }
        lists
    }

    /// The segment names, such as `category=tea`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.segments.keys().map(String::as_str)
    }

    /// The best `k` admitted items of a segment (of the whole shop for `None`), best first; fewer where `check` says
    /// that it is late.
    pub fn top<'a>(
        &'a self,
        segment: Option<&str>,
        k: usize,
        mask: &'a ItemMask,
        check: &'a mut DeadlineCheck,
    ) -> impl Iterator<Item = (ItemIdx, f32)> + 'a {
        let list = match segment {
            None => Some(&self.whole),
            Some(segment) => self.segments.get(segment),
        };
        let entries = list.into_iter().flatten().map(|(item, score)| (ItemIdx(*item), *score));
        // A mask may admit only what is at the end of a list of the whole catalogue.
        let entries = entries.take_while(|_| !check.is_late_after(1));
        entries.filter(|(item, _)| mask.admits(*item)).take(k)
    }

    /// The bytes the lists occupy.
    pub fn resident_bytes(&self) -> usize {
        let lists = self.segments.iter().map(|(name, list)| SEGMENT + name.capacity() + 8 * list.capacity());
        8 * self.whole.capacity() + lists.sum::<usize>()
    }

    /// The bytes that `entries` entries in `segments` segments with names of `names` bytes together will occupy.
    pub fn predict_bytes(entries: usize, segments: usize, names: usize) -> usize {
        8 * entries + segments * SEGMENT + names
    }
}
