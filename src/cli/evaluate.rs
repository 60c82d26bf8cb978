//! `larder evaluate`: held-out events through the real recommender.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde_json::{Value, json};

use super::event_flags::{EventFlags, PartitionFlags};
use super::terminal::{OutputError, Progress, line, note, table};
use super::train::TrainHow;
use super::{CliError, settings};
use crate::config::{Flags, Reading};
use crate::evaluate::{
    NothingToReplay, ReplayError, ReplayOptions, Replayer, Report, offline_recommender, split, train_snapshot,
};
use crate::pipeline::filter::Exclusion;
use crate::recommender::{Objective, PlacementsFile};
use crate::snapshot::{LoadOptions, Snapshot, open_directory, open_snapshot};
use crate::train::{Catalog, Dataset, EventLog, parse_time_ms};

#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
    /// Snapshot to evaluate: a store's root or a snapshot's directory; left out, one is trained (needs --split-at)
    #[arg(long)]
    snapshot: Option<String>,
    /// Channel of the store
    #[arg(long, env = "LARDER_CHANNEL", default_value = "production")]
    channel: String,
    #[command(flatten)]
    events: EventFlags,
    #[command(flatten)]
    partitions: PartitionFlags,
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
    /// The most predictions for a placement, spread evenly over the held-out time [default: all]
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

/// What became of one placement.
enum Outcome {
    Measured(Report),
    /// The held-out events have nothing to ask it.
    Nothing {
        placement: String,
        protocol: String,
        reason: NothingToReplay,
    },
}

pub(super) fn run(args: &EvaluateArgs) -> Result<(), CliError> {
    let mut progress = Progress::new(args.json);
    let split_at = args.split_at.as_deref().map(|text| {
        let wrong = || CliError::Usage(format!("--split-at {text}: expected a date or RFC 3339 time"));
        parse_time_ms(text).ok_or_else(wrong)
    });
    if args.most == Some(0) {
        return Err(CliError::Usage("--most is 0, expected at least 1".to_owned()));
    }
    let Prepared { snapshot, held, ids } = prepare(args, split_at.transpose()?, &mut progress)?;
    let recipes = recipes(args, &snapshot)?;
    let recommender = offline_recommender(Arc::new(snapshot), &recipes)?;
    let options = ReplayOptions {
        objective: args.protocol.map(Objective::from),
        anonymous: args.anonymous,
        most: args.most,
    };
    let replayer = Replayer::new(&held, &ids);
    let names = if args.placements.is_empty() {
        recommender.served().map(|served| served.placements.keys().cloned().collect()).unwrap_or_default()
    } else {
        args.placements.clone()
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        progress.step(&format!("replaying {name}"), at as f64 / names.len() as f64);
        outcomes.push(match replayer.replay(&recommender, name, &options) {
            Ok(report) => Outcome::Measured(report),
            // The figures of the others are of use all the same.
            Err(ReplayError::Nothing { placement, protocol, reason }) => {
                Outcome::Nothing { placement, protocol, reason }
            }
            Err(ReplayError::Request(error)) => return Err(error.into()),
        });
    }
    progress.finish();
    if args.json {
        print_json(&outcomes)?;
    } else {
        print_table(&outcomes)?;
    }
    Ok(())
}

/// What is evaluated, and on what.
struct Prepared {
    snapshot: Snapshot,
    held: EventLog,
    /// The item ids that the held-out events are numbered by.
    ids: Vec<String>,
}

