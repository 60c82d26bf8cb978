//! The last room: the slate.

mod top;

pub use top::Top;
