//! Exposures to Amazon's streams and buses: what is refused is sent again and nothing else, what can never be taken is
//! left out, and what arrives is what was sent.

use larder::connect::aws::{BatchSink, Batches, EventBridgeSink, FirehoseSink, KinesisSink};
use larder::connect::sink::BusKeys;
use larder::exposure::sink::{Failed, RecordSink, Refusal};
use larder::exposure::{Record, What};
use serde_json::{Value, json};

use crate::support::amazon::Amazon;
use crate::support::refusing::{Refusing, Sent, Verdict};
use crate::support::s3_server::S3Server;
use crate::support::stream::access;

/// Exposures with ids of their own.
fn exposures(count: usize) -> Vec<Vec<u8>> {
    let one = |n: usize| json!({"seq": n, "recommendation_id": format!("r-{n}"), "items": ["tea"]});
    (0..count).map(|n| one(n).to_string().into_bytes()).collect()
}

fn records(exposures: &[Vec<u8>]) -> Vec<Record<'_>> {
    exposures.iter().map(|bytes| Record { time_ms: 1_795_163_400_000, bytes }).collect()
}

fn open<B: Batches>(endpoint: &str, service: B) -> BatchSink<B> {
    BatchSink::open(&access(endpoint), service, What::Exposures).unwrap()
}

fn bus(sample: f64) -> EventBridgeSink {
    EventBridgeSink {
        keys: BusKeys {
            bus: "shop".to_owned(),
            source: "larder".to_owned(),
            detail_type: "Slate Shown".to_owned(),
            sample,
        },
    }
}

#[test]
fn of_a_batch_only_what_was_refused_is_sent_again() {
    // Three of ten, in an order that no batch has.
    let server = Refusing::start(|n| (n * 7) % 10 >= 3);
    let mut sink = open(&server.endpoint(), KinesisSink { stream: "shown".to_owned() });
    let mut exposures = exposures(1203);
    exposures[600] =
        format!("{{\"recommendation_id\":\"r-600\",\"x\":\"{}\"}}", "x".repeat(1 << 20)).into_bytes();
    let mut left = records(&exposures);
    let mut requests_before = 0;
    let mut rounds = 0;
    while let Err(error) = sink.send(&left) {
        let Failed::These(places) = &error.failed else { panic!("{error:?}") };
        assert!(places.is_sorted() && places.len() < left.len());
        assert!(
            error.source.to_string().contains("ProvisionedThroughputExceededException"),
            "{}",
            error.source
        );
        // What it says that it did not send is what the server refused, in this order.
        assert!(error.refused.is_empty() || rounds == 0, "what is left out is said once");
        let requests = server.requests();
        let refused = requests[requests_before..].iter().flatten().filter(|(_, is_taken)| !is_taken);
        let said = places.iter().map(|place| left[*place].bytes);
        assert!(refused.map(|((_, bytes), _)| bytes.as_slice()).eq(said));
        requests_before = requests.len();
        left = places.iter().map(|place| left[*place]).collect();
        rounds += 1;
        assert!(rounds < 100, "{} are left", left.len());
    }
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.len() <= 500));
    let sent: Vec<Sent> = requests.iter().flatten().map(|(sent, _)| sent.clone()).collect();
    assert!((1203..1202 * 2).contains(&sent.len()), "30 % are sent again, not all: {}", sent.len());
    let mut taken: Vec<Sent> =
        requests.into_iter().flatten().filter(|(_, is_taken)| *is_taken).map(|(sent, _)| sent).collect();
    let key = |n: usize| format!("r-{n}");
    let mut expected: Vec<Sent> =
        exposures.iter().enumerate().map(|(n, bytes)| (key(n), bytes.clone())).collect();
    expected.remove(600);
    taken.sort();
    expected.sort();
    assert!(taken == expected, "each once, but for the one that is too large");
}

#[test]
fn requests_stay_below_the_bytes_that_a_service_takes() {
    let server = Refusing::start(|_| true);
    let mut sink = open(&server.endpoint(), KinesisSink { stream: "shown".to_owned() });
    let large = |n: usize| json!({"recommendation_id": n.to_string(), "x": "x".repeat(900_000)}).to_string();
    let exposures: Vec<Vec<u8>> = (0..13).map(|n| large(n).into_bytes()).collect();
    sink.send(&records(&exposures)).unwrap();
    let requests = server.requests();
    assert_eq!(requests.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 3]);
    let sent = requests.into_iter().flatten().map(|((_, bytes), _)| bytes);
    assert!(sent.eq(exposures), "in the order in which they came");
}

/// Places and reasons.
fn said(refused: &[Refusal]) -> Vec<(usize, &str)> {
    refused.iter().map(|refusal| (refusal.place, refusal.reason.as_str())).collect()
}

fn taken(server: &Refusing) -> Vec<Vec<u8>> {
    let entries = server.requests().into_iter().flatten().filter(|(_, is_taken)| *is_taken);
    entries.map(|((_, bytes), _)| bytes).collect()
}

