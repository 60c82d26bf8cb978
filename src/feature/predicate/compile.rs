//! Checks an expression against a table's columns; finds the rows that satisfy it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::parser::{Expression, Operand, Operator, parse};
use super::term::{List, Term};
use super::tree::Node;
use super::{MAX_LIST, PredicateError};
use crate::domain::{Bitmap, Deadline, DeadlineCheck, FilterValue, ItemIdx};
use crate::feature::{Column, ColumnKind, Table};

/// Work that finding a value of a list among a column's counts for, in rows looked at: a bisection of texts.
const BIND: u64 = 64;

/// A filter expression bound to the columns of one table.
#[derive(Debug)]
pub struct Predicate<'t> {
    node: Node<'t>,
    rows: usize,
    /// Values of lists that were looked up.
    values: u64,
}

impl<'t> Predicate<'t> {
    /// Parses `text` and binds it to `table`, taking `$name` values from `parameters`.
    ///
    /// # Errors
    /// Syntax, unknown columns (with the nearest name), values of the wrong type, missing parameters, size limits.
    pub fn compile(
        text: &str,
        table: &'t Table,
        parameters: &BTreeMap<String, FilterValue>,
    ) -> Result<Self, PredicateError> {
        let mut binder = Binder { table, parameters, lists: Vec::new(), values: 0 };
        let node = binder.bind(&parse(text)?)?;
        Ok(Self { node, rows: table.rows(), values: binder.values })
    }

    /// Whether the row satisfies the expression.
    pub fn holds(&self, row: usize) -> bool {
        self.node.holds(row)
    }

    /// The rows that satisfy the expression, found by looking at every one: the obvious twin of [`Predicate::select`].
    pub fn bitmap(&self, rows: usize) -> Bitmap {
        Bitmap::from_fn(rows, |row| self.node.holds(row))
    }

    /// The rows of the table that satisfy the expression, by its [indexes](Table::index) where it has them.
    ///
    /// # Errors
    /// The deadline passed before they were found. It is not looked at for less than some thousand rows.
    pub fn select(&self, deadline: Deadline) -> Result<Bitmap, PredicateError> {
        let mut check = DeadlineCheck::new(deadline);
        self.node.select(None, self.rows, &mut check).map_err(|_| PredicateError::Late)
    }

    /// Keeps those of some items that satisfy the expression.
    ///
    /// # Errors
    /// As [`Predicate::select`].
    pub fn retain(&self, items: &mut Vec<ItemIdx>, deadline: Deadline) -> Result<(), PredicateError> {
        let (mut check, work) = (DeadlineCheck::new(deadline), self.node.row_work());
        let mut late = false;
        items.retain(|item| {
            late = late || check.is_late_after(work);
            !late && self.holds(item.row())
        });
        if late { Err(PredicateError::Late) } else { Ok(()) }
    }

    /// What [`Predicate::select`] costs at most, with binding: one for each row that one comparison looks at, in a list
    /// for each step of a search in it; where an index is asked, for each row that it names or each 512 rows of a
    /// bitmap, and for each row that has changed since the index was made.
    pub fn price(&self) -> u64 {
        (self.node.work() as u64).saturating_add(self.price_of_binding())
    }

    /// What [`Predicate::retain`] costs at most for so many items, with binding.
    pub fn price_of(&self, items: usize) -> u64 {
        (self.node.row_work().saturating_mul(items) as u64).saturating_add(self.price_of_binding())
    }

    fn price_of_binding(&self) -> u64 {
        self.values.saturating_mul(BIND)
    }
}

struct Binder<'t, 'p> {
    table: &'t Table,
    parameters: &'p BTreeMap<String, FilterValue>,
    /// What parameters were bound to, by column: an expression may name one in every term, which must not cost as much
    /// as if all those lists had been sent.
    lists: Vec<(usize, &'p str, List)>,
    values: u64,
}

impl<'t, 'p> Binder<'t, 'p> {
    fn bind(&mut self, expression: &Expression) -> Result<Node<'t>, PredicateError> {
        let rows = self.table.rows();
        match expression {
            Expression::Any(branches) => Ok(Node::any(self.bind_all(branches)?, rows)),
            Expression::All(branches) => Ok(Node::all(self.bind_all(branches)?, rows)),
            Expression::Not(inner) => Ok(Node::not(self.bind(inner)?, rows)),
            Expression::Flag { at, column } => {
                self.compare(*at, column, Operator::Equal, &Operand::Bool(true))
            }
            Expression::Compare { at, column, operator, value } => {
                let value = self.resolve(value)?;
                self.compare(*at, column, *operator, &value)
            }
            Expression::In { at, column, values } => self.member(*at, column, values),
        }
    }

