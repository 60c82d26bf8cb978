//! `larder evaluate`: held-out events through the real recommender.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::terminal::{OutputError, Progress, line, note, table};
use super::train::{TrainHow, read, train_into};
use super::{CliError, settings};
use crate::app::open_snapshot;
use crate::config::{Flags, Reading};
use crate::evaluate::{ReplayOptions, Replayer, Report, split};
use crate::pipeline::Stages;
use crate::recommender::{Limits, Objective, Recommender, View};
use crate::snapshot::{LoadOptions, Registry, Snapshot, open_directory};
use crate::train::{Catalog, EventLog, parse_time_ms};

#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
    /// Snapshot to evaluate: a store's root or a snapshot's directory; left out, one is trained (needs --split-at)
    #[arg(long)]
    snapshot: Option<String>,
    /// Channel of the store
    #[arg(long, env = "LARDER_CHANNEL", default_value = "production")]
    channel: String,
    /// Held-out events; with --split-at the whole log
    #[arg(long)]
    events: PathBuf,
    /// Catalogue, to train with
    #[arg(long)]
    catalog: Option<PathBuf>,
    /// Users, to train with
    #[arg(long)]
    users: Option<PathBuf>,
    /// Sessions that begin from here on are held out, those before are trained on (without --snapshot)
    #[arg(long)]
    split_at: Option<String>,
    /// Placement to evaluate, repeatable [default: all]
    #[arg(long = "placement")]
    placements: Vec<String>,
    /// Recipes to use instead of the snapshot's own, in the format of placements.toml
    #[arg(long)]
    recipes: Option<PathBuf>,
    /// What to replay [default: the placement's own objective]
    #[arg(long, value_enum)]
    protocol: Option<Protocol>,
    /// Exclusion groups instead of the recipe's, comma-separated; `none` for none
    #[arg(long, value_delimiter = ',')]
    exclude: Option<Vec<String>>,
    /// Leave user ids out of the requests of session protocols
    #[arg(long)]
    anonymous: bool,
    /// At most so many predictions, spread evenly
    #[arg(long)]
    most: Option<usize>,
    #[command(flatten)]
    how: TrainHow,
    /// JSON for machines: an object, or an array where several placements are asked for
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<Reading>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protocol {
    /// The next item over every prefix of each session
    NextItem,
    /// The next item put into the cart or bought
    NextInBasket,
    /// The next item, given the one before it
    NextFromCurrent,
    /// The next item, given its category
    NextInCategory,
    /// What known users take in the held-out time
    UserItems,
    /// The same, only items that the user did not have before
    NewItems,
}

impl From<Protocol> for Objective {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::NextItem => Objective::NextItem,
            Protocol::NextInBasket => Objective::NextInBasket,
            Protocol::NextFromCurrent => Objective::NextFromCurrent,
            Protocol::NextInCategory => Objective::NextInCategory,
            Protocol::UserItems => Objective::UserItems,
            Protocol::NewItems => Objective::NewItems,
        }
    }
}

pub(super) fn run(args: &EvaluateArgs) -> Result<(), CliError> {
    let mut progress = Progress::new(args.json);
    let split_at = args.split_at.as_deref().map(|text| {
        let wrong = || CliError::Usage(format!("--split-at {text}: expected a date or RFC 3339 time"));
        parse_time_ms(text).ok_or_else(wrong)
    });
    let (snapshot, held, ids) = prepare(args, split_at.transpose()?, &mut progress)?;
    let recipes = recipes(args, &snapshot)?;
    let served = Arc::new(View::compile(Arc::new(snapshot), &recipes, &Stages::default())?);
    let registry: Arc<Registry<View>> = Arc::default();
    registry.publish(Arc::clone(&served), false);
    let limits = Limits { placement_deadlines: false, result_cache_bytes: 0, ..Limits::default() };
    let recommender = Recommender::new(registry, limits);
    let options = ReplayOptions {
        objective: args.protocol.map(Objective::from),
        anonymous: args.anonymous,
        most: args.most,
    };
    let replayer = Replayer::new(&held, &ids);
    let all: Vec<String> = served.placements.keys().cloned().collect();
    let names = if args.placements.is_empty() { &all } else { &args.placements };
    let mut reports: Vec<Report> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        progress.step(&format!("replaying {name}"), at as f64 / names.len() as f64);
        let report = replayer.replay(&recommender, name, &options)?;
        if report.predictions == 0 {
            return Err(CliError::Failed(format!(
                "{name}: nothing to replay; are the events held out, and do they name known items and users?"
            )));
        }
        reports.push(report);
    }
    progress.finish();
    match (args.json, reports.as_slice()) {
        (true, [report]) => line(format_args!("{:#}", serde_json::json!(report)))?,
        (true, reports) => line(format_args!("{:#}", serde_json::json!(reports)))?,
        (false, reports) => print(reports)?,
    }
    Ok(())
}

