//! Exposures on standard output, a line each, for a supervisor that collects it.

use std::io::Write as _;

use super::super::record::Record;
use super::{RecordSink, Refusal, SendError};

/// Writes a line of JSON for each record to standard output.
#[derive(Debug, Default)]
pub struct Stdout {
    lines: Vec<u8>,
}

impl RecordSink for Stdout {
    fn send(&mut self, records: &[Record<'_>]) -> Result<Vec<Refusal>, SendError> {
        self.lines.clear();
        for record in records {
            self.lines.extend_from_slice(record.bytes);
            self.lines.push(b'\n');
        }
        let mut out = std::io::stdout().lock();
        out.write_all(&self.lines).and_then(|()| out.flush()).map_err(SendError::all)?;
        Ok(Vec::new())
    }
}
