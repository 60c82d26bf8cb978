//! A believable webshop to train on: products, people and a year of events, the same for the same seed on every
//! platform. The structure in it (popularity, taste, similar and matching products, seasons, launches,
//! restocking) comes from how the visits are made; no answer is planted.

mod calendar;
mod catalogue;
mod draw;
mod people;
mod scale;
mod session;
mod shelves;
#[cfg(test)]
mod tests;
mod traffic;
mod words;

pub use scale::{ScaleSpec, write_scale};
pub use traffic::generate_events;

use catalogue::Traits;
use people::{Habit, Taste};

/// How large a shop to make, and for which period.
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
    /// The shop behind the embedded models: a year up to the end of October 2026.
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
        self.until_ms - i64::from(self.days) * calendar::DAY_MS
    }
}

/// A whole shop in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleShop {
    /// The catalogue, in order of launch.
    pub products: Vec<Product>,
    /// The users.
    pub users: Vec<User>,
    /// The events, in order of time, ties by session.
    pub events: Vec<Event>,
}

/// One product of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// Its id, like `P00123`.
    pub item_id: String,
    /// Its title; no two products share one.
    pub title: String,
    /// Its department, like `Kitchen`.
    pub department: &'static str,
    /// Its category, like `storage-jars`.
    pub category: &'static str,
    /// Its brand.
    pub brand: &'static str,
    /// Its price, two decimals.
    pub price: f64,
    /// Whether it can be ordered at the end of the period.
    pub in_stock: bool,
    /// Style, material, use and price level.
    pub tags: Vec<String>,
    /// Stars, 2.5 to 5, one decimal.
    pub rating: f64,
    /// When it came into the shop, milliseconds since 1970.
    pub launched_ms: i64,
    traits: Traits,
}

/// One user with an account.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Their id, like `U00123`.
    pub user_id: String,
    /// Where they live, like `DE`.
    pub country: &'static str,
    country_index: u8,
    taste: Taste,
    habit: Option<Habit>,
}

/// One event. Products and users are places in their lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When, milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The number of the session, in order of the sessions' starts.
    pub session: u32,
    /// The user, if signed in.
    pub user: Option<u32>,
    /// The product.
    pub item: u32,
    /// What happened.
    pub event_type: EventType,
    /// The visitor's country.
    pub country: &'static str,
}

impl Event {
    /// The session's id, like `S0000123`.
    pub fn session_id(&self) -> String {
        format!("S{:08}", self.session)
    }
}

/// What happened to a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// Its page was opened.
    View,
    /// It was put into the cart.
    AddToCart,
    /// It was bought.
    Purchase,
}

impl EventType {
    /// The name in event files.
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::View => "view",
            EventType::AddToCart => "add_to_cart",
            EventType::Purchase => "purchase",
        }
    }
}

/// Makes the catalogue alone, for [`generate_events`].
pub fn generate_products(spec: &SampleSpec) -> Vec<Product> {
    catalogue::products(spec)
}

/// Makes the users alone, for [`generate_events`].
pub fn generate_users(spec: &SampleSpec) -> Vec<User> {
    people::users(spec)
}

/// Makes the whole shop.
pub fn generate(spec: &SampleSpec) -> SampleShop {
    let products = generate_products(spec);
    let users = generate_users(spec);
    let mut events = Vec::new();
    generate_events(spec, &products, &users, |event| events.push(event));
    SampleShop { products, users, events }
}
