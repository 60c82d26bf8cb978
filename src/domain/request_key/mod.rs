//! What of a request its answer depends on, decided in one place for everything that compares, keeps or records
//! requests: the result cache, the ETag, page tokens and exposures.

mod bytes;

use std::collections::BTreeMap;

use super::{FilterValue, Request, RequestContext, ResponseView, Seed, SeedRole, SessionEvent, Subject};

pub use bytes::{ByteSink, KeyBytes};

/// The parts of a request that two requests must share to have the same answer from the same view.
///
/// A visitor gets them in a fixed order. Each part is taken apart without `..`: whoever adds a field to a request
/// cannot compile until it is decided here whether answers depend on it.
#[derive(Debug, Clone, Copy)]
pub struct RequestKey<'a> {
    request: &'a Request,
    scope: Scope,
    page_size: Option<usize>,
    subject: bool,
    session: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Ranking,
    Page,
    Answer,
}

impl<'a> RequestKey<'a> {
    /// What the ranking depends on, whichever page of it is shown and however. Two pages of one ranking share it.
    pub fn ranking(request: &'a Request) -> Self {
        Self { request, scope: Scope::Ranking, page_size: None, subject: true, session: true }
    }

    /// What the items of one page depend on. `page_size` is as the placement understood it, so that a request that
    /// names the placement's own size and one that leaves it out are the same.
    pub fn page(request: &'a Request, page_size: usize) -> Self {
        Self { request, scope: Scope::Page, page_size: Some(page_size), subject: true, session: true }
    }

    /// What all that is told of one page depends on.
    pub fn answer(request: &'a Request) -> Self {
        Self { request, scope: Scope::Answer, page_size: request.page_size, subject: true, session: true }
    }

    /// Leaves out who asks, for answers that do not depend on it or records that say it elsewhere.
    pub fn without_subject(self) -> Self {
        Self { subject: false, ..self }
    }

    /// Leaves out who asks and what happened in their session: the key of the answer that anybody would get.
    pub fn for_anybody(self) -> Self {
        Self { subject: false, session: false, ..self }
    }

    /// Shows the parts to a visitor.
    pub fn visit(&self, visitor: &mut impl KeyVisitor) {
        let Request {
            placement,
            subject,
            context,
            seeds,
            session_events,
            page_size: _, // as `self.page_size`, which may be the placement's own
            offset,
            filter,
            filter_params,
            exclude_item_ids,
            candidate_item_ids,
            item_fields,
            view,
            // How an answer is made and counted, never which items it has: an answer that a short budget made worse
            // says so and is not kept.
            budget: _,
            traffic_class: _,
            validate_only: _,
        } = self.request;
        visitor.name("placement");
        visitor.text(placement);
        if self.subject {
            visit_subject(subject, visitor);
        }
        visit_context(context, visitor);
        visit_list(visitor, "seed_items", seeds, visit_seed);
        if self.session {
            visit_list(visitor, "session_events", session_events, visit_event);
        }
        visit_optional(visitor, "filter", filter.as_deref());
        visit_map(visitor, "filter_params", filter_params, visit_value);
        visit_ids(visitor, "exclude_item_ids", exclude_item_ids);
        visit_ids(visitor, "candidate_item_ids", candidate_item_ids);
        // After what the ranking depends on, so that the key of a ranking is the beginning of the keys of its pages.
        if self.scope >= Scope::Page {
            visitor.name("page_size");
            match self.page_size {
                Some(size) => visitor.integer(size as i64),
                None => visitor.absent(),
            }
            visitor.name("offset");
            visitor.integer(*offset as i64);
        }
        if self.scope >= Scope::Answer {
            visit_fields(item_fields, visitor);
            visitor.name("view");
            match view {
                ResponseView::Basic => visitor.choice(1, "BASIC"),
                ResponseView::Standard => visitor.choice(2, "STANDARD"),
                ResponseView::Debug => visitor.choice(3, "DEBUG"),
            }
        }
    }
}

