//! How large a shop to generate, for which period, from which seed.

/// One day in milliseconds.
pub(super) const DAY_MS: i64 = 86_400_000;

/// How large a shop to generate, and for which period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSpec {
    /// Products in the catalogue.
    pub products: usize,
    /// Users with an account.
    pub users: usize,
    /// Sessions over the whole period, anonymous ones included.
    pub sessions: usize,
    /// Length of the period in days.
    pub days: u32,
    /// Another seed makes another shop.
    pub seed: u64,
    /// End of the period (exclusive), milliseconds since 1970. The period is whole days up to here.
    pub until_ms: i64,
}

impl Default for SampleSpec {
    /// The shop behind the models that come with Larder: a year up to the end of October 2026.
    fn default() -> SampleSpec {
        SampleSpec {
            products: 2500,
            users: 4000,
            sessions: 40_000,
            days: 365,
            seed: 1,
            until_ms: 1_793_404_800_000,
        }
    }
}

impl SampleSpec {
    /// The first moment of the period, milliseconds since 1970.
    pub fn start_ms(&self) -> i64 {
        self.until_ms - i64::from(self.days) * DAY_MS
    }
}
