//! The time that answers are made for.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::domain::Moment;

/// Tells the time of day to stages that read it: the system's, or one that is given, for tests and replays.
#[derive(Clone, Default)]
pub(super) enum Clock {
    #[default]
    System,
    Given(Arc<dyn Fn() -> SystemTime + Send + Sync>),
}

impl Clock {
    pub(super) fn now(&self) -> Moment {
        // A branch and not a boxed closure over the system's clock: nearly nobody gives one.
        Moment::of(match self {
            Clock::System => SystemTime::now(),
            Clock::Given(now) => now(),
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Clock::System => "System",
            Clock::Given(_) => "Given",
        })
    }
}
