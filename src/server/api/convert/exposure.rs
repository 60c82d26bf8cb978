//! What is told of an answer: who was shown what.

use std::time::SystemTime;

use crate::domain::{Consent, Request};
use crate::exposure::{Exposure, Impression};
use crate::recommender::Recommendation;

pub(in crate::server) fn exposure(request: &Request, answer: &Recommendation, id: &str) -> Exposure {
    let (slate, snapshot, subject) = (&answer.slate, &answer.snapshot, &request.subject);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let impressions = slate.items.iter().enumerate().map(|(at, item)| Impression {
        item_id: snapshot.id(item.item).to_owned(),
        rank: (request.offset + at + 1) as u32,
        source: item.source.to_string(),
    });
    Exposure {
        recommendation_id: id.to_owned(),
        time_ms: now.as_millis() as i64,
        placement: request.placement.clone(),
        snapshot: snapshot.version().to_owned(),
        user_id: subject.user_id.clone().filter(|_| subject.consent != Consent::Denied),
        visitor_id: subject.visitor_id.clone().filter(|_| subject.consent != Consent::Denied),
        session_id: subject.session_id.clone(),
        causes: slate.degradation.causes.iter().map(|cause| cause.as_str()).collect(),
        impressions: impressions.collect(),
    }
}
