//! What was shown, where and from which snapshot: handed to a bounded queue, and written beside the request path.

mod asked;
mod config;
mod queue;
mod sink;

use serde::Serialize;

pub use asked::Asked;
pub use config::Config;
pub use queue::{Counters, Counts, Exposures, Writer};
pub use sink::{JsonLines, Sink};

/// One slate that was shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exposure {
    /// The answer's own id, UUID version 7.
    pub recommendation_id: String,
    /// When it was answered, in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Where it is shown.
    pub placement: String,
    /// The snapshot it was made from.
    pub snapshot: String,
    /// The rules that held; empty where there are none.
    pub rules_version: String,
    /// The state of what events had changed; 0 where there are none.
    pub live_epoch: u64,
    /// The user, unless consent was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The device, unless consent was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor_id: Option<String>,
    /// The visit, unless consent was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// What was asked, unless it is too long to be recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Why the answer was degraded, if it was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<&'static str>,
    /// What was shown, best first.
    pub impressions: Vec<Impression>,
}

/// One item of an exposure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Impression {
    /// The item.
    pub item_id: String,
    /// Its position, from 1.
    pub rank: u32,
    /// The stage that contributed most to it.
    pub source: String,
}
