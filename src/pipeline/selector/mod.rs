//! Selectors: cut to size.

mod top;

pub use top::Top;
