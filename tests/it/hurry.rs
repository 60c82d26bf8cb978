//! What is left out where time is short, and that the answer says so. Stages here are slow on purpose; nothing is
//! timed: where a trial of the whole recipe may come between, the same is asked until the plan in question comes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::domain::{CandidateSet, Cause, DegradationLevel, ItemIdx, ItemMask, Request};
use larder::pipeline::scorer::{Blend, Normalize};
use larder::pipeline::{
    BuildError, CandidateSource, Context, Reranker, Scorer, Spec, Stage, StageError, Stages,
};
use larder::recommender::{Limits, Recommendation, Recommender, View};
use larder::snapshot::{LoadOptions, Registry, open_directory};

use crate::support::grocer;

const SLOW: Duration = Duration::from_millis(400);
const TIGHT: Duration = Duration::from_millis(200);

/// Stays away for `SLOW` while its tally is even, and counts calls by two.
struct Slow {
    tally: Arc<AtomicU64>,
    blend: Blend,
}

#[derive(serde::Deserialize)]
struct Params {
    tally: String,
}

static TALLIES: Mutex<BTreeMap<String, Arc<AtomicU64>>> = Mutex::new(BTreeMap::new());

fn tally(name: &str) -> Arc<AtomicU64> {
    Arc::clone(TALLIES.lock().unwrap().entry(name.to_owned()).or_default())
}

fn calls(name: &str) -> u64 {
    tally(name).load(Ordering::SeqCst) / 2
}

fn be_quick(name: &str) {
    tally(name).fetch_or(1, Ordering::SeqCst);
}

fn pause(time: Duration) {
    let (_keep, never) = channel::<()>();
    let _ = never.recv_timeout(time);
}

impl Slow {
    fn new(spec: &Spec<'_>) -> Result<Self, BuildError> {
        let Params { tally: name } = spec.parse()?;
        Ok(Self { tally: tally(&name), blend: Blend::new(vec![1.0; spec.sources.len()], Normalize::None) })
    }

    fn dawdle(&self) {
        if self.tally.fetch_add(2, Ordering::SeqCst).is_multiple_of(2) {
            pause(SLOW);
        }
    }
}

impl Stage for Slow {
    fn label(&self) -> &str {
        "slow"
    }
}

/// The first items of the catalogue, best first.
impl CandidateSource for Slow {
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError> {
        self.dawdle();
        let shown = (0..ctx.snapshot.items().len() as u32).map(ItemIdx).filter(|item| mask.admits(*item));
        shown.take(6).for_each(|item| out.push(item, 100.0 - item.0 as f32));
        Ok(())
    }
}

/// Turns the order of its sources around.
impl Scorer for Slow {
    fn score(&self, ctx: &Context<'_>, set: &CandidateSet, scores: &mut [f32]) -> Result<(), StageError> {
        self.dawdle();
        self.blend.score(ctx, set, scores)?;
        scores.iter_mut().for_each(|score| *score = -*score);
        Ok(())
    }

    fn cheaper(&self) -> Option<&dyn Scorer> {
        Some(&self.blend)
    }
}

/// Turns the order around.
impl Reranker for Slow {
    fn rerank(&self, _ctx: &Context<'_>, set: &mut CandidateSet) -> Result<(), StageError> {
        self.dawdle();
        let rows: Vec<usize> = (0..set.len()).rev().collect();
        set.reorder(&rows);
        Ok(())
    }
}

/// A recommender with one placement, in whose recipe `slow` is a stage that tallies under the placement's name.
fn recommender(name: &str, recipe: &str) -> Recommender {
    let slow = format!("kind = \"slow\", tally = \"{name}\"");
    let recipe = format!("[placements.\"{name}\"]\npage_size = 4\n{}", recipe.replace("slow", &slow));
    let stages = Stages::default()
        .source("slow", |spec| Ok(Box::new(Slow::new(spec)?)))
        .scorer("slow", |spec| Ok(Box::new(Slow::new(spec)?)))
        .reranker("slow", |spec| Ok(Box::new(Slow::new(spec)?)));
    let snapshot = open_directory(grocer::snapshot(1).path(), "production", &LoadOptions::default()).unwrap();
    let served =
        View::compile(Arc::new(snapshot), &recipe, &stages).unwrap_or_else(|e| panic!("{e}\n{recipe}"));
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(served), false);
    Recommender::new(registry, Limits::default())
}

