//! Scenarios: a load test in a TOML file, and the requests that it or the command line asks to make up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use larder_proto::v1;
use serde::de::{Deserialize, Deserializer, Error as _};

use crate::files::{self, FileError};
use crate::mix::MixError;
use crate::profile::Profile;
use crate::shoppers::{self, Placement, Pool, Shop};
use crate::snapshot::{self, Known, SnapshotError};
use crate::units::{duration, positive};

/// What a scenario's file says: what is sent, and how fast. Paths in it are relative to the file.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Scenario {
    /// For the report; the file's name if absent.
    pub(crate) name: Option<String>,
    /// What requests are made up for.
    placements: BTreeMap<String, Placement>,
    /// A recording, sent in its order instead of made-up requests.
    pub(crate) requests: Option<PathBuf>,
    /// A store or a snapshot's directory that names items, users and categories.
    snapshot: Option<PathBuf>,
    /// Values that sessions draw from, by attribute.
    contexts: BTreeMap<String, Vec<String>>,
    #[serde(deserialize_with = "share")]
    anonymous: Option<f64>,
    #[serde(deserialize_with = "share")]
    new_users: Option<f64>,
    #[serde(deserialize_with = "share")]
    new_items: Option<f64>,
    #[serde(deserialize_with = "profile")]
    pub(crate) profile: Option<Profile>,
    #[serde(deserialize_with = "duration")]
    pub(crate) warmup: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(crate) duration: Option<Duration>,
}

/// What requests are made up from; each of these goes before what the scenario says.
#[derive(Debug, Default, Args)]
pub(crate) struct RequestArgs {
    /// A file that describes the load test; flags go before what it says
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) scenario: Option<PathBuf>,
    /// A placement to ask for, and how often relative to the others; repeatable
    #[arg(long = "placement", value_name = "NAME[=WEIGHT]", value_parser = placement)]
    pub(crate) placements: Vec<(String, Placement)>,
    /// A store or a snapshot's directory: its items by popularity, its users by activity, its categories
    #[arg(long, value_name = "DIR")]
    pub(crate) snapshot: Option<PathBuf>,
    /// How many requests to make up
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) count: usize,
    /// The same seed makes the same requests
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// A scenario that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path}: {source}")]
    Malformed { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{0}: give either [placements], to make requests up, or requests = \"FILE.jsonl\"")]
    Ambiguous(PathBuf),
    #[error(transparent)]
    Mix(#[from] MixError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl Scenario {
    /// Reads a file; without one, everything is left to the command line.
    pub(crate) fn read(path: Option<&Path>) -> Result<Scenario, ScenarioError> {
        let Some(path) = path else { return Ok(Scenario::default()) };
        let mut scenario: Scenario = toml::from_str(&files::read(path)?)
            .map_err(|source| ScenarioError::Malformed { path: path.to_owned(), source: Box::new(source) })?;
        if scenario.placements.is_empty() == scenario.requests.is_none() {
            return Err(ScenarioError::Ambiguous(path.to_owned()));
        }
        let dir = path.parent().map(Path::to_owned).unwrap_or_default();
        for file in [&mut scenario.requests, &mut scenario.snapshot].into_iter().flatten() {
            *file = dir.join(&*file);
        }
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        scenario.name = scenario.name.or(stem);
        Ok(scenario)
    }

    /// Makes up the requests that the scenario and the flags ask for together.
    pub(crate) fn make_up(&self, args: &RequestArgs) -> Result<Vec<v1::RecommendRequest>, ScenarioError> {
        let placements = if args.placements.is_empty() {
            self.placements.clone()
        } else {
            args.placements.iter().cloned().collect()
        };
        if placements.is_empty() {
            return Err(MixError::Empty.into());
        }
        let snapshot = args.snapshot.as_ref().or(self.snapshot.as_ref());
        let known = snapshot.map_or(Ok(Known::default()), |dir| snapshot::read(dir))?;
        let mut contexts = known.contexts;
        // What the scenario names replaces what the snapshot knows, as a shop may ask in some of its markets only.
        for (name, values) in &self.contexts {
            contexts.insert(name.clone(), Pool::new(values.iter().map(|value| (value.clone(), 1.0))));
        }
        let shop = Shop {
            placements,
            items: known.items,
            users: known.users,
            contexts,
            // Shares as a shop may have them; the scenarios of the proofs set the last two to 0 and say why.
            anonymous: self.anonymous.unwrap_or(0.4),
            new_users: self.new_users.unwrap_or(1.0 / 6.0),
            new_items: self.new_items.unwrap_or(0.02),
        };
        Ok(shoppers::requests(&shop, args.count, args.seed))
    }
}

/// `pdp.similar` or `pdp.similar=5`.
fn placement(text: &str) -> Result<(String, Placement), &'static str> {
    let (name, weight) = text.rsplit_once('=').unwrap_or((text, "1"));
    let weight = positive(weight)?;
    Ok((name.to_owned(), Placement { weight, signed_in: false, personal: true }))
}

fn profile<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Profile>, D::Error> {
    String::deserialize(from)?.parse().map(Some).map_err(D::Error::custom)
}

fn share<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let share = f64::deserialize(from)?;
    let wrong = || D::Error::custom(format!("{share} is not a share from 0 to 1"));
    Some(share).filter(|share| (0.0..=1.0).contains(share)).ok_or_else(wrong).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str) -> Result<Scenario, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("morning.toml");
        std::fs::write(&path, text).unwrap();
        Scenario::read(Some(&path)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_scenario_that_cannot_be_used_is_refused_with_its_place() {
        let placement = "[placements.p]\nweight = 1\n";
        for (text, said) in [
            (format!("requsts = 3\n{placement}"), "line 1"),
            (format!("requsts = 3\n{placement}"), "unknown field `requsts`"),
            (format!("{placement}wait = 3\n"), "unknown field `wait`"),
            (format!("duration = \"5\"\n{placement}"), "such as 500us"),
            (format!("profile = \"wave\"\n{placement}"), "not a profile"),
            (format!("anonymous = 2.0\n{placement}"), "from 0 to 1"),
            ("[placements.p]\nweight = 0\n".to_owned(), "above 0"),
            (format!("requests = \"mix.jsonl\"\n{placement}"), "either"),
        ] {
            let error = scenario(&text).unwrap_err();
            assert!(error.contains(said) && error.contains("morning.toml"), "{text}: {error}");
        }
    }

    #[test]
    fn the_scenarios_of_this_repository_can_be_made_up() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        for file in std::fs::read_dir(dir).unwrap() {
            let scenario = Scenario::read(Some(&file.unwrap().path())).unwrap();
            let args = RequestArgs { count: 50, ..RequestArgs::default() };
            assert_eq!(scenario.make_up(&args).unwrap().len(), 50, "{:?}", scenario.name);
        }
    }
}
