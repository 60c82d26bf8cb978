//! What a recipe may choose: how neighbours are found, and how their items count.

/// How much an item of the running session counts, by its distance from the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decay {
    /// `1 - distance / length`: from 1 down to `1 / length`.
    #[default]
    Linear,
    /// `1 / (1 + distance)`.
    Harmonic,
    /// 1 for every item.
    None,
}

impl Decay {
    /// Reads the name used in recipes: `linear`, `harmonic` or `none`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "linear" => Some(Decay::Linear),
            "harmonic" => Some(Decay::Harmonic),
            "none" => Some(Decay::None),
            _ => None,
        }
    }

    pub(super) fn weight(self, distance: usize, length: usize) -> f32 {
        match self {
            Decay::Linear => 1.0 - distance as f32 / length.max(1) as f32,
            Decay::Harmonic => 1.0 / (1.0 + distance as f32),
            Decay::None => 1.0,
        }
    }
}

/// How much a neighbour counts, by the distance from the newest item of the running session to the first that it
/// shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatchWeight {
    /// `1 - distance / 10`, never below 0.
    #[default]
    Linear,
    /// `1 - (distance + 1) / 10`, never below 0: as in the paper's own program, which lets it turn negative.
    Shifted,
    /// 1 for every neighbour.
    None,
}

impl MatchWeight {
    /// Reads the name used in recipes: `linear`, `shifted` or `none`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "linear" => Some(MatchWeight::Linear),
            "shifted" => Some(MatchWeight::Shifted),
            "none" => Some(MatchWeight::None),
            _ => None,
        }
    }

    pub(super) fn weight(self, distance: usize) -> f32 {
        // As in the paper's own program: a neighbour whose first common item lies ten or more back counts nothing.
        let tenths = |steps: usize| 1.0 - 0.1 * steps.min(10) as f32;
        match self {
            MatchWeight::Linear => tenths(distance).max(0.0),
            MatchWeight::Shifted => tenths(distance + 1).max(0.0),
            MatchWeight::None => 1.0,
        }
    }
}

/// How an item's rarity counts in its score, with w the `idf_weighting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Idf {
    /// `1 + w · ln(sessions / sessions with the item)`.
    #[default]
    Sessions,
    /// `w · ln(clicks / sessions with the item)`: as in the paper's own program.
    Clicks,
}

impl Idf {
    /// Reads the name used in recipes: `sessions` or `clicks`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "sessions" => Some(Idf::Sessions),
            "clicks" => Some(Idf::Clicks),
            _ => None,
        }
    }

    /// From `ln(sessions / sessions with the item)` and `ln(clicks / sessions)`. Where rarity counts nothing, it is 1.
    #[inline]
    pub(super) fn rarity(self, idf: f32, per_session: f32, weighting: f32) -> f32 {
        match self {
            Idf::Sessions => 1.0 + weighting * idf,
            Idf::Clicks => match weighting * (idf + per_session) {
                rarity if rarity > 0.0 => rarity,
                _ => 1.0,
            },
        }
    }
}

/// How the neighbours are found and what they say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionKnnParams {
    /// How many of the most recent sessions that share an item are looked at (m).
    pub m_most_recent_sessions: usize,
    /// How many of those, the most similar, count (k).
    pub k_neighbors: usize,
    /// How many of the session's newest distinct items are used.
    pub max_items_in_session: usize,
    /// Weight of an item's rarity in its score; 0 turns it off.
    pub idf_weighting: f32,
    /// What rarity is.
    pub idf: Idf,
    /// Weight of the session's items in the similarity.
    pub decay: Decay,
    /// Weight of a neighbour by what it shares.
    pub match_weight: MatchWeight,
}

impl Default for SessionKnnParams {
    fn default() -> Self {
        Self {
            m_most_recent_sessions: 500,
            k_neighbors: 100,
            max_items_in_session: 10,
            idf_weighting: 1.0,
            idf: Idf::Sessions,
            decay: Decay::Linear,
            match_weight: MatchWeight::Linear,
        }
    }
}
