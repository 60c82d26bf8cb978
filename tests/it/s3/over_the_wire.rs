//! The same promises over HTTP, and those that only a network can break.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use larder::artifact::{
    ArtifactStore, BlobCache, Condition, Credentials, FetchOptions, LocationError, OpenOptions, StoreError,
    fetch, open, sha256_bytes, sha256_file,
};

use super::{contract, one_of_many_writers_wins};
use crate::support::s3_server::S3Server;

#[test]
fn s3_keeps_the_contract() {
    let Some(server) = S3Server::start("s3_keeps_the_contract") else {
        return;
    };
    let store = server.store("contract");
    assert_eq!(store.location(), "s3://contract/some/prefix");
    contract(&*store);
    one_of_many_writers_wins(&*store);

    // The root of a bucket is a store too, and sees more.
    let root = open("s3://contract", &server.options()).unwrap();
    assert_eq!(root.list_dirs("").unwrap(), ["some"]);
    assert_eq!(root.read("some/prefix/channels/canary.json").unwrap().bytes, b"new");
}

#[test]
fn s3_pages_through_long_listings() {
    let Some(server) = S3Server::start("s3_pages_through_long_listings") else {
        return;
    };
    let store = server.store("listing");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in (thread..1010).step_by(4) {
                    store.write(&format!("snapshots/{n:04}/m"), b"x", Condition::Always).unwrap();
                }
            });
        }
    });
    let expected: Vec<String> = (0..1010).map(|n| format!("{n:04}")).collect();
    assert_eq!(store.list_dirs("snapshots").unwrap(), expected);
}

#[test]
fn s3_stores_large_files_in_parts_and_serves_them_in_ranges() {
    let Some(server) = S3Server::start("s3_stores_large_files_in_parts_and_serves_them_in_ranges") else {
        return;
    };
    let store = server.store("large");
    let dir = tempfile::tempdir().unwrap();
    let cache = BlobCache::open(dir.path().join("cache")).unwrap();
    // One goes up in one piece, the other in parts; both come down in several.
    for megabytes in [21, 70] {
        let mut random = fastrand::Rng::with_seed(megabytes);
        let block: Vec<u8> = (0..1 << 20).map(|_| random.u8(..)).collect();
        let source = dir.path().join("source");
        let mut file = std::fs::File::create(&source).unwrap();
        for n in 0..megabytes {
            file.write_all(&[n as u8; 3]).unwrap();
            file.write_all(&block).unwrap();
        }
        drop(file);
        let (sha256, bytes) = sha256_file(&source).unwrap();

        store.write_file("snapshots/v1/vectors.parquet", &source).unwrap();
        let path =
            fetch(&*store, "snapshots/v1/vectors.parquet", &sha256, bytes, &cache, &FetchOptions::default())
                .unwrap();
        assert_eq!(sha256_file(&path).unwrap(), (sha256, bytes));
    }
}

#[test]
fn s3_names_a_bucket_that_does_not_exist() {
    let Some(server) = S3Server::start("s3_names_a_bucket_that_does_not_exist") else {
        return;
    };
    let store = open("s3://nowhere/x", &server.options()).unwrap();
    for refused in [store.read("a").unwrap_err(), store.list_dirs("").unwrap_err()] {
        assert!(
            matches!(&refused, StoreError::Location { source: LocationError::UnknownBucket, .. }),
            "{refused}"
        );
    }
}

