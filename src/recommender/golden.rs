//! Asks a snapshot a few questions before anybody else does: warms it, and checks the answers it was published with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::prepare::UserRows;
use super::{Limits, Recommender, View};
use crate::domain::Request;
use crate::snapshot::{GoldenQuery, Registry, SnapshotError};

/// Requests per placement that touch the memory a live request would.
const WARM_REQUESTS: usize = 16;
/// The most golden queries asked.
const MAX_GOLDEN: usize = 1000;

pub(super) fn check(served: &View) -> Result<(), SnapshotError> {
    // A deadline that is never met: with it the walks are timed, and live requests find the planner informed.
    let limits = Limits {
        placement_deadlines: false,
        max_latency: Some(Duration::from_secs(3600)),
        result_cache_bytes: 0,
        ..Limits::default()
    };
    let asker = Recommender::new(Arc::new(Registry::default()), limits);
    let items = served.snapshot.items();
    let stride = (items.len() / WARM_REQUESTS).max(1);
    for name in served.placements.keys() {
        for item in (0..items.len()).step_by(stride).take(WARM_REQUESTS) {
            let _ = asker.answer(
                served,
                &Request::new(name).viewing(items.text(item as u32)),
                &[],
                Instant::now(),
                &UserRows::default(),
            );
        }
    }
    for (at, query) in served.snapshot.manifest().golden.iter().take(MAX_GOLDEN).enumerate() {
        let refuse = |reason: String| {
            let part = format!("golden query {} ({})", at + 1, query.placement);
            SnapshotError::Refused { artifact: "golden", part, reason }
        };
        let request = request(query);
        let users = asker.find_user(served, &request).wait_unhurried();
        let answer = asker.answer(served, &request, &[], Instant::now(), &users);
        let answer = answer.map_err(|e| refuse(e.to_string()))?;
        let shown: Vec<&str> = answer.slate.items.iter().map(|item| answer.snapshot.id(item.item)).collect();
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
