//! What similar past sessions went on to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::seeds::{ItemWeights, LookFrom, RoleName};
use crate::domain::{CandidateSet, ItemMask, score};
use crate::index::{Decay, Idf, MatchWeight, SessionKnn, SessionKnnParams, SessionScratch};
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Needs, Spec, Stage, StageError};
use crate::snapshot::Sessions;

/// VMIS-kNN over a `session_knn` artifact; the session is `session_events`, with the seed items at its end.
///
/// Useful for: what comes next in a session. Not for: requests without any item.
#[derive(Debug)]
pub struct SessionKnnSource {
    sessions: Arc<Sessions>,
    params: SessionKnnParams,
    take: usize,
    weights: ItemWeights,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    artifact: String,
    #[serde(default = "default_take")]
    take: usize,
    m_most_recent_sessions: Option<usize>,
    k_neighbors: Option<usize>,
    max_items_in_session: Option<usize>,
    idf_weighting: Option<f32>,
    idf: Option<String>,
    decay: Option<String>,
    match_weight: Option<String>,
    #[serde(default)]
    role_weights: BTreeMap<RoleName, f32>,
    #[serde(default)]
    event_weights: BTreeMap<String, f32>,
}

fn default_take() -> usize {
    300
}

#[derive(Debug, Default)]
struct Scratch {
    index: SessionScratch,
    session: Vec<u32>,
    weighted: Vec<(u32, f32)>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl SessionKnnSource {
    pub(super) fn make(spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        let given: Params = spec.parse()?;
        let sessions: Arc<Sessions> = spec.artifact(&given.artifact)?;
        let stated = sessions.params;
        let count = |key, given: Option<usize>, stated, most, expected| match given.unwrap_or(stated) {
            value if (1..=most).contains(&value) => Ok(value),
            value => Err(BuildError::Range { key, value: value.to_string(), expected }),
        };
        // What the recipe leaves out is as the artifact states it: whoever trained it has measured that.
        let million = "1 to 1000000";
        let params = SessionKnnParams {
            m_most_recent_sessions: count(
                "m_most_recent_sessions",
                given.m_most_recent_sessions,
                stated.m_most_recent_sessions,
                1_000_000,
                million,
            )?,
            k_neighbors: count("k_neighbors", given.k_neighbors, stated.k_neighbors, 1_000_000, million)?,
            max_items_in_session: count(
                "max_items_in_session",
                given.max_items_in_session,
                stated.max_items_in_session,
                64,
                "1 to 64",
            )?,
            idf_weighting: given.idf_weighting.unwrap_or(stated.idf_weighting),
            idf: named("idf", given.idf, Idf::parse, "sessions or clicks")?.unwrap_or(stated.idf),
            decay: named("decay", given.decay, Decay::parse, "linear, harmonic or none")?
                .unwrap_or(stated.decay),
            match_weight: named(
                "match_weight",
                given.match_weight,
                MatchWeight::parse,
                "linear, shifted or none",
            )?
            .unwrap_or(stated.match_weight),
        };
        check_kept(&given.artifact, &sessions.index, &params)?;
        if !(0.0..=100.0).contains(&params.idf_weighting) {
            let (key, value) = ("idf_weighting", params.idf_weighting.to_string());
            return Err(BuildError::Range { key, value, expected: "0 to 100" });
        }
        let weights = ItemWeights::new(&given.role_weights, &given.event_weights)?;
        Ok(Box::new(Self { params, take: check_take(given.take)?, sessions, weights }))
    }
}

fn named<T>(
    key: &'static str,
    given: Option<String>,
    parse: fn(&str) -> Option<T>,
    expected: &'static str,
) -> Result<Option<T>, BuildError> {
    let read = |value: String| parse(&value).ok_or(BuildError::Range { key, value, expected });
    given.map(read).transpose()
}

/// An artifact may keep fewer sessions of an item than a recipe wants to look at: what is missing would not be noticed.
fn check_kept(artifact: &str, sessions: &SessionKnn, params: &SessionKnnParams) -> Result<(), BuildError> {
    let (wanted, kept) = (params.m_most_recent_sessions, sessions.limits().sessions_per_item);
    if wanted <= kept {
        return Ok(());
    }
    Err(BuildError::SessionsKept { artifact: artifact.to_owned(), wanted, kept })
}

impl Stage for SessionKnnSource {
    fn label(&self) -> &str {
        "session_knn"
    }

    fn needs(&self) -> Needs {
        Needs { signals: LookFrom::Session.signals(), ..Needs::default() }
    }
}

impl CandidateSource for SessionKnnSource {
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError> {
        let index = &self.sessions.index;
        SCRATCH.with_borrow_mut(|Scratch { index: scratch, session, weighted }| {
            let (params, take) = (&self.params, self.take);
            let keys = if self.weights.matter(ctx) {
                let most = params.max_items_in_session;
                // The index has a decay of its own, over the same distances.
                LookFrom::Session.items(ctx, &self.weights, most, 0.0, weighted);
                index.recommend_weighted(weighted, params, take, mask, scratch)
            } else {
                session.clear();
                session.extend(ctx.query.session.iter().map(|entry| entry.item.0));
                index.recommend(session, params, take, mask, scratch)
            };
            for key in keys {
                out.push(score::item(*key), score::value(*key));
            }
        });
        Ok(())
    }
}
