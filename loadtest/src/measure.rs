//! One measured run, from connecting to its report; and many of them in search of the highest rate.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::profile::{Profile, Schedule};
use crate::progress;
use crate::report::{LATE_MS, Report, Setup, Trial};
use crate::run::{Load, Run, RunError, locked};
use crate::scrape::{ScrapeError, Scraper};
use crate::search::Search;
use crate::settings::{RunArgs, Settings};
use crate::slo::Slo;
use crate::tally::Tally;
use crate::units::figure;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Scrape(#[from] ScrapeError),
    #[error("cannot make a histogram: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
}

/// Runs of the whole length at the end of a search, each a step lower than the one before if that did not hold.
const MAX_FINAL_RUNS: usize = 5;

/// Makes one run. Also says whether somebody ended it early.
async fn one_run(
    args: &RunArgs,
    settings: &Settings,
    schedule: Schedule,
) -> Result<(Report, bool), MeasureError> {
    // New connections for each trial of a search: those of an overloaded one may be reset, or still be waiting.
    let load = Load { schedule, ..settings.load.clone() };
    let tally = Arc::new(Mutex::new(Tally::new(schedule.warmup, load.deadline)?));
    let run = Run::begin(load, &tally).await?;
    let scraper = match &args.metrics {
        Some(url) => Some(Scraper::begin(url.clone(), run.start + schedule.warmup).await?),
        None => None,
    };
    let mut interrupted = false;
    let (start, interrupt) = (run.start, async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await // Ctrl-C cannot be noticed here
        }
        interrupted = true;
    });
    let retries = tokio::select! {
        retries = run.end(interrupt) => retries,
        // It never ends by itself.
        () = progress::show(tally.clone(), schedule, start) => 0,
    };
    progress::clear();
    let setup = setup(settings, &schedule);
    let mut report = Report::new(setup, &locked(&tally), settings.load.mix.placements(), schedule.warmup);
    report.retries = retries;
    if let Some(scraper) = scraper {
        let (figures, version) = scraper.end(&report.placements).await;
        report.add_server(figures, version);
    }
    Ok((report, interrupted))
}

/// Makes the run, or the search, that the arguments ask for. `None` if a search found no rate or was ended early.
pub(crate) async fn measure(args: &RunArgs, settings: &Settings) -> Result<Option<Report>, MeasureError> {
    match &args.search {
        Some(rules) => highest_rate(args, settings, rules).await,
        None => Ok(Some(one_run(args, settings, settings.load.schedule).await?.0)),
    }
}

/// Looks for the highest constant rate at which the rules hold, and makes a run of the whole length there.
async fn highest_rate(
    args: &RunArgs,
    settings: &Settings,
    rules: &Slo,
) -> Result<Option<Report>, MeasureError> {
    let mut search = Search::new(settings.load.schedule.profile.peak());
    let mut trials = Vec::new();
    while let Some(rps) = search.next() {
        let profile = Profile::Constant { rps };
        let schedule = Schedule { profile, duration: args.trial, ..settings.load.schedule };
        let (report, interrupted) = one_run(args, settings, schedule).await?;
        if interrupted {
            return Ok(None);
        }
        let trial = trial(rps, &schedule, &report, rules);
        note(&trial);
        search.learn(&trial);
        trials.push(trial);
        tokio::time::sleep(args.pause).await;
    }
    // A rate that held for seconds may not hold for minutes.
    for _ in 0..MAX_FINAL_RUNS {
        let Some(rps) = search.found() else { break };
        let schedule = Schedule { profile: Profile::Constant { rps }, ..settings.load.schedule };
        let (mut report, interrupted) = one_run(args, settings, schedule).await?;
        let trial = trial(rps, &schedule, &report, rules);
        note(&trial);
        let held = trial.held;
        trials.push(trial);
        if held || interrupted {
            if search.is_generators_limit() {
                say("above this rate the generator sent late: the server's limit may be higher");
            }
            report.slo = rules.judge(&report);
            report.search = trials;
            return Ok(Some(report));
        }
        search.lower();
        tokio::time::sleep(args.pause).await;
    }
    Ok(None)
}

fn trial(rps: f64, schedule: &Schedule, report: &Report, rules: &Slo) -> Trial {
    let rules = rules.judge(report);
    let held = rules.iter().all(|verdict| verdict.held);
    let lag = report.lag.p99_ms;
    Trial {
        rps,
        duration_s: schedule.duration.as_secs_f64(),
        held,
        // Rules that held although the generator sent late held for the server, too.
        void: !held && lag.is_some_and(|lag| lag > LATE_MS),
        summary: report.summary.clone(),
        lag_p99_ms: lag,
        rules,
    }
}

/// A line about a trial that is over.
fn note(trial: &Trial) {
    let verdict = match (trial.held, trial.void) {
        (true, _) => "held",
        (false, true) => "void: the generator sent late",
        (false, false) => "BROKEN",
    };
    let Trial { rps, duration_s, summary, .. } = trial;
    let (errors, p50, p99) = (summary.errors, figure(summary.p50_ms), figure(summary.p99_ms));
    say(&format!("{rps:>9.0}/s for {duration_s} s: {errors} errors, p50 {p50}, p99 {p99} ms: {verdict}"));
}

fn say(text: &str) {
    // A log that cannot be written is no reason to end a search.
    drop(writeln!(std::io::stderr(), "{text}"));
}

fn setup(settings: &Settings, schedule: &Schedule) -> Setup {
    let targets: Vec<String> = settings.load.targets.iter().map(ToString::to_string).collect();
    Setup {
        command: std::env::args().collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: machine(),
        scenario: settings.scenario.clone(),
        started_at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        target: targets.join(","),
        profile: schedule.profile.to_string(),
        rps: schedule.profile.peak(),
        deadline_ms: settings.load.deadline.map(|deadline| deadline.as_secs_f64() * 1000.0),
        warmup_s: schedule.warmup.as_secs_f64(),
        duration_s: schedule.duration.as_secs_f64(),
        requests: settings.load.mix.len(),
        ..Setup::default()
    }
}

/// `AMD EPYC 7B13, 8 cores for this process, linux x86_64`.
fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{model}, {cores} cores for this process, {os} {arch}")
}
