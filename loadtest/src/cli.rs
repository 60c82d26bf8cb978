//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand};

use crate::mix::SentAs;
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
    /// Threads that send and receive; one more keeps the time
    #[arg(long, global = true, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send requests at a constant rate and report
    Run(Box<RunArgs>),
    /// Write made-up requests to a file, to be sent again and again
    Record(RecordArgs),
    /// Send the same requests to two servers and compare the slates to the last bit
    CompareSlates(CompareArgs),
    /// Serve the answers of a server without its work: the yardstick for its CPU
    Bare(Box<crate::bare::BareArgs>),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("sent").required(true).args(["requests", "placements"]))]
pub(crate) struct RunArgs {
    /// Where to send: grpc://host:port or http://host:port
    #[arg(long, value_name = "URL")]
    pub(crate) target: Url,
    /// Requests per second
    #[arg(long, value_parser = rate)]
    pub(crate) rps: f64,
    /// How long to measure
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    pub(crate) duration: Duration,
    /// How long to send before measuring
    #[arg(long, default_value = "3s", value_parser = parse_duration)]
    pub(crate) warmup: Duration,
    /// How long an answer may take; then it is an error
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// Connections to the server [default: 4 for gRPC, 64 for HTTP]
    #[arg(long, value_name = "N")]
    pub(crate) connections: Option<usize>,
    /// Further requests fail unsent when so many are under way
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    pub(crate) max_in_flight: u32,
    /// Requests to send, one JSON RecommendRequest a line; instead of making them up
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["items", "users", "contexts"])]
    pub(crate) requests: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shop: ShopArgs,
    /// How requests are marked; synthetic ones leave no trace in what the server learns from
    #[arg(long, value_enum, default_value_t = SentAs::Synthetic)]
    pub(crate) traffic_class: SentAs,
    /// Seconds on each side of a snapshot swap that count as its window
    #[arg(long, default_value_t = 2, value_name = "SECONDS")]
    pub(crate) swap_window: usize,
    /// Write the report to this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// What must hold, or the exit code is 1: p99<10ms,errors=0,degraded<1%,swap_ratio<1.5
    #[arg(long, value_name = "RULES")]
    pub(crate) slo: Option<Slo>,
}

/// What requests are made up from.
#[derive(Debug, Args)]
pub(crate) struct ShopArgs {
    /// A placement to ask for, and how often relative to the others; repeatable
    #[arg(long = "placement", value_name = "NAME[=WEIGHT]")]
    pub(crate) placements: Vec<WeightedPlacement>,
    /// Known item ids, one a line, most popular first
    #[arg(long, value_name = "FILE")]
    pub(crate) items: Option<PathBuf>,
    /// Known user ids, one a line, most active first
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// A context attribute that each session draws from, such as category=Coffee,Tea or country=FI,SE; repeatable
    #[arg(long = "context", value_name = "NAME=VALUE,VALUE")]
    pub(crate) contexts: Vec<ContextChoice>,
    /// How much more popular the popular are: the exponent of Zipf's law
    #[arg(long, default_value_t = 1.0)]
    pub(crate) zipf: f64,
    /// How many requests to make up
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) count: usize,
    /// The same seed makes the same requests
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
#[command(mut_arg("placements", |placements| placements.required(true)))]
pub(crate) struct RecordArgs {
    /// Where to write, one JSON RecommendRequest a line
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) out: PathBuf,
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
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or("not a positive number")
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
        for rate in ["0", "-1", "inf", "fast"] {
            assert!(
                parsed(&format!("larder-loadtest run --target grpc://h:1 --placement a --rps={rate}"))
                    .is_err()
            );
        }
    }
}
