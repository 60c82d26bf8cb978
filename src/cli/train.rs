//! `larder train`: events and a catalogue in, a published snapshot out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};

use super::event_flags::{EventFlags, PartitionFlags};
use super::terminal::{OutputError, Progress, bytes, line, table};
use super::{CliError, settings};
use crate::artifact::{OpenOptions, open};
use crate::config::{Downloading, Flags};
use crate::evaluate::{Evidence, TrainOptions, TrainedSnapshot, train_snapshot};
use crate::snapshot::{publish, read_channel};
use crate::train::{BadRows, Dataset, TrainPlan};

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    events: EventFlags,
    #[command(flatten)]
    partitions: PartitionFlags,
    /// Catalogue: Parquet or CSV with item_id and any attributes
    #[arg(long)]
    catalog: PathBuf,
    /// Until when the catalogue knows what happened, RFC 3339: a server brings in events from then on [default: when
    /// its file was last written]
    #[arg(long, value_name = "TIME")]
    catalog_as_of: Option<String>,
    /// Users: Parquet or CSV with user_id and, for popularity by country, country
    #[arg(long)]
    users: Option<PathBuf>,
    /// Store to write to: a directory or s3://bucket/prefix
    #[arg(long)]
    out: String,
    /// Channel to point at the new snapshot
    #[arg(long, env = "LARDER_CHANNEL", default_value = "production")]
    channel: String,
    /// Write the snapshot and leave the channel as it is
    #[arg(long)]
    no_channel: bool,
    #[command(flatten)]
    how: TrainHow,
    /// JSON for machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<Downloading>,
}

/// What training and its tuner can be told.
#[derive(Debug, Clone, Args)]
pub(super) struct TrainHow {
    /// Take the standard parameters and recipes instead of choosing by a hold-out
    #[arg(long)]
    no_tune: bool,
    /// Requests that each trial of the tuner replays
    #[arg(long, default_value_t = 4000)]
    tune_predictions: usize,
    /// Neighbours kept per item in item-to-item tables
    #[arg(long, default_value_t = TrainPlan::default().neighbors)]
    neighbors: usize,
    /// Numbers in a vector
    #[arg(long, default_value_t = TrainPlan::default().als.width)]
    factors: usize,
    /// Largest catalogue for which EASE is built (its cost grows with the cube)
    #[arg(long, default_value_t = TrainPlan::default().ease_max_items)]
    ease_max_items: usize,
    /// Most recent sessions kept for session kNN
    #[arg(long, default_value_t = TrainPlan::default().max_sessions)]
    max_sessions: usize,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl TrainHow {
    /// The options, if all of them are in range.
    pub(super) fn options(&self) -> Result<TrainOptions, CliError> {
        let sizes = [
            ("neighbors", self.neighbors, 10_000),
            ("factors", self.factors, 256),
            ("max-sessions", self.max_sessions, 100_000_000),
        ];
        for (name, value, most) in sizes {
            if value == 0 || value > most {
                return Err(CliError::Usage(format!("--{name} is {value}, expected 1 to {most}")));
            }
        }
        let mut plan = TrainPlan {
            neighbors: self.neighbors,
            ease_max_items: self.ease_max_items,
            max_sessions: self.max_sessions,
            ..TrainPlan::default()
        };
        plan.als.width = self.factors;
        plan.als.seed = self.seed;
        let tune_predictions = (!self.no_tune).then_some(self.tune_predictions);
        Ok(TrainOptions { plan, tune_predictions, catalog_as_of_ms: None })
    }
}

impl TrainArgs {
    /// Until when the catalogue knows what happened; where nobody says, when its file was last written.
    fn catalog_as_of_ms(&self) -> Result<Option<i64>, CliError> {
        let now = Utc::now();
        let Some(text) = &self.catalog_as_of else {
            let written = std::fs::metadata(&self.catalog).and_then(|file| file.modified());
            // One from the future would hide what happens until then.
            let written = written.ok().map(|time| DateTime::<Utc>::from(time).min(now));
            return Ok(written.map(|time| time.timestamp_millis()));
        };
        let time = DateTime::parse_from_rfc3339(text).ok().filter(|time| *time <= now);
        let time = time.map(|time| time.timestamp_millis());
        time.map(Some).ok_or_else(|| CliError::Flag {
            flag: "catalog-as-of",
            value: text.clone(),
            expected: "an RFC 3339 time that is not ahead of the clock",
        })
    }
}

pub(super) fn run(args: &TrainArgs) -> Result<(), CliError> {
    let started = Instant::now();
    let mut progress = Progress::new(args.json);
    let options = TrainOptions { catalog_as_of_ms: args.catalog_as_of_ms()?, ..args.how.options()? };
    // Before hours of work: can what comes of them be written at all?
    let config = settings(&args.settings)?;
    let store = open(&args.out, &OpenOptions { create: true, ..config.s3.clone() })?;
    read_channel(store.as_ref(), &args.channel)?;
    let (events, how) = (args.events.parts(&config, &mut progress)?, args.events.options(&args.partitions)?);
    let users = args.users.as_deref();
    let data =
        Dataset::read(&args.catalog, &events, &how, users, &mut |what, share| progress.step(what, share))?;
    let dir = tempfile::tempdir()?;
    let trained = train_snapshot(&data, &options, dir.path(), &mut |what, share| progress.step(what, share))?;
    let channel = (!args.no_channel).then_some(args.channel.as_str());
    publish(store.as_ref(), dir.path(), channel, Utc::now(), &mut |name| {
        progress.step(&format!("writing {name}"), 0.0);
    })?;
    progress.finish();
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        print_json(&trained, &data, seconds)?;
    } else {
        print_tables(&trained, &data, args, seconds)?;
    }
    Ok(())
}

