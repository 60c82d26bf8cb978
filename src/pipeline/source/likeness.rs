//! How alike items are by what the catalogue says of them: for items that no model has seen.

use crate::feature::Table;
use crate::pipeline::{BuildError, Spec};

/// The most attributes that count.
const ATTRIBUTES: usize = 8;

/// The most texts of a list that count, the first of them. Raising it compares more of what is hardly ever there.
const VALUES: usize = 16;

/// The attributes that count, and how much each of their values does: the rarer in the catalogue, the more (inverse
/// document frequency: Spärck Jones, Journal of Documentation 1972). Two items are as alike as the cosine between
/// their weighted values.
///
/// An alternative lost, in a prototype that was not kept: vectors for new items, as the mean of those of the items that
/// have the same values. On the generated shop of `tests/it/new_items.rs` it found fewer of the new items that visitors
/// went on to look at.
#[derive(Debug)]
pub(super) struct Likeness {
    attributes: Vec<Attribute>,
}

#[derive(Debug)]
struct Attribute {
    /// Its place among the catalogue's.
    position: usize,
    /// The weights of the values that the catalogue has, by code.
    weights: Vec<f32>,
    /// The weight of a value that came later.
    of_new: f32,
}

/// A value: the attribute's place in [`Likeness`], and the code.
type Key = (usize, u32);

/// What some items have: values and what they weigh together, ascending by value.
#[derive(Debug, Default)]
pub(super) struct Profile {
    values: Vec<(Key, f32)>,
    /// The same one by one, with their order.
    parts: Vec<(Key, usize, f32)>,
}

impl Likeness {
    /// Counts how many items of the catalogue have each value of these attributes.
    pub(super) fn of(names: &[String], spec: &Spec<'_>) -> Result<Self, BuildError> {
        if names.len() > ATTRIBUTES {
            let (key, value, expected) = ("like", names.len().to_string(), "at most 8 attributes");
            return Err(BuildError::Range { key, value, expected });
        }
        let attributes = names.iter().map(|name| Attribute::of(name, spec)).collect::<Result<_, _>>()?;
        Ok(Self { attributes })
    }

    /// Sums up what these items have, each item with its weight.
    pub(super) fn sum_up(&self, table: &Table, items: &[(u32, f32)], profile: &mut Profile) {
        let Profile { values, parts } = profile;
        parts.clear();
        for (item, item_weight) in items {
            let scale = item_weight / self.length(table, *item as usize);
            for (key, weight) in self.values(table, *item as usize) {
                parts.push((key, parts.len(), scale * weight));
            }
        }
        // Codes differ between replicas, sums must not: those of a value are added in the order of the items.
        parts.sort_unstable_by_key(|(key, order, _)| (*key, *order));
        values.clear();
        for (key, _, part) in parts {
            match values.last_mut() {
                Some((last, sum)) if last == key => *sum += *part,
                _ => values.push((*key, *part)),
            }
        }
    }

    /// How alike an item is to those that were summed up; 0 where they have nothing in common.
    pub(super) fn to(&self, profile: &Profile, table: &Table, row: usize) -> f32 {
        let in_common = self.values(table, row).filter_map(|(key, weight)| {
            let at = profile.values.binary_search_by_key(&key, |(key, _)| *key).ok()?;
            profile.values.get(at).map(|(_, sum)| weight * sum)
        });
        let in_common: f32 = in_common.sum();
        if in_common > 0.0 { in_common / self.length(table, row) } else { 0.0 }
    }

    /// Above 0 also where no value weighs anything.
    fn length(&self, table: &Table, row: usize) -> f32 {
        let squares = self.values(table, row).map(|(_, weight)| weight * weight);
        squares.sum::<f32>().sqrt().max(f32::MIN_POSITIVE)
    }

    fn values<'a>(&'a self, table: &'a Table, row: usize) -> impl Iterator<Item = (Key, f32)> + 'a {
        self.attributes.iter().enumerate().flat_map(move |(at, attribute)| {
            let codes = table.column_at(attribute.position).map_or(&[][..], |column| column.codes(row));
            codes.iter().take(VALUES).map(move |code| ((at, *code), attribute.weight(*code)))
        })
    }
}

impl Attribute {
    fn of(name: &str, spec: &Spec<'_>) -> Result<Self, BuildError> {
        let column = spec.column(name)?;
        let Some(texts) = column.texts() else {
            let kind = column.kind().as_str();
            return Err(BuildError::Parameters(format!(
                "like has {name}, which is of type {kind}: expected text or list"
            )));
        };
        let mut counts = vec![0u32; texts.len()];
        for code in (0..column.len()).flat_map(|row| column.codes(row)) {
            if let Some(count) = counts.get_mut(*code as usize) {
                *count += 1;
            }
        }
        let items = column.len();
        let weight = |count: u32| ((1 + items) as f32 / (1.0 + count as f32)).ln().max(0.0);
        Ok(Self {
            position: spec.snapshot.catalog().position(name).unwrap_or(usize::MAX),
            weights: counts.into_iter().map(weight).collect(),
            of_new: weight(0),
        })
    }

    fn weight(&self, code: u32) -> f32 {
        self.weights.get(code as usize).copied().unwrap_or(self.of_new)
    }
}
