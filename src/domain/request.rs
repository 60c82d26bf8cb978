//! What a caller asks for.

use std::collections::BTreeMap;
use std::time::Duration;

/// A request for one slate. Only `placement` is needed; everything else narrows or informs the answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The spot the slate is for, as named in `placements.toml`.
    pub placement: String,
    /// Whom the slate is for.
    pub subject: Subject,
    /// Where and how it will be shown.
    pub context: RequestContext,
    /// Items to look from: the viewed product, the cart. In the caller's order, newest last.
    pub seeds: Vec<Seed>,
    /// What happened in this session so far, newest last.
    pub session_events: Vec<SessionEvent>,
    /// How many items to return; the placement's own page size when `None`.
    pub page_size: Option<usize>,
    /// How many items of the ranking to skip: the position of this page.
    pub offset: usize,
    /// A filter expression that every returned item satisfies, on top of the placement's own.
    pub filter: Option<String>,
    /// Values for the `$name` parameters of `filter`.
    pub filter_params: BTreeMap<String, FilterValue>,
    /// Items never to return.
    pub exclude_item_ids: Vec<String>,
    /// When not empty, the only items that may be returned.
    pub candidate_item_ids: Vec<String>,
    /// Time left for the answer; the placement's and the server's limits also apply.
    pub budget: Option<Duration>,
    /// Catalogue attributes to return with each item. The protocols use it; the recommender checks the names.
    pub item_fields: Vec<String>,
    /// How much the answer should tell.
    pub view: ResponseView,
    /// Whether a person waits for the answer.
    pub traffic_class: TrafficClass,
    /// Check the request and answer without items.
    pub validate_only: bool,
}

impl Request {
    /// A request for `placement` with nothing else said.
    pub fn new(placement: impl Into<String>) -> Self {
        Self { placement: placement.into(), ..Self::default() }
    }

    /// Sets the user.
    pub fn user(mut self, user_id: impl Into<String>) -> Self {
        self.subject.user_id = Some(user_id.into());
        self
    }

    /// Adds a seed item that the visitor is looking at.
    pub fn viewing(self, item_id: impl Into<String>) -> Self {
        self.seed(item_id, SeedRole::Viewing)
    }

    /// Adds a seed item.
    pub fn seed(mut self, item_id: impl Into<String>, role: SeedRole) -> Self {
        // As the API understands a seed without a weight.
        self.seeds.push(Seed { item_id: item_id.into(), role, weight: 1.0 });
        self
    }

    /// Adds an event of this session, newest last.
    pub fn event(mut self, item_id: impl Into<String>) -> Self {
        self.session_events.push(SessionEvent { item_id: item_id.into(), ..SessionEvent::default() });
        self
    }

    /// Sets how many items to return.
    pub fn page_size(mut self, items: usize) -> Self {
        self.page_size = Some(items);
        self
    }
}

/// Whom a slate is for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
    /// A signed-in customer.
    pub user_id: Option<String>,
    /// A device or browser that is not signed in.
    pub visitor_id: Option<String>,
    /// The visit.
    pub session_id: Option<String>,
    /// Whether the subject's own history may be used.
    pub consent: Consent,
}

impl Subject {
    /// The user, unless consent was denied.
    pub fn user(&self) -> Option<&str> {
        self.known_by(self.user_id.as_ref())
    }

    /// The device, unless consent was denied.
    pub fn visitor(&self) -> Option<&str> {
        self.known_by(self.visitor_id.as_ref())
    }

    /// The visit, unless consent was denied.
    pub fn session(&self) -> Option<&str> {
        self.known_by(self.session_id.as_ref())
    }

    /// Whether the answer may depend on who asks, by any id.
    pub fn is_known(&self) -> bool {
        self.user().or(self.visitor()).or(self.session()).is_some()
    }

    // The one place where a denied consent takes an id away. Whatever keeps, writes or compares an id asks here: a
    // field that is read directly has leaked a session id into the exposure log before.
    fn known_by<'a>(&self, id: Option<&'a String>) -> Option<&'a str> {
        if self.consent == Consent::Denied { None } else { id.map(String::as_str) }
    }
}

/// Whether personal history may shape the slate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Consent {
    /// Nothing was said: history is used.
    #[default]
    Unspecified,
    /// History is used.
    Granted,
    /// The ids are ignored and leave no trace; the events of the session and the seeds still count.
    Denied,
}

/// Where and how a slate will be shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequestContext {
    /// BCP 47 tag, such as `de-CH`.
    pub locale: Option<String>,
    /// Country, as the popularity segments name it.
    pub country: Option<String>,
    /// `web`, `app`, `mail` …
    pub channel: Option<String>,
    /// Anything else a recipe may segment by, such as `category`.
    pub attributes: BTreeMap<String, String>,
}

/// An item to look from.
#[derive(Debug, Clone, PartialEq)]
pub struct Seed {
    /// The item.
    pub item_id: String,
    /// What the subject did with it.
    pub role: SeedRole,
    /// Importance relative to the other seeds: 0, or 0.000001 to 1000000.
    pub weight: f32,
}

/// What the subject did with a seed item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeedRole {
    /// Looking at it now.
    #[default]
    Viewing,
    /// Put it into the cart.
    InCart,
    /// Bought it.
    Purchased,
    /// Liked it.
    Liked,
    /// Disliked it: never recommended, never looked from.
    Disliked,
}

/// One event of the running session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionEvent {
    /// The item.
    pub item_id: String,
    /// `view`, `add_to_cart`, `purchase` …; counts where the recipe gives event types weights.
    pub event_type: Option<String>,
    /// Milliseconds since 1970-01-01 UTC; informative, the order of the list decides.
    pub event_time_ms: Option<i64>,
}

/// A value for a `$name` in a filter.
#[derive(Debug, Clone, PartialEq)]
pub enum FilterValue {
    /// true or false
    Bool(bool),
    /// Any number; compared as a 64-bit float.
    Number(f64),
    /// Text; compared byte for byte.
    Text(String),
    /// A list, for `in`.
    List(Vec<FilterValue>),
}

/// How much an answer tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseView {
    /// Ids, ranks and properties.
    Basic,
    /// And scores and sources.
    #[default]
    Standard,
    /// And how long each stage took and how many candidates it kept.
    Debug,
}

/// Whether a person waits for the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrafficClass {
    /// A person.
    #[default]
    Live,
    /// A load test or probe: no exposure is recorded.
    Synthetic,
    /// A copy of live traffic: no exposure is recorded.
    Shadow,
}
