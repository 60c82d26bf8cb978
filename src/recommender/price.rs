//! What an answer costs, known before it is made.

use super::own_filter::OwnFilter;
use super::{Placement, PreparedRequest, RecommendError, Recommender, View};
use crate::domain::Request;

/// Units of a slate whatever is asked: some ten microseconds. Raising these counts lets fewer requests be cheap.
const SLATE: u64 = 10_000;
/// Units of an id that is looked up.
const ID: u64 = 64;
/// Units of an item that is ranked up to the end of the page.
const ITEM: u64 = 64;
/// Units of an attribute that is told of an item.
const FIELD: u64 = 64;

/// What one answer costs, in units. One unit is one row that one comparison of a filter looks at, a few nanoseconds;
/// everything else is counted in as many of them as take about as long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// The request's own filter: see [`Predicate::price`](crate::feature::Predicate::price).
    pub filter: u64,
    /// The attributes that are told of the items.
    pub fields: u64,
    /// The rest: the slate, the ids that the request names.
    pub rest: u64,
}

impl Price {
    /// All of it.
    pub fn units(&self) -> u64 {
        self.filter.saturating_add(self.fields).saturating_add(self.rest)
    }

    pub(super) fn of(request: &Request, placement: &Placement, view: &View, filter: &OwnFilter<'_>) -> Self {
        let size = request.page_size.unwrap_or(placement.page_size) as u64;
        let told = if request.item_fields.iter().any(|name| name == "*") {
            view.live.attributes().names().len()
        } else {
            request.item_fields.len()
        };
        let ids = [
            request.seeds.len(),
            request.session_events.len(),
            request.exclude_item_ids.len(),
            request.candidate_item_ids.len(),
        ];
        let items = size.saturating_add(request.offset as u64);
        let rest = SLATE + ID * ids.iter().sum::<usize>() as u64;
        Self {
            filter: filter.price(request),
            fields: size.saturating_mul(told as u64).saturating_mul(FIELD),
            rest: rest.saturating_add(items.saturating_mul(ITEM)),
        }
    }

    fn add(&mut self, other: Self) {
        self.filter = self.filter.saturating_add(other.filter);
        self.fields = self.fields.saturating_add(other.fields);
        self.rest = self.rest.saturating_add(other.rest);
    }

    /// Refuses what costs more than `limit`; `of` is the field that is at fault where it is not one of a request's own.
    pub(super) fn check(&self, limit: u64, of: Option<&str>) -> Result<(), RecommendError> {
        if self.units() <= limit {
            return Ok(());
        }
        let Self { filter, fields, rest } = self;
        let (dearest, advice) = if filter >= fields {
            ("filter", "fewer terms, shorter lists, or candidate_item_ids make it cheaper")
        } else {
            ("item_fields", "fewer fields or items make it cheaper")
        };
        let reason = format!(
            "costs {} units ({filter} for filters, {fields} for item_fields, {rest} for the rest), over the limit of \
             {limit} for one request: {advice}; the server's limits.max_price is the limit",
            self.units()
        );
        Err(RecommendError::Invalid { field: of.unwrap_or(dearest).to_owned(), reason })
    }
}

impl Recommender {
    /// What answering a request costs, or all slots of a page together: for whoever admits requests by what they cost,
    /// before any of them is answered. Nothing is looked at but the request and sizes; what a slot will be refused for
    /// is not priced.
    ///
    /// # Errors
    /// It is over [`Limits::max_price`](super::Limits::max_price).
    pub fn price(&self, requests: &[Request], prepared: &PreparedRequest) -> Result<Price, RecommendError> {
        let view = &prepared.view;
        let mut price = Price::default();
        for request in requests {
            let Ok(placement) = view.placement(&request.placement) else { continue };
            let Ok(filter) = OwnFilter::of(request, view) else { continue };
            price.add(Price::of(request, placement, view, &filter));
        }
        price.check(self.limits.max_price, (requests.len() > 1).then_some("slots"))?;
        Ok(price)
    }
}
