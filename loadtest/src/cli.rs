//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand};

use crate::mix::SentAs;
use crate::profile::{self, Profile};
use crate::scrape::MetricsUrl;
use crate::shoppers::{ContextChoice, WeightedPlacement};
use crate::slo::Slo;
use crate::target::Url;
use crate::units::parse_duration;

/// Open-loop load generator for Larder: sends on schedule whatever the server does, and counts latency from the
/// schedule.
#[derive(Debug, Parser)]
#[command(name = "larder-loadtest", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Threads that send and receive
    #[arg(long, global = true, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send requests on schedule and report
    Run(Box<RunArgs>),
    /// Write made-up requests to a file, to be sent again and again
    Record(RecordArgs),
    /// Send the same requests to two servers and compare the slates to the last bit
    CompareSlates(CompareArgs),
    #[command(flatten)]
    Reading(crate::reading::Reading),
    /// Serve the answers of a server without its work: the yardstick for its CPU
    Bare(Box<crate::bare::BareArgs>),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("sent").required(true).multiple(true).args(["scenario", "requests", "placements"]))]
#[command(group = ArgGroup::new("speed").required(true).multiple(true).args(["scenario", "rps", "profile"]))]
pub(crate) struct RunArgs {
    /// A scenario; what is said here goes before what it says
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) scenario: Option<PathBuf>,
    /// Where to send: grpc://host:port or http://host:port; several share the requests, and stand in for each other
    #[arg(long = "target", value_name = "URL", value_delimiter = ',', required_unless_present = "scenario")]
    pub(crate) targets: Vec<Url>,
    /// Requests per second, throughout
    #[arg(long, value_parser = rate, conflicts_with = "profile")]
    pub(crate) rps: Option<f64>,
    /// The rate over time: ramp:100..1000, diurnal:200..800, spike:80x10@20s+5s, soak:400 or constant:800
    #[arg(long)]
    pub(crate) profile: Option<Profile>,
    /// How long to measure [default: 30s; 20m for a soak]
    #[arg(long, value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// How long to send before measuring [default: 3s]
    #[arg(long, value_parser = parse_duration)]
    pub(crate) warmup: Option<Duration>,
    /// The deadline that requests are sent with; answers after it are not in time
    #[arg(long, value_parser = parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// How long an answer may take; then it is an error [default: 10s]
    #[arg(long, value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// Connections to each server [default: 4 for gRPC, 64 for HTTP]
    #[arg(long, value_name = "N")]
    pub(crate) connections: Option<usize>,
    /// Further requests fail unsent when so many are under way
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    pub(crate) max_in_flight: u32,
    /// Requests to send, one JSON RecommendRequest a line; instead of making them up
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["placements", "items", "users", "contexts", "snapshot"])]
    pub(crate) requests: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shop: ShopArgs,
    /// How requests are marked; synthetic ones leave no trace in what the server learns from [default: synthetic]
    #[arg(long, value_enum)]
    pub(crate) traffic_class: Option<SentAs>,
    /// The server's metrics, read once a second: http://host:port/metrics
    #[arg(long, value_name = "URL")]
    pub(crate) metrics: Option<MetricsUrl>,
    /// Seconds on each side of a snapshot swap that count as its window
    #[arg(long, default_value_t = 2, value_name = "SECONDS")]
    pub(crate) swap_window: usize,
    /// Write the report to this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a page with charts to this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// What must hold, or the exit code is 1: p99<10ms,errors=0,degraded<1%,swap_ratio<1.5
    #[arg(long, value_name = "RULES")]
    pub(crate) slo: Option<Slo>,
    /// Look for the highest constant rate at which these rules hold, from --rps or the profile's highest on
    #[arg(long, value_name = "RULES")]
    pub(crate) search: Option<Slo>,
    /// How long each trial of a search measures
    #[arg(long, default_value = "8s", value_parser = parse_duration, requires = "search")]
    pub(crate) trial: Duration,
    /// How long the server is left alone between trials
    #[arg(long, default_value = "2s", value_parser = parse_duration, requires = "search")]
    pub(crate) pause: Duration,
}

/// What requests are made up from.
#[derive(Debug, Args)]
pub(crate) struct ShopArgs {
    /// A placement to ask for, and how often relative to the others; repeatable
    #[arg(long = "placement", value_name = "NAME[=WEIGHT]")]
    pub(crate) placements: Vec<WeightedPlacement>,
    /// A store or a snapshot's directory: its items by popularity, its users by activity, its categories
    #[arg(long, value_name = "DIR")]
    pub(crate) snapshot: Option<PathBuf>,
    /// Known item ids, one a line, most popular first
    #[arg(long, value_name = "FILE")]
    pub(crate) items: Option<PathBuf>,
    /// Known user ids, one a line, most active first
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// A context attribute that each session draws from, such as category=Coffee,Tea or country=FI,SE; repeatable
    #[arg(long = "context", value_name = "NAME=VALUE,VALUE")]
    pub(crate) contexts: Vec<ContextChoice>,
    /// How much more popular the popular of --items and --users are: the exponent of Zipf's law [default: 1]
    #[arg(long)]
    pub(crate) zipf: Option<f64>,
    /// The share of shoppers that are not signed in, from 0 to 1 [default: 0.4]
    #[arg(long, value_parser = share)]
    pub(crate) anonymous: Option<f64>,
    /// How many requests to make up [default: 10000]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<usize>,
    /// The same seed makes the same requests [default: 1]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("made").required(true).multiple(true).args(["scenario", "placements"]))]
pub(crate) struct RecordArgs {
    /// Where to write, one JSON RecommendRequest a line
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) out: PathBuf,
    /// A scenario that says what is made up; what is said here goes before what it says
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) scenario: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shop: ShopArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// One server: grpc://host:port or http://host:port
    #[arg(long, value_name = "URL")]
    pub(crate) a: Url,
    /// The other
    #[arg(long, value_name = "URL")]
    pub(crate) b: Url,
    /// Requests to send, one JSON RecommendRequest a line
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) requests: PathBuf,
    /// How many to send; the file is gone through again if it has fewer
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) count: u64,
    /// Requests under way at a time
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub(crate) at_a_time: u64,
}

fn rate(text: &str) -> Result<f64, &'static str> {
    profile::rate(text).ok_or("not a positive number")
}

fn share(text: &str) -> Result<f64, &'static str> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("not a share from 0 to 1")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_run_is_told_what_to_send_in_one_way() {
        let run = "larder-loadtest run --target grpc://h:1 --rps 800";
        assert!(parsed(run).is_err());
        assert!(parsed(&format!("{run} --requests mix.jsonl")).is_ok());
        assert!(parsed(&format!("{run} --placement a=2 --placement b --items ids.txt")).is_ok());
        assert!(parsed(&format!("{run} --requests mix.jsonl --placement a")).is_err());
        assert!(parsed("larder-loadtest record --out mix.jsonl").is_err());
        assert!(parsed("larder-loadtest run --scenario mix.toml").is_ok());
        assert!(parsed("larder-loadtest run --target grpc://h:1 --placement a").is_err());
        assert!(parsed(&format!("{run} --placement a --profile soak:3")).is_err());
        assert!(
            parsed("larder-loadtest run --target grpc://h:1,grpc://h:2 --profile soak:3 --placement a")
                .is_ok()
        );
        for rate in ["0", "-1", "inf", "fast"] {
            assert!(
                parsed(&format!("larder-loadtest run --target grpc://h:1 --placement a --rps={rate}"))
                    .is_err()
            );
        }
    }
}
