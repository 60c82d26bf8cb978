//! Asks a snapshot a few questions before anybody else does: warms it, and checks the answers it was published with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::prepare::UserRows;
use super::{Limits, Recommender, View};
use crate::domain::{Request, Slate};
use crate::snapshot::{GoldenQuery, Registry, SnapshotError};

/// Requests a placement that touch the memory a live request would. Raising it makes the first live requests faster on
/// a catalogue that was just read, and each swap slower.
const WARM_REQUESTS: usize = 16;
/// Upper bound on the golden queries asked, so that a manifest cannot hold up a swap for ever.
const MAX_GOLDEN: usize = 1000;

pub(super) fn check(view: &View) -> Result<(), SnapshotError> {
    // A deadline that no request reaches: with it stages are timed, and the first live request finds the estimates
    // made.
    let limits = Limits {
        placement_deadlines: false,
        max_latency: Some(Duration::from_secs(3600)),
        result_cache_bytes: 0,
        ..Limits::default()
    };
    let asker = Recommender::new(Arc::new(Registry::default()), limits);
    let mut slate = Slate::default();
    let items = view.snapshot.items();
    let stride = (items.len() / WARM_REQUESTS).max(1);
    for name in view.placements.keys() {
        for item in (0..items.len()).step_by(stride).take(WARM_REQUESTS) {
            let request = Request::new(name).viewing(items.text(item as u32));
            slate.clear();
            // What it answers does not matter, nor whether it can: the memory that it touches is warm then.
            let _ = asker.answer_into(view, &request, &[], Instant::now(), &UserRows::default(), &mut slate);
        }
    }
    for (at, query) in view.snapshot.manifest().golden.iter().take(MAX_GOLDEN).enumerate() {
        let refuse = |reason: String| {
            let part = format!("golden query {} ({})", at + 1, query.placement);
            SnapshotError::Refused { artifact: "golden", part, reason }
        };
        let request = request(query);
        let users = asker.find_user(view, &request).wait_unhurried();
        slate.clear();
        let answered = asker.answer_into(view, &request, &[], Instant::now(), &users, &mut slate);
        answered.map_err(|error| refuse(error.to_string()))?;
        let shown: Vec<&str> = slate.items.iter().map(|item| view.live.id(item.item)).collect();
        if let Some(absent) = query.expect.iter().find(|id| !shown.contains(&id.as_str())) {
            return Err(refuse(format!("\"{absent}\" is not in the slate: {}", shown.join(", "))));
        }
    }
    Ok(())
}

fn request(query: &GoldenQuery) -> Request {
    let mut request = Request::new(&query.placement);
    request.subject.user_id.clone_from(&query.user);
    let request = query.session.iter().fold(request, |request, id| request.event(id));
    query.seeds.iter().fold(request, |request, id| request.viewing(id))
}
