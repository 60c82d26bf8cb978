//! The whole shop in memory, for tests and for callers that want rows rather than files.

use super::catalogue::{Product, generate_products};
use super::event::Event;
use super::people::{User, generate_users};
use super::spec::SampleSpec;
use super::traffic::generate_events;

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

/// Generates the whole shop.
pub fn generate(spec: &SampleSpec) -> SampleShop {
    let products = generate_products(spec);
    let users = generate_users(spec);
    let mut events = Vec::new();
    generate_events(spec, &products, &users, |event| events.push(event));
    SampleShop { products, users, events }
}