#[test]
fn what_a_request_is_refused_for_is_found_and_left_out_and_the_others_arrive() {
    let is_bad = |bytes: &[u8]| bytes.windows(4).any(|part| part == b"r-7\"" || part == b"-30\"");
    let server = Refusing::judging(move |_, bytes| match is_bad(bytes) {
        true => Verdict::RefusesRequest("ValidationException"),
        false => Verdict::Taken,
    });
    let mut sink = open(&server.endpoint(), KinesisSink { stream: "shown".to_owned() });
    let exposures = exposures(40);
    let refused = sink.send(&records(&exposures)).unwrap();
    assert_eq!(said(&refused), [(7, "ValidationException"), (30, "ValidationException")]);
    let expected = exposures.iter().enumerate().filter(|(n, _)| ![7, 30].contains(n)).map(|(_, bytes)| bytes);
    assert!(taken(&server).iter().eq(expected), "each of the others once, in their order");
    // Alone it is known for what it is by now.
    assert_eq!(said(&sink.send(&records(&exposures[7..8])).unwrap()), [(0, "ValidationException")]);
}

#[test]
fn settings_that_a_service_does_not_take_cost_no_record() {
    for code in ["ValidationException", "InvalidArgument", "NotAuthorizedForSourceException", "AccessDenied"]
    {
        let whole = Refusing::judging(move |_, _| Verdict::RefusesRequest(code));
        let each = Refusing::judging(move |_, _| Verdict::Refused(code));
        for server in [whole, each] {
            let mut sink = open(&server.endpoint(), KinesisSink { stream: "shown".to_owned() });
            let exposures = exposures(500);
            let error = sink.send(&records(&exposures)).unwrap_err();
            assert_eq!((error.failed.count(500), error.refused), (500, Vec::new()), "{code}");
            assert!(error.source.to_string().starts_with(code), "{}", error.source);
            assert!(server.requests().len() < 100, "{code}: {} requests", server.requests().len());
        }
    }
}

#[test]
fn what_is_not_allowed_on_a_bus_waits_and_what_is_no_event_does_not() {
    let server = Refusing::judging(|_, bytes| match bytes {
        b"bad" => Verdict::Refused("MalformedDetail"),
        b"{\"n\":1}" => Verdict::Refused("NotAuthorizedForDetailTypeException"),
        b"{\"n\":2}" => Verdict::Refused("InvalidArgument"),
        _ => Verdict::Taken,
    });
    let mut bus = open(&server.endpoint(), bus(1.0));
    let details: Vec<Vec<u8>> =
        ["bad", "{\"n\":1}", "{\"n\":2}", "{\"n\":3}"].map(|detail| detail.as_bytes().to_vec()).into();
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(256 << 10)).into_bytes();
    let error = bus.send(&records(&[&details[..3], std::slice::from_ref(&huge)].concat())).unwrap_err();
    // Nothing was taken yet, so one argument that is not valid may be the settings'.
    assert_eq!(error.failed, Failed::These(vec![1, 2]));
    assert_eq!(said(&error.refused), [(3, "too_large"), (0, "MalformedDetail")]);
    let error = bus.send(&records(&details)).unwrap_err();
    assert_eq!(error.failed, Failed::These(vec![1]));
    assert_eq!(said(&error.refused), [(0, "MalformedDetail"), (2, "InvalidArgument")]);
    assert!(error.source.to_string().starts_with("NotAuthorizedForDetailType"), "{}", error.source);
    assert_eq!(taken(&server), [details[3].clone()]);
    assert!(server.requests().iter().flatten().all(|((_, bytes), _)| *bytes != huge), "never sent");
}

#[test]
fn a_service_that_is_away_has_taken_nothing() {
    let mut sink = open("http://127.0.0.1:1", KinesisSink { stream: "shown".to_owned() });
    let exposures = exposures(1200);
    let error = sink.send(&records(&exposures)).unwrap_err();
    assert_eq!(error.failed.count(1200), 1200);
}

#[test]
fn firehose_gets_lines_and_a_bus_gets_events() {
    let test = "firehose_gets_lines_and_a_bus_gets_events";
    let Some(moto) = S3Server::start(test) else { return };
    let amazon = Amazon::new(&moto);
    amazon.make_firehose("shown", "lake");
    let exposures = exposures(23);
    let mut firehose = open(&moto.endpoint(), FirehoseSink { stream: "shown".to_owned() });
    firehose.send(&records(&exposures)).unwrap();
    let lines: Vec<u8> = exposures.iter().flat_map(|bytes| [bytes, &b"\n"[..]].concat()).collect();
    assert_eq!(amazon.objects("lake"), lines);

    let queue = amazon.make_bus("shop", "shown");
    let mut none = open(&moto.endpoint(), bus(0.0));
    none.send(&records(&exposures)).unwrap();
    let mut bus = open(&moto.endpoint(), bus(1.0));
    let mut with_poison = exposures.clone();
    with_poison.insert(3, b"{\"recommendation_id\":".to_vec());
    assert_eq!(said(&bus.send(&records(&with_poison)).unwrap()), [(3, "MalformedDetail")]);
    let mut details: Vec<Value> = amazon
        .receive_all(&queue)
        .iter()
        .map(|body| {
            let event: Value = serde_json::from_str(body).unwrap();
            assert_eq!((&event["source"], &event["detail-type"]), (&json!("larder"), &json!("Slate Shown")));
            assert!(event["time"].as_str().unwrap().starts_with("2026-11-20T08:30:00"), "{event}");
            event["detail"].clone()
        })
        .collect();
    details.sort_by_key(|detail| detail["seq"].as_u64());
    let expected: Vec<Value> = exposures.iter().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect();
    assert_eq!(details, expected);
}
