//! An exposure as it is read back, written by this version or an earlier one.

use serde::Deserialize;
use serde_json::value::RawValue;

/// An exposure that was written.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Shown {
    /// The server.
    #[serde(default)]
    pub replica: String,
    /// The process.
    #[serde(default)]
    pub boot: String,
    /// Its number in the process, from 1.
    #[serde(default)]
    pub seq: i64,
    /// The answer's own id.
    pub recommendation_id: String,
    /// When it was answered, in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Where it was shown.
    pub placement: String,
    /// The snapshot it was made from.
    #[serde(default)]
    pub snapshot: String,
    /// The rules that held.
    #[serde(default)]
    pub rules_version: String,
    /// The state of what events had changed.
    #[serde(default)]
    pub live_epoch: i64,
    /// The time that stages read, if any did.
    pub clock_ms: Option<i64>,
    /// The user, if that was to be kept.
    pub user_id: Option<String>,
    /// The device, if that was to be kept.
    pub visitor_id: Option<String>,
    /// The visit, if that was to be kept.
    pub session_id: Option<String>,
    /// The branch of an experiment, where something notes one.
    pub variant: Option<String>,
    /// What was asked, as JSON, unless it was too long.
    pub asked: Option<Box<RawValue>>,
    /// How much of the recipe the answer lost.
    #[serde(default)]
    pub level: String,
    /// Why.
    #[serde(default)]
    pub causes: Vec<String>,
    /// The stages that did not run or failed.
    #[serde(default)]
    pub skipped_stages: Vec<String>,
    /// How many items were shown; 0 where the record does not say.
    #[serde(skip)]
    pub items: usize,
    /// What was shown.
    pub impressions: Vec<ShownItem>,
}

/// An item that was shown.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ShownItem {
    /// The item.
    pub item_id: String,
    /// Its position, from 1.
    pub rank: i32,
    /// The scorer's value.
    pub score: Option<f32>,
    /// The stage that contributed most to it.
    #[serde(default)]
    pub source: String,
}
