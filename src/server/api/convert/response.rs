//! Recommendations to messages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
use larder_proto::{Struct, StructField, Value, v1};
use uuid::Uuid;

use super::fingerprint::fingerprint;
use super::token::{Attribution, PageToken, PageTokenSeal};
use crate::domain::{Degradation, DegradationLevel, Request, ResponseView, StageTrace};
use crate::feature;
use crate::recommender::{Recommendation, Reuse};
use crate::server::edge::limits;
use crate::server::problem::{Problem, did_you_mean};

/// What the answer to one request is made from.
pub(in crate::server) struct Answer<'a> {
    /// The request.
    pub(in crate::server) request: &'a Request,
    /// Its page token, if it had one.
    pub(in crate::server) page: Option<&'a PageToken>,
    /// What the recommender answered.
    pub(in crate::server) recommendation: &'a Recommendation,
    /// Time since the request was decoded.
    pub(in crate::server) took: Duration,
    /// For how long an answer may be reused.
    pub(in crate::server) max_age: MaxAge,
    /// Seals the next page's token.
    pub(in crate::server) seal: &'a PageTokenSeal,
}

/// For how long answers may be reused.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct MaxAge {
    /// While no event has changed anything.
    pub(in crate::server) still: Duration,
    /// From the first event on.
    pub(in crate::server) once_live: Duration,
}

/// Writes the answer to one request.
pub(in crate::server) fn answer(answer: &Answer<'_>) -> Result<v1::RecommendResponse, Problem> {
    let Answer { request, page, recommendation, took, max_age, seal } = *answer;
    let (slate, snapshot) = (&recommendation.slate, recommendation.snapshot());
    let versions = recommendation.view.versions();
    let version = versions.snapshot;
    let columns = columns(&request.item_fields, recommendation.view.live.attributes())?;
    let tells_scores = request.view != ResponseView::Basic;
    let items = slate.items.iter().enumerate().map(|(position, entry)| v1::RecommendedItem {
        item_id: recommendation.id(entry.item).to_owned(),
        rank: (request.offset + position + 1) as u32,
        // Scores and sources tell a competitor how the ranking works: public pages ask for BASIC.
        score: tells_scores.then_some(entry.score),
        source: tells_scores.then(|| entry.source.to_string()),
        properties: (!columns.is_empty()).then(|| properties(&columns, entry.item.row())),
    });
    // Version 7, so that a warehouse that clusters exposures and clicks by id has them in the order of time.
    let id = Uuid::now_v7();
    let attribution = Attribution {
        recommendation_id: id.as_bytes().to_vec(),
        placement: request.placement.clone(),
        snapshot: version.to_owned(),
    };
    // Texts only here: the recommender keeps slates, and a warning is one of a few.
    let mut warnings: Vec<String> =
        slate.warnings.iter().map(|warning| warning.as_str().to_owned()).collect();
    if page.is_some_and(|page| !page.is_of(versions)) {
        warnings.push(
            "page_token is of another snapshot or other rules: items may repeat or be missing between pages"
                .into(),
        );
    }
    let items: Vec<v1::RecommendedItem> = items.collect();
    Ok(v1::RecommendResponse {
        recommendation_id: id.to_string(),
        attribution_token: attribution.encode_text(),
        cache: Some(cache(request, recommendation, max_age, &items)),
        items,
        next_page_token: next_page(request, recommendation, seal),
        degradation: Some(degradation(&slate.degradation)),
        missing_item_ids: slate.missing_item_ids.clone(),
        warnings,
        serving: Some(v1::Serving {
            snapshot_version: version.to_owned(),
            data_age: snapshot.data_until_ms().and_then(age),
            server_time_us: micros(took),
            rules_version: versions.rules.to_owned(),
            live_epoch: versions.live_epoch,
        }),
        trace: slate.trace.iter().filter(|_| request.view == ResponseView::Debug).map(trace).collect(),
    })
}

type Columns<'a> = Vec<(&'a str, &'a feature::Column)>;

fn columns<'a>(fields: &'a [String], catalog: &'a feature::Table) -> Result<Columns<'a>, Problem> {
    if fields.iter().any(|name| name == "*") {
        return Ok(catalog
            .names()
            .iter()
            .filter_map(|name| Some((name.as_str(), catalog.column(name)?)))
            .collect());
    }
    let one = |(i, name): (usize, &'a String)| match catalog.column(name) {
        Some(column) => Ok((name.as_str(), column)),
        None => Err(Problem::invalid(
            format_args!("item_fields[{i}]"),
            format!("no attribute {name:?}{}", did_you_mean(catalog.nearest(name))),
        )),
    };
    fields.iter().enumerate().map(one).collect()
}

