//! What the names of event types mean.

use std::collections::BTreeMap;

use super::event_kind::EventKind;

/// Upper bound on names that are told; others are counted together.
const NAMES: usize = 1000;

/// What an event of a type is to training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventMeaning {
    /// Something that somebody did with an item.
    Kind(EventKind),
    /// An item was shown: nobody did anything, and it is not learned from.
    Impression,
    /// Nothing that anybody did with an item (`item.changed`, `user.forgotten`), or a type that is to be left out.
    Ignored,
}

/// The names of event types, with those that a shop has words of its own for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventTypes {
    own: BTreeMap<String, EventMeaning>,
}

/// Why a mapping of event types cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given}: expected KIND=TYPE, where KIND is view, cart, purchase, undone, impression or ignore")]
pub struct EventTypeError {
    given: String,
}

impl EventTypes {
    /// Reads mappings such as `purchase=order_placed`; they win over the names that are known anyway.
    ///
    /// # Errors
    /// One that is not written so.
    pub fn read(mappings: &[String]) -> Result<Self, EventTypeError> {
        let mut own = BTreeMap::new();
        for given in mappings {
            let wrong = || EventTypeError { given: given.clone() };
            let (kind, name) =
                given.split_once('=').filter(|(_, name)| !name.is_empty()).ok_or_else(wrong)?;
            let meaning = match kind {
                "view" => EventMeaning::Kind(EventKind::View),
                "cart" => EventMeaning::Kind(EventKind::Cart),
                "purchase" => EventMeaning::Kind(EventKind::Purchase),
                "undone" => EventMeaning::Kind(EventKind::Undone),
                "impression" => EventMeaning::Impression,
                "ignore" => EventMeaning::Ignored,
                _ => return Err(wrong()),
            };
            own.insert(name.to_ascii_lowercase(), meaning);
        }
        Ok(Self { own })
    }

    /// What a type means; `None` if nobody knows, in which case it is taken for a view.
    pub fn meaning(&self, name: &str) -> Option<EventMeaning> {
        let name = name.to_ascii_lowercase();
        if let Some(meaning) = self.own.get(&name) {
            return Some(*meaning);
        }
        match name.as_str() {
            "impression" | "impressions" | "exposure" | "item_impression" | "view_item_list" | "shown" => {
                Some(EventMeaning::Impression)
            }
            name if ["item.", "user.", "snapshot."].iter().any(|own| name.starts_with(own)) => {
                Some(EventMeaning::Ignored)
            }
            name => EventKind::known(name).map(EventMeaning::Kind),
        }
    }
}

/// Counts names that mean nothing known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownTypes {
    counts: BTreeMap<String, usize>,
}

impl UnknownTypes {
    /// Counts one.
    pub fn add(&mut self, name: &str) {
        if let Some(count) = self.counts.get_mut(name) {
            *count += 1;
        } else {
            let name = if self.counts.len() < NAMES { name } else { "(others)" };
            *self.counts.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// The names with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.counts.iter().map(|(name, count)| (name.as_str(), *count))
    }
}