fn prepare(
    args: &EvaluateArgs,
    split_at: Option<i64>,
    progress: &mut Progress,
) -> Result<Prepared, CliError> {
    let config = settings(&args.settings)?;
    let how = args.events.options(&args.partitions)?;
    if let Some(location) = &args.snapshot {
        progress.step("loading the snapshot", 0.0);
        let (cache, load) = (&config.cache_dir, &config.snapshot.load);
        let snapshot = open_snapshot(location, &args.channel, &config.s3, cache, load)?;
        let items = snapshot.items();
        let catalog = Catalog::from_ids((0..items.len()).map(|number| items.text(number as u32)));
        let events = args.events.parts(&config, progress)?;
        let log =
            EventLog::read_parts(&events, &how, &catalog, &mut |what, share| progress.step(what, share))?;
        let held = split_at.map_or_else(|| log.clone(), |at| split(&log, at).1);
        if snapshot.data_until_ms().is_some_and(|until| held.period_ms().0 <= until) {
            note("the snapshot was trained on events as late as some of these: the figures flatter it");
        }
        return Ok(Prepared { snapshot, held, ids: catalog.ids });
    }
    let (Some(at), Some(catalog)) = (split_at, &args.catalog) else {
        return Err(CliError::Usage(
            "give --snapshot, or --split-at and --catalog to train and evaluate in one go".to_owned(),
        ));
    };
    let options = args.how.options()?;
    let users = args.users.as_deref();
    let events = args.events.parts(&config, progress)?;
    let Dataset { catalog, log } =
        Dataset::read(catalog, &events, &how, users, &mut |what, share| progress.step(what, share))?;
    let (early, held) = split(&log, at);
    if early.events.is_empty() || held.events.is_empty() {
        return Err(CliError::Usage("--split-at leaves no events on one side".to_owned()));
    }
    let dir = tempfile::tempdir()?;
    let data = Dataset { catalog, log: early };
    train_snapshot(&data, &options, dir.path(), &mut |what, share| progress.step(what, share))?;
    let snapshot = open_directory(dir.path(), "production", &LoadOptions::default())?;
    Ok(Prepared { snapshot, held, ids: data.catalog.ids })
}

/// The recipes as text, with the exclusions that the command line asks for.
fn recipes(args: &EvaluateArgs, snapshot: &Snapshot) -> Result<String, CliError> {
    let text = match &args.recipes {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|e| CliError::Usage(format!("--recipes {}: {e}", path.display())))?,
        None => snapshot.placements().to_owned(),
    };
    let Some(groups) = &args.exclude else { return Ok(text) };
    let groups: Vec<Exclusion> = groups
        .iter()
        .filter(|group| *group != "none")
        .map(|group| exclusion(group))
        .collect::<Result<_, _>>()?;
    let wrong = |error: &dyn std::fmt::Display| CliError::Usage(format!("recipes: {error}"));
    let mut file: PlacementsFile = toml::from_str(&text).map_err(|error| wrong(&error))?;
    for spec in file.placements.values_mut() {
        spec.get_mut().exclude.clone_from(&groups);
    }
    file.to_toml().map_err(|error| wrong(&error))
}

fn exclusion(group: &str) -> Result<Exclusion, CliError> {
    Exclusion::deserialize(group.into_deserializer())
        .map_err(|error: serde::de::value::Error| CliError::Usage(format!("--exclude: {error}")))
}

/// An object for one placement, an array for several.
fn print_json(outcomes: &[Outcome]) -> Result<(), OutputError> {
    let object = |outcome: &Outcome| match outcome {
        Outcome::Measured(report) => json!(report),
        Outcome::Nothing { placement, protocol, reason } => json!({
            "placement": placement, "protocol": protocol, "predictions": 0,
            "metrics": null, "latency_us": null, "reason": reason.to_string(),
        }),
    };
    match outcomes {
        [outcome] => line(format_args!("{:#}", object(outcome))),
        outcomes => line(format_args!("{:#}", Value::from_iter(outcomes.iter().map(object)))),
    }
}

fn print_table(outcomes: &[Outcome]) -> Result<(), OutputError> {
    let headings = [
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
    ];
    let rows: Vec<Vec<String>> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Measured(report) => figures(report),
            Outcome::Nothing { placement, .. } => {
                let mut row = vec!["–".to_owned(); headings.len()];
                placement.clone_into(&mut row[0]);
                row
            }
        })
        .collect();
    table(&headings, &rows)?;
    line("")?;
    for outcome in outcomes {
        match outcome {
            Outcome::Measured(report) => line(format_args!("{}: {}", report.placement, report.protocol))?,
            Outcome::Nothing { placement, protocol, reason } => {
                line(format_args!("{placement}: nothing to replay: {reason}. Asked for: {protocol}"))?;
            }
        }
    }
    Ok(())
}

fn figures(report: &Report) -> Vec<String> {
    let figure = |value: f64| format!("{value:.4}");
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
}