fn print_json(trained: &TrainedSnapshot, data: &Dataset, seconds: f64) -> Result<(), OutputError> {
    let bad = |rows: &BadRows| -> Vec<Value> {
        let faults = rows.faults().map(|(fault, found)| {
            json!({"reason": fault.to_string(), "count": found.count, "file": found.file,
                "first_rows": found.first_rows})
        });
        faults.collect()
    };
    line(format_args!(
        "{:#}",
        json!({
            "snapshot": trained.manifest.snapshot,
            "seconds": seconds,
            "items": data.catalog.len(),
            "events": data.log.events.len(),
            "unknown_event_types": data.log.unknown_types.counts().collect::<BTreeMap<_, _>>(),
            "bad_rows": {"catalog": bad(&data.catalog.bad), "events": bad(&data.log.bad)},
            "artifacts": trained.manifest.artifacts,
            "evidence": trained.tuned.evidence,
        })
    ))
}

fn print_tables(
    trained: &TrainedSnapshot,
    data: &Dataset,
    args: &TrainArgs,
    seconds: f64,
) -> Result<(), OutputError> {
    let Dataset { catalog, log } = data;
    line(format_args!(
        "{} items, {} events, {} users, {} sessions\n",
        catalog.len(),
        log.events.len(),
        log.users.len(),
        log.sessions.len()
    ))?;
    for (files, bad) in [(args.catalog.display().to_string(), &catalog.bad), (args.events.name(), &log.bad)] {
        for (fault, found) in bad.faults() {
            let (count, rows) = (found.count, &found.first_rows);
            let file = if found.file == files { String::new() } else { format!(" of {}", found.file) };
            let file = if found.file.is_empty() { String::new() } else { file };
            line(format_args!("{files}: {count} rows left out: {fault} (first: row {rows:?}{file})"))?;
        }
    }
    for (name, count) in log.unknown_types.counts() {
        line(format_args!(
            "event type \"{name}\" is not known: {count} rows are taken for views; --event-type KIND={name} says what \
             they are"
        ))?;
    }
    for column in &catalog.ignored_columns {
        line(format_args!(
            "{}: column \"{column}\" left out: its type is not supported",
            args.catalog.display()
        ))?;
    }
    let rows: Vec<Vec<String>> = trained
        .manifest
        .artifacts
        .iter()
        .map(|entry| vec![entry.name.clone(), entry.kind.clone(), entry.rows.to_string(), bytes(entry.bytes)])
        .collect();
    table(&["artifact", "kind", "rows", "size"], &rows)?;
    if !trained.tuned.evidence.is_empty() {
        line("\nchosen on the last stretch of the period, which the trial models had not seen:")?;
        let rows: Vec<Vec<String>> = trained.tuned.evidence.iter().map(evidence_row).collect();
        table(&["decision", "asked", "hr@20", "mrr@20", "ndcg@10", "tried", "chosen"], &rows)?;
    }
    line(format_args!("\n{} in {}, {seconds:.1} s", trained.manifest.snapshot, args.out))
}

fn evidence_row(found: &Evidence) -> Vec<String> {
    let figure = |value: f64| format!("{value:.4}");
    vec![
        found.decision.clone(),
        found.predictions.to_string(),
        figure(found.metrics.hr),
        figure(found.metrics.mrr),
        figure(found.metrics.ndcg),
        found.tried.len().to_string(),
        brief(&found.chosen),
    ]
}

/// A recipe's summary without the sources' parameters.
fn brief(summary: &str) -> String {
    let mut depth = 0;
    let kept: String = summary
        .chars()
        .filter(|c| {
            depth += i32::from(*c == '(');
            let outside = depth == 0;
            depth -= i32::from(*c == ')');
            outside
        })
        .collect();
    kept.split(';').next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
