//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::baseline::BaselineArgs;
use crate::compare::CompareArgs;
use crate::cost::{CostArgs, PlanArgs};
use crate::page::PageArgs;
use crate::scenario::RequestArgs;
use crate::settings::RunArgs;
use crate::slates::SlatesArgs;

/// Open-loop load generator for Larder: sends on schedule whatever the server does, and counts latency from the
/// schedule.
#[derive(Debug, Parser)]
#[command(name = "larder-loadtest", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send requests on schedule and report
    Run(Box<RunArgs>),
    /// Write made-up requests to a file, to be sent again and again
    Record(RecordArgs),
    /// Send the same requests to two servers and compare the answers to the last bit
    CompareSlates(SlatesArgs),
    /// Serve the answers of a server without its work, to compare its CPU with
    Baseline(BaselineArgs),
    /// Make an HTML page with charts from a report
    Page(PageArgs),
    /// Compare reports: the ratio B/A of each figure and its spread
    Compare(CompareArgs),
    /// Tell what the traffic of a report costs in a month, beside a Lambda
    Cost(CostArgs),
    /// Tell how many containers of which size a rate takes, from a report
    Plan(PlanArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Where to write, one JSON RecommendRequest a line
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) made_up: RequestArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn contradictions_and_rates_that_are_none_are_refused() {
        Cli::command().debug_assert();
        let parses = |flags: &str| {
            let line = format!("larder-loadtest run --target grpc://h:1,grpc://h:2 {flags}");
            Cli::try_parse_from(line.split_whitespace()).is_ok()
        };
        assert!(
            parses("--scenario mix.toml --requests mix.jsonl")
                && parses("--rps 8 --placement a=2 --placement b")
        );
        for bad in [
            "--requests mix.jsonl --placement a",
            "--rps 8 --profile constant:3",
            "--trial 3s",
            "--placement a=0",
            "--rps=-1",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }
}
