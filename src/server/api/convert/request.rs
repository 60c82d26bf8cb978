//! Messages to domain requests.

use std::collections::BTreeMap;
use std::time::Duration;

use larder_proto::{Value, v1};

use super::check;
use super::token::{PageToken, PageTokenSeal};
use crate::domain::{Consent, FilterValue, Request, RequestContext, ResponseView, Subject};
use crate::server::edge::limits;
use crate::server::problem::Problem;

/// A request that is valid.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::server) struct ParsedRequest {
    /// What to recommend.
    pub(in crate::server) request: Request,
    /// Its page token, if it had one.
    pub(in crate::server) page: Option<PageToken>,
}

/// One slot of a page: its name, and its request or what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::server) struct ParsedSlot {
    pub(in crate::server) slot_id: String,
    pub(in crate::server) request: Result<Request, Problem>,
}

/// Checks a request for one slate.
pub(in crate::server) fn recommend(
    message: v1::RecommendRequest,
    budget: Option<Duration>,
    seal: &PageTokenSeal,
) -> Result<ParsedRequest, Problem> {
    check::id(&message.placement, format_args!("placement"))?;
    let page = match message.page_token.as_deref() {
        // As for ids: empty is absent, for clients that cannot leave a field out.
        None | Some("") => None,
        Some(token) => Some(PageToken::open(token, seal)?),
    };
    check::ids(&message.exclude_item_ids, limits::EXCLUDED, "exclude_item_ids")?;
    check::ids(&message.candidate_item_ids, limits::CANDIDATES, "candidate_item_ids")?;
    check::ids(&message.item_fields, limits::FIELDS, "item_fields")?;
    let request = Request {
        placement: message.placement,
        subject: subject(message.subject)?,
        context: context(message.context)?,
        seeds: check::seeds(message.seed_items)?,
        session_events: check::events(message.session_events)?,
        page_size: check::page_size(message.page_size)?,
        offset: page.as_ref().map_or(0, |page| page.offset as usize),
        filter: check::filter(message.filter)?,
        filter_params: params(message.filter_params)?,
        exclude_item_ids: message.exclude_item_ids,
        candidate_item_ids: message.candidate_item_ids,
        budget,
        item_fields: check::distinct(message.item_fields),
        view: view(message.view)?,
        traffic_class: check::traffic_class(message.traffic_class)?,
        validate_only: message.validate_only,
    };
    // Last, since it compares the request as it was understood.
    if let Some(page) = &page {
        page.check(&request)?;
    }
    Ok(ParsedRequest { request, page })
}

/// Checks a request for the slates of a page. What concerns one slot only is that slot's error.
pub(in crate::server) fn batch(
    message: v1::BatchRecommendRequest,
    budget: Option<Duration>,
) -> Result<Vec<ParsedSlot>, Problem> {
    if message.slots.is_empty() {
        return Err(Problem::invalid("slots", "must have at least one entry"));
    }
    check::count(message.slots.len(), limits::SLOTS, "slots")?;
    for (i, slot) in message.slots.iter().enumerate() {
        check::id(&slot.slot_id, format_args!("slots[{i}].slot_id"))?;
        // Twenty slots: comparing each with those before it is faster than a set.
        if message.slots.iter().take(i).any(|other| other.slot_id == slot.slot_id) {
            let reason = format!("{:?} is given twice", slot.slot_id);
            return Err(Problem::invalid(format_args!("slots[{i}].slot_id"), reason));
        }
    }
    let page = Request {
        subject: subject(message.subject)?,
        context: context(message.context)?,
        session_events: check::events(message.session_events)?,
        seeds: check::seeds(message.seed_items)?,
        budget,
        view: view(message.view)?,
        traffic_class: check::traffic_class(message.traffic_class)?,
        validate_only: message.validate_only,
        ..Request::default()
    };
    let one = |(i, mut slot): (usize, v1::BatchSlot)| {
        let slot_id = std::mem::take(&mut slot.slot_id);
        let request = of_slot(slot, &page).map_err(|problem| problem.inside(&format!("slots[{i}]")));
        ParsedSlot { slot_id, request }
    };
    Ok(message.slots.into_iter().enumerate().map(one).collect())
}

