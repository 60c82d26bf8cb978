//! A server that follows a stream.

use md5::{Digest as _, Md5};

use super::*;
use crate::support::event_shop::{Shop, applied, digest, is_ready, scrape, status, wait_until};

/// An image of DynamoDB, as Kinesis gets it.
fn image(item: &str, pieces: u32, second: u32) -> Vec<u8> {
    let time = format!("2026-11-20T02:00:{second:02}Z");
    json!({
        "eventName": "MODIFY", "eventID": format!("{item}-{second}"), "tableName": "items",
        "dynamodb": {
            "Keys": {"sku": {"S": item}},
            "NewImage": {"sku": {"S": item}, "pieces": {"N": pieces.to_string()}, "at": {"S": time}},
        },
    })
    .to_string()
    .into_bytes()
}

/// Records in one, as the producer library packs them.
fn packed(key: &str, bodies: &[Vec<u8>]) -> Vec<u8> {
    let varint = |mut n: usize| {
        let mut bytes = Vec::new();
        while n >= 0x80 {
            bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes
    };
    let field = |tag: u8, bytes: &[u8]| [&[tag][..], &varint(bytes.len()), bytes].concat();
    let mut message = field(0x0a, key.as_bytes());
    for body in bodies {
        message.extend(field(0x1a, &[&[0x08, 0][..], &field(0x1a, body)].concat()));
    }
    [&[0xf3, 0x89, 0x9a, 0xc2][..], &message, &Md5::digest(&message)[..]].concat()
}

#[test]
fn images_of_a_table_are_in_the_state_before_a_server_is_ready_and_after() {
    let test = "images_of_a_table_are_in_the_state_before_a_server_is_ready_and_after";
    let Some(moto) = S3Server::start(test) else { return };
    let stream = Stream::create(&moto.endpoint(), "items", 3);
    let record = |item: &str, pieces, second| (item.to_owned(), image(item, pieces, second));
    stream.put(&(0..40).map(|n| record("assam", 40 - n, n)).collect::<Vec<_>>());
    stream.put(&[("x".to_owned(), b"no JSON".to_vec())]);
    let in_one = packed("sencha", &[image("sencha", 3, 1), image("sencha", 0, 2)]);
    stream.put(&[("sencha".to_owned(), in_one)]);

    let text = format!(
        "[[events.source]]\nname = 'shop'\nkind = 'kinesis'\nstream = 'items'\nregion = 'us-east-1'\n\
         endpoint = '{}'\npoll_interval = '200ms'\n\
         [[events.source.map]]\ntype = 'item.changed'\nitem_id = '/dynamodb/Keys/sku/S'\n\
         time = '/dynamodb/NewImage/at/S'\nset.in_stock = {{ at = '/dynamodb/NewImage/pieces', gt = 0 }}\n",
        moto.endpoint()
    );
    let shop = Shop::new(&text);
    let server = shop.serve();
    wait_until("ready", || is_ready(&server));
    // Caught up, and not only waited for: all that was there is in the state.
    assert_eq!(status(&server)["ready"], true);
    assert_eq!(applied(&server), 42.0);
    assert_eq!(scrape(&server).value("larder_dead_total", &[("source", "shop")]), Some(1.0));
    stream.put(&[record("milk", 0, 50), record("chai", 0, 51)]);
    wait_until("what came after the start", || applied(&server) == 44.0);
    assert_eq!(scrape(&server).value("larder_event_lag_seconds", &[("source", "shop")]), Some(0.0));
    assert_eq!(scrape(&server).value("larder_event_lag_records", &[]), None, "Kinesis does not tell");

    let other = Shop::new(&text);
    let later = other.serve();
    wait_until("ready", || is_ready(&later));
    assert_eq!(digest(&later), digest(&server));
    drop(moto);
    let log = server.end();
    assert!(log.contains("a stream is read") && !log.contains("SecretAccessKey"));
    later.end();
}
