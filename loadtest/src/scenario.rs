//! Scenarios: a load test in a TOML file. What the command line says goes before what the file says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};

use crate::mix::SentAs;
use crate::profile::Profile;
use crate::slo::Slo;
use crate::target::Url;
use crate::units::parse_duration;

/// One scenario, as far as its file goes. Paths in it are relative to the file.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Scenario {
    /// For the report; the file's name if absent.
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "written_all")]
    pub(crate) targets: Vec<Url>,
    /// How often each is asked for, and how.
    pub(crate) placements: BTreeMap<String, PlacementShare>,
    /// A recording, sent in its order instead of made-up requests.
    pub(crate) requests: Option<PathBuf>,
    /// A store or a snapshot that tells items, users and categories.
    pub(crate) snapshot: Option<PathBuf>,
    pub(crate) items: Option<PathBuf>,
    pub(crate) users: Option<PathBuf>,
    /// Values that sessions draw from, by attribute.
    pub(crate) contexts: BTreeMap<String, Vec<String>>,
    pub(crate) zipf: Option<f64>,
    pub(crate) anonymous: Option<f64>,
    pub(crate) new_users: Option<f64>,
    pub(crate) new_items: Option<f64>,
    /// How many requests to make up.
    pub(crate) count: Option<usize>,
    pub(crate) seed: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub(crate) profile: Option<Profile>,
    #[serde(deserialize_with = "length")]
    pub(crate) warmup: Option<Duration>,
    #[serde(deserialize_with = "length")]
    pub(crate) duration: Option<Duration>,
    #[serde(deserialize_with = "length")]
    pub(crate) deadline: Option<Duration>,
    #[serde(deserialize_with = "length")]
    pub(crate) timeout: Option<Duration>,
    pub(crate) connections: Option<usize>,
    pub(crate) traffic_class: Option<SentAs>,
    #[serde(deserialize_with = "written")]
    pub(crate) slo: Option<Slo>,
}

/// One placement of the mix.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlacementShare {
    /// Relative to the others.
    pub(crate) weight: f64,
    /// Whether it is asked for known users alone.
    #[serde(default)]
    pub(crate) signed_in: bool,
    /// Whether the subject and its session are sent along.
    #[serde(default = "yes")]
    pub(crate) personal: bool,
}

/// A scenario that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    #[error("{path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Malformed { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{path}: {reason}")]
    Unusable { path: PathBuf, reason: String },
}

impl Scenario {
    pub(crate) fn read(path: &Path) -> Result<Scenario, ScenarioError> {
        let path = || path.to_owned();
        let text =
            std::fs::read_to_string(path()).map_err(|source| ScenarioError::Read { path: path(), source })?;
        let mut scenario: Scenario = toml::from_str(&text)
            .map_err(|source| ScenarioError::Malformed { path: path(), source: Box::new(source) })?;
        let unusable = |reason: &str| ScenarioError::Unusable { path: path(), reason: reason.to_owned() };
        scenario.check().map_err(unusable)?;
        let dir = path().parent().map(Path::to_owned).unwrap_or_default();
        let Scenario { requests, snapshot, items, users, .. } = &mut scenario;
        for file in [requests, snapshot, items, users].into_iter().flatten() {
            *file = dir.join(&*file);
        }
        let stem = path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
        scenario.name = scenario.name.or(stem);
        Ok(scenario)
    }

    fn check(&self) -> Result<(), &'static str> {
        let weight = |share: &PlacementShare| share.weight.is_finite() && share.weight > 0.0;
        let made_up = !self.placements.is_empty();
        if !self.placements.values().all(weight) {
            return Err("a placement's weight must be a positive number");
        }
        if made_up == self.requests.is_some() {
            return Err("give either [placements] to make requests up, or requests = \"FILE.jsonl\"");
        }
        if self.requests.is_some()
            && (self.snapshot.is_some() || self.items.is_some() || self.users.is_some())
        {
            return Err("a recording says itself what is sent: leave out snapshot, items and users");
        }
        let shares = [self.anonymous, self.new_users, self.new_items];
        if shares.into_iter().flatten().any(|share| !(0.0..=1.0).contains(&share)) {
            return Err("anonymous, new_users and new_items are shares from 0 to 1");
        }
        if self.zipf.is_some_and(|zipf| !(0.0..=10.0).contains(&zipf)) {
            return Err("zipf is an exponent from 0 to 10");
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}

fn written<'de, T: FromStr<Err: std::fmt::Display>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    String::deserialize(from)?.parse().map(Some).map_err(D::Error::custom)
}

fn written_all<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Url>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

fn length<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    parse_duration(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str) -> Result<Scenario, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("morning.toml");
        std::fs::write(&path, text).unwrap();
        Scenario::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_scenario_is_read_with_its_units() {
        let text = r#"
            targets = ["grpc://127.0.0.1:50051", "grpc://127.0.0.1:50052"]
            snapshot = "models"
            profile = "diurnal:200..800"
            duration = "2m"
            deadline = "100ms"
            traffic_class = "shadow"
            slo = "p99<10ms"
            [placements."pdp.similar"]
            weight = 5
            personal = false
            [placements."home.for_you"]
            weight = 1.5
            [contexts]
            country = ["FI", "SE"]
        "#;
        let read = scenario(text).unwrap();
        assert_eq!((read.name.as_deref(), read.targets.len()), (Some("morning"), 2));
        assert_eq!(read.profile, Some(Profile::Diurnal { low: 200.0, high: 800.0 }));
        assert_eq!(
            (read.duration, read.deadline),
            (Some(Duration::from_secs(120)), Some(Duration::from_millis(100)))
        );
        assert_eq!(
            read.placements["pdp.similar"],
            PlacementShare { weight: 5.0, signed_in: false, personal: false }
        );
        assert_eq!(
            read.placements["home.for_you"],
            PlacementShare { weight: 1.5, signed_in: false, personal: true }
        );
        assert!(read.snapshot.unwrap().ends_with("models") && read.traffic_class == Some(SentAs::Shadow));
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_place() {
        let placement = "[placements.p]\nweight = 1\n";
        for (text, said) in [
            (format!("requsts = 3\n{placement}"), "line 1"),
            (format!("requsts = 3\n{placement}"), "unknown field `requsts`"),
            (format!("{placement}wait = 3\n"), "unknown field `wait`"),
            (format!("duration = \"5\"\n{placement}"), "such as 500us"),
            (format!("profile = \"wave\"\n{placement}"), "not a profile"),
            (format!("slo = \"p99\"\n{placement}"), "no comparison"),
            ("[placements.p]\nweight = 0\n".to_owned(), "positive"),
            (format!("requests = \"mix.jsonl\"\n{placement}"), "either"),
            (String::new(), "either"),
            (format!("anonymous = 2.0\n{placement}"), "from 0 to 1"),
        ] {
            let error = scenario(&text).unwrap_err();
            assert!(error.contains(said) && error.contains("morning.toml"), "{text}: {error}");
        }
    }

    #[test]
    fn the_scenarios_of_this_repository_can_be_read() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files: Vec<PathBuf> =
            std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() >= 2);
        for file in files {
            let scenario = Scenario::read(&file).unwrap();
            assert!(scenario.snapshot.is_none_or(|dir| dir.is_dir()), "{}", file.display());
        }
    }
}
