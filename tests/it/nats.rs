//! NATS, by a real server in a process of its own: events out of a stream of JetStream.

use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::json;

use crate::support::event_shop::{STOCK, Shop, after, applied, digest, is_ready, scrape, status, wait_until};
use crate::support::nats_server::{NatsServer, USER};
use crate::support::process::Process;

/// What the log says of a stream that cannot be read, with the reason.
const CANNOT: &str = "a stream of NATS cannot be read";

/// A source that reads a stream.
fn source(nats: &NatsServer, stream: &str, more: &str) -> String {
    let (user, password) = USER;
    let address = nats.address();
    format!(
        "[[events.source]]\nname = 'shop'\nkind = 'nats'\nservers = '{address}'\nstream = '{stream}'\n\
         user = '{user}'\npassword = '{password}'\n{more}\n{STOCK}"
    )
}

/// A shop that follows a stream.
fn following(nats: &NatsServer, stream: &str, more: &str) -> Shop {
    Shop::new(&source(nats, stream, more))
}

/// Whether a log has a line with both.
fn has_line(log: &str, one: &str, other: &str) -> bool {
    log.lines().any(|line| line.contains(one) && line.contains(other))
}

/// Publishes an event in the words of a shop that has a mapping for them.
fn stock(nats: &NatsServer, sku: &str, pieces: u32, minutes: i64) {
    stock_with_note(nats, sku, pieces, minutes, "");
}

/// The same with something that nobody reads.
fn stock_with_note(nats: &NatsServer, sku: &str, pieces: u32, minutes: i64, note: &str) {
    let body = json!({"sku": sku, "pieces": pieces, "at": after(minutes).to_rfc3339(), "note": note});
    nats.publish(&format!("shop.items.{sku}"), &[], &body.to_string());
}

/// Publishes a CloudEvent in headers.
fn delist(nats: &NatsServer, item: &str, minutes: i64) {
    let time = after(minutes).to_rfc3339();
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "shop"),
        ("ce-type", "item.delisted"),
        ("ce-subject", item),
        ("ce-time", &time),
    ];
    nats.publish(&format!("shop.items.{item}"), &headers, "");
}

/// Events that were read again, or in another order.
fn stale(server: &Process) -> Option<f64> {
    scrape(server).value("larder_events_total", &[("source", "shop"), ("outcome", "stale")])
}

fn gap(server: &Process) -> f64 {
    scrape(server).value("larder_live_gap_seconds", &[("source", "shop")]).unwrap_or_default()
}

#[test]
fn a_stream_is_read_from_where_the_catalogue_ends_and_through_the_end_of_its_server() {
    let test = "a_stream_is_read_from_where_the_catalogue_ends_and_through_the_end_of_its_server";
    let Some(mut nats) = NatsServer::start(test) else { return };
    nats.create("SHOP", &["shop.items.*", "shop.orders.*"]);
    // Written before the beginning.
    delist(&nats, "honey", -60);
    std::thread::park_timeout(Duration::from_millis(5));
    let more = format!("subjects = 'shop.items.*'\nstart = '{}'", Utc::now().to_rfc3339());
    for n in 0..50 {
        stock(&nats, "assam", 50 - n, n.into());
        nats.publish("shop.orders.new", &[], "is not read");
    }
    delist(&nats, "milk", 61);
    nats.publish("shop.items.assam", &[], "no JSON");
    stock(&nats, "sencha", 0, 62);
    nats.publish("shop.orders.new", &[], "is not read");

    let shop = following(&nats, "SHOP", &more);
    let server = shop.serve();
    wait_until("ready", || is_ready(&server));
    // Caught up, and not only waited for: all that was there is in the state.
    assert_eq!(status(&server)["ready"], true);
    assert_eq!(applied(&server), 52.0);
    assert_eq!(scrape(&server).value("larder_dead_total", &[("source", "shop")]), Some(1.0));
    delist(&nats, "chai", 70);
    wait_until("what came after the start", || applied(&server) == 53.0);
    wait_until("no lag", || scrape(&server).value("larder_event_lag_records", &[]) == Some(0.0));
    assert_eq!(scrape(&server).value("larder_event_lag_seconds", &[("source", "shop")]), Some(0.0));

    nats.stop();
    assert!(is_ready(&server), "what is known is served without the stream");
    nats.start_again();
    for n in 0..100 {
        stock(&nats, "mint", n, (100 + n).into());
    }
    wait_until("what came after the end of the server", || applied(&server) == 153.0);
    assert_eq!(stale(&server), None, "nothing is read twice");
    let other = following(&nats, "SHOP", &more);
    let later = other.serve();
    wait_until("ready", || is_ready(&later));
    assert_eq!((applied(&later), gap(&later), gap(&server)), (153.0, 0.0, 0.0));
    assert_eq!(digest(&later), digest(&server), "who starts later knows the same");
    later.end();
    assert!(server.end().contains(CANNOT));
}

