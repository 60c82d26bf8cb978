//! What goes out: what was shown, where and from which snapshot, events and dead letters. All of it is handed to a
//! bounded queue, and brought out beside the request path.
//!
//! A request hands an [`Exposure`](crate::exposure::Exposure) to [`Exposures`](crate::exposure::Exposures), which
//! numbers it. One thread empties that queue into an [`Outlet`](crate::exposure::Outlet): sinks, or a [spool on
//! disk](crate::exposure::spool) from which a thread for each sink delivers. Events and dead letters have an
//! [`Outbox`](crate::exposure::Outbox) each, which goes the same way.

mod asked;
mod config;
mod counts;
mod origin;
mod outbox;
mod outlet;
mod queue;
mod read;
mod reask;
mod record;
mod screen;
mod shown;
pub mod sink;
pub mod spool;
mod start;
mod what;

use serde::Serialize;

pub use asked::Asked;
pub use config::Config;
pub use counts::{Counters, Counts, Dropped, SinkCounts, SpoolCounts};
pub use origin::{Origin, host_name};
pub use outbox::Outbox;
pub use outlet::{Direct, Outlet};
pub use queue::{Exposures, Writer};
pub use read::{ReadError, read};
pub use reask::request;
pub use record::{Batch, Record};
pub use screen::{Forgotten, Person, Screen};
pub use shown::{Shown, ShownItem};
pub use start::{Outgoing, StartError, start};
pub use what::What;

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
    /// The time that stages of the placement read, in milliseconds since 1970-01-01 UTC, if any of them reads it: what
    /// a replay has to set its clock to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_ms: Option<i64>,
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
    /// How much of the recipe the answer lost: `none`, `backfilled`, `partial`, `fallback`.
    pub level: &'static str,
    /// Why the answer was degraded, if it was; what there was no time for is among the causes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<&'static str>,
    /// The stages that did not run or failed, by metric label.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped_stages: Vec<String>,
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
    /// The scorer's value; comparable within one exposure only.
    pub score: f32,
    /// The stage that contributed most to it.
    pub source: String,
}
