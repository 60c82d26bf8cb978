//! After a refusal the log says what is served, and says it as it is.

use std::fmt::Debug;
use std::sync::Mutex;

use larder::artifact::LocalStore;
use larder::snapshot::SnapshotError;
use tracing::dispatcher::with_default;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use super::*;

/// Keeps the messages of the thread that it is set for.
#[derive(Clone, Default)]
struct Messages(Arc<Mutex<Vec<String>>>);

impl Subscriber for Messages {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Message(self));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Message<'a>(&'a Messages);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

/// A log of this thread.
struct Log {
    messages: Messages,
    dispatch: Dispatch,
    /// While there is only one, a message that another thread is the first to say is switched off for all threads.
    _another: Dispatch,
}

impl Log {
    fn open() -> Self {
        let messages = Messages::default();
        let dispatch = Dispatch::new(messages.clone());
        Self { messages, dispatch, _another: Dispatch::new(Messages::default()) }
    }

    /// What it says of a refresh that is refused.
    fn of_refusal(&self, following: &Following) -> Vec<String> {
        let refused = with_default(&self.dispatch, || following.refresher.refresh(false));
        refused.expect_err("the snapshot was served");
        std::mem::take(&mut self.messages.0.lock().unwrap())
    }
}

/// Publishes a snapshot one file of which is gone afterwards.
fn publish_broken(store: &MemoryStore) {
    let version = publish_to(store, grocer::snapshot(2).path()).unwrap().snapshot;
    store.write(&Source::key(&version, "similar.parquet"), b"gone", Condition::Always).unwrap();
}

#[test]
fn a_refusal_says_what_is_served_then() {
    let store = Arc::new(MemoryStore::new());
    let cache = tempfile::tempdir().unwrap();
    let following = || Following::new(store.clone(), cache.path(), true);
    let log = Log::open();
    let first = following();
    assert_eq!(log.of_refusal(&first), ["the channel cannot be read; nothing is served"]);

    publish_broken(&store);
    let second = following();
    assert_eq!(log.of_refusal(&second), ["snapshot refused; nothing is served"]);

    let good = publish_to(&*store, grocer::snapshot(1).path()).unwrap().snapshot;
    second.refresher.refresh(false).unwrap();
    publish_broken(&store);
    assert_eq!(log.of_refusal(&second), [format!("snapshot refused; {good} goes on being served")]);

    let restarted = log.of_refusal(&following());
    let last = restarted.last().unwrap();
    assert_eq!(*last, format!("snapshot refused; {good}, the last good snapshot, is served instead"));
}

#[test]
fn a_server_that_is_pointed_to_a_snapshot_instead_of_a_store_is_told_so() {
    let snapshot = grocer::snapshot(1);
    let cache = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalStore::open(snapshot.path()).unwrap());
    let following = Following::new(store, cache.path(), true);
    let error = following.refresher.refresh(false).unwrap_err();
    assert!(matches!(error, SnapshotError::NoStore { .. }), "{error}");
    assert!(error.to_string().contains("larder snapshot publish"), "{error}");
    assert_eq!(error.label(), "not_found");
}