fn of_slot(slot: v1::BatchSlot, page: &Request) -> Result<Request, Problem> {
    check::id(&slot.placement, format_args!("placement"))?;
    check::ids(&slot.exclude_item_ids, limits::EXCLUDED, "exclude_item_ids")?;
    check::ids(&slot.candidate_item_ids, limits::CANDIDATES, "candidate_item_ids")?;
    check::ids(&slot.item_fields, limits::FIELDS, "item_fields")?;
    let mut request = Request {
        placement: slot.placement,
        page_size: check::page_size(slot.page_size)?,
        filter: check::filter(slot.filter)?,
        filter_params: params(slot.filter_params)?,
        exclude_item_ids: slot.exclude_item_ids,
        candidate_item_ids: slot.candidate_item_ids,
        item_fields: check::distinct(slot.item_fields),
        ..page.clone()
    };
    // Page first, then slot: the newest are last, and the slot's are closer to what is shown.
    request.seeds.extend(check::seeds(slot.seed_items)?);
    check::count(request.seeds.len(), limits::SEEDS, "seed_items")?;
    Ok(request)
}

fn subject(message: Option<v1::Subject>) -> Result<Subject, Problem> {
    let Some(message) = message else { return Ok(Subject::default()) };
    Ok(Subject {
        user_id: check::optional(message.user_id, format_args!("subject.user_id"))?,
        visitor_id: check::optional(message.visitor_id, format_args!("subject.visitor_id"))?,
        session_id: check::optional(message.session_id, format_args!("subject.session_id"))?,
        consent: match check::variant(message.consent, format_args!("subject.consent"))? {
            v1::subject::Consent::Unspecified => Consent::Unspecified,
            v1::subject::Consent::Granted => Consent::Granted,
            v1::subject::Consent::Denied => Consent::Denied,
        },
    })
}

fn context(message: Option<v1::Context>) -> Result<RequestContext, Problem> {
    let Some(message) = message else { return Ok(RequestContext::default()) };
    check::count(message.attributes.len(), limits::ATTRIBUTES, "context.attributes")?;
    for (name, value) in &message.attributes {
        check::id(name, format_args!("context.attributes"))?;
        check::id(value, format_args!("context.attributes[{name}]"))?;
    }
    Ok(RequestContext {
        locale: check::optional(message.locale, format_args!("context.locale"))?,
        country: check::optional(message.country, format_args!("context.country"))?,
        channel: check::optional(message.channel, format_args!("context.channel"))?,
        attributes: message.attributes,
    })
}

fn params(message: BTreeMap<String, Value>) -> Result<BTreeMap<String, FilterValue>, Problem> {
    check::count(message.len(), limits::PARAMS, "filter_params")?;
    let one = |(name, value): (String, Value)| {
        check::id(&name, format_args!("filter_params"))?;
        let value = check::param(value, format_args!("filter_params[{name}]"))?;
        Ok((name, value))
    };
    message.into_iter().map(one).collect()
}

