//! Mappings, ready for use: somebody else's record becomes an event.

use std::sync::Arc;

use serde_json::Value;

use super::clock::Clock;
use super::convert::{Documents, Reader};
use super::frame::{Form, Frame};
use super::limits::ATTRIBUTES;
use super::mapping::{Field, Mapping, MappingError, TypeField};
use super::pattern::Pattern;
use super::poison::{Poison, Reason};
use super::{canonical, defaults, time, values};
use crate::domain::{AttributeValue, Event, EventKind};

/// A mapping whose pointers and pattern have been read.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pattern: Option<Pattern>,
    kind: KindFrom,
    id: Option<Reader>,
    time: Option<Reader>,
    item_id: Option<Reader>,
    user_id: Option<Reader>,
    visitor_id: Option<Reader>,
    session_id: Option<Reader>,
    recommendation_id: Option<Reader>,
    value: Option<Reader>,
    quantity: Option<Reader>,
    consent: Option<Reader>,
    set: Vec<(Arc<str>, Reader)>,
    unset: Vec<Arc<str>>,
    upsert: bool,
}

#[derive(Debug, Clone)]
enum KindFrom {
    Always(EventKind),
    Record(Box<Reader>),
}

/// Applies the first rule that matches; `None` if none does. An event of `None` is one that says nothing.
pub(super) fn apply(
    rules: &[Rule],
    frame: &Frame<'_>,
    clock: Clock,
) -> Option<Result<Option<Event>, Poison>> {
    if rules.is_empty() {
        return None;
    }
    // Lists are left out: what their other elements say is not said of this one.
    let mut all: Vec<&Frame<'_>> =
        frame.outwards().filter(|frame| !matches!(frame.form, Form::List | Form::Records)).collect();
    all.reverse();
    let (rule, first) = rules.iter().find_map(|rule| Some((rule, rule.matches(&all)?)))?;
    let (typed, deletion) = (frame.has_typed_values(), frame.is_deletion());
    let documents = Documents { all: &all, first, typed, deletion };
    Some(rule.read(documents, frame, clock))
}

impl Rule {
    /// Checks the mapping at this place of the list.
    ///
    /// # Errors
    /// It could not be applied to any record.
    pub(super) fn new(at: usize, mapping: &Mapping) -> Result<Self, MappingError> {
        let map = at + 1;
        let reader = |name: &str, field: &Option<Field>| {
            field.as_ref().map(|field| Reader::new(map, name, field)).transpose()
        };
        let pattern = mapping.pattern.as_deref().map(Pattern::parse).transpose();
        let names = mapping.set.keys().chain(&mapping.unset);
        let unset = mapping.unset.iter().map(|name| attribute_name(map, name));
        let set = mapping.set.iter().map(|(name, field)| {
            Ok((attribute_name(map, name)?, Reader::new(map, &format!("set.{name}"), field)?))
        });
        if names.count() > ATTRIBUTES {
            return Err(problem(map, "set", format!("and unset have more than {ATTRIBUTES} attributes")));
        }
        if let Some(name) = mapping.unset.iter().find(|name| mapping.set.contains_key(*name)) {
            return Err(problem(map, "unset", format!("has {name:?}, which is in set too")));
        }
        let rule = Self {
            pattern: pattern.map_err(|source| MappingError::Pattern { map, source })?,
            kind: match &mapping.kind {
                TypeField::Name(name) => KindFrom::Always(
                    canonical::kind_of(name, "").map_err(|poison| problem(map, "type", poison.message))?,
                ),
                TypeField::At(field) => KindFrom::Record(Box::new(Reader::new(map, "type", field)?)),
            },
            id: reader("id", &mapping.id)?,
            time: reader("time", &mapping.time)?,
            item_id: reader("item_id", &mapping.item_id)?,
            user_id: reader("user_id", &mapping.user_id)?,
            visitor_id: reader("visitor_id", &mapping.visitor_id)?,
            session_id: reader("session_id", &mapping.session_id)?,
            recommendation_id: reader("recommendation_id", &mapping.recommendation_id)?,
            value: reader("value", &mapping.value)?,
            quantity: reader("quantity", &mapping.quantity)?,
            consent: reader("consent", &mapping.consent)?,
            set: set.collect::<Result<_, _>>()?,
            unset: unset.collect::<Result<_, _>>()?,
            upsert: mapping.upsert,
        };
        rule.check(map)?;
        Ok(rule)
    }

    /// Whether its events name a person.
    pub(super) fn names_a_person(&self) -> bool {
        self.user_id.is_some() || self.visitor_id.is_some() || self.session_id.is_some()
    }

