//! What somebody did with an item, as one byte.

/// What somebody did with an item. Events have names of any kind; these are the ones that are told apart afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum ActionKind {
    /// Anything without a meaning of its own here, such as `share` or `search`.
    Other = 0,
    /// Was shown it (`impression`, `shown`).
    Impression = 1,
    /// Looked at it (`view`, `product_view`).
    View = 2,
    /// Chose it in a list (`click`).
    Click = 3,
    /// Put it into the cart (`add_to_cart`, `cart`).
    AddToCart = 4,
    /// Took it out of the cart (`remove_from_cart`).
    RemoveFromCart = 5,
    /// Bought it (`purchase`, `order`).
    Purchase = 6,
    /// Likes it (`like`, `favorite`).
    Like = 7,
    /// Does not like it (`dislike`, `hide`).
    Dislike = 8,
}

/// Event names without `_`, `-`, `.` and spaces, in small letters. `transaction` and `addtocart` are RetailRocket's,
/// `view_item` and `select_item` are GA4's; training reads the same names as purchases and carts.
const NAMES: [(&str, ActionKind); 40] = [
    ("impression", ActionKind::Impression),
    ("impressions", ActionKind::Impression),
    ("shown", ActionKind::Impression),
    ("viewitemlist", ActionKind::Impression),
    ("view", ActionKind::View),
    ("viewitem", ActionKind::View),
    ("viewed", ActionKind::View),
    ("itemview", ActionKind::View),
    ("productview", ActionKind::View),
    ("productviewed", ActionKind::View),
    ("pageview", ActionKind::View),
    ("detailpageview", ActionKind::View),
    ("click", ActionKind::Click),
    ("clicked", ActionKind::Click),
    ("selectitem", ActionKind::Click),
    ("productclick", ActionKind::Click),
    ("productclicked", ActionKind::Click),
    ("addtocart", ActionKind::AddToCart),
    ("cart", ActionKind::AddToCart),
    ("addtobasket", ActionKind::AddToCart),
    ("cartadd", ActionKind::AddToCart),
    ("productadded", ActionKind::AddToCart),
    ("removefromcart", ActionKind::RemoveFromCart),
    ("removefrombasket", ActionKind::RemoveFromCart),
    ("cartremove", ActionKind::RemoveFromCart),
    ("productremoved", ActionKind::RemoveFromCart),
    ("purchase", ActionKind::Purchase),
    ("purchased", ActionKind::Purchase),
    ("order", ActionKind::Purchase),
    ("buy", ActionKind::Purchase),
    ("transaction", ActionKind::Purchase),
    ("purchasecomplete", ActionKind::Purchase),
    ("ordercompleted", ActionKind::Purchase),
    ("like", ActionKind::Like),
    ("favorite", ActionKind::Like),
    ("favourite", ActionKind::Like),
    ("addtowishlist", ActionKind::Like),
    ("dislike", ActionKind::Dislike),
    ("hide", ActionKind::Dislike),
    ("notinterested", ActionKind::Dislike),
];

/// The most letters of a known name; a longer one is not compared.
const LONGEST: usize = 16;

impl ActionKind {
    /// Every kind, in their order.
    pub const ALL: [Self; 9] = [
        Self::Other,
        Self::Impression,
        Self::View,
        Self::Click,
        Self::AddToCart,
        Self::RemoveFromCart,
        Self::Purchase,
        Self::Like,
        Self::Dislike,
    ];

    /// The name that events of this kind usually have.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Impression => "impression",
            Self::View => "view",
            Self::Click => "click",
            Self::AddToCart => "add_to_cart",
            Self::RemoveFromCart => "remove_from_cart",
            Self::Purchase => "purchase",
            Self::Like => "like",
            Self::Dislike => "dislike",
        }
    }

    /// Reads the name of an event, whether it is written `add_to_cart`, `add-to-cart`, `Add to cart` or `addToCart`.
    pub fn from_name(name: &str) -> Self {
        let mut letters = [0; LONGEST];
        let mut used = 0;
        for byte in name.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b'.' | b' ')) {
            let Some(letter) = letters.get_mut(used) else { return Self::Other };
            *letter = byte.to_ascii_lowercase();
            used += 1;
        }
        let known = NAMES.iter().find(|(known, _)| known.as_bytes() == &letters[..used]);
        known.map_or(Self::Other, |(_, kind)| *kind)
    }

    /// The byte that stands for it.
    pub(super) fn code(self) -> u8 {
        self as u8
    }

    /// What a byte stands for.
    pub(super) fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_every_spelling() {
        let known = [
            ("view", ActionKind::View),
            ("product_view", ActionKind::View),
            ("pageview", ActionKind::View),
            ("page.view", ActionKind::View),
            ("detail-page-view", ActionKind::View),
            ("select_item", ActionKind::Click),
            ("addToCart", ActionKind::AddToCart),
            ("Add to cart", ActionKind::AddToCart),
            ("cart", ActionKind::AddToCart),
            ("remove_from_cart", ActionKind::RemoveFromCart),
            ("REMOVE_FROM_BASKET", ActionKind::RemoveFromCart),
            ("transaction", ActionKind::Purchase),
            ("order", ActionKind::Purchase),
            ("buy", ActionKind::Purchase),
            ("impression", ActionKind::Impression),
            ("like", ActionKind::Like),
            ("not_interested", ActionKind::Dislike),
            ("", ActionKind::Other),
            ("viewé", ActionKind::Other),
            ("a name that is longer than every known one", ActionKind::Other),
        ];
        for (name, kind) in known {
            assert_eq!(ActionKind::from_name(name), kind, "{name}");
        }
    }

    #[test]
    fn a_code_leads_back_to_its_kind() {
        for (code, kind) in ActionKind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.code()), code);
            assert_eq!(ActionKind::from_code(kind.code()), kind);
        }
        assert_eq!(ActionKind::from_code(200), ActionKind::Other);
        assert_eq!(NAMES.iter().map(|(name, _)| name.len()).max(), Some(LONGEST));
    }
}
