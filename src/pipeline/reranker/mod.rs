//! The fifth room: order with the whole list in view.

mod cap;

use super::RerankerFactory;

pub use cap::Cap;

/// The kinds that recipes may name.
pub(super) fn kinds() -> [(&'static str, RerankerFactory); 1] {
    [("cap", Cap::make)]
}