fn within(budget: Duration, request: &Request) -> Request {
    Request { budget: Some(budget), ..request.clone() }
}

/// Asks without hurry, which teaches the planner what the stages take, then in a hurry until the answer has this cause.
fn hurried(recommender: &Recommender, request: &Request, cause: Cause) -> Recommendation {
    recommender.recommend(&within(Duration::from_secs(3600), request)).unwrap();
    let tight = within(TIGHT, request);
    let mut answers = (0..20).map(|_| recommender.recommend(&tight).unwrap());
    let found = answers.find(|answer| answer.slate.degradation.causes.contains(&cause));
    found.unwrap_or_else(|| panic!("never {cause:?}: {:?}", recommender.recommend(&tight).unwrap().slate))
}

fn shown(answer: &Recommendation) -> Vec<&str> {
    answer.slate.items.iter().map(|item| answer.id(item.item)).collect()
}

fn skipped(answer: &Recommendation) -> Vec<&str> {
    answer.slate.degradation.skipped_stages.iter().map(AsRef::as_ref).collect()
}

const FALLBACK: &str = r#"fallback = [ { kind = "popular", artifact = "popularity" } ]"#;

#[test]
fn where_retrieval_was_slow_the_fallbacks_answer_alone_and_say_so() {
    let recommender =
        recommender("hurry.popular", &format!("sources = [ {{ slow }} ]\ncache = false\n{FALLBACK}"));
    let answer = hurried(&recommender, &Request::new("hurry.popular"), Cause::DeadlinePopular);
    let degradation = &answer.slate.degradation;
    assert_eq!(
        (degradation.level, &*degradation.causes),
        (DegradationLevel::Fallback, &[Cause::DeadlinePopular][..])
    );
    assert_eq!(skipped(&answer), ["slow"]);
    assert!(answer.slate.items.iter().all(|item| &*item.source == "fallback.popular"), "{:?}", answer.slate);
    assert_eq!(answer.slate.items.len(), 4);
    let counts = recommender.counts()["hurry.popular"];
    let [full, no_rerank, cached, popular] = counts.plans;
    assert_eq!(
        (full, no_rerank, cached),
        (calls("hurry.popular"), 0, 0),
        "what the plan leaves out is not asked"
    );
    assert!(popular >= 1);
}

#[test]
fn where_reranking_was_slow_it_is_left_out_and_so_is_a_trained_ranker() {
    let recipe = format!(
        "sources = [ {{ kind = \"popular\", artifact = \"popularity\" }} ]\nrerank = [ {{ slow }} ]\n{FALLBACK}"
    );
    let recommender = recommender("hurry.rerank", &recipe);
    let request = Request::new("hurry.rerank").user("somebody");
    let unhurried = recommender.recommend(&request).unwrap();
    let answer = hurried(&recommender, &request, Cause::DeadlineNoRerank);
    let degradation = &answer.slate.degradation;
    assert_eq!((degradation.level, skipped(&answer)), (DegradationLevel::Partial, vec!["slow"]));
    assert_ne!(shown(&answer), shown(&unhurried));
    assert!(answer.slate.items.iter().all(|item| &*item.source == "popular"), "{:?}", answer.slate);
}