    fn bind_all(&mut self, branches: &[Expression]) -> Result<Vec<Node<'t>>, PredicateError> {
        branches.iter().map(|branch| self.bind(branch)).collect()
    }

    fn compare(
        &mut self,
        at: usize,
        name: &str,
        operator: Operator,
        value: &Operand,
    ) -> Result<Node<'t>, PredicateError> {
        let (position, column) = self.column(at, name)?;
        let (rows, index) = (self.table.rows(), self.table.index_at(position));
        if !is_text(column) {
            let value = self.number(at, name, column, value)?;
            return Ok(Node::term(Term::number(column, index, operator, value), rows));
        }
        let list = self.list(at, name, std::slice::from_ref(value))?;
        let codes = Node::term(Term::member(column, index, list), rows);
        match operator {
            Operator::Equal => Ok(codes),
            // A missing value differs from nothing, as in every other comparison.
            Operator::NotEqual => {
                let present = Node::term(Term::present(column), rows);
                Ok(Node::all(vec![present, Node::not(codes, rows)], rows))
            }
            _ => Err(self.mismatch(at, name, "has no order; use ==, != or in")),
        }
    }

    fn member(&mut self, at: usize, name: &str, values: &Operand) -> Result<Node<'t>, PredicateError> {
        let (position, column) = self.column(at, name)?;
        let list = match values {
            Operand::Parameter(_, parameter) => self.list_of(at, name, position, values, parameter)?,
            Operand::List(values) => self.list(at, name, values)?,
            _ => return Err(self.mismatch(at, name, "`in` needs a list")),
        };
        Ok(Node::term(Term::member(column, self.table.index_at(position), list), self.table.rows()))
    }

    /// The list of a parameter.
    fn list_of(
        &mut self,
        at: usize,
        name: &str,
        position: usize,
        operand: &Operand,
        parameter: &str,
    ) -> Result<List, PredicateError> {
        let known = self.lists.iter().find(|known| known.0 == position && known.1 == parameter);
        if let Some((_, _, list)) = known {
            return Ok(list.clone());
        }
        let resolved = self.resolve(operand)?;
        let Operand::List(values) = &*resolved else {
            return Err(self.mismatch(at, name, "`in` needs a list; the parameter holds a single value"));
        };
        let list = self.list(at, name, values)?;
        // By the name that the parameters own, which outlives the expression.
        if let Some((parameter, _)) = self.parameters.get_key_value(parameter) {
            self.lists.push((position, parameter, list.clone()));
        }
        Ok(list)
    }

    fn list(&mut self, at: usize, name: &str, values: &[Operand]) -> Result<List, PredicateError> {
        let (position, column) = self.column(at, name)?;
        let index = self.table.index_at(position);
        self.values = self.values.saturating_add(values.len() as u64);
        if !is_text(column) {
            let values = values.iter().map(|value| self.number(at, name, column, &*self.resolve(value)?));
            // Adding 0 makes one zero of two, as == does.
            let values = values.map(|value| Ok(value? + 0.0)).collect::<Result<_, PredicateError>>()?;
            return Ok(List::of_numbers(values, index));
        }
        let mut codes = Vec::new();
        for value in values {
            match &*self.resolve(value)? {
                // A text that no row has is no mistake: the catalogue may have sold out of it.
                Operand::Text(text) => codes.extend(column.code_of(text)),
                other => {
                    let reason = format!("is compared with {}, which is not text", describe(other));
                    return Err(self.mismatch(at, name, &reason));
                }
            }
        }
        Ok(List::of_codes(codes, index))
    }

    fn number(&self, at: usize, name: &str, column: &Column, value: &Operand) -> Result<f64, PredicateError> {
        match (column.kind(), value) {
            (ColumnKind::Bool, Operand::Bool(flag)) => Ok(f64::from(u8::from(*flag))),
            (ColumnKind::Int | ColumnKind::Float | ColumnKind::Time, Operand::Number(number)) => Ok(*number),
            (ColumnKind::Time, Operand::Text(text)) => chrono::DateTime::parse_from_rfc3339(text)
                .map(|time| time.timestamp_millis() as f64)
                .map_err(|_| self.mismatch(at, name, &format!("\"{text}\" is not an RFC 3339 time"))),
            (_, other) => {
                Err(self.mismatch(at, name, &format!("cannot be compared with {}", describe(other))))
            }
        }
    }

    fn resolve<'o>(&self, operand: &'o Operand) -> Result<Cow<'o, Operand>, PredicateError> {
        let Operand::Parameter(at, name) = operand else { return Ok(Cow::Borrowed(operand)) };
        let missing = || PredicateError::MissingParameter { at: *at, name: name.clone() };
        let operand = as_operand(self.parameters.get(name).ok_or_else(missing)?);
        // The parser has counted literal lists; this one came with the request.
        match &operand {
            Operand::List(values) if values.len() > MAX_LIST => {
                Err(PredicateError::TooLarge { what: "the length of an `in` list", limit: MAX_LIST })
            }
            _ => Ok(Cow::Owned(operand)),
        }
    }

    fn column(&self, at: usize, name: &str) -> Result<(usize, &'t Column), PredicateError> {
        let position = self.table.position(name);
        let column = position.and_then(|position| Some((position, self.table.column_at(position)?)));
        column.ok_or_else(|| PredicateError::UnknownColumn {
            at,
            name: name.to_owned(),
            nearest: self.table.nearest(name).map(str::to_owned),
        })
    }

    fn mismatch(&self, at: usize, name: &str, reason: &str) -> PredicateError {
        let kind = self.table.column(name).map_or("unknown", |column| column.kind().as_str());
        PredicateError::Type { at, column: name.to_owned(), kind, reason: reason.to_owned() }
    }
}

fn is_text(column: &Column) -> bool {
    matches!(column.kind(), ColumnKind::Text | ColumnKind::List)
}

fn as_operand(value: &FilterValue) -> Operand {
    match value {
        FilterValue::Bool(flag) => Operand::Bool(*flag),
        FilterValue::Number(number) => Operand::Number(*number),
        FilterValue::Text(text) => Operand::Text(text.clone()),
        FilterValue::List(values) => Operand::List(values.iter().map(as_operand).collect()),
    }
}

fn describe(operand: &Operand) -> String {
    match operand {
        Operand::Bool(flag) => format!("{flag}"),
        Operand::Number(number) => format!("the number {number}"),
        Operand::Text(text) => format!("the text \"{text}\""),
        Operand::List(_) => "a list".to_owned(),
        Operand::Parameter(_, name) => format!("${name}"),
    }
}
