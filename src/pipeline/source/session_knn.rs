//! What similar past sessions went on to.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::{CandidateSet, score};
use crate::index::{Decay, Idf, MatchWeight, SessionKnn, SessionKnnParams, SessionScratch};
use crate::pipeline::build::check_take;
use crate::pipeline::{BuildError, CandidateSource, Context, Spec, StageError};
use crate::snapshot::Sessions;

/// VMIS-kNN over a `session_knn` artifact; the session is `session_events`, with the seed items at its end.
///
/// Useful for: what comes next in a session. Not for: requests without any item.
#[derive(Debug)]
pub struct SessionKnnSource {
    sessions: Arc<Sessions>,
    params: SessionKnnParams,
    take: usize,
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
}

fn default_take() -> usize {
    300
}

thread_local! {
    static SCRATCH: RefCell<(SessionScratch, Vec<u32>)> = RefCell::default();
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
        Ok(Box::new(Self { params, take: check_take(given.take)?, sessions }))
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
    let kept = sessions.limits().sessions_per_item;
    if params.m_most_recent_sessions <= kept {
        return Ok(());
    }
    Err(BuildError::Parameters(format!(
        "m_most_recent_sessions is {}, but artifact \"{artifact}\" keeps the {kept} newest sessions of an item: raise its \
         max_sessions_per_item, or lower m_most_recent_sessions",
        params.m_most_recent_sessions
    )))
}

impl CandidateSource for SessionKnnSource {
    fn retrieve(&self, ctx: &Context<'_>, out: &mut CandidateSet) -> Result<(), StageError> {
        SCRATCH.with_borrow_mut(|(scratch, session)| {
            session.clear();
            session.extend(ctx.query.session.iter().map(|item| item.0));
            for key in self.sessions.index.recommend(session, &self.params, self.take, ctx.mask, scratch) {
                out.push(score::item(*key), score::value(*key));
            }
        });
        Ok(())
    }
}
