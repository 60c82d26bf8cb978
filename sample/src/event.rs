//! What happened in the shop: one event a row, as event files have it.

/// One event. Products and users are positions in their lists.
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
    /// The session's id, like `S00000123`.
    pub fn session_id(&self) -> String {
        format!("S{:08}", self.session)
    }
}

/// What happened to a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
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
