//! A generated webshop to try [Larder](https://github.com/larder-rs/larder) with: products, users and a year of events.
//!
//! The same [`SampleSpec`] gives the same shop on every platform. The structure in it (popularity, taste, similar and
//! matching products, seasons, launches, restocking) comes from how the visits are simulated; no answer is planted.
//! [`write_shop`] writes the three files that `larder train` reads; [`write_scale`] writes the artifacts of an already
//! trained shop, of any size, with random content, to find out what a server does at that size.
//!
//! ```
//! use larder_sample::{SampleSpec, generate};
//!
//! let spec = SampleSpec { products: 100, users: 20, sessions: 50, ..SampleSpec::default() };
//! let shop = generate(&spec);
//! assert_eq!(shop.products.len(), 100);
//! assert_eq!(shop, generate(&spec));
//! ```

mod assortment;
mod calendar;
mod catalogue;
mod draw;
mod event;
mod files;
mod people;
mod scale;
mod session;
mod shop;
mod spec;
mod table;
#[cfg(test)]
mod tests;
mod traffic;
mod words;

pub use catalogue::{Product, generate_products};
pub use event::{Event, EventType};
pub use files::{ShopSize, write_shop};
pub use people::{User, generate_users};
pub use scale::{ScaleSpec, write_scale};
pub use shop::{SampleShop, generate};
pub use spec::SampleSpec;
pub use table::SampleError;
pub use traffic::generate_events;
