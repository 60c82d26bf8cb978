//! One measured run, from connecting to its report; and many of them in search of the highest rate.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Error;
use crate::cli::RunArgs;
use crate::live::{self, Caption};
use crate::profile::{Profile, Schedule};
use crate::report::{Report, Setup, Trial};
use crate::run::{Load, Run, locked};
use crate::scrape::Scraper;
use crate::search::Search;
use crate::settings::Settings;
use crate::slo::Slo;
use crate::tally::Tally;
use crate::units::{grouped, ms};

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) report: Report,
    pub(crate) tally: Tally,
    /// Somebody has ended it early.
    interrupted: bool,
}

/// A generator that sends later than this, at its 99th percentile, measures itself.
pub(crate) const LATE_MS: f64 = 1.0;

/// Makes one run.
pub(crate) async fn measure(
    args: &RunArgs,
    threads: u16,
    settings: &Settings,
    schedule: Schedule,
) -> Result<Measured, Error> {
    let load = Arc::new(Load {
        targets: settings.targets.clone(),
        connections: settings.connections,
        threads,
        mix: settings.mix.clone(),
        schedule,
        deadline: settings.deadline,
        timeout: settings.timeout,
        max_in_flight: args.max_in_flight,
    });
    let setup = setup(settings, &schedule);
    let tally = Arc::new(Mutex::new(Tally::new(schedule.warmup)?.with_deadline(settings.deadline)));
    let run = Run::begin(&load, &tally).await?;
    let scraper = match &args.metrics {
        Some(url) => Some(Scraper::begin(url, run.start + schedule.warmup, schedule.duration).await?),
        None => None,
    };
    let what = setup.scenario.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
    let caption = Caption { what: format!("{what}{} at {}", setup.profile, setup.target), schedule };
    let mut interrupted = false;
    let (start, interrupt) = (run.start, async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await // then Ctrl-C cannot be noticed
        }
        interrupted = true;
    });
    let retries = tokio::select! {
        retries = run.end(interrupt) => retries,
        () = live::show(tally.clone(), caption, start) => 0,
    };
    let mut report =
        Report::new(setup, &locked(&tally), load.mix.placements(), schedule.warmup, args.swap_window);
    report.retries = retries;
    if let Some(scraper) = scraper {
        let (figures, version) = scraper.end(&report.placements).await;
        report.add_server(figures, version);
    }
    let tally = std::mem::replace(&mut *locked(&tally), Tally::new(schedule.warmup)?);
    Ok(Measured { report, tally, interrupted })
}

/// Looks for the highest constant rate at which the rules hold, and makes a run of the whole length there. `None` if
/// they hold at no rate, or somebody has ended the search.
pub(crate) async fn search(
    args: &RunArgs,
    threads: u16,
    settings: &Settings,
    rules: &Slo,
) -> Result<Option<Measured>, Error> {
    let mut search = Search::new(settings.schedule.profile.peak());
    let mut trials = Vec::new();
    let constant = |rps| Profile::Constant { rps };
    while let Some(rps) = search.next() {
        let schedule = Schedule { profile: constant(rps), duration: args.trial, ..settings.schedule };
        let measured = measure(args, threads, settings, schedule).await?;
        if measured.interrupted {
            return Ok(None);
        }
        let trial = trial(rps, &schedule, &measured.report, rules);
        say(&trial)?;
        search.learn(&trial);
        trials.push(trial);
        tokio::time::sleep(args.pause).await;
    }
    for _ in 0..5 {
        let Some(rps) = search.found() else { break };
        let schedule = Schedule { profile: constant(rps), ..settings.schedule };
        let mut measured = measure(args, threads, settings, schedule).await?;
        let trial = trial(rps, &schedule, &measured.report, rules);
        say(&trial)?;
        let held = trial.held;
        trials.push(trial);
        if held || measured.interrupted {
            if search.is_generators_limit() {
                crate::note("above this rate the generator sent late: the server's limit may be higher")?;
            }
            measured.report.slo = rules.judge(&measured.report);
            measured.report.search = trials;
            return Ok(Some(measured));
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
        // Rules that held although the generator was late held for the server, too.
        void: !held && lag.is_some_and(|lag| lag > LATE_MS),
        summary: report.summary.clone(),
        lag_p99_ms: lag,
        rules,
    }
}

fn say(trial: &Trial) -> Result<(), Error> {
    let verdict = match (trial.void, trial.held) {
        (true, _) => "void: the generator sent late",
        (_, true) => "held",
        (_, false) => "BROKEN",
    };
    let summary = &trial.summary;
    crate::note(&format!(
        "{:>9}/s for {} s   answered {}   errors {}   p50 {}   p99 {} ms   lag p99 {} ms   {verdict}",
        grouped(trial.rps.round() as u64),
        trial.duration_s,
        grouped(summary.answered),
        grouped(summary.errors),
        ms(summary.p50_ms),
        ms(summary.p99_ms),
        ms(trial.lag_p99_ms),
    ))
}

fn setup(settings: &Settings, schedule: &Schedule) -> Setup {
    let targets: Vec<String> = settings.targets.iter().map(ToString::to_string).collect();
    Setup {
        command: std::env::args().collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        server_version: None,
        machine: machine(),
        scenario: settings.scenario.clone(),
        started_at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        target: targets.join(","),
        profile: schedule.profile.to_string(),
        rps: schedule.profile.peak(),
        deadline_ms: settings.deadline.map(|deadline| deadline.as_secs_f64() * 1000.0),
        warmup_s: schedule.warmup.as_secs_f64(),
        duration_s: schedule.duration.as_secs_f64(),
        requests: settings.mix.len(),
    }
}

/// `AMD EPYC 7B13, 8 cores, linux x86_64`.
fn machine() -> String {
    let cpus = std::fs::read_to_string(Path::new("/proc/cpuinfo")).unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{model}, {cores} cores for this process, {os} {arch}")
}
