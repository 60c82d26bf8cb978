//! `larder replay`: does a snapshot give the slates that were shown?

use clap::Args;
use serde_json::json;

use super::event_flags::files;
use super::terminal::{OutputError, Progress, line, table};
use super::{CliError, settings};
use crate::config::{Flags, Reading};
use crate::report::{Reasked, Reasker, ReportError};
use crate::snapshot::open_snapshot;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Exposures: files of Parquet or JSON lines as the server writes them, directories of them, patterns, or
    /// s3://bucket/prefix; several of them may follow
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    exposures: Vec<String>,
    /// Snapshot to ask: a store's root or a snapshot's directory
    #[arg(long, env = "LARDER_STORE")]
    snapshot: String,
    /// Channel of the store
    #[arg(long, env = "LARDER_CHANNEL", default_value = "production")]
    channel: String,
    /// JSON for machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<Reading>,
}

pub(super) fn run(args: &ReplayArgs) -> Result<(), CliError> {
    let mut progress = Progress::new(args.json);
    let config = settings(&args.settings)?;
    progress.step("loading the snapshot", 0.0);
    let (cache, load) = (&config.cache_dir, &config.snapshot.load);
    let reasker = Reasker::new(open_snapshot(&args.snapshot, &args.channel, &config.s3, cache, load)?)?;
    let exposures = files("exposures", &args.exposures, &config, &mut progress)?;
    let found = reasker.ask_all(&exposures, &mut |what, share| progress.step(what, share));
    let found = found.map_err(ReportError::from)?;
    progress.finish();
    if args.json {
        line(format_args!("{:#}", json!(found)))?;
    } else {
        print(&found)?;
    }
    Ok(())
}

fn print(found: &Reasked) -> Result<(), OutputError> {
    line(format_args!(
        "{} of {} comparable slates are identical with snapshot {}; {} exposures, {} repeated",
        found.identical, found.comparable, found.snapshot, found.exposures, found.repeated
    ))?;
    if !found.others.is_empty() {
        line("")?;
        let rows = found.others.iter().map(|(reason, others)| {
            let overlap =
                if others.asked > 0 { format!("{:.1}%", others.overlap * 100.0) } else { "–".to_owned() };
            vec![reason.as_str().to_owned(), others.count.to_string(), others.asked.to_string(), overlap]
        });
        table(&["others", "exposures", "asked", "overlap"], &rows.collect::<Vec<_>>())?;
    }
    if let Some(first) = &found.first {
        let item = |id: &Option<String>| id.as_ref().map_or("nothing".to_owned(), |id| format!("\"{id}\""));
        let place = first.rank.map_or(String::new(), |rank| {
            format!(": rank {rank} was {} and is {}", item(&first.shown), item(&first.now))
        });
        line(format_args!("\nfirst: {}, {}{place}", first.recommendation_id, first.reason.as_str()))?;
    }
    Ok(())
}