/// Is shown the values of a request, one after the other.
pub trait KeyVisitor {
    /// The name of the value that follows. Only records need it: in a key the order tells the values apart.
    fn name(&mut self, _name: &'static str) {}
    /// A value that the request does not have.
    fn absent(&mut self);
    /// A text.
    fn text(&mut self, value: &str);
    /// A whole number.
    fn integer(&mut self, value: i64);
    /// Any other number.
    fn number(&mut self, value: f64);
    /// A truth value.
    fn boolean(&mut self, value: bool);
    /// One of a few values, by its number in the API and its name there.
    fn choice(&mut self, number: u8, name: &'static str);
    /// A list of this many values follows.
    fn open_list(&mut self, length: usize);
    /// The list is at its end.
    fn close_list(&mut self) {}
    /// This many values follow, each after a name that the caller chose.
    fn open_map(&mut self, length: usize);
    /// The name of the value that follows in a map.
    fn entry(&mut self, name: &str);
    /// The map is at its end.
    fn close_map(&mut self) {}
    /// The values of one entry of a list follow, always the same ones.
    fn open_record(&mut self) {}
    /// The entry is at its end.
    fn close_record(&mut self) {}
}

fn visit_subject(subject: &Subject, visitor: &mut impl KeyVisitor) {
    // Only to make a new field stop the build; the ids are asked for as consent allows.
    let Subject { user_id: _, visitor_id: _, session_id: _, consent: _ } = subject;
    visit_optional(visitor, "user_id", subject.user());
    visit_optional(visitor, "visitor_id", subject.visitor());
    visit_optional(visitor, "session_id", subject.session());
}

fn visit_context(context: &RequestContext, visitor: &mut impl KeyVisitor) {
    let RequestContext { locale, country, channel, attributes } = context;
    visit_optional(visitor, "locale", locale.as_deref());
    visit_optional(visitor, "country", country.as_deref());
    visit_optional(visitor, "channel", channel.as_deref());
    visit_map(visitor, "attributes", attributes, |value, visitor| visitor.text(value));
}

fn visit_seed<V: KeyVisitor>(seed: &Seed, visitor: &mut V) {
    let Seed { item_id, role, weight } = seed;
    visitor.open_record();
    visitor.name("item_id");
    visitor.text(item_id);
    visitor.name("role");
    // By the numbers of the API, which stay, and not by those of the enum, which a role in between would move.
    match role {
        SeedRole::Viewing => visitor.choice(1, "VIEWING"),
        SeedRole::InCart => visitor.choice(2, "IN_CART"),
        SeedRole::Purchased => visitor.choice(3, "PURCHASED"),
        SeedRole::Liked => visitor.choice(4, "LIKED"),
        SeedRole::Disliked => visitor.choice(5, "DISLIKED"),
    }
    visitor.name("weight");
    visitor.number(f64::from(*weight));
    visitor.close_record();
}

fn visit_event<V: KeyVisitor>(event: &SessionEvent, visitor: &mut V) {
    let SessionEvent { item_id, event_type, event_time_ms } = event;
    visitor.open_record();
    visitor.name("item_id");
    visitor.text(item_id);
    visit_optional(visitor, "event_type", event_type.as_deref());
    // No stage reads the time yet. A client that sends it says what happened when, and its page token and ETag hold it
    // to that.
    visitor.name("event_time_ms");
    match event_time_ms {
        Some(time) => visitor.integer(*time),
        None => visitor.absent(),
    }
    visitor.close_record();
}

fn visit_value<V: KeyVisitor>(value: &FilterValue, visitor: &mut V) {
    match value {
        FilterValue::Bool(value) => visitor.boolean(*value),
        FilterValue::Number(value) => visitor.number(*value),
        FilterValue::Text(value) => visitor.text(value),
        FilterValue::List(values) => {
            visitor.open_list(values.len());
            for value in values {
                visit_value(value, visitor);
            }
            visitor.close_list();
        }
    }
}

fn visit_optional(visitor: &mut impl KeyVisitor, name: &'static str, text: Option<&str>) {
    visitor.name(name);
    match text {
        Some(text) => visitor.text(text),
        None => visitor.absent(),
    }
}

fn visit_ids(visitor: &mut impl KeyVisitor, name: &'static str, ids: &[String]) {
    visit_list(visitor, name, ids, |id, visitor| visitor.text(id));
}

/// A field that is named twice is told once.
fn visit_fields(names: &[String], visitor: &mut impl KeyVisitor) {
    let first = |(at, name): &(usize, &String)| !names[..*at].contains(name);
    let distinct = || names.iter().enumerate().filter(first);
    visitor.name("item_fields");
    visitor.open_list(distinct().count());
    distinct().for_each(|(_, name)| visitor.text(name));
    visitor.close_list();
}

fn visit_list<T, V: KeyVisitor>(
    visitor: &mut V,
    name: &'static str,
    values: &[T],
    each: impl Fn(&T, &mut V),
) {
    visitor.name(name);
    visitor.open_list(values.len());
    for value in values {
        each(value, visitor);
    }
    visitor.close_list();
}

fn visit_map<T, V: KeyVisitor>(
    visitor: &mut V,
    name: &'static str,
    entries: &BTreeMap<String, T>,
    each: impl Fn(&T, &mut V),
) {
    visitor.name(name);
    visitor.open_map(entries.len());
    for (name, value) in entries {
        visitor.entry(name);
        each(value, visitor);
    }
    visitor.close_map();
}

#[cfg(test)]
mod tests;
