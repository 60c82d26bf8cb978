//! Checks an expression against a table's columns and evaluates it row by row.

use std::collections::BTreeMap;

use super::parser::{Expression, Operand, Operator, parse};
use super::{MAX_LIST, PredicateError};
use crate::domain::{Bitmap, FilterValue};
use crate::feature::{Column, ColumnKind, Table};

/// A filter expression bound to the columns of one table.
#[derive(Debug)]
pub struct Predicate<'t> {
    node: Node<'t>,
}

#[derive(Debug)]
enum Node<'t> {
    Any(Vec<Node<'t>>),
    All(Vec<Node<'t>>),
    Not(Box<Node<'t>>),
    Number { column: &'t Column, operator: Operator, value: f64 },
    Numbers { column: &'t Column, values: Vec<f64> },
    Codes { column: &'t Column, codes: Vec<u32> },
    Present { column: &'t Column },
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
        let binder = Binder { table, parameters };
        Ok(Self { node: binder.bind(&parse(text)?)? })
    }

    /// Whether the row satisfies the expression.
    pub fn holds(&self, row: usize) -> bool {
        self.node.holds(row)
    }

    /// The rows that satisfy the expression.
    pub fn bitmap(&self, rows: usize) -> Bitmap {
        Bitmap::from_fn(rows, |row| self.node.holds(row))
    }
}

impl Node<'_> {
    fn holds(&self, row: usize) -> bool {
        match self {
            Node::Any(branches) => branches.iter().any(|branch| branch.holds(row)),
            Node::All(branches) => branches.iter().all(|branch| branch.holds(row)),
            Node::Not(inner) => !inner.holds(row),
            Node::Number { column, operator, value } => {
                let cell = column.number(row);
                match operator {
                    Operator::Equal => cell == *value,
                    Operator::NotEqual => !cell.is_nan() && cell != *value,
                    Operator::Less => cell < *value,
                    Operator::LessOrEqual => cell <= *value,
                    Operator::Greater => cell > *value,
                    Operator::GreaterOrEqual => cell >= *value,
                }
            }
            Node::Numbers { column, values } => {
                // As the values were: −0 and 0 are equal, but not to a bisection.
                let cell = column.number(row) + 0.0;
                values.binary_search_by(|value| value.total_cmp(&cell)).is_ok()
            }
            Node::Present { column } => column.has_value(row),
            Node::Codes { column, codes } => {
                column.codes(row).iter().any(|code| codes.binary_search(code).is_ok())
            }
        }
    }
}

struct Binder<'t, 'p> {
    table: &'t Table,
    parameters: &'p BTreeMap<String, FilterValue>,
}

impl<'t> Binder<'t, '_> {
    fn bind(&self, expression: &Expression) -> Result<Node<'t>, PredicateError> {
        let all = |branches: &[Expression]| branches.iter().map(|b| self.bind(b)).collect::<Result<_, _>>();
        match expression {
            Expression::Any(branches) => Ok(Node::Any(all(branches)?)),
            Expression::All(branches) => Ok(Node::All(all(branches)?)),
            Expression::Not(inner) => Ok(Node::Not(Box::new(self.bind(inner)?))),
            Expression::Flag { at, column } => {
                self.compare(*at, column, Operator::Equal, &Operand::Bool(true))
            }
            Expression::Compare { at, column, operator, value } => {
                self.compare(*at, column, *operator, &self.resolve(value)?)
            }
            Expression::In { at, column, values } => match self.resolve(values)? {
                Operand::List(values) => self.member(*at, column, &values),
                _ => Err(self.mismatch(*at, column, "`in` needs a list; the parameter holds a single value")),
            },
        }
    }

    fn compare(
        &self,
        at: usize,
        name: &str,
        operator: Operator,
        value: &Operand,
    ) -> Result<Node<'t>, PredicateError> {
        let column = self.column(at, name)?;
        if matches!(column.kind(), ColumnKind::Text | ColumnKind::List) {
            let codes = self.member(at, name, std::slice::from_ref(value))?;
            return match operator {
                Operator::Equal => Ok(codes),
                // A missing value differs from nothing, as in every other comparison.
                Operator::NotEqual => {
                    Ok(Node::All(vec![Node::Present { column }, Node::Not(Box::new(codes))]))
                }
                _ => Err(self.mismatch(at, name, "has no order; use ==, != or in")),
            };
        }
        Ok(Node::Number { column, operator, value: self.number(at, name, column, value)? })
    }

    fn member(&self, at: usize, name: &str, values: &[Operand]) -> Result<Node<'t>, PredicateError> {
        let column = self.column(at, name)?;
        if !matches!(column.kind(), ColumnKind::Text | ColumnKind::List) {
            let values = values.iter().map(|value| self.number(at, name, column, &self.resolve(value)?));
            // Adding 0 makes one zero of two, as == does.
            let mut values = values.map(|v| Ok(v? + 0.0)).collect::<Result<Vec<f64>, PredicateError>>()?;
            values.sort_unstable_by(f64::total_cmp);
            return Ok(Node::Numbers { column, values });
        }
        let mut codes = Vec::new();
        for value in values {
            match self.resolve(value)? {
                // A text that no row has is no mistake: the catalogue may have sold out of it.
                Operand::Text(text) => codes.extend(column.code_of(&text)),
                other => {
                    let reason = format!("is compared with {}, which is not text", describe(&other));
                    return Err(self.mismatch(at, name, &reason));
                }
            }
        }
        // Looked up once a row: a bisection of codes instead of comparisons of text.
        codes.sort_unstable();
        Ok(Node::Codes { column, codes })
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

    fn resolve(&self, operand: &Operand) -> Result<Operand, PredicateError> {
        let Operand::Parameter(at, name) = operand else { return Ok(operand.clone()) };
        let missing = || PredicateError::MissingParameter { at: *at, name: name.clone() };
        let operand = as_operand(self.parameters.get(name).ok_or_else(missing)?);
        // The parser has counted literal lists; this one came with the request.
        match &operand {
            Operand::List(values) if values.len() > MAX_LIST => {
                Err(PredicateError::TooLarge { what: "the length of an `in` list", limit: MAX_LIST })
            }
            _ => Ok(operand),
        }
    }

    fn column(&self, at: usize, name: &str) -> Result<&'t Column, PredicateError> {
        self.table.column(name).ok_or_else(|| PredicateError::UnknownColumn {
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