#[test]
fn a_stream_that_does_not_go_back_as_far_as_the_catalogue_is_read_and_said_to_have_a_gap() {
    let test = "a_stream_that_does_not_go_back_as_far_as_the_catalogue_is_read_and_said_to_have_a_gap";
    let Some(nats) = NatsServer::start(test) else { return };
    nats.create("SHOP", &["shop.>"]);
    // More than a fetch has room for.
    let note = "x".repeat(300_000);
    for n in 0..20 {
        stock_with_note(&nats, "assam", n, n.into(), &note);
    }
    let whole = following(&nats, "SHOP", "");
    let server = whole.serve();
    wait_until("ready", || is_ready(&server));
    assert_eq!((applied(&server), gap(&server)), (20.0, 0.0), "all of the stream is there");
    nats.purge_before("SHOP", 11);
    let cut = following(&nats, "SHOP", "");
    let later = cut.serve();
    wait_until("ready", || is_ready(&later));
    assert_eq!(applied(&later), 10.0);
    assert!(gap(&later) > 0.0 && gap(&server) == 0.0);
    let wanting_none = following(&nats, "SHOP", "start = 'latest'");
    let latest = wanting_none.serve();
    wait_until("ready", || is_ready(&latest));
    assert_eq!((applied(&latest), gap(&latest)), (0.0, 0.0));

    // The same stream with less in it than was read.
    nats.delete("SHOP");
    nats.create("SHOP", &["shop.>"]);
    stock(&nats, "mint", 3, 90);
    for (server, before) in [(&server, 20.0), (&later, 10.0), (&latest, 0.0)] {
        wait_until("the stream that was made anew", || applied(server) == before + 1.0);
    }
    assert!(later.end().contains("the stream does not go back as far as the snapshot"));
    assert!(server.end().contains("the stream was made anew"));
    latest.end();
}

#[test]
fn several_subjects_are_read_from_a_server_that_can_filter_by_them_and_refused_by_an_older_one() {
    let test = "several_subjects_are_read_from_a_server_that_can_filter_by_them_and_refused_by_an_older_one";
    let Some(nats) = NatsServer::start(test) else { return };
    nats.create("SHOP", &["shop.>"]);
    for sku in ["assam", "sencha", "mint"] {
        stock(&nats, sku, 0, 1);
    }
    let source = source(&nats, "SHOP", "subjects = 'shop.items.assam, shop.items.mint'");
    let server = Shop::new(&format!("[events]\nready_wait = '5s'\n{source}")).serve();
    wait_until("ready", || is_ready(&server));
    let read = applied(&server);
    let log = server.end();
    if nats.can_filter_by_several() {
        assert_eq!(read, 2.0);
    } else {
        assert_eq!(read, 0.0);
        assert!(has_line(&log, CANNOT, "2 subjects: a server before 2.10 filters by one"), "{log}");
    }
}

#[test]
fn a_stream_that_cannot_be_reached_or_read_keeps_nobody_from_being_served_for_ever() {
    let test = "a_stream_that_cannot_be_reached_or_read_keeps_nobody_from_being_served_for_ever";
    let Some(nats) = NatsServer::start(test) else { return };
    nats.create("SHOP", &["shop.>"]);
    let address = nats.address();
    let cases = [
        ("127.0.0.1:1", "SHOP", "honey", "nats://127.0.0.1:1"),
        (address.as_str(), "SHOP", "jam", "authorization violation"),
        (address.as_str(), "OTHER", "honey", "stream not found"),
    ];
    for (servers, stream, password, expected) in cases {
        let shop = Shop::new(&format!(
            "[events]\nready_wait = '2s'\n[[events.source]]\nname = 'shop'\nkind = 'nats'\n\
             servers = '{servers}'\nstream = '{stream}'\nuser = 'larder'\npassword = '{password}'\n"
        ));
        let server = shop.serve();
        assert!(!is_ready(&server));
        wait_until("ready without the source", || is_ready(&server));
        let began = Instant::now();
        let log = server.end();
        assert!(began.elapsed() < Duration::from_secs(5), "the source is not waited for");
        assert!(has_line(&log, CANNOT, expected), "{expected}:\n{log}");
    }
}
