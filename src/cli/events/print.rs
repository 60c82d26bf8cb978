//! What a record became, for people.

use std::fmt::Display;

use crate::cli::terminal::{OutputError, line};
use crate::connect::decode::Decoded;
use crate::domain::Event;

/// Prints a line for each event of the record at `place`, and for each that cannot be used.
pub(super) fn print_record(
    place: impl Display,
    events: &[Event],
    decoded: &Decoded,
) -> Result<(), OutputError> {
    for event in events {
        let item = event.item_id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
        let attributes: Vec<&str> = event.attributes.iter().map(|(name, _)| &**name).collect();
        let sets =
            if attributes.is_empty() { String::new() } else { format!(" ({})", attributes.join(", ")) };
        line(format_args!("{place}: {}{item}{sets}", event.kind.as_str()))?;
    }
    for (what, count) in [("unmatched", decoded.unmatched), ("ignored", decoded.ignored)] {
        if count > 0 {
            line(format_args!("{place}: {what}"))?;
        }
    }
    for poison in &decoded.poison {
        let field = if poison.field.is_empty() { String::new() } else { format!(" at {}", poison.field) };
        line(format_args!("{place}: dead: {}{field}: {}", poison.reason, poison.message))?;
    }
    Ok(())
}