fn properties(columns: &Columns<'_>, row: usize) -> Struct {
    let field = |(name, column): &(&str, &feature::Column)| StructField {
        key: (*name).to_owned(),
        value: Some(property(column.value(row))),
    };
    Struct { fields: columns.iter().map(field).collect() }
}

fn property(value: feature::Value<'_>) -> Value {
    match value {
        feature::Value::Null => Value::null(),
        feature::Value::Bool(value) => Value::from(value),
        // `google.protobuf.Value` knows no integers: above 2^53 this rounds.
        feature::Value::Int(value) => Value::from(value as f64),
        feature::Value::Float(value) => Value::from(value),
        feature::Value::Text(text) => Value::from(text),
        feature::Value::List(texts) => Value::list(texts.into_iter().map(Value::from)),
        feature::Value::Time(ms) => DateTime::from_timestamp_millis(ms)
            .map_or_else(Value::null, |time| Value::from(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))),
    }
}

/// The token of the page that follows, if there is one and it is not too far down.
fn next_page(request: &Request, recommendation: &Recommendation, seal: &PageTokenSeal) -> Option<String> {
    let slate = &recommendation.slate;
    let offset = u32::try_from(request.offset + slate.items.len()).ok()?;
    // No token rather than one that would be refused.
    if !slate.more || offset > limits::OFFSET {
        return None;
    }
    let token = PageToken::new(offset, recommendation.view.versions(), request);
    Some(token.seal(seal))
}

fn degradation(degradation: &Degradation) -> v1::Degradation {
    use v1::degradation::Level;
    let level = match degradation.level {
        DegradationLevel::None => Level::None,
        DegradationLevel::Backfilled => Level::Backfilled,
        DegradationLevel::Partial => Level::Partial,
        DegradationLevel::Fallback => Level::Fallback,
        DegradationLevel::Empty => Level::Empty,
    };
    v1::Degradation {
        level: level.into(),
        causes: degradation.causes.iter().map(|cause| cause.as_str().to_owned()).collect(),
        skipped_stages: degradation.skipped_stages.iter().map(|label| label.to_string()).collect(),
    }
}

/// Says that an answer is not to be kept.
pub(in crate::server) fn uncacheable() -> v1::Cache {
    v1::Cache { scope: v1::cache::Scope::None.into(), key: None, max_age: None }
}

/// An answer that the next attempt would better is not to be kept, nor one that is about this request alone.
fn cache(
    request: &Request,
    recommendation: &Recommendation,
    max_age: MaxAge,
    items: &[v1::RecommendedItem],
) -> v1::Cache {
    let causes = &recommendation.slate.degradation.causes;
    // Those that are not passing (no signal, few candidates) would be the same a second later.
    if causes.iter().any(|cause| cause.is_passing())
        || request.view == ResponseView::Debug
        || request.validate_only
    {
        return uncacheable();
    }
    let versions = recommendation.view.versions();
    let key = fingerprint(request, versions, recommendation.reuse, items);
    let Some(key) = key else { return uncacheable() };
    let max_age = if versions.live_epoch > 0 { max_age.once_live } else { max_age.still };
    let max_age = match recommendation.reuse {
        // A cache that kept the answer of ten o'clock until half past would give it to who asks at eleven.
        Reuse::Step { left, .. } => left.min(max_age),
        _ => max_age,
    };
    let scope = if recommendation.personal { v1::cache::Scope::Private } else { v1::cache::Scope::Public };
    v1::Cache { scope: scope.into(), key: Some(key), max_age: Some(duration(max_age)) }
}

fn trace(stage: &StageTrace) -> v1::StageTrace {
    v1::StageTrace {
        stage: stage.stage.to_string(),
        candidates: stage.candidates as u32,
        took_us: micros(stage.took),
    }
}

fn age(since_ms: i64) -> Option<larder_proto::Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let since = Duration::from_millis(u64::try_from(since_ms).ok()?);
    Some(duration(Duration::from_secs(now.saturating_sub(since).as_secs())))
}

fn duration(time: Duration) -> larder_proto::Duration {
    larder_proto::Duration { seconds: time.as_secs() as i64, nanos: time.subsec_nanos() as i32 }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
