//! What the exposure log is told, and what it must not be.

use std::sync::Mutex;

use larder::artifact::LocalStore;
use larder::exposure::sink::{RecordSink, Refusal, SendError, Sink};
use larder::exposure::{Exposures, Origin, Outlet, Record};
use larder::server::Config;
use serde_json::{Value, json};

use super::*;
use crate::support::following::publish_to;
use crate::support::process::Process;
use crate::support::server::Server;

/// Keeps what it is given as it would be written.
#[derive(Debug)]
struct Kept(Arc<Mutex<Vec<Value>>>);

impl RecordSink for Kept {
    fn send(&mut self, records: &[Record<'_>]) -> Result<Vec<Refusal>, SendError> {
        let records = records.iter().map(|record| serde_json::from_slice::<Value>(record.bytes).unwrap());
        self.0.lock().unwrap().extend(records);
        Ok(Vec::new())
    }
}

/// The exposures of some requests to "ranked".
fn exposures(bodies: &[Value]) -> Vec<Value> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let outlet = Outlet::direct(vec![Sink::records("kept", Kept(Arc::clone(&kept)))]);
    let (queue, writer) = Exposures::open(100, Origin::new("one"), outlet).unwrap();
    let mut view = View::prepare(shop("context.hour"), &Stages::default()).unwrap();
    (view.rules, view.live) = (Rules::new("r1"), view.live.at(7));
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(view), false);
    let recommender = Recommender::new(registry, Limits::default());
    let server = Server::with(recommender, Config { exposures: Some(queue), ..Config::default() });
    for body in bodies {
        let reply = server.post("/v1/placements/ranked:recommend", body.to_string());
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    server.stop()();
    writer.finish();
    std::mem::take(&mut *kept.lock().unwrap())
}

fn asked(consent: &str) -> Value {
    let mut subject = json!({"userId": "the-user", "visitorId": "the-device", "sessionId": "the-visit"});
    subject["consent"] = json!(consent);
    json!({"subject": subject, "seedItems": [{"itemId": "earl-grey"}], "filter": "price < 20"})
}

#[test]
fn an_exposure_says_who_was_shown_what_from_which_versions_and_what_was_asked() {
    let exposure = &exposures(&[asked("GRANTED")])[0];
    assert_eq!(
        (&exposure["user_id"], &exposure["visitor_id"], &exposure["session_id"]),
        (&json!("the-user"), &json!("the-device"), &json!("the-visit"))
    );
    assert!(exposure["snapshot"].as_str().unwrap().starts_with("20261120T"), "{exposure}");
    assert_eq!((&exposure["rules_version"], &exposure["live_epoch"]), (&json!("r1"), &json!(7)));
    let impressions = exposure["impressions"].as_array().unwrap();
    assert!(impressions.len() == 4 && impressions.iter().all(|item| item["score"].is_f64()), "{exposure}");
    // The ranker reads the hour: what a replay must set its clock to.
    assert!(exposure["clock_ms"].as_i64().unwrap() <= exposure["time_ms"].as_i64().unwrap(), "{exposure}");
    assert_eq!((&exposure["level"], &exposure["seq"]), (&json!("none"), &json!(1)));
    assert_eq!((&exposure["replica"], exposure["boot"].as_str().unwrap().len()), (&json!("one"), 28));
    let asked = json!({
        "placement": "ranked", "seed_items": [{"item_id": "earl-grey", "role": "VIEWING", "weight": 1.0}],
        "filter": "price < 20", "offset": 0, "view": "STANDARD",
    });
    assert_eq!(exposure["asked"], asked);
}

#[test]
fn a_denied_consent_leaves_no_id_in_an_exposure() {
    let exposures = exposures(&[asked("DENIED"), asked("CONSENT_UNSPECIFIED")]);
    let denied = exposures[0].to_string();
    for id in ["the-user", "the-device", "the-visit"] {
        assert!(!denied.contains(id), "{id} in {denied}");
        assert!(exposures[1].to_string().contains(id), "the other record shows that it would be there");
    }
    assert_eq!(exposures[0]["impressions"], exposures[1]["impressions"]);
}

#[test]
fn a_denied_consent_leaves_no_id_in_the_log_of_the_server_or_on_its_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::create(dir.path()).unwrap();
    publish_to(&store, grocer::snapshot(1).path()).unwrap();
    let exposures = dir.path().join("exposures.jsonl");
    let server = Process::serve(dir.path(), &exposures);
    let ask = |consent: &str, ids: &str| {
        let ids = ["user", "device", "visit"].map(|id| format!("{ids}-{id}"));
        let subject = json!({"userId": ids[0], "visitorId": ids[1], "sessionId": ids[2], "consent": consent});
        let body = json!({"subject": subject, "seedItems": [{"itemId": "earl-grey"}], "view": "DEBUG"});
        let path = "/v1/placements/pdp.similar:recommend";
        let reply = server.send(server.http, "POST", path, &body.to_string());
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json().to_string()
    };
    let told = ask("DENIED", "secret") + &ask("GRANTED", "known");
    let logged = server.end();
    let written = std::fs::read_to_string(exposures).unwrap();
    assert!(logged.contains("stopped") && written.contains("known-user"), "{logged} {written}");
    for text in [told, logged, written] {
        assert!(!text.contains("secret-"), "{text}");
    }
}
