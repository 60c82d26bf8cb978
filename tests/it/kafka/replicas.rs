//! Replicas that have a sink and a source of the same topic.

use super::*;

/// What a caller tells a replica; the outcomes.
fn tell(server: &Process, path: &str, body: &Value) -> Vec<String> {
    let reply = server.send(server.http, "POST", path, &body.to_string());
    assert_eq!(reply.status, 200, "{}", reply.body);
    let results = reply.json()["results"].as_array().cloned().unwrap_or_default();
    results.iter().map(|result| result["outcome"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_one_replica_is_told_all_know_and_its_own_events_that_come_back_are_known() {
    let test = "what_one_replica_is_told_all_know_and_its_own_events_that_come_back_are_known";
    let Some(broker) = Broker::start(test) else { return };
    broker.create("events", 2);
    let replica = || {
        let kafka = format!("kind = 'kafka'\nbrokers = '{}'\ntopic = 'events'\n", broker.address());
        Shop::new(&format!(
            "[spool]\ndir = 'spool'\n[[events.sink]]\nname = 'out'\n{kafka}what = ['events']\n\
             [[events.source]]\nname = 'shop'\n{kafka}start = 'earliest'\n"
        ))
    };
    let (here, there) = (replica(), replica());
    let (one, other) = (here.serve(), there.serve());
    for server in [&one, &other] {
        wait_until("ready", || is_ready(server));
    }
    let events = json!({"events": [
        {"id": "v1", "type": "view", "item_id": "chai", "user_id": "ada"},
        {"type": "item.changed", "item_id": "assam", "time": after(60).to_rfc3339(), "set": {"price": 77.5}},
    ]});
    assert_eq!(tell(&one, "/v1/events:record", &events), ["ACCEPTED", "ACCEPTED"]);
    wait_until("the other knows", || applied(&other) == 2.0);
    // Only now: what waits in the spool as somebody is forgotten does not go out.
    tell(&one, "/v1/users/ada:forget", &json!({}));
    wait_until("the other has forgotten too", || applied(&other) == 3.0);
    let back = || scrape(&one).value("larder_events_total", &[("source", "shop"), ("outcome", "duplicate")]);
    wait_until("the one's own come back", || back() == Some(3.0));
    assert_eq!(digest(&other), digest(&one));
    assert_ne!(digest(&other), "0000000000000000");
    assert_eq!(applied(&one), 0.0, "nothing of its own is applied again");
    one.end();
    other.end();
    let sent: Vec<Record> = (0..2).flat_map(|partition| broker.read("events", partition)).collect();
    assert_eq!(sent.len(), 3, "what was read is not sent on");
    for record in sent {
        let event: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
        assert_eq!(event["id"].as_str().unwrap().as_bytes(), record.key.unwrap());
    }
}
