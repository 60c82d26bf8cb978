//! What people do with items.

/// What an event says about the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventKind {
    /// Looked at (`view`, `click`, and any type not named elsewhere).
    View,
    /// Put into the cart (`add_to_cart`, `cart`).
    Cart,
    /// Bought (`purchase`, `order`, `buy`).
    Purchase,
    /// Undone (`return`, `refund`, `cancel`, `remove_from_cart`); not learned from.
    Undone,
}

impl EventKind {
    /// Reads an `event_type`.
    pub fn parse(name: &str) -> Self {
        Self::known(&name.to_ascii_lowercase()).unwrap_or(EventKind::View)
    }

    /// The kind of a type in lower case, if it is one of those that are known.
    pub(super) fn known(name: &str) -> Option<Self> {
        match name {
            // `transaction` and `addtocart` are RetailRocket's names; the others are GA4's or plain words.
            "purchase" | "order" | "buy" | "transaction" => Some(EventKind::Purchase),
            "add_to_cart" | "addtocart" | "cart" => Some(EventKind::Cart),
            "return" | "refund" | "cancel" | "remove_from_cart" => Some(EventKind::Undone),
            "" | "view" | "click" | "view_item" | "select_item" | "detail_view" | "page_view" => {
                Some(EventKind::View)
            }
            _ => None,
        }
    }
}
