//! What a run is, from the command line and the scenario together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::mix::{self, Mix, SentAs};
use crate::profile::{Profile, Schedule};
use crate::run::Load;
use crate::scenario::{RequestArgs, Scenario, ScenarioError};
use crate::scrape::MetricsUrl;
use crate::slo::Slo;
use crate::target::url::Url;
use crate::units::{parse_duration, positive};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) made_up: RequestArgs,
    /// Requests to send, one JSON RecommendRequest a line; instead of making them up
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["placements", "snapshot"])]
    pub(crate) requests: Option<PathBuf>,
    /// Where to send: grpc://host:port or http://host:port; several share the requests and stand in for each other
    #[arg(long = "target", value_name = "URL", value_delimiter = ',', required = true)]
    pub(crate) targets: Vec<Url>,
    /// Requests per second, throughout
    #[arg(long, value_parser = positive, conflicts_with = "profile")]
    pub(crate) rps: Option<f64>,
    /// The rate over time: ramp:100..1000, diurnal:200..800, spike:80x10@20s+5s or constant:800
    #[arg(long)]
    pub(crate) profile: Option<Profile>,
    /// How long to measure [default: 30s]
    #[arg(long, value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// How long to send before measuring [default: 3s]
    #[arg(long, value_parser = parse_duration)]
    pub(crate) warmup: Option<Duration>,
    /// The deadline that is sent with requests; answers after it are not in time
    #[arg(long, value_parser = parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// How long an answer may take before it counts as an error
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// Connections to each server [default: 4 for gRPC, 64 for HTTP]
    #[arg(long, value_name = "N")]
    pub(crate) connections: Option<usize>,
    /// Threads that send and receive
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// The traffic class that requests are sent with; a server learns nothing from synthetic ones
    #[arg(long, value_enum, default_value_t = SentAs::Synthetic)]
    pub(crate) traffic_class: SentAs,
    /// The server's metrics, read once a second: http://host:port/metrics
    #[arg(long, value_name = "URL")]
    pub(crate) metrics: Option<MetricsUrl>,
    /// Write the report to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// What must hold, or the exit code is 1: p99<10ms,errors=0,degraded<1%,swap_ratio<1.5
    #[arg(long, value_name = "RULES")]
    pub(crate) slo: Option<Slo>,
    /// Look for the highest constant rate at which these rules hold, beginning with the highest rate of the profile
    #[arg(long, value_name = "RULES")]
    pub(crate) search: Option<Slo>,
    /// How long each trial of a search measures
    #[arg(long, default_value = "8s", value_parser = parse_duration, requires = "search")]
    pub(crate) trial: Duration,
    /// How long a search leaves the server alone between trials
    #[arg(long, default_value = "2s", value_parser = parse_duration, requires = "search")]
    pub(crate) pause: Duration,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error("there is no rate: give --rps or --profile, or a profile in the scenario")]
    NoProfile,
}

/// What the flags and the scenario say together.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) scenario: Option<String>,
    pub(crate) load: Load,
}

impl Settings {
    pub(crate) fn new(args: &RunArgs) -> Result<Settings, SettingsError> {
        let scenario = Scenario::read(args.made_up.scenario.as_deref())?;
        let constant = args.rps.map(|rps| Profile::Constant { rps });
        let profile = constant.or(args.profile).or(scenario.profile).ok_or(SettingsError::NoProfile)?;
        let recording = match &args.requests {
            // Placements on the command line replace whatever the scenario sends, a recording as well.
            None if args.made_up.placements.is_empty() => scenario.requests.as_ref(),
            given => given.as_ref(),
        };
        let requests = match recording {
            Some(path) => mix::read(path).map_err(ScenarioError::from)?,
            None => scenario.make_up(&args.made_up)?,
        };
        let load = Load {
            targets: args.targets.clone(),
            connections: args.connections,
            threads: args.threads,
            mix: Arc::new(Mix::new(requests, args.traffic_class).map_err(ScenarioError::from)?),
            schedule: Schedule {
                profile,
                warmup: args.warmup.or(scenario.warmup).unwrap_or(Duration::from_secs(3)),
                duration: args.duration.or(scenario.duration).unwrap_or(Duration::from_secs(30)),
            },
            deadline: args.deadline,
            timeout: args.timeout,
        };
        Ok(Settings { scenario: scenario.name, load })
    }
}
