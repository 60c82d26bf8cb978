//! What events have changed since the snapshot was made, as one immutable part of what a request is answered from.
//!
//! There are no events yet: nothing can be fed here and no answer is changed. The part and its epoch exist so that
//! answers, exposures and keys name all that they were made from before the first event is applied. What sessions and
//! users did lately has a place of its own, [`recent`](crate::live::recent), which no request reads yet.

pub mod recent;

/// One immutable state of what events say, counted from 0: the snapshot alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Live {
    epoch: u64,
}

impl Live {
    /// The state of this epoch.
    pub fn at(epoch: u64) -> Self {
        Self { epoch }
    }

    /// Which state it is; a later one is greater.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}
