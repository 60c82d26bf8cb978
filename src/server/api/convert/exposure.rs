//! What is told of an answer: who was shown what, and what was asked.

use std::time::SystemTime;

use crate::domain::Request;
use crate::exposure::{Asked, Exposure, Impression};
use crate::recommender::Recommendation;

pub(in crate::server) fn exposure(request: &Request, answer: &Recommendation, id: &str) -> Exposure {
    let (slate, subject) = (&answer.slate, &request.subject);
    let versions = answer.view.versions();
    // When it was told and not the time that stages read, which most placements do not ask for.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let impressions = slate.items.iter().enumerate().map(|(at, item)| Impression {
        item_id: answer.id(item.item).to_owned(),
        rank: (request.offset + at + 1) as u32,
        score: item.score,
        source: item.source.to_string(),
    });
    Exposure {
        recommendation_id: id.to_owned(),
        time_ms: now.as_millis() as i64,
        placement: request.placement.clone(),
        snapshot: versions.snapshot.to_owned(),
        rules_version: versions.rules.to_owned(),
        live_epoch: versions.live_epoch,
        clock_ms: answer.clock.map(|time| time.as_secs() as i64 * 1000),
        // Asked of the subject, which knows of consent, and not taken from its fields.
        user_id: subject.user().map(str::to_owned),
        visitor_id: subject.visitor().map(str::to_owned),
        session_id: subject.session().map(str::to_owned),
        asked: Asked::by(request),
        level: slate.degradation.level.as_str(),
        causes: slate.degradation.causes.iter().map(|cause| cause.as_str()).collect(),
        skipped_stages: slate.degradation.skipped_stages.iter().map(|label| label.to_string()).collect(),
        impressions: impressions.collect(),
    }
}
