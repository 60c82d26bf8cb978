//! CSV with a header line; the type of a column is the narrowest that fits all its cells, but for `…_id`, which is
//! text.

use std::path::Path;

use super::error::{ReadError, Stop};
use super::{Cell, CellKind, Visit};

#[derive(Debug, Clone)]
pub(super) struct CsvFile {
    headers: Vec<String>,
    kinds: Vec<CellKind>,
    records: Vec<csv::StringRecord>,
}

impl CsvFile {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let mut reader = csv::ReaderBuilder::new().from_path(path)?;
        let headers: Vec<String> = {
            let headers = reader.headers()?;
            // Spreadsheets write a byte order mark, which would become part of the first column's name.
            headers.iter().map(|h| h.trim_start_matches('\u{feff}').trim().to_owned()).collect()
        };
        let records = reader.records().collect::<Result<Vec<_>, _>>()?;
        let kind = |(column, name): (usize, &String)| {
            // An id of digits is still an id: "007" and "7" are two items.
            if name.ends_with("_id") { CellKind::Text } else { infer(&records, column) }
        };
        let kinds = headers.iter().enumerate().map(kind).collect();
        Ok(Self { headers, kinds, records })
    }

    pub(super) fn rows(&self) -> usize {
        self.records.len()
    }

    pub(super) fn columns(&self) -> Vec<(String, CellKind)> {
        self.headers.iter().cloned().zip(self.kinds.iter().cloned()).collect()
    }

    pub(super) fn each(&self, column: &str, visit: Visit<'_>) -> Result<(), Stop> {
        let Some(at) = self.headers.iter().position(|name| name == column) else { return Ok(()) };
        for (row, record) in self.records.iter().enumerate() {
            let cell = cell(record.get(at).unwrap_or(""), &self.kinds[at]);
            visit(row, cell).map_err(|reason| Stop::Refused { row, reason })?;
        }
        Ok(())
    }
}

fn infer(records: &[csv::StringRecord], column: usize) -> CellKind {
    let cells = || records.iter().filter_map(|record| record.get(column)).filter(|text| !text.is_empty());
    // A column without any cell is text, which takes everything.
    let all = |fits: fn(&str) -> bool| cells().next().is_some() && cells().all(fits);
    if all(|text| matches!(text, "true" | "false" | "True" | "False")) {
        CellKind::Bool
    } else if all(|text| text.parse::<i64>().is_ok() && !has_leading_zero(text)) {
        CellKind::Int
    } else if all(|text| text.parse::<f64>().is_ok() && !has_leading_zero(text)) {
        CellKind::Float
    } else {
        CellKind::Text
    }
}

/// "0123" is a code, not a number: reading it as one would change it.
fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && !text.starts_with("0.")
}

fn cell<'a>(text: &'a str, kind: &CellKind) -> Cell<'a> {
    match kind {
        _ if text.is_empty() => Cell::Null,
        CellKind::Bool => Cell::Bool(text.eq_ignore_ascii_case("true")),
        CellKind::Int => text.parse().map_or(Cell::Null, Cell::Int),
        CellKind::Float => text.parse().map_or(Cell::Null, Cell::Float),
        _ => Cell::Text(text),
    }
}
