//! The main road, over a real S3 server: publish, serve, publish again, lose the server, start again without it.

use larder::snapshot::{Outcome, rollback};

use crate::support::following::{CHANNEL, Following, publish_to};
use crate::support::grocer;
use crate::support::s3_server::S3Server;

#[test]
fn what_is_published_to_s3_is_served_swapped_and_survives_the_end_of_the_server() {
    let test = "what_is_published_to_s3_is_served_swapped_and_survives_the_end_of_the_server";
    let Some(server) = S3Server::start(test) else {
        return;
    };
    let store = server.store("serving");
    let cache = tempfile::tempdir().unwrap();
    let following = Following::new(store.clone(), cache.path(), true);
    let publish = |hour| publish_to(&*store, grocer::snapshot(hour).path()).unwrap().snapshot;

    let first = publish(1);
    assert!(matches!(following.refresher.refresh(false).unwrap(), Outcome::Swapped { .. }));
    assert_eq!(following.refresher.refresh(false).unwrap(), Outcome::Unchanged);
    assert_eq!(following.version(), first);
    let slates = following.slates();

    let second = publish(2);
    following.refresher.refresh(false).unwrap();
    assert_eq!((following.version(), following.slates()), (second.clone(), slates.clone()));
    rollback(&*store, CHANNEL, None, chrono::Utc::now()).unwrap();
    following.refresher.refresh(false).unwrap();
    assert_eq!(following.version(), first);
    publish_to(&*store, grocer::snapshot(2).path()).unwrap();
    following.refresher.refresh(false).unwrap();

    drop(server);
    let error = following.refresher.refresh(false).unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("s3://serving"), "{error}");
    assert_eq!(following.refresher.health().last_failure.unwrap().reason, error.to_string());
    assert_eq!((following.version(), following.slates()), (second.clone(), slates.clone()));

    let restarted = Following::new(store, cache.path(), true);
    restarted.refresher.refresh(false).unwrap_err();
    assert_eq!((restarted.version(), restarted.slates()), (second, slates));
}
