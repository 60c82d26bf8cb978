//! How it is made sure that nobody else's write is lost.

use crate::setting::Form;

/// How it is made sure that nobody else's write is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conditional {
    /// The server holds the condition: of two writers at the same moment one is told.
    #[default]
    On,
    /// The writer looks before it writes, for servers that know no conditions: of two writers at the same moment the
    /// second wins, and the first is not told.
    Off,
}

impl Form for Conditional {
    type Value = Self;

    const QUOTED: bool = true;

    fn expected() -> String {
        "on or off".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "on" => Some(Self::On),
            "off" => Some(Self::Off),
            _ => None,
        }
    }

    fn show(value: &Self) -> String {
        match value {
            Self::On => "on".to_owned(),
            Self::Off => "off".to_owned(),
        }
    }
}
