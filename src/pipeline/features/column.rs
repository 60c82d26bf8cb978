//! A column of the items, from the catalogue as it is now or from an artifact of item features, held ready.

use std::sync::Arc;

use super::codes::TextCodes;
use crate::domain::ItemIdx;
use crate::feature::{Column, ColumnKind, FeatureColumn, Table, Texts};
use crate::snapshot::ItemFeatures;

/// Where a column is. Cheap to look into: no name is compared.
#[derive(Debug, Clone)]
pub(super) enum ItemColumn {
    /// The attribute at this position, which has the same kind in every epoch of the snapshot.
    Catalog(usize, ColumnKind),
    Features(Arc<ItemFeatures>, usize),
}

impl ItemColumn {
    /// Its cells at the moment, if it is an attribute's.
    pub(super) fn at<'a>(&'a self, attributes: &'a Table) -> ItemCells<'a> {
        match self {
            Self::Catalog(at, _) => ItemCells { catalog: attributes.column_at(*at), features: None },
            Self::Features(artifact, at) => {
                ItemCells { catalog: None, features: artifact.features.column(*at) }
            }
        }
    }

    /// Where it stands in the catalogue, if it is an attribute's.
    pub(super) fn position(&self) -> Option<usize> {
        match self {
            Self::Catalog(at, _) => Some(*at),
            Self::Features(..) => None,
        }
    }

    /// Whether it holds text, one a row.
    pub(super) fn is_text(&self) -> bool {
        match self {
            Self::Catalog(_, kind) => *kind == ColumnKind::Text,
            Self::Features(artifact, at) => {
                matches!(artifact.features.column(*at), Some(FeatureColumn::Texts(_)))
            }
        }
    }
}

/// The cells of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemCells<'a> {
    catalog: Option<&'a Column>,
    features: Option<&'a FeatureColumn>,
}

impl<'a> ItemCells<'a> {
    fn is_text(self) -> bool {
        self.catalog.is_some_and(|column| column.kind() == ColumnKind::Text)
            || matches!(self.features, Some(FeatureColumn::Texts(_)))
    }

    /// The text of a code.
    pub(super) fn text(self, code: u32) -> Option<&'a str> {
        match (self.catalog, self.features) {
            (Some(column), _) => column.text(code),
            (_, Some(FeatureColumn::Texts(texts))) => texts.texts().get(code as usize),
            _ => None,
        }
    }

    /// The distinct texts, by the column's own code; `None` for a column of numbers.
    pub(super) fn texts(self) -> Option<&'a Texts> {
        match (self.catalog, self.features) {
            (Some(column), _) => column.texts(),
            (_, Some(FeatureColumn::Texts(texts))) => Some(texts.texts()),
            _ => None,
        }
    }

    /// One cell as a number; NaN where it is missing.
    pub(super) fn number(self, item: ItemIdx) -> f32 {
        match (self.catalog, self.features) {
            (Some(column), _) => column.number(item.row()) as f32,
            (_, Some(column)) => column.number(item.row()),
            _ => f32::NAN,
        }
    }

    /// One cell's text by the column's own code.
    pub(super) fn code(self, item: ItemIdx) -> Option<u32> {
        match (self.catalog, self.features) {
            (Some(column), _) => column.codes(item.row()).first().copied(),
            (_, Some(FeatureColumn::Texts(texts))) => texts.code(item.row()),
            _ => None,
        }
    }

    /// Writes the items' numbers.
    pub(super) fn numbers(self, items: &[ItemIdx], out: &mut [f32]) {
        match (self.catalog, self.features) {
            (Some(column), _) => column.gather(items, out),
            (_, Some(FeatureColumn::Numbers(numbers))) => {
                for (item, out) in items.iter().zip(out) {
                    *out = numbers.get(item.row()).copied().unwrap_or(f32::NAN);
                }
            }
            _ => out.fill(f32::NAN),
        }
    }

    /// Writes the model's codes of the items' texts.
    pub(super) fn coded(self, codes: &TextCodes, items: &[ItemIdx], out: &mut [f32]) {
        let cells = items.iter().zip(out);
        let model = |code: Option<u32>| code.map(|code| codes.of(code, || self.text(code)));
        match (self.catalog, self.features) {
            (Some(column), _) => {
                for (item, out) in cells {
                    let code = column.codes(item.row()).first().copied();
                    *out = model(code).unwrap_or(f32::NAN);
                }
            }
            (_, Some(FeatureColumn::Texts(texts))) => {
                for (item, out) in cells {
                    *out = model(texts.code(item.row())).unwrap_or(f32::NAN);
                }
            }
            _ => {
                for (_, out) in cells {
                    *out = f32::NAN;
                }
            }
        }
    }

    /// Writes 1 where an item's value is the seed's, 0 where it is another, NaN where either is missing.
    pub(super) fn same(self, seed: ItemIdx, items: &[ItemIdx], out: &mut [f32]) {
        let cells = items.iter().zip(out);
        let verdict = |same: bool| f32::from(u8::from(same));
        // Codes are compared and not texts: both cells are of one column, where equal texts have one code.
        if self.is_text() {
            let own = self.code(seed);
            for (item, out) in cells {
                let both = own.zip(self.code(*item));
                *out = both.map_or(f32::NAN, |(own, other)| verdict(own == other));
            }
        } else if let Some(column) = self.catalog.filter(|column| column.kind() == ColumnKind::List) {
            let own = column.codes(seed.row());
            for (item, out) in cells {
                let other = column.codes(item.row());
                let missing = own.is_empty() || other.is_empty();
                *out = if missing { f32::NAN } else { verdict(other.iter().any(|code| own.contains(code))) };
            }
        } else {
            // As wide as the column is: two ids may be one float.
            let wide = |item: ItemIdx| match self.catalog {
                Some(column) => column.number(item.row()),
                None => f64::from(self.number(item)),
            };
            let own = wide(seed);
            for (item, out) in cells {
                let other = wide(*item);
                *out = if own.is_nan() || other.is_nan() { f32::NAN } else { verdict(own == other) };
            }
        }
    }
}
