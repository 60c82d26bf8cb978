//! Writes what one event says into one item: of each thing, the later value stays.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{ItemState, Register};
use crate::domain::AttributeValue;
use crate::live::digest::register_digest;

/// The names of what is no attribute, in the digest. No attribute has an empty name or one that begins with a blank.
pub(super) const LISTED: &str = " listed";
pub(super) const UPSERTED: &str = " upserted";

/// Writes what one event says into one item.
pub(super) struct Writer<'a> {
    pub(super) id: &'a str,
    pub(super) item: &'a mut ItemState,
    pub(super) time_ms: i64,
    pub(super) sequence: u64,
    pub(super) watermark_ms: i64,
    pub(super) digest: &'a mut u64,
    pub(super) bytes: &'a mut usize,
    pub(super) changed: bool,
}

impl Writer<'_> {
    pub(super) fn list(&mut self, value: bool) {
        // Of two events of the same moment the one that hides counts: an item too few is no harm.
        let wins = self.item.listed.as_ref().is_none_or(|old| {
            self.time_ms > old.time_ms || (self.time_ms == old.time_ms && !value && old.value)
        });
        if !wins {
            return;
        }
        if let Some(old) = self.item.listed.take() {
            self.count(LISTED, &AttributeValue::Bool(old.value), old.time_ms, false);
        }
        self.count(LISTED, &AttributeValue::Bool(value), self.time_ms, true);
        self.item.listed = Some(Register { value, time_ms: self.time_ms, sequence: self.sequence });
        self.changed = true;
    }

    pub(super) fn upsert(&mut self) {
        // The latest, as with any other register: the watermark must not pass what a later event has said again.
        if self.item.upserted_ms.is_some_and(|known| known >= self.time_ms) {
            return;
        }
        if let Some(old) = self.item.upserted_ms.replace(self.time_ms) {
            self.count(UPSERTED, &AttributeValue::Null, old, false);
        }
        self.count(UPSERTED, &AttributeValue::Null, self.time_ms, true);
        self.changed = true;
    }

    pub(super) fn set(&mut self, name: &str, number: u16, value: &AttributeValue) {
        let known = self.item.attributes.iter().position(|register| register.value.0 == number);
        let old = known.and_then(|at| self.item.attributes.get(at));
        let wins = old.is_none_or(|old| {
            // Of two values of the same moment the greater counts, so that all replicas agree.
            self.time_ms.cmp(&old.time_ms).then_with(|| order(value, &old.value.1)) == Ordering::Greater
        });
        if !wins {
            return;
        }
        if let Some(old) = known.map(|at| self.item.attributes.swap_remove(at)) {
            self.count(name, &old.value.1, old.time_ms, false);
            *self.bytes -= register_bytes(&old.value.1);
        }
        self.count(name, value, self.time_ms, true);
        *self.bytes += register_bytes(value);
        let (time_ms, sequence) = (self.time_ms, self.sequence);
        self.item.attributes.push(Register { value: (number, value.clone()), time_ms, sequence });
        self.changed = true;
    }

    /// Adds a register to the digest, or takes it out.
    fn count(&mut self, name: &str, value: &AttributeValue, time_ms: i64, comes: bool) {
        if time_ms <= self.watermark_ms {
            return;
        }
        let digest = register_digest(self.id, name, value, time_ms);
        *self.digest =
            if comes { self.digest.wrapping_add(digest) } else { self.digest.wrapping_sub(digest) };
    }
}

pub(super) fn register_bytes(value: &AttributeValue) -> usize {
    let text = |text: &Arc<str>| text.len() + 2 * size_of::<usize>();
    size_of::<Register<(u16, AttributeValue)>>()
        + match value {
            AttributeValue::Text(value) => text(value),
            AttributeValue::List(values) => {
                values.iter().map(|value| text(value) + size_of::<Arc<str>>()).sum()
            }
            _ => 0,
        }
}

/// A total order of values; equal ones are the same.
fn order(a: &AttributeValue, b: &AttributeValue) -> Ordering {
    use AttributeValue::{Bool, Float, Int, List, Null, Text};
    let kind = |value: &AttributeValue| match value {
        Null => 0u8,
        Bool(_) => 1,
        Int(_) => 2,
        Float(_) => 3,
        Text(_) => 4,
        List(_) => 5,
    };
    match (a, b) {
        (Bool(a), Bool(b)) => a.cmp(b),
        (Int(a), Int(b)) => a.cmp(b),
        (Float(a), Float(b)) => a.total_cmp(b),
        (Text(a), Text(b)) => a.cmp(b),
        (List(a), List(b)) => a.cmp(b),
        _ => kind(a).cmp(&kind(b)),
    }
}
