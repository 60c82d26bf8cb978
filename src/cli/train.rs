//! `larder train`: events and a catalogue in, a published snapshot out.

use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::Utc;
use clap::Args;
use serde_json::json;

use super::terminal::{OutputError, Progress, bytes, line, table};
use super::{CliError, settings};
use crate::artifact::{OpenOptions, open};
use crate::config::{Flags, Store};
use crate::evaluate::{Evidence, Recipe, Tuned, tune};
use crate::pipeline::Stages;
use crate::recommender::View;
use crate::snapshot::{
    BuildArtifact, LoadOptions, MANIFEST, Manifest, build_manifest, open_directory, publish, read_channel,
};
use crate::train::{BadRows, Catalog, EventLog, TrainPlan, stock};

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// Events: Parquet or CSV with user_id, session_id, item_id, event_type, timestamp
    #[arg(long)]
    events: PathBuf,
    /// Catalogue: Parquet or CSV with item_id and any attributes
    #[arg(long)]
    catalog: PathBuf,
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
    pub(super) how: TrainHow,
    /// JSON for machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<Store>,
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
    fn plan(&self) -> Result<TrainPlan, CliError> {
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
        Ok(plan)
    }
}

/// Trains on all of `log` into `dir` and leaves a complete, verified snapshot there.
pub(super) fn train_into(
    dir: &Path,
    log: &EventLog,
    catalog: &Catalog,
    how: &TrainHow,
    progress: &mut Progress,
) -> Result<(Manifest, Tuned), CliError> {
    let work = tempfile::tempdir()?;
    let mut step = |what: &str, share: f64| progress.step(what, share);
    let tuned = match how.no_tune {
        true => Tuned::standard(log, catalog, &how.plan()?),
        false => tune(log, catalog, &how.plan()?, how.tune_predictions.max(1), work.path(), &mut step)?,
    };
    let built = stock(log, catalog, &tuned.plan, dir, &|_| true, &mut |name, share| {
        step(&format!("training {name}"), share);
    })?;
    let recipes: Vec<String> = tuned.recipes.iter().map(Recipe::to_toml).collect();
    std::fs::write(dir.join("placements.toml"), recipes.join("\n"))?;
    let mut artifacts: Vec<BuildArtifact> = built.into_iter().map(BuildArtifact::from).collect();
    artifacts.push(BuildArtifact {
        name: "placements".to_owned(),
        kind: "placements".to_owned(),
        path: "placements.toml".to_owned(),
        rows: 0,
        params: serde_json::Map::new(),
    });
    let mut manifest = build_manifest(dir, artifacts, Some(log.period_ms().1), Utc::now())?;
    manifest.evidence = serde_json::to_value(&tuned.evidence).ok();
    std::fs::write(dir.join(MANIFEST), manifest.to_json())?;
    step("verifying", 0.0);
    let snapshot = open_directory(dir, "production", &LoadOptions::default())?;
    View::prepare(snapshot, &Stages::default())?;
    Ok((manifest, tuned))
}

/// Reads catalogue, events and users, with progress.
pub(super) fn read(
    catalog: &Path,
    events: &Path,
    users: Option<&Path>,
    progress: &mut Progress,
) -> Result<(Catalog, EventLog), CliError> {
    progress.step("reading the catalogue", 0.0);
    let catalog = Catalog::read(catalog)?;
    progress.step("reading events", 0.0);
    let mut log = EventLog::read(events, &catalog)?;
    if let Some(users) = users {
        log.read_users(users)?;
    }
    Ok((catalog, log))
}

pub(super) fn run(args: &TrainArgs) -> Result<(), CliError> {
    let started = Instant::now();
    let mut progress = Progress::new(args.json);
    // Before hours of work: can what comes of them be written at all?
    let store = open(&args.out, &OpenOptions { create: true, ..settings(&args.settings)?.s3 })?;
    read_channel(store.as_ref(), &args.channel)?;
    let (catalog, log) = read(&args.catalog, &args.events, args.users.as_deref(), &mut progress)?;
    let dir = tempfile::tempdir()?;
    let (manifest, tuned) = train_into(dir.path(), &log, &catalog, &args.how, &mut progress)?;
    let channel = (!args.no_channel).then_some(args.channel.as_str());
    publish(store.as_ref(), dir.path(), channel, Utc::now(), &mut |name| {
        progress.step(&format!("writing {name}"), 0.0);
    })?;
    progress.finish();
    let seconds = started.elapsed().as_secs_f64();
    match args.json {
        true => print_json(&manifest, &tuned, &catalog, &log, seconds)?,
        false => print_tables(&manifest, &tuned, &catalog, &log, args, seconds)?,
    }
    Ok(())
}

fn print_json(
    manifest: &Manifest,
    tuned: &Tuned,
    catalog: &Catalog,
    log: &EventLog,
    seconds: f64,
) -> Result<(), OutputError> {
    let bad = |rows: &BadRows| {
        let reasons = rows.reasons();
        let reasons = reasons
            .map(|(reason, count, rows)| json!({"reason": reason, "count": count, "first_rows": rows}));
        reasons.collect::<Vec<_>>()
    };
    line(format_args!(
        "{:#}",
        json!({
            "snapshot": manifest.snapshot,
            "seconds": seconds,
            "items": catalog.len(),
            "events": log.events.len(),
            "bad_rows": {"catalog": bad(&catalog.bad), "events": bad(&log.bad)},
            "artifacts": manifest.artifacts,
            "evidence": tuned.evidence,
        })
    ))?;
    Ok(())
}

fn print_tables(
    manifest: &Manifest,
    tuned: &Tuned,
    catalog: &Catalog,
    log: &EventLog,
    args: &TrainArgs,
    seconds: f64,
) -> Result<(), OutputError> {
    line(format_args!(
        "{} items, {} events, {} users, {} sessions\n",
        catalog.len(),
        log.events.len(),
        log.users.len(),
        log.sessions.len()
    ))?;
    for (file, bad) in [(&args.catalog, &catalog.bad), (&args.events, &log.bad)] {
        for (reason, count, rows) in bad.reasons() {
            line(format_args!("{}: {count} rows left out: {reason} (first: row {rows:?})", file.display()))?;
        }
    }
    for column in &catalog.ignored_columns {
        line(format_args!(
            "{}: column \"{column}\" left out: its type is not supported",
            args.catalog.display()
        ))?;
    }
    let rows: Vec<Vec<String>> = manifest
        .artifacts
        .iter()
        .map(|entry| vec![entry.name.clone(), entry.kind.clone(), entry.rows.to_string(), bytes(entry.bytes)])
        .collect();
    table(&["artifact", "kind", "rows", "size"], &rows)?;
    if !tuned.evidence.is_empty() {
        line(format_args!(
            "\nchosen on the last stretch of the period, which the trial models had not seen:"
        ))?;
        let figure = |value: f64| format!("{value:.4}");
        let row = |found: &Evidence| {
            let metrics = &found.metrics;
            vec![
                found.decision.clone(),
                found.predictions.to_string(),
                figure(metrics.hr),
                figure(metrics.mrr),
                figure(metrics.ndcg),
                found.tried.len().to_string(),
                brief(&found.chosen),
            ]
        };
        let rows: Vec<Vec<String>> = tuned.evidence.iter().map(row).collect();
        table(&["decision", "asked", "hr@20", "mrr@20", "ndcg@10", "tried", "chosen"], &rows)?;
    }
    line(format_args!("\n{} in {}, {seconds:.1} s", manifest.snapshot, args.out))?;
    Ok(())
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
