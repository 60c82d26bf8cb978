//! What servers answer to conditional reads and writes, and what a store makes of it.

use std::sync::Arc;

use larder::artifact::{ArtifactStore, Condition, Conditional, StoreError};

use crate::support::object_server::{AMAZON, Manners, Mood, ObjectServer};

const KEY: &str = "channels/production.json";

/// Writes, replaces, and tries what must fail: each time somebody else was first.
fn held(store: &dyn ArtifactStore, manners: &str) {
    let first = store.write(KEY, b"one", Condition::IfAbsent).unwrap();
    let read = store.read(KEY).unwrap();
    assert_eq!((read.bytes.as_slice(), &read.etag), (b"one".as_slice(), &first), "{manners}");
    assert_eq!(store.read_if_changed(KEY, Some(&first)).unwrap(), None, "{manners}");
    let second = store.write(KEY, b"two", Condition::IfMatch(first.clone())).unwrap();
    assert_eq!(store.read_if_changed(KEY, Some(&first)).unwrap().unwrap().etag, second, "{manners}");
    for (key, condition) in [
        (KEY, Condition::IfAbsent),
        (KEY, Condition::IfMatch(first.clone())),
        ("channels/gone.json", Condition::IfMatch(second)),
    ] {
        let refused = store.write(key, b"three", condition.clone());
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{manners} {condition:?}: {refused:?}");
    }
    assert_eq!(store.read(KEY).unwrap().bytes, b"two", "{manners}");
}

#[test]
fn however_a_server_says_that_a_condition_holds_or_not_it_is_understood() {
    let cases: [(&str, Manners); 6] = [
        ("quoted", AMAZON),
        ("weak", Manners { etag: Some(("W/\"", "\"")), ..AMAZON }),
        ("not modified", Manners { refusal: (412, ""), ..AMAZON }),
        ("deaf", Manners { is_deaf: true, ..AMAZON }),
        ("reads: 412", Manners { no_conditional_reads: Some((412, "PreconditionFailed")), ..AMAZON }),
        ("reads: 501", Manners { no_conditional_reads: Some((501, "NotImplemented")), ..AMAZON }),
    ];
    for (name, manners) in cases {
        held(&*ObjectServer::start(manners).store(), name);
    }
    // Of what is there already, some say that it is not modified.
    let store = ObjectServer::start(Manners { refusal: (304, ""), ..AMAZON }).store();
    store.write(KEY, b"one", Condition::IfAbsent).unwrap();
    let refused = store.write(KEY, b"two", Condition::IfAbsent);
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
}

#[test]
fn a_server_that_knows_no_conditions_is_told_apart_from_one_that_is_away() {
    for answer in [(501, "NotImplemented"), (400, "InvalidArgument"), (400, "InvalidRequest"), (405, "")] {
        let server = ObjectServer::start(Manners { no_conditions: Some(answer), ..AMAZON });
        let store = server.store();
        store.write(KEY, b"one", Condition::Always).unwrap();
        let etag = store.read(KEY).unwrap().etag;
        for condition in [Condition::IfAbsent, Condition::IfMatch(etag)] {
            server.take_seen();
            let refused = store.write(KEY, b"two", condition).unwrap_err();
            assert!(matches!(refused, StoreError::Invalid { .. }) && !refused.is_transient(), "{refused}");
            let said = refused.to_string();
            assert!(
                said.contains("s3.conditional = \"off\"") && said.contains(&answer.0.to_string()),
                "{said}"
            );
            assert_eq!(server.take_seen().len(), 1, "{answer:?} is not going to change");
        }
        held_without_conditions(&server);
    }
}

#[test]
fn without_an_etag_nothing_is_replaced_unless_it_is_wanted_so() {
    let server = ObjectServer::start(Manners { etag: None, ..AMAZON });
    let store = server.store();
    store.write(KEY, b"one", Condition::IfAbsent).unwrap();
    let read = store.read(KEY).unwrap();
    assert_eq!(store.read_if_changed(KEY, Some(&read.etag)).unwrap(), None, "its content says as much");
    let refused = store.write(KEY, b"two", Condition::IfMatch(read.etag)).unwrap_err().to_string();
    assert!(refused.contains("gives no etag") && refused.contains("s3.conditional"), "{refused}");
    held_without_conditions(&server);
}

/// With conditions switched off the store looks before it writes, and asks for none.
fn held_without_conditions(server: &ObjectServer) {
    let store = server.store_that(Conditional::Off);
    let other: Arc<dyn ArtifactStore> = server.store_that(Conditional::Off);
    server.take_seen();
    let first = store.read(KEY).unwrap();
    let second = store.write(KEY, b"second", Condition::IfMatch(first.etag.clone())).unwrap();
    for condition in [Condition::IfAbsent, Condition::IfMatch(first.etag)] {
        let refused = other.write(KEY, b"third", condition);
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    }
    other.write("channels/new.json", b"new", Condition::IfAbsent).unwrap();
    assert_eq!(other.read_if_changed(KEY, Some(&second)).unwrap(), None);
    let seen = server.take_seen();
    assert!(seen.len() > 5 && seen.iter().all(|(.., head)| !head.contains("\nif-")), "{seen:?}");
}

#[test]
fn a_write_that_meets_another_is_made_when_that_is_over() {
    let server = ObjectServer::start(AMAZON);
    let store = server.store();
    server.be_busy(1);
    store.write(KEY, b"one", Condition::IfAbsent).unwrap();
    assert_eq!(store.read(KEY).unwrap().bytes, b"one");
    server.be_busy(100);
    let given_up = store.write(KEY, b"two", Condition::IfAbsent).unwrap_err();
    assert!(given_up.is_transient() && given_up.to_string().contains("409"), "{given_up}");
}

#[test]
fn a_page_in_the_place_of_an_answer_is_not_believed() {
    let server = ObjectServer::start(AMAZON);
    let store = server.store();
    store.write(KEY, b"{}", Condition::Always).unwrap();
    let page = "<html><body>Please log in</body></html>";
    let busy = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>";
    for (kind, text) in [("text/html; charset=utf-8", page), ("application/xml", busy)] {
        server.set(Mood::Page(kind, text), "");
        for read in [
            store.read(KEY).map(|_| ()),
            store.read_if_changed(KEY, Some("\"x\"")).map(|_| ()),
            store.read_range(KEY, 0, 10).map(|_| ()),
        ] {
            let error = read.unwrap_err();
            assert!(error.is_transient() && error.to_string().contains(&text[..5]), "{error}");
        }
        for condition in [Condition::Always, Condition::IfAbsent] {
            store.write("channels/new.json", b"{}", condition).unwrap_err();
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "some content").unwrap();
        let error = store.write_file("snapshots/v1/file", &file).unwrap_err().to_string();
        assert!(error.contains("something else is there") || error.contains("HTTP 200 SlowDown"), "{error}");
    }
    server.set(Mood::Well, "");
    assert!(matches!(store.read("channels/new.json"), Err(StoreError::NotFound { .. })));
}