#[test]
fn where_a_scorer_was_slow_a_cheaper_one_scores() {
    let recipe = format!(
        "sources = [ {{ kind = \"popular\", artifact = \"popularity\" }} ]\nscorer = {{ slow }}\n{FALLBACK}"
    );
    let recommender = recommender("hurry.scorer", &recipe);
    let request = Request::new("hurry.scorer").user("somebody");
    let answer = hurried(&recommender, &request, Cause::DeadlineNoRerank);
    assert_eq!(skipped(&answer), ["slow"]);
    let scores: Vec<f32> = answer.slate.items.iter().map(|item| item.score).collect();
    assert!(scores.iter().all(|score| *score > 0.0) && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
}

#[test]
fn a_person_in_a_hurry_gets_the_common_slate_without_what_they_have_seen() {
    let recipe = format!("sources = [ {{ slow }} ]\nexclude = [\"session\"]\n{FALLBACK}");
    let recommender = recommender("hurry.cached", &recipe);
    let common = recommender.recommend(&Request::new("hurry.cached")).unwrap();
    let common = shown(&common);
    let request = Request::new("hurry.cached").user("somebody").event(common[1]).event(common[0]);
    let answer = hurried(&recommender, &request, Cause::DeadlineCached);
    assert_eq!(shown(&answer)[..2], common[2..], "in the common slate's order");
    assert_eq!(answer.slate.items.len(), 4, "fallbacks fill up");
    assert!(common[..2].iter().all(|seen| !shown(&answer).contains(seen)), "{:?}", shown(&answer));
    assert_eq!((answer.slate.degradation.level, skipped(&answer)), (DegradationLevel::Partial, vec!["slow"]));
    assert!(!answer.cached && answer.personal, "it is this person's answer");
    let elsewhere = within(TIGHT, &request.clone().page_size(3));
    let mut causes =
        (0..20).flat_map(|_| recommender.recommend(&elsewhere).unwrap().slate.degradation.causes);
    assert!(causes.any(|cause| cause == Cause::DeadlinePopular), "no common slate of that size is known");
}

#[test]
fn a_request_that_was_cut_short_teaches_too() {
    let popular = r#"{ kind = "popular", artifact = "popularity" }"#;
    let recipe = format!("sources = [ {{ slow }}, {popular} ]\ncache = false\n{FALLBACK}");
    let recommender = recommender("hurry.cut", &recipe);
    let tight = within(TIGHT, &Request::new("hurry.cut"));
    let first = recommender.recommend(&tight).unwrap();
    assert_eq!(first.slate.degradation.causes, [Cause::Deadline], "nothing is known yet");
    assert_eq!(skipped(&first), ["popular"]);
    let planned = (0..20)
        .map(|_| recommender.recommend(&tight).unwrap())
        .find(|answer| answer.slate.degradation.causes == [Cause::DeadlinePopular]);
    assert_eq!(skipped(&planned.expect("a plan that leaves out both")), ["slow", "popular"]);
}

#[test]
fn a_hurried_answer_is_not_kept_for_others() {
    let recommender = recommender("hurry.kept", &format!("sources = [ {{ slow }} ]\n{FALLBACK}"));
    // Another key teaches the planner that there is no time.
    let other = Request::new("hurry.kept").page_size(3);
    recommender.recommend(&within(Duration::from_secs(3600), &other)).unwrap();
    let request = within(TIGHT, &Request::new("hurry.kept"));
    let late = (0..20)
        .map(|_| recommender.recommend(&request).unwrap())
        .any(|answer| answer.slate.degradation.causes.contains(&Cause::DeadlinePopular));
    assert!(late);
    let unhurried = recommender.recommend(&Request::new("hurry.kept")).unwrap();
    assert_eq!(unhurried.slate.degradation.level, DegradationLevel::None);
}

#[test]
fn a_slow_moment_is_forgotten() {
    let recommender =
        recommender("hurry.over", &format!("sources = [ {{ slow }} ]\ncache = false\n{FALLBACK}"));
    let request = Request::new("hurry.over");
    hurried(&recommender, &request, Cause::DeadlinePopular);
    be_quick("hurry.over");
    let tight = within(TIGHT, &request);
    let (mut whole, mut asked) = (0, 0);
    while whole < 5 && asked < 3000 {
        // Five in a row are no trials: there is one in 100 ms.
        let answer = recommender.recommend(&tight).unwrap();
        whole = if answer.slate.degradation.causes.is_empty() { whole + 1 } else { 0 };
        asked += 1;
        if whole == 0 {
            pause(Duration::from_millis(10));
        }
    }
    assert_eq!(whole, 5, "after {asked} requests");
}

#[test]
fn without_a_deadline_the_whole_recipe_runs_however_slow_it_was() {
    let recommender =
        recommender("hurry.never", &format!("sources = [ {{ slow }} ]\ncache = false\n{FALLBACK}"));
    let request = Request::new("hurry.never");
    hurried(&recommender, &request, Cause::DeadlinePopular);
    let answer = recommender.recommend(&request).unwrap();
    assert_eq!(answer.slate.degradation.level, DegradationLevel::None);
}