    /// The document that the pattern matches, the outermost if several do; without a pattern the innermost.
    fn matches(&self, documents: &[&Frame<'_>]) -> Option<usize> {
        match &self.pattern {
            Some(pattern) => documents.iter().position(|frame| pattern.matches(frame.document)),
            None => documents.len().checked_sub(1),
        }
    }

    /// Checks the fields against the type, as those of an event are, with an event that has all of them.
    fn check(&self, map: usize) -> Result<(), MappingError> {
        let KindFrom::Always(kind) = &self.kind else { return Ok(()) };
        let text = |reader: &Option<Reader>| reader.as_ref().map(|_| String::new());
        let number = |reader: &Option<Reader>| reader.as_ref().map(|_| 0.0);
        let names = self.set.iter().map(|(name, _)| name).chain(&self.unset);
        let event = Event {
            item_id: text(&self.item_id),
            user_id: text(&self.user_id),
            visitor_id: text(&self.visitor_id),
            value: number(&self.value),
            quantity: number(&self.quantity),
            attributes: names.map(|name| (Arc::clone(name), AttributeValue::Null)).collect(),
            upsert: self.upsert,
            ..Event::new(kind.clone(), 0)
        };
        canonical::check(&event)
            .map_err(|poison| problem(map, poison.field.trim_start_matches('/'), poison.message.clone()))
    }

    fn read(
        &self,
        documents: Documents<'_>,
        frame: &Frame<'_>,
        clock: Clock,
    ) -> Result<Option<Event>, Poison> {
        let mut kind = self.kind(documents)?;
        let mut details = true;
        if documents.deletion {
            match kind {
                // The row of an item is gone, so there is nothing to say about its attributes.
                EventKind::ItemChanged | EventKind::ItemListed | EventKind::ItemDelisted => {
                    kind = EventKind::ItemDelisted;
                    details = false;
                }
                // Rows of orders and clicks are tidied away; nobody bought anything by that.
                EventKind::Interaction(_) => return Ok(None),
                _ => {}
            }
        }
        let time_ms = match &self.time {
            Some(reader) => reader.time_ms(documents)?,
            None => defaults::time_ms(frame)?,
        };
        let time_field = self.time.as_ref().map_or("/time", Reader::pointer);
        let id = |reader: &Option<Reader>| reader.as_ref().map_or(Ok(None), |reader| reader.id(documents));
        let mut event = Event {
            id: id(&self.id)?.unwrap_or_else(|| defaults::id(frame)),
            item_id: id(&self.item_id)?,
            user_id: id(&self.user_id)?,
            visitor_id: id(&self.visitor_id)?,
            session_id: id(&self.session_id)?,
            ..Event::new(kind, time::settle(time_ms, clock, time_field)?)
        };
        if details {
            self.add_details(&mut event, documents)?;
        }
        canonical::check(&event)?;
        Ok(Some(event))
    }

    fn add_details(&self, event: &mut Event, documents: Documents<'_>) -> Result<(), Poison> {
        let number =
            |reader: &Option<Reader>| reader.as_ref().map_or(Ok(None), |reader| reader.number(documents));
        event.value = number(&self.value)?;
        event.quantity = number(&self.quantity)?;
        if let Some(reader) = &self.recommendation_id {
            event.recommendation_id = reader.id(documents)?;
        }
        if let Some(reader) = &self.consent
            && let Some(value) = reader.present(documents)?
        {
            event.consent =
                values::consent(&value, reader.pointer()).map_err(|poison| reader.named(poison))?;
        }
        event.upsert = self.upsert;
        event.attributes.reserve(self.set.len() + self.unset.len());
        for (name, reader) in &self.set {
            if let Some(value) = reader.value(documents)? {
                let value =
                    values::attribute(&value, reader.pointer()).map_err(|poison| reader.named(poison))?;
                event.attributes.push((Arc::clone(name), value));
            }
        }
        event.attributes.extend(self.unset.iter().map(|name| (Arc::clone(name), AttributeValue::Null)));
        Ok(())
    }

    fn kind(&self, documents: Documents<'_>) -> Result<EventKind, Poison> {
        let reader = match &self.kind {
            KindFrom::Always(kind) => return Ok(kind.clone()),
            KindFrom::Record(reader) => reader,
        };
        let kind = match reader.present(documents)? {
            Some(Value::String(name)) => canonical::kind_of(&name, reader.pointer()),
            Some(other) => Err(Poison::bad_value(reader.pointer(), &other, "a text")),
            None => Err(Poison::new(Reason::MissingField, reader.pointer(), "is not there")),
        };
        kind.map_err(|poison| reader.named(poison))
    }
}

fn attribute_name(map: usize, name: &str) -> Result<Arc<str>, MappingError> {
    values::attribute_name(name, "").map_err(|poison| problem(map, &format!("set.{name}"), poison.message))
}

fn problem(map: usize, field: &str, problem: String) -> MappingError {
    MappingError::Field { map, field: field.to_owned(), problem }
}