/// The snapshot, the held-out events, and the item ids that they are numbered by.
fn prepare(
    args: &EvaluateArgs,
    split_at: Option<i64>,
    progress: &mut Progress,
) -> Result<(Snapshot, EventLog, Vec<String>), CliError> {
    if let Some(location) = &args.snapshot {
        progress.step("loading the snapshot", 0.0);
        let config = settings(&args.settings)?;
        let (cache, load) = (&config.cache_dir, &config.snapshot.load);
        let snapshot = open_snapshot(location, &args.channel, &config.s3, cache, load)?;
        let items = snapshot.items();
        let catalog = Catalog::from_ids((0..items.len()).map(|number| items.text(number as u32)));
        progress.step("reading events", 0.0);
        let log = EventLog::read(&args.events, &catalog)?;
        let held = split_at.map_or_else(|| log.clone(), |at| split(&log, at).1);
        if snapshot.data_until_ms().is_some_and(|until| held.period_ms().0 <= until) {
            note("the snapshot was trained on events as late as some of these: the figures flatter it");
        }
        return Ok((snapshot, held, catalog.ids));
    }
    let (Some(at), Some(catalog)) = (split_at, &args.catalog) else {
        return Err(CliError::Usage(
            "give --snapshot, or --split-at and --catalog to train and evaluate in one go".to_owned(),
        ));
    };
    let (catalog, log) = read(catalog, &args.events, args.users.as_deref(), progress)?;
    let (early, held) = split(&log, at);
    if early.events.is_empty() || held.events.is_empty() {
        return Err(CliError::Usage("--split-at leaves no events on one side".to_owned()));
    }
    let dir = tempfile::tempdir()?;
    train_into(dir.path(), &early, &catalog, &args.how, progress)?;
    let snapshot = open_directory(dir.path(), "production", &LoadOptions::default())?;
    Ok((snapshot, held, catalog.ids))
}

/// The recipes as text, with the exclusions that the command line asks for.
fn recipes(args: &EvaluateArgs, snapshot: &Snapshot) -> Result<String, CliError> {
    let text = match &args.recipes {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|e| CliError::Usage(format!("--recipes {}: {e}", Path::display(path))))?,
        None => snapshot.placements().to_owned(),
    };
    let Some(groups) = &args.exclude else { return Ok(text) };
    let groups: Vec<toml::Value> = groups
        .iter()
        .filter(|group| *group != "none")
        .map(|group| toml::Value::from(group.as_str()))
        .collect();
    let mut file: toml::Table =
        toml::from_str(&text).map_err(|e| CliError::Usage(format!("recipes: {}", e.message())))?;
    let placements = file.get_mut("placements").and_then(toml::Value::as_table_mut);
    for (_, recipe) in placements.into_iter().flatten() {
        if let Some(recipe) = recipe.as_table_mut() {
            recipe.insert("exclude".to_owned(), toml::Value::Array(groups.clone()));
        }
    }
    Ok(file.to_string())
}

fn print(reports: &[Report]) -> Result<(), OutputError> {
    let figure = |value: f64| format!("{value:.4}");
    let rows: Vec<Vec<String>> = reports
        .iter()
        .map(|report| {
            let (metrics, latency) = (&report.metrics, &report.latency_us);
            vec![
                report.placement.clone(),
                report.predictions.to_string(),
                figure(metrics.hr),
                figure(metrics.mrr),
                figure(metrics.ndcg),
                figure(metrics.recall),
                figure(metrics.coverage),
                format!("{:.2}", metrics.popularity_bias),
                figure(metrics.empty_rate),
                format!("{:.0}", latency.p50),
                format!("{:.0}", latency.p99),
            ]
        })
        .collect();
    table(
        &[
            "placement",
            "predictions",
            "hr@20",
            "mrr@20",
            "ndcg@10",
            "recall@20",
            "coverage@20",
            "pop. bias",
            "empty",
            "p50 µs",
            "p99 µs",
        ],
        &rows,
    )?;
    line("")?;
    for report in reports {
        line(format_args!("{}: {}", report.placement, report.protocol))?;
    }
    Ok(())
}