#[test]
fn a_server_that_stops_makes_the_store_unavailable_within_seconds() {
    let test = "a_server_that_stops_makes_the_store_unavailable_within_seconds";
    let Some(server) = S3Server::start(test) else {
        return;
    };
    let store = server.store("stopping");
    store.write("a", b"x", Condition::Always).unwrap();
    drop(server);
    let began = Instant::now();
    for failed in [
        store.read("a").unwrap_err(),
        store.read_range("a", 0, 1).unwrap_err(),
        store.write("a", b"y", Condition::IfAbsent).unwrap_err(),
        store.list_dirs("").unwrap_err(),
    ] {
        assert!(failed.is_transient(), "{failed}");
        assert!(failed.to_string().contains("s3://stopping/some/prefix"), "{failed}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    let body = "0123456789";
    let head =
        |status: &str, len: usize| format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\nETag: \"e\"\r\n");
    let range = "Content-Range: bytes 5-14/15\r\n";
    let short = format!("{}{range}\r\n{}", head("206 Partial Content", 10), &body[..4]);
    let whole = format!("{}{range}\r\n{body}", head("206 Partial Content", 10));
    let store = scripted(vec![short, whole]);
    assert_eq!(store.read_range("a", 5, 10).unwrap(), body.as_bytes());
}

#[test]
fn a_conditional_write_whose_answer_is_lost_counts_as_made_only_if_it_was() {
    let refused = "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n".to_owned();
    let found = |body: &str| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: \"e\"\r\n\r\n{body}", body.len())
    };

    let store = scripted(vec![String::new(), refused.clone(), found("mine")]);
    assert_eq!(store.write("a", b"mine", Condition::IfAbsent).unwrap(), "\"e\"");
    let store = scripted(vec![String::new(), refused.clone(), found("theirs")]);
    assert!(matches!(store.write("a", b"mine", Condition::IfAbsent), Err(StoreError::Conflict { .. })));
    let store = scripted(vec![refused, found("mine")]);
    assert!(matches!(store.write("a", b"mine", Condition::IfAbsent), Err(StoreError::Conflict { .. })));
}

#[test]
fn a_refused_key_is_denied_and_says_what_to_check() {
    let body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let answer = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let denied = scripted(vec![answer]).read("a").unwrap_err();
    assert!(
        matches!(denied, StoreError::Denied { .. }) && denied.to_string().contains("credentials"),
        "{denied}"
    );
}

#[test]
fn a_server_that_ignores_ranges_or_sends_too_much_is_not_believed() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789".to_owned();
    assert!(matches!(scripted(vec![answer.clone()]).read_range("a", 2, 3), Err(StoreError::Invalid { .. })));
    assert_eq!(scripted(vec![answer]).read_range("a", 0, 3).unwrap(), b"012");
}

#[tokio::test]
async fn a_store_may_be_used_and_dropped_where_an_async_runtime_is_at_work() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"e\"\r\n\r\nok".to_owned();
    assert_eq!(scripted(vec![answer]).read("a").unwrap().bytes, b"ok");
}

#[test]
fn digests_survive_the_way_through_s3_byte_for_byte() {
    let Some(server) = S3Server::start("digests_survive_the_way_through_s3_byte_for_byte") else {
        return;
    };
    let store = server.store("bytes");
    let all: Vec<u8> = (0..=255).collect();
    store.write("all bytes/ä+ %.bin", &all, Condition::Always).unwrap();
    assert_eq!(sha256_bytes(&store.read("all bytes/ä+ %.bin").unwrap().bytes), sha256_bytes(&all));
    assert_eq!(store.list_dirs("").unwrap(), ["all bytes"]);
}

/// A store on a server that gives these answers, one for each connection; an empty one hangs up instead.
fn scripted(answers: Vec<String>) -> std::sync::Arc<dyn ArtifactStore> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            let closing = answer.replacen("\r\n", "\r\nConnection: close\r\n", 1);
            let _ = stream.write_all(closing.as_bytes());
        }
    });
    let credentials = Credentials { access_key_id: "larder".into(), secret_access_key: "testing".into() };
    let options =
        OpenOptions { endpoint_url: Some(endpoint), credentials: Some(credentials), ..Default::default() };
    open("s3://scripted", &options).unwrap()
}

fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length || n == 0 {
                return;
            }
        }
        assert!(n > 0, "the request broke off: {text}");
    }
}
