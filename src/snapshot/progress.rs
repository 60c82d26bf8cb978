//! Which artifact a load is at, for whoever must name it when the load does not come back.

use std::fmt;
use std::sync::Arc;

/// Is told the name of each artifact before anything is done with it.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Told>>);

type Told = dyn Fn(&str) + Send + Sync;

impl Progress {
    /// Calls `told` with each name.
    pub fn new(told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    pub(super) fn at(&self, artifact: &str) {
        if let Some(told) = &self.0 {
            told(artifact);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Progress(told)" } else { "Progress(untold)" })
    }
}
