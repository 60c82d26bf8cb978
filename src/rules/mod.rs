//! What merchandisers instruct, as one immutable part of what a request is answered from.
//!
//! There are no rules yet: nothing can be loaded here and no answer is changed. The part and its version exist so that
//! answers, exposures and keys name all that they were made from before the first rule is written.

use std::sync::Arc;

/// All rules that hold at one moment.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    version: Arc<str>,
}

impl Rules {
    /// Rules of this version.
    pub fn new(version: impl Into<Arc<str>>) -> Self {
        Self { version: version.into() }
    }

    /// The version they were published under; empty where there are none.
    pub fn version(&self) -> &str {
        &self.version
    }
}
