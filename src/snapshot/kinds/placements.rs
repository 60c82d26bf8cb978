//! `placements`: the text of `placements.toml`, which the recommender compiles.

use super::{ArtifactError, ArtifactKind, Count, Encoded, FoundFile, Turn};
use crate::feature::IdTable;

/// The largest `placements.toml`, in bytes: a larger one is refused before it is parsed.
const MAX_BYTES: u64 = 1 << 20;

/// The recipes as they are written.
#[derive(Debug)]
pub struct Placements {
    /// The text.
    pub text: String,
}

impl ArtifactKind for Placements {
    const NAME: &'static str = "placements";
    // Recipes are compiled against one snapshot as a whole: of two files one would have to win.
    const COUNT: Count = Count::AtMostOne;
    // It is small: what is wrong with it is said before anything large is decoded.
    const TURN: Turn = Turn::First;
    const DEPENDS_ON: &'static [&'static str] = &[];

    fn recognise(file: &FoundFile<'_>) -> bool {
        file.file == "placements.toml"
    }

    fn decode(file: &Encoded<'_>, _: &IdTable) -> Result<Self, ArtifactError> {
        // By what the manifest says, which the file has been held against.
        file.at_most(MAX_BYTES)?;
        let text = std::fs::read_to_string(file.path).map_err(|error| file.unreadable(error))?;
        Ok(Self { text })
    }

    fn resident(&self) -> usize {
        self.text.len()
    }
}
