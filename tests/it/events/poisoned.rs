//! A stream with every kind of poison in it: each becomes a dead letter with its reason, and the events between them
//! are applied.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::*;
use crate::event_records::poison::{broken, poison};

/// What a line may be, why it cannot be used, and where that is.
type Poisoned = (Vec<u8>, String, String);

fn poisoned() -> Vec<Poisoned> {
    let poison =
        poison().into_iter().map(|(body, reason, field)| (body.into_bytes(), reason, field.to_owned()));
    poison
        .chain(broken())
        // It is no future any more by the clock of a server, and a line of spaces is none.
        .filter(|(body, ..)| {
            !body.windows(8).any(|part| part == b"08:35:01") && !body.trim_ascii().is_empty()
        })
        .map(|(body, reason, field)| (body, reason.as_str().to_owned(), field))
        .collect()
}

#[test]
fn every_kind_of_poison_is_a_dead_letter_with_its_reason_and_the_stream_goes_on() {
    let all = poisoned();
    let reasons: BTreeSet<&str> = all.iter().map(|(_, reason, _)| reason.as_str()).collect();
    assert!(all.len() >= 60 && reasons.len() >= 20, "{} of {} kinds", all.len(), reasons.len());
    let shop = Shop::open();
    let now = chrono::DateTime::parse_from_rfc3339(NOW).unwrap();
    let mut lines = Vec::new();
    for (at, (body, ..)) in all.iter().enumerate() {
        let time = (now + TimeDelta::seconds(at as i64)).to_rfc3339();
        let good = json!({"type": "item.changed", "item_id": "chai", "time": time, "set": {"price": at}});
        lines.extend([body.as_slice(), good.to_string().as_bytes()].join(&b'\n'));
        lines.push(b'\n');
    }
    fs::write(shop.dir.path().join("events/poisoned.jsonl"), lines).unwrap();
    let applied = format!(
        "larder_events_total{{source=\"files\",type=\"item.changed\",outcome=\"applied\"}} {}\n",
        all.len()
    );
    wait_until("what stands between is applied", || shop.metrics().contains(&applied));
    let dead = shop.dir.path().join("cache/dead-letters");
    wait_until("all letters are there", || letters(&dead).len() == all.len());
    for (letter, (body, reason, field)) in letters(&dead).iter().zip(&all) {
        let body = String::from_utf8_lossy(&body[..body.len().min(200)]);
        assert_eq!(
            (&letter["reason"], &letter["field"]),
            (&json!(reason), &json!(field)),
            "{body}: {letter}"
        );
        assert_eq!(letter["source"], "files");
        assert!(
            !letter["position"].as_str().unwrap().is_empty()
                && !letter["message"].as_str().unwrap().is_empty()
        );
    }
    for reason in reasons {
        let count = all.iter().filter(|(_, other, _)| other == reason).count();
        let line = format!("larder_dead_total{{source=\"files\",reason=\"{reason}\"}} {count}\n");
        assert!(shop.metrics().contains(&line), "{line}");
    }
}
