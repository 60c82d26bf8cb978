//! What a request needs of its caller: by its path, before it is read, and by what stands in it.

use larder_proto::v1::event_service_server::SERVICE_NAME as EVENTS;
use larder_proto::v1::recommend_request::TrafficClass as Class;
use larder_proto::v1::recommendation_service_server::SERVICE_NAME;

use crate::domain::{Request, ResponseView};
use crate::server::edge::class::traffic_class;
use crate::server::identity::{Denial, Needs, Principal, Scope};
use crate::server::problem::Problem;

/// Either will do before the request is read: which of the two it takes stands in it.
const SLATES: Needs = Needs::OneOf(&[Scope::Recommend, Scope::Rank]);
const RECORDS: Needs = Needs::OneOf(&[Scope::Events]);
const REFLECTION: Needs = Needs::OneOf(&[Scope::Status]);
/// For what is added to the API and not here.
const UNLISTED: Needs = Needs::OneOf(&[Scope::Admin]);

/// What a call of a method over gRPC needs.
pub(crate) fn of_grpc(path: &str) -> Needs {
    let call = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    match call {
        Some(("grpc.health.v1.Health", _)) => Needs::Nothing,
        Some((SERVICE_NAME, "Recommend" | "BatchRecommend")) => SLATES,
        Some((EVENTS, "RecordEvents" | "ForgetUser")) => RECORDS,
        Some((SERVICE_NAME | EVENTS, _)) => UNLISTED,
        Some((service, _)) if service.starts_with("grpc.reflection.") => REFLECTION,
        // There is nothing there, which is not for everybody to find out.
        _ => Needs::Credential,
    }
}

/// What a request over HTTP needs.
pub(crate) fn of_http(path: &str) -> Needs {
    match path {
        "/" | "/livez" | "/readyz" | "/healthz" | "/health" => Needs::Nothing,
        "/v1/recommendations:batch" => SLATES,
        "/v1/events:record" => RECORDS,
        _ if path.starts_with("/v1/placements/") => SLATES,
        _ if path.starts_with("/v1/users/") => RECORDS,
        _ if path.starts_with("/v1/") => UNLISTED,
        _ => Needs::Credential,
    }
}

/// The traffic class that a message has from now on: as it says, if its caller may claim that; if it says nothing, the
/// most important that its caller has.
pub(super) fn class(principal: Option<&Principal>, claimed: i32) -> Result<i32, Problem> {
    let (Some(principal), Some(class)) = (principal, traffic_class(claimed)) else {
        return Ok(claimed); // a class that is none is refused with what else is wrong
    };
    if claimed != Class::Unspecified as i32 && !principal.may_claim(class) {
        let name = principal.name();
        let detail = format!(
            "{name} may not claim the traffic class {}",
            Class::try_from(claimed).map_or("", |class| class.as_str_name())
        );
        return Err(Denial::Forbidden(detail).into());
    }
    use crate::domain::TrafficClass::{Live, Shadow, Synthetic};
    Ok(match principal.cap(class) {
        Live => Class::Live,
        Shadow => Class::Shadow,
        Synthetic => Class::Synthetic,
    } as i32)
}

/// Checks that a caller may ask for this slate.
pub(super) fn check(principal: Option<&Principal>, request: &Request) -> Result<(), Problem> {
    let Some(principal) = principal else { return Ok(()) };
    // Whoever names the candidates has them ranked, and is told nothing of what else there is.
    let asks = if request.candidate_item_ids.is_empty() { Scope::Recommend } else { Scope::Rank };
    let explains = (request.view == ResponseView::Debug).then_some(Scope::Explain);
    for scope in [Some(asks), explains].into_iter().flatten() {
        if !principal.may(scope) {
            return Err(Denial::lacks(principal, &[scope]).into());
        }
    }
    if !principal.may_ask_for(&request.placement) {
        let detail = format!("{} may not ask for the placement {:?}", principal.name(), request.placement);
        return Err(Denial::Forbidden(detail).into());
    }
    Ok(())
}

/// Takes the slots of a page but the first, which was taken as a request, out of the caller's quota.
pub(super) fn take_slots(principal: Option<&Principal>, slots: usize) -> Result<(), Problem> {
    let Some(principal) = principal else { return Ok(()) };
    let more = u32::try_from(slots.saturating_sub(1)).unwrap_or(u32::MAX);
    principal.take_requests(more).map_err(|throttled| Denial::throttled(principal, throttled).into())
}

/// Takes what a request costs out of its caller's quota.
pub(super) fn charge(principal: Option<&Principal>, price: u64) -> Result<(), Problem> {
    let Some(principal) = principal else { return Ok(()) };
    principal.charge(price).map_err(|throttled| Denial::throttled(principal, throttled).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_probes_need_nothing_and_what_is_not_listed_needs_the_most() {
        for (path, expected) in [
            ("/grpc.health.v1.Health/Check", Needs::Nothing),
            ("/larder.v1.RecommendationService/Recommend", SLATES),
            ("/larder.v1.RecommendationService/BatchRecommend", SLATES),
            ("/larder.v1.EventService/ForgetUser", RECORDS),
            ("/larder.v1.RecommendationService/New", UNLISTED),
            ("/larder.v1.RecommendationService/Recommend/", UNLISTED),
            ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", REFLECTION),
            ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", REFLECTION),
            ("/grpc.health.v1.Health", Needs::Credential),
            ("//grpc.health.v1.Health/Check", Needs::Credential),
            ("", Needs::Credential),
        ] {
            assert_eq!(of_grpc(path), expected, "{path}");
        }
        for (path, expected) in [
            ("/healthz", Needs::Nothing),
            ("/v1/placements/a:recommend", SLATES),
            ("/v1/placements/a/recommendations", SLATES),
            ("/v1/recommendations:batch", SLATES),
            ("/v1/events:record", RECORDS),
            ("/v1/users/a:forget", RECORDS),
            ("/v1/new", UNLISTED),
            ("/openapi.json", Needs::Credential),
            ("/healthz/", Needs::Credential),
            ("", Needs::Credential),
        ] {
            assert_eq!(of_http(path), expected, "{path}");
        }
    }
}
