//! What a run is, from the command line and the scenario together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use larder_proto::v1;

use crate::cli::{RunArgs, ShopArgs};
use crate::mix::{self, Mix, MixError, SentAs};
use crate::profile::{Profile, Schedule};
use crate::scenario::{Scenario, ScenarioError};
use crate::shoppers::{self, ANONYMOUS, ContextChoice, NEW_ITEMS, NEW_USERS, Pool, Shop, WeightedPlacement};
use crate::slo::Slo;
use crate::snapshot::{self, Clientele, SnapshotError};
use crate::target::Url;

/// Input that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error(transparent)]
    Mix(#[from] MixError),
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("where to? Give --target, or targets in the scenario")]
    NoTarget,
    #[error("how fast? Give --rps or --profile, or a profile in the scenario")]
    NoProfile,
}

/// A run, ready to begin.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) scenario: Option<String>,
    pub(crate) targets: Vec<Url>,
    pub(crate) connections: Option<usize>,
    pub(crate) mix: Arc<Mix>,
    pub(crate) schedule: Schedule,
    pub(crate) deadline: Option<Duration>,
    pub(crate) timeout: Duration,
    pub(crate) slo: Option<Slo>,
}

impl Settings {
    pub(crate) fn new(args: &RunArgs) -> Result<Settings, SettingsError> {
        let scenario = read(args.scenario.as_deref())?;
        let requests = match (&args.requests, &scenario.requests) {
            (Some(path), _) => mix::read(path)?,
            (None, Some(path)) if args.shop.placements.is_empty() => mix::read(path)?,
            _ => made_up(&args.shop, &scenario)?,
        };
        let sent_as = args.traffic_class.or(scenario.traffic_class).unwrap_or(SentAs::Synthetic);
        let constant = args.rps.map(|rps| Profile::Constant { rps });
        let profile = constant.or(args.profile).or(scenario.profile).ok_or(SettingsError::NoProfile)?;
        let targets = if args.targets.is_empty() { scenario.targets } else { args.targets.clone() };
        if targets.is_empty() {
            return Err(SettingsError::NoTarget);
        }
        let duration = args.duration.or(scenario.duration);
        Ok(Settings {
            scenario: scenario.name,
            targets,
            connections: args.connections.or(scenario.connections),
            mix: Arc::new(Mix::new(requests, sent_as)?),
            schedule: Schedule {
                profile,
                warmup: args.warmup.or(scenario.warmup).unwrap_or(Duration::from_secs(3)),
                duration: duration.unwrap_or(profile.usual_duration()),
            },
            deadline: args.deadline.or(scenario.deadline),
            timeout: args.timeout.or(scenario.timeout).unwrap_or(Duration::from_secs(10)),
            slo: args.slo.clone().or(scenario.slo),
        })
    }
}

/// The requests of a recording to be.
pub(crate) fn to_record(
    scenario: Option<&Path>,
    args: &ShopArgs,
) -> Result<Vec<v1::RecommendRequest>, SettingsError> {
    made_up(args, &read(scenario)?)
}

fn read(path: Option<&Path>) -> Result<Scenario, ScenarioError> {
    path.map_or(Ok(Scenario::default()), Scenario::read)
}

fn made_up(args: &ShopArgs, scenario: &Scenario) -> Result<Vec<v1::RecommendRequest>, SettingsError> {
    let placements: Vec<WeightedPlacement> = match args.placements.is_empty() {
        true => scenario
            .placements
            .iter()
            .map(|(name, share)| WeightedPlacement {
                name: name.clone(),
                weight: share.weight,
                signed_in: share.signed_in,
                personal: share.personal,
            })
            .collect(),
        false => args.placements.clone(),
    };
    if placements.is_empty() {
        return Err(MixError::Empty.into());
    }
    let snapshot = args.snapshot.as_ref().or(scenario.snapshot.as_ref());
    let known = snapshot.map_or(Ok(Clientele::default()), |dir| snapshot::read(dir))?;
    let mut contexts = args.contexts.clone();
    let of_scenario = scenario.contexts.iter();
    let of_scenario =
        of_scenario.map(|(name, values)| ContextChoice { name: name.clone(), values: values.clone().into() });
    for choice in of_scenario.chain(known.contexts) {
        if !contexts.iter().any(|other| other.name == choice.name) {
            contexts.push(choice);
        }
    }
    let listed = |args: &Option<PathBuf>, scenario: &Option<PathBuf>, known: Pool| match args
        .as_ref()
        .or(scenario.as_ref())
    {
        Some(path) => mix::read_ids(path).map(Pool::from),
        None => Ok(known),
    };
    let shop = Shop {
        placements,
        items: listed(&args.items, &scenario.items, known.items)?,
        users: listed(&args.users, &scenario.users, known.users)?,
        contexts,
        zipf: args.zipf.or(scenario.zipf).unwrap_or(1.0),
        anonymous: args.anonymous.or(scenario.anonymous).unwrap_or(ANONYMOUS),
        new_users: scenario.new_users.unwrap_or(NEW_USERS),
        new_items: scenario.new_items.unwrap_or(NEW_ITEMS),
    };
    let (count, seed) = (args.count.or(scenario.count), args.seed.or(scenario.seed));
    Ok(shoppers::requests(&shop, count.unwrap_or(10_000), seed.unwrap_or(1)))
}
