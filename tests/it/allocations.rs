//! After warm-up a request takes no memory but that of its answer.

use std::path::Path;

use larder::domain::{Request, ResponseView, SeedRole, Slate};
use larder::pipeline::Stages;
use larder::recommender::{Limits, Recommender};
use larder::snapshot::{LoadOptions, open_directory};

use crate::support::counting::allocations;

/// Requests of every shape that a shop sends, over items spread through the catalogue.
fn requests(recommender: &Recommender) -> Vec<Request> {
    let served = recommender.served().unwrap();
    let items = served.snapshot.items();
    let id = |at: usize| items.text((at * 7919 % items.len()) as u32);
    let mut requests = Vec::new();
    for placement in served.placements.keys() {
        for at in 0..20 {
            let plain = || Request::new(placement);
            let session = (0..6).fold(plain(), |request, step| request.event(id(at * 10 + step)));
            requests.push(plain());
            requests.push(plain().viewing(id(at)).page_size(8));
            requests.push(session.clone().viewing(id(at)).seed(id(at + 1), SeedRole::InCart));
            requests.push(session.clone().user("U00042").seed(id(at + 2), SeedRole::Disliked));
            requests.push(plain().user("nobody"));
            let mut narrowed = session;
            narrowed.view = ResponseView::Debug;
            narrowed.offset = 12;
            narrowed.exclude_item_ids = vec![id(at + 3).to_owned()];
            requests.push(narrowed.clone());
            narrowed.candidate_item_ids = (0..40).map(|step| id(at + step).to_owned()).collect();
            requests.push(narrowed);
        }
    }
    requests
}

/// The sample without deadlines: on a busy machine they would change answers between two askings.
fn open(models: &Path) -> Recommender {
    let snapshot = open_directory(models, "production", &LoadOptions::default()).unwrap();
    let limits = Limits { placement_deadlines: false, ..Limits::default() };
    Recommender::with(snapshot, &Stages::default(), limits).unwrap()
}

#[test]
fn a_warm_request_takes_no_memory_but_that_of_its_answer() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let recommender = open(&models);
    let requests = requests(&recommender);
    let mut slate = Slate::default();
    for request in requests.iter().chain(&requests) {
        recommender.recommend_into(request, &mut slate).unwrap();
    }
    let mut refused = requests[0].clone();
    refused.filter = Some("no such filter".to_owned());
    let mut hits = 0;
    for request in &requests {
        assert!(recommender.recommend_into(&refused, &mut slate).is_err());
        let cached = recommender.recommend_into(request, &mut slate).unwrap().cached;
        hits += u32::from(cached);
        let mut ask = || allocations(|| drop(recommender.recommend_into(request, &mut slate)));
        // The result cache tidies up once in a while, at the cost of whoever comes by: not three times in a row.
        let taken = if cached { ask().min(ask()).min(ask()) } else { ask() };
        assert_eq!(taken, 0, "{taken} allocations for {request:#?}");
        let fresh = || allocations(|| drop(recommender.recommend(request)));
        let fresh = if cached { fresh().min(fresh()).min(fresh()) } else { fresh() };
        let own =
            [slate.items.len(), slate.degradation.causes.len(), slate.trace.len(), slate.warnings.len()];
        let most =
            own.iter().filter(|length| **length > 0).count() as u64 + slate.trace.len().div_ceil(4) as u64;
        assert!(fresh > 0 && fresh <= most, "{fresh} allocations for an answer of {own:?}");
    }
    assert!(hits > 0 && hits < requests.len() as u32, "{hits} hits: both ways were counted");
}

#[test]
fn an_answer_into_used_memory_is_the_same_as_a_fresh_one() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let recommender = open(&models);
    let mut slate = Slate::default();
    for mut request in requests(&recommender) {
        request.view = ResponseView::Standard; // a trace has times
        let pinned = recommender.recommend_into(&request, &mut slate).unwrap();
        let fresh = recommender.recommend(&request).unwrap();
        assert_eq!((&slate, pinned.personal), (&fresh.slate, fresh.personal));
    }
    assert!(recommender.recommend_into(&Request::new("no such placement"), &mut slate).is_err());
    assert_eq!(slate, Slate::default(), "an error leaves nothing of the answer before");
}

#[cfg(feature = "server")]
#[test]
fn a_caller_whose_credential_its_connection_remembers_takes_no_memory() {
    use larder::server::identity::{Audit, Authenticator, Credentials, Key, Memory, NewKey, Rights, Scope};
    use tonic::codegen::http::{HeaderMap, HeaderValue};

    let NewKey { text, digest } = NewKey::draw("web").unwrap();
    let placements = vec!["pdp.*".to_owned()];
    let rights = Rights {
        placements,
        rps: Some(1000),
        ..Rights { scopes: vec![Scope::Recommend], ..Rights::default() }
    };
    let key = Key { id: "web".to_owned(), sha256: digest, expires_at: None, rights };
    let credentials = Credentials { keys: vec![key], ..Credentials::default() };
    let authenticator = Authenticator::new(&credentials, Audit::open(None).unwrap().into()).unwrap();
    let memory = Memory::default();
    for (name, value) in [("authorization", format!("Bearer {text}")), ("x-api-key", text.clone())] {
        let value = HeaderValue::from_str(&value).unwrap();
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value)]);
        let ask = || {
            let principal = authenticator.authenticate(&headers, None, &memory).unwrap();
            assert!(principal.may(Scope::Recommend) && principal.may_ask_for("pdp.similar"));
            principal.take_requests(1).unwrap();
        };
        ask();
        assert_eq!(allocations(ask), 0, "{name}");
    }
}
