//! JSON lines: a row for each object, whose members are the columns. A line may also be a list of objects.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use hashbrown::HashMap;
use serde_json::{Map, Value};

use super::error::{ReadError, Stop};
use super::json_columns::JsonColumn;
use super::{CellKind, TableLimits, Visit};

/// Upper bound on the bytes of a line; raising it takes that much more memory for one that is no line at all.
const LINE: u64 = 4 << 20;
/// Upper bound on columns: what has more uses ids as names of members.
const COLUMNS: usize = 2000;

#[derive(Debug, Clone, Default)]
pub(super) struct JsonLines {
    rows: usize,
    columns: Vec<JsonColumn>,
}

impl JsonLines {
    /// Reads the file; no more than one line of it is held besides the columns.
    pub(super) fn open(path: &Path, limits: &TableLimits) -> Result<Self, Stop> {
        let mut input = BufReader::with_capacity(1 << 20, File::open(path).map_err(ReadError::from)?);
        let mut reading = Reading { table: Self::default(), numbers: HashMap::new(), bytes: 0, limits };
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            number += 1;
            let read = (&mut input).take(LINE + 1).read_until(b'\n', &mut line).map_err(ReadError::from)?;
            if read == 0 {
                return Ok(reading.table);
            }
            if read as u64 > LINE {
                return Err(bad(number, format!("has more than {LINE} bytes")));
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(value) => reading.line(number, value)?,
                // Half a line at the end is what a writer was just at, or was killed at.
                Err(_) if line.last() != Some(&b'\n') => return Ok(reading.table),
                Err(error) => return Err(bad(number, error.to_string())),
            }
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> Vec<(String, CellKind)> {
        self.columns.iter().map(|column| (column.name.clone(), column.kind())).collect()
    }

    pub(super) fn each(&self, column: &str, visit: Visit<'_>) -> Result<(), Stop> {
        let Some(column) = self.columns.iter().find(|own| own.name == column) else { return Ok(()) };
        for row in 0..self.rows {
            visit(row, column.cell(row)).map_err(|reason| Stop::Refused { row, reason })?;
        }
        Ok(())
    }
}

struct Reading<'l> {
    table: JsonLines,
    /// The columns' numbers by name.
    numbers: HashMap<String, usize>,
    bytes: u64,
    limits: &'l TableLimits,
}

impl Reading<'_> {
    fn line(&mut self, number: usize, value: Value) -> Result<(), Stop> {
        match value {
            Value::Object(members) => self.row(number, members),
            Value::Array(values) => values.into_iter().try_for_each(|value| match value {
                Value::Object(members) => self.row(number, members),
                _ => Err(bad(number, "is a list of something else than objects".to_owned())),
            }),
            _ => Err(bad(number, "is no object".to_owned())),
        }
    }

    fn row(&mut self, line: usize, members: Map<String, Value>) -> Result<(), Stop> {
        let row = self.table.rows;
        if row as u64 >= self.limits.rows {
            return Err(bad(line, format!("the file has more than {} rows", self.limits.rows)));
        }
        for (name, value) in members {
            let number = match self.numbers.get(&name) {
                Some(number) => *number,
                None if self.table.columns.len() == COLUMNS => {
                    return Err(bad(
                        line,
                        format!("the file has more than {COLUMNS} different names of members"),
                    ));
                }
                None => {
                    self.table.columns.push(JsonColumn::new(&name));
                    self.numbers.insert(name, self.table.columns.len() - 1);
                    self.table.columns.len() - 1
                }
            };
            if let Some(column) = self.table.columns.get_mut(number).filter(|_| !value.is_null()) {
                self.bytes += column.set(row, value);
            }
        }
        if self.bytes > self.limits.bytes {
            return Err(Stop::TooLarge(self.bytes));
        }
        self.table.rows += 1;
        Ok(())
    }
}

fn bad(line: usize, what: String) -> Stop {
    ReadError::Json { line, what }.into()
}

#[cfg(test)]
mod tests {
    use super::super::Cell;
    use super::*;

    fn open(text: &str) -> Result<JsonLines, Stop> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jsonl");
        std::fs::write(&path, text).unwrap();
        JsonLines::open(&path, &TableLimits::default())
    }

    #[test]
    fn a_column_is_as_narrow_as_its_values_and_half_a_line_is_none() {
        let text = "{\"id\":7,\"n\":1,\"t\":3}\n\n[{\"n\":1.5,\"s\":{\"a\":1}},{\"t\":\"x\",\"l\":[\"a\"]}]\n{\"id\":";
        let table = open(text).unwrap_or_else(|_| panic!("is readable"));
        assert_eq!(table.rows(), 3);
        let kinds: Vec<(String, CellKind)> = table.columns();
        let kind = |name: &str| kinds.iter().find(|(own, _)| own == name).map(|(_, kind)| kind.clone());
        assert_eq!(kind("id"), Some(CellKind::Text));
        assert_eq!(kind("n"), Some(CellKind::Float));
        assert_eq!(kind("t"), Some(CellKind::Text));
        assert_eq!(kind("l"), Some(CellKind::Texts));
        assert_eq!(kind("s"), Some(CellKind::Other("an object".to_owned())));
        let mut seen = Vec::new();
        let all = table.each("t", &mut |row, cell| {
            seen.push((row, matches!(cell, Cell::Text("3" | "x"))));
            Ok(())
        });
        assert!(all.is_ok());
        assert_eq!(seen, [(0, true), (1, false), (2, true)]);
        let Err(Stop::Unreadable(error)) = open("{}\n{\"a\n{}\n") else { panic!("is refused") };
        assert!(error.to_string().starts_with("line 2: "), "{error}");
        assert!(open("3\n").is_err());
    }
}
