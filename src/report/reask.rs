//! Asks what was asked once more, and holds the slates against those that were shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use hashbrown::HashSet;
use serde::Serialize;

use super::acts::{IMPRESSION, hash};
use super::difference::Difference;
use crate::artifact::Part;
use crate::domain::{Consent, Subject};
use crate::exposure::{ReadError, Shown, read, request};
use crate::pipeline::Stages;
use crate::recommender::{Limits, RecommendError, Recommender, View};
use crate::snapshot::{Registry, Snapshot, SnapshotError};

/// How many slates came again.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Reasked {
    /// The snapshot that was asked.
    pub snapshot: String,
    /// Exposures, each once.
    pub exposures: u64,
    /// Exposures that were there before.
    pub repeated: u64,
    /// Those for which nothing is known that would make a difference.
    pub comparable: u64,
    /// Those of them whose slates are the same, item by item.
    pub identical: u64,
    /// The others, and those of `comparable` that differ, by reason.
    pub others: BTreeMap<Difference, Others>,
    /// The first slate that differs.
    pub first: Option<FirstDifference>,
}

/// Exposures with one reason to differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Others {
    /// How many there are.
    pub count: u64,
    /// How many of them could be asked all the same.
    pub asked: u64,
    /// Of those, the mean share of the items shown that are in the slate now.
    pub overlap: f64,
}

/// A slate that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FirstDifference {
    /// The answer.
    pub recommendation_id: String,
    /// Why.
    pub reason: Difference,
    /// The first rank that differs; `None` where nothing could be asked.
    pub rank: Option<usize>,
    /// What was shown there.
    pub shown: Option<String>,
    /// What is there now.
    pub now: Option<String>,
}

/// Asks one snapshot.
#[derive(Debug)]
pub struct Reasker {
    recommender: Recommender,
    version: String,
    /// What its clock says, in seconds since 1970.
    seconds: Arc<AtomicU64>,
    seen: HashSet<u64>,
    found: Reasked,
}

impl Reasker {
    /// Makes this snapshot ready to be asked.
    ///
    /// # Errors
    /// It cannot be served.
    pub fn new(snapshot: Snapshot) -> Result<Self, SnapshotError> {
        let registry = Arc::new(Registry::default());
        let view = View::prepare(snapshot, &Stages::default())?;
        let version = view.versions().snapshot.to_owned();
        registry.publish(Arc::new(view), false);
        // No deadlines, and nothing out of a cache: what is asked for is what the snapshot says.
        let limits = Limits { placement_deadlines: false, result_cache_bytes: 0, ..Limits::default() };
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let now = move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed));
        let recommender = Recommender::new(registry, limits).with_clock(now);
        let found = Reasked { snapshot: version.clone(), ..Reasked::default() };
        Ok(Self { recommender, version, seconds, seen: HashSet::new(), found })
    }

    /// Asks what the exposures of these files were asked. `progress` is told what is done, and which share.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn ask_all(
        mut self,
        parts: &[Part],
        progress: &mut dyn FnMut(&str, f64),
    ) -> Result<Reasked, ReadError> {
        for (at, part) in parts.iter().enumerate() {
            progress("asking again", at as f64 / parts.len() as f64);
            read(part, &mut |shown| self.take(shown))?;
        }
        Ok(self.found)
    }

    fn take(&mut self, shown: &Shown) {
        if !self.seen.insert(hash(IMPRESSION, &[&shown.recommendation_id])) {
            self.found.repeated += 1;
            return;
        }
        self.found.exposures += 1;
        let known = Difference::of(shown, &self.version);
        self.found.comparable += u64::from(known.is_none());
        let reason = match (known, self.ask(shown)) {
            (None, Ok((slate, _))) if is_same(shown, &slate) => {
                self.found.identical += 1;
                return;
            }
            (known, Ok((slate, reads_clock))) => {
                let clock = reads_clock && shown.clock_ms.is_none();
                let reason = known.unwrap_or(if clock { Difference::Clock } else { Difference::Other });
                self.compare(shown, &slate, reason);
                return;
            }
            (known, Err(reason)) => known.unwrap_or(reason),
        };
        self.found.others.entry(reason).or_default().count += 1;
        let id = shown.recommendation_id.clone();
        let first = FirstDifference { recommendation_id: id, reason, rank: None, shown: None, now: None };
        self.found.first.get_or_insert(first);
    }

    /// The slate now, and whether a stage reads the time.
    fn ask(&self, shown: &Shown) -> Result<(Vec<String>, bool), Difference> {
        let asked = shown.asked.as_ref().ok_or(Difference::NotRecorded)?;
        let subject = Subject {
            user_id: shown.user_id.clone(),
            visitor_id: shown.visitor_id.clone(),
            session_id: shown.session_id.clone(),
            // Whoever denied it has no ids here, and an answer without ids is the same.
            consent: Consent::Unspecified,
        };
        let request = request(asked.get(), subject).map_err(|_| Difference::NotRecorded)?;
        let clock_ms = shown.clock_ms.unwrap_or(shown.time_ms).max(0);
        self.seconds.store(clock_ms as u64 / 1000, Ordering::Relaxed);
        match self.recommender.recommend(&request) {
            Ok(answer) => {
                let ids = answer.slate.items.iter().map(|item| answer.id(item.item).to_owned());
                Ok((ids.collect(), answer.clock.is_some()))
            }
            Err(RecommendError::UnknownPlacement { .. }) => Err(Difference::UnknownPlacement),
            Err(_) => Err(Difference::Refused),
        }
    }

    fn compare(&mut self, shown: &Shown, now: &[String], reason: Difference) {
        let ids: HashSet<&str> = now.iter().map(String::as_str).collect();
        let common = shown.impressions.iter().filter(|item| ids.contains(item.item_id.as_str())).count();
        let overlap =
            if shown.impressions.is_empty() { 1.0 } else { common as f64 / shown.impressions.len() as f64 };
        let others = self.found.others.entry(reason).or_default();
        others.count += 1;
        others.asked += 1;
        others.overlap += (overlap - others.overlap) / others.asked as f64;
        if is_same(shown, now) || self.found.first.is_some() {
            return;
        }
        let item = |at: usize| shown.impressions.get(at).map(|item| &item.item_id);
        let longest = shown.impressions.len().max(now.len());
        let at = (0..longest).find(|at| item(*at) != now.get(*at)).unwrap_or_default();
        self.found.first = Some(FirstDifference {
            recommendation_id: shown.recommendation_id.clone(),
            reason,
            // The rank of the whole ranking, of which the exposure may be a later page.
            rank: Some(at + shown.impressions.first().map_or(1, |item| item.rank.max(1) as usize)),
            shown: item(at).cloned(),
            now: now.get(at).cloned(),
        });
    }
}

fn is_same(shown: &Shown, now: &[String]) -> bool {
    shown.impressions.len() == now.len()
        && shown.impressions.iter().zip(now).all(|(item, id)| item.item_id == *id)
}