fn view(number: i32) -> Result<ResponseView, Problem> {
    Ok(match check::variant(number, format_args!("view"))? {
        v1::recommend_request::View::Unspecified | v1::recommend_request::View::Standard => {
            ResponseView::Standard
        }
        v1::recommend_request::View::Basic => ResponseView::Basic,
        v1::recommend_request::View::Debug => ResponseView::Debug,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> v1::RecommendRequest {
        v1::RecommendRequest { placement: "p".to_owned(), ..Default::default() }
    }

    fn parsed(message: v1::RecommendRequest) -> Result<ParsedRequest, Problem> {
        recommend(message, None, &PageTokenSeal::random().unwrap())
    }

    fn field_at_fault(message: v1::RecommendRequest) -> Option<String> {
        parsed(message).unwrap_err().field
    }

    fn seed(item_id: &str, weight: Option<f32>) -> v1::SeedItem {
        v1::SeedItem { item_id: item_id.to_owned(), weight, ..Default::default() }
    }

    #[test]
    fn a_placement_is_enough_and_empty_strings_are_absent() {
        let subject = v1::Subject { user_id: Some(String::new()), ..Default::default() };
        let parsed = parsed(v1::RecommendRequest { subject: Some(subject), ..message() }).unwrap();
        assert_eq!(parsed.request, Request::new("p"));
    }

    #[test]
    fn every_limit_is_held_and_names_its_field() {
        let many = |n: usize| (0..n).map(|i| format!("i{i}")).collect::<Vec<_>>();
        let cases = [
            (v1::RecommendRequest::default(), "placement"),
            (v1::RecommendRequest { placement: "x".repeat(513), ..message() }, "placement"),
            (v1::RecommendRequest { page_size: Some(0), ..message() }, "page_size"),
            (v1::RecommendRequest { page_size: Some(101), ..message() }, "page_size"),
            (v1::RecommendRequest { page_size: Some(-1), ..message() }, "page_size"),
            (v1::RecommendRequest { page_token: Some("garbled".into()), ..message() }, "page_token"),
            (v1::RecommendRequest { seed_items: vec![seed("a", None); 101], ..message() }, "seed_items"),
            (v1::RecommendRequest { seed_items: vec![seed("", None)], ..message() }, "seed_items[0].item_id"),
            (
                v1::RecommendRequest {
                    seed_items: vec![seed("a", None), seed("b", Some(f32::NAN))],
                    ..message()
                },
                "seed_items[1].weight",
            ),
            (
                v1::RecommendRequest { session_events: vec![Default::default(); 51], ..message() },
                "session_events",
            ),
            (v1::RecommendRequest { exclude_item_ids: many(1001), ..message() }, "exclude_item_ids"),
            (v1::RecommendRequest { candidate_item_ids: many(1001), ..message() }, "candidate_item_ids"),
            (v1::RecommendRequest { filter: Some("x".repeat(4097)), ..message() }, "filter"),
            (v1::RecommendRequest { view: 9, ..message() }, "view"),
            (
                v1::RecommendRequest {
                    filter_params: BTreeMap::from([("a".to_owned(), Value::null())]),
                    ..message()
                },
                "filter_params[a]",
            ),
        ];
        for (message, field) in cases {
            assert_eq!(field_at_fault(message).as_deref(), Some(field));
        }
        let within = v1::RecommendRequest { exclude_item_ids: many(1000), page_size: Some(100), ..message() };
        assert!(parsed(within).is_ok());
    }

    #[test]
    fn a_bad_slot_does_not_spoil_the_others() {
        let slot = |id: &str, placement: &str| v1::BatchSlot {
            slot_id: id.to_owned(),
            placement: placement.to_owned(),
            seed_items: vec![seed(id, None)],
            ..Default::default()
        };
        let page = v1::BatchRecommendRequest {
            seed_items: vec![seed("shared", None)],
            slots: vec![slot("one", "p"), slot("two", "")],
            ..Default::default()
        };
        let slots = batch(page.clone(), None).unwrap();
        let seeds = &slots[0].request.as_ref().unwrap().seeds;
        assert_eq!(seeds.iter().map(|s| s.item_id.as_str()).collect::<Vec<_>>(), ["shared", "one"]);
        assert_eq!(slots[1].request.as_ref().unwrap_err().field.as_deref(), Some("slots[1].placement"));

        let twice = v1::BatchRecommendRequest { slots: vec![slot("one", "p"), slot("one", "p")], ..page };
        assert_eq!(batch(twice, None).unwrap_err().field.as_deref(), Some("slots[1].slot_id"));
        assert_eq!(batch(Default::default(), None).unwrap_err().field.as_deref(), Some("slots"));
    }
}
