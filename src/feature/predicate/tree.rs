//! Comparisons joined by and, or, not: row by row, or as operations on sets of rows.

use super::term::Term;
use crate::domain::{Bitmap, DeadlineCheck};
use crate::feature::filter_index::{Late, set_work};

/// A part of an expression, and the work of finding the rows that satisfy it.
#[derive(Debug)]
pub(super) struct Node<'t> {
    kind: Kind<'t>,
    work: usize,
}

#[derive(Debug)]
enum Kind<'t> {
    Any(Vec<Node<'t>>),
    All(Vec<Node<'t>>),
    Not(Box<Node<'t>>),
    Term(Term<'t>),
}

impl<'t> Node<'t> {
    /// `branch || branch …`, over a table of so many rows.
    pub(super) fn any(branches: Vec<Node<'t>>, rows: usize) -> Self {
        Self::join(branches, rows, Kind::Any)
    }

    /// `branch && branch …`.
    pub(super) fn all(branches: Vec<Node<'t>>, rows: usize) -> Self {
        Self::join(branches, rows, Kind::All)
    }

    /// `!inner`.
    pub(super) fn not(inner: Node<'t>, rows: usize) -> Self {
        let work = inner.work.saturating_add(set_work(rows));
        Self { kind: Kind::Not(Box::new(inner)), work }
    }

    pub(super) fn term(term: Term<'t>, rows: usize) -> Self {
        let work = term.work(rows);
        Self { kind: Kind::Term(term), work }
    }

    fn join(mut branches: Vec<Node<'t>>, rows: usize, kind: fn(Vec<Node<'t>>) -> Kind<'t>) -> Self {
        // The order changes nothing but how many rows are left for the dear ones.
        branches.sort_by_key(|branch| branch.work);
        let both = branches.len() * set_work(rows);
        let work = branches.iter().fold(both, |sum, branch| sum.saturating_add(branch.work));
        Self { kind: kind(branches), work }
    }

    /// The work of [`Node::select`] over all rows, at most.
    pub(super) fn work(&self) -> usize {
        self.work
    }

    /// The work of [`Node::holds`] for one row, at most.
    pub(super) fn row_work(&self) -> usize {
        match &self.kind {
            Kind::Any(branches) | Kind::All(branches) => {
                branches.iter().fold(0, |sum, branch| sum.saturating_add(branch.row_work()))
            }
            Kind::Not(inner) => inner.row_work(),
            Kind::Term(term) => term.row_work(),
        }
    }

    pub(super) fn holds(&self, row: usize) -> bool {
        match &self.kind {
            Kind::Any(branches) => branches.iter().any(|branch| branch.holds(row)),
            Kind::All(branches) => branches.iter().all(|branch| branch.holds(row)),
            Kind::Not(inner) => !inner.holds(row),
            Kind::Term(term) => term.holds(row),
        }
    }

    /// The rows that satisfy it, of those `among` if given.
    pub(super) fn select(
        &self,
        among: Option<&Bitmap>,
        rows: usize,
        check: &mut DeadlineCheck,
    ) -> Result<Bitmap, Late> {
        match &self.kind {
            Kind::Term(term) => term.select(among, rows, check),
            Kind::Not(inner) => {
                let found = inner.select(among, rows, check)?;
                Ok(without(among, found))
            }
            Kind::All(branches) => {
                let mut left: Option<Bitmap> = None;
                for branch in branches {
                    // Each looks at what those before have left.
                    left = Some(branch.select(left.as_ref().or(among), rows, check)?);
                }
                Ok(left.unwrap_or_default())
            }
            Kind::Any(branches) => {
                let mut found: Option<Bitmap> = None;
                for branch in branches {
                    found = Some(match found {
                        None => branch.select(among, rows, check)?,
                        Some(mut found) => {
                            found.unite(&branch.select_others(&found, among, rows, check)?);
                            found
                        }
                    });
                }
                Ok(found.unwrap_or_default())
            }
        }
    }

    /// The rows that satisfy it; those that are `found` already may be left out.
    fn select_others(
        &self,
        found: &Bitmap,
        among: Option<&Bitmap>,
        rows: usize,
        check: &mut DeadlineCheck,
    ) -> Result<Bitmap, Late> {
        if self.work <= rows {
            return self.select(among, rows, check);
        }
        // Dear enough for two more operations on sets to pay.
        let left = without(among, found.clone());
        self.select(Some(&left), rows, check)
    }
}

/// Those `among`, or all, less these.
fn without(among: Option<&Bitmap>, mut these: Bitmap) -> Bitmap {
    match among {
        None => {
            these.complement();
            these
        }
        Some(among) => {
            let mut left = among.clone();
            left.subtract(&these);
            left
        }
    }
}
