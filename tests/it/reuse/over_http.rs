//! What caches between a client and the server are told.

use super::*;
use crate::support::server::Server;

const RANKED: &str = "/v1/placements/ranked/recommendations?seed=earl-grey";

#[test]
fn an_answer_that_reads_the_clock_has_another_etag_in_the_next_hour() {
    let (seconds, now) = clock();
    let recommender = Recommender::with(shop("context.hour"), &Stages::default(), Limits::default()).unwrap();
    let server = Server::start(recommender.with_clock(now));
    let first = server.get(RANKED);
    assert_eq!(first.header("cache-control"), Some("public, max-age=29"), "not beyond the hour");
    let etag = first.header("etag").unwrap().to_owned();
    let known = format!("if-none-match: {etag}");
    assert_eq!(server.send("GET", RANKED, &[&known], b"").status, 304);
    seconds.fetch_add(30, Ordering::SeqCst);
    let second = server.send("GET", RANKED, &[&known], b"");
    assert_eq!((second.status, second.header("cache-control")), (200, Some("public, max-age=60")));
    assert_ne!(second.header("etag"), Some(etag.as_str()));
    assert_ne!(second.json()["items"], first.json()["items"]);
    seconds.fetch_sub(1, Ordering::SeqCst);
    assert_eq!(server.get(RANKED).header("etag"), Some(etag.as_str()));
}

#[test]
fn an_answer_that_does_not_read_the_clock_keeps_its_etag() {
    let (seconds, now) = clock();
    let recommender = Recommender::with(shop("context.hour"), &Stages::default(), Limits::default()).unwrap();
    let server = Server::start(recommender.with_clock(now));
    let path = RANKED.replace("ranked", "pdp.similar");
    let etag = server.get(&path).header("etag").unwrap().to_owned();
    seconds.fetch_add(3600, Ordering::SeqCst);
    assert_eq!(server.send("GET", &path, &[&format!("if-none-match: {etag}")], b"").status, 304);
}

#[test]
fn an_answer_that_reads_a_live_handle_is_not_to_be_kept() {
    let sold_out = Arc::new(AtomicU64::new(0));
    let stages = Stages::default()
        .filter("not_sold_out", move |_| Ok(Box::new(NotSoldOut { sold_out: Arc::clone(&sold_out) })));
    let recipe = "[placements.ranked]\nsources = [ { kind = \"popular\", artifact = \"popularity\" } ]\n\
                  filters = [ { kind = \"not_sold_out\" } ]";
    let registry = Arc::new(Registry::default());
    let view = View::compile(Arc::new(shop("context.hour")), recipe, &stages).unwrap();
    registry.publish(Arc::new(view), false);
    let server = Server::start(Recommender::new(registry, Limits::default()));
    let reply = server.get(RANKED);
    assert_eq!((reply.header("cache-control"), reply.header("etag")), (Some("no-store"), None));
    assert_eq!(reply.json()["cache"]["scope"], "NONE");
}

#[test]
fn the_versions_of_all_parts_are_in_the_answer_and_in_its_key() {
    let etag = |rules: &str, epoch: u64| {
        let mut view = View::prepare(shop("context.hour"), &Stages::default()).unwrap();
        (view.rules, view.live) = (Rules::new(rules), view.live.at(epoch));
        let registry = Arc::new(Registry::default());
        registry.publish(Arc::new(view), false);
        let (_, now) = clock();
        let recommender = Recommender::new(registry, Limits::default()).with_clock(now);
        let reply = Server::start(recommender).get(RANKED);
        let serving = &reply.json()["serving"];
        assert_eq!(
            (serving["rulesVersion"].as_str(), serving["liveEpoch"].as_str()),
            (Some(rules), Some("7"))
        );
        reply.header("etag").unwrap().to_owned()
    };
    assert_eq!(etag("r1", 7), etag("r1", 7));
    assert_ne!(etag("r1", 7), etag("r2", 7));
}

#[test]
fn a_request_is_warned_of_what_its_placement_does_not_look_at_and_of_nothing_else() {
    let recipe = "[placements.popular]\nsources = [ { kind = \"popular\", artifact = \"popularity\" } ]\n\
                  [placements.similar]\nsources = [ { kind = \"neighbors\", artifact = \"similar\" } ]";
    let registry = Arc::new(Registry::default());
    let view = View::compile(Arc::new(shop("context.hour")), recipe, &Stages::default()).unwrap();
    registry.publish(Arc::new(view), false);
    let server = Server::start(Recommender::new(registry, Limits::default()));
    let warnings = |placement: &str, seed: &str| {
        let body = format!(r#"{{"seedItems": [{{"itemId": "assam"{seed}}}]}}"#);
        let answer = server.post(&format!("/v1/placements/{placement}:recommend"), body).json();
        let warnings = answer["warnings"].as_array().unwrap().iter();
        warnings.map(|text| text.as_str().unwrap().split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let weighed = r#", "weight": 2"#;
    let role = r#", "role": "IN_CART""#;
    assert_eq!(warnings("popular", weighed), ["seed_items.weight"]);
    assert_eq!(warnings("popular", &format!("{weighed}{role}")), ["seed_items.weight", "seed_items.role"]);
    for nothing_said in ["", r#", "weight": 1"#, r#", "role": "VIEWING""#, r#", "role": "DISLIKED""#] {
        assert_eq!(warnings("popular", nothing_said), [""; 0]);
    }
    assert_eq!(warnings("similar", &format!("{weighed}{role}")), [""; 0]);
}
