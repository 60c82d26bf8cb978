//! `larder report`: what became of what was shown.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::event_flags::{EventFlags, files};
use super::terminal::{OutputError, Progress, line, table};
use super::{CliError, settings};
use crate::config::{Downloading, Flags};
use crate::report::{Dimension, Rate, Report, ReportOptions, Row, report};
use crate::setting::{Form as _, Time};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Exposures: files of Parquet or JSON lines as the server writes them, directories of them, patterns such as
    /// 'exposures/dt=2026-11-*/**', or s3://bucket/prefix; several of them may follow
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    exposures: Vec<String>,
    #[command(flatten)]
    events: EventFlags,
    /// How long after an impression an event that names no answer may be due to it
    #[arg(long, default_value = "24h")]
    window: String,
    /// What impressions are told apart by, comma-separated: placement, source, rank, snapshot, level, variant
    /// [default: placement; with --json all of them]
    #[arg(long, value_delimiter = ',')]
    by: Option<Vec<String>>,
    /// JSON for machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<Downloading>,
}

pub(super) fn run(args: &ReportArgs) -> Result<(), CliError> {
    let mut progress = Progress::new(args.json);
    let options = ReportOptions { by: by(args)?, window: window(&args.window)?, types: args.events.types()? };
    let config = settings(&args.settings)?;
    let exposures = files("exposures", &args.exposures, &config, &mut progress)?;
    let events = args.events.parts(&config, &mut progress)?;
    let made = report(&exposures, &events, &options, &mut |what, share| progress.step(what, share))?;
    progress.finish();
    if args.json {
        line(format_args!("{:#}", json!(made)))?;
    } else {
        print(&made)?;
    }
    Ok(())
}

fn by(args: &ReportArgs) -> Result<Vec<Dimension>, CliError> {
    let Some(names) = &args.by else {
        return Ok(if args.json { Dimension::ALL.to_vec() } else { vec![Dimension::Placement] });
    };
    let mut by = Vec::new();
    for name in names {
        let dimension = Dimension::parse(name).ok_or_else(|| CliError::Flag {
            flag: "by",
            value: name.clone(),
            expected: "placement, source, rank, snapshot, level or variant, with commas between them",
        })?;
        if !by.contains(&dimension) {
            by.push(dimension);
        }
    }
    Ok(by)
}

fn window(text: &str) -> Result<Duration, CliError> {
    Time::parse(text).ok_or_else(|| CliError::Flag {
        flag: "window",
        value: text.to_owned(),
        expected: "a duration with its unit, such as 30m, 24h or 7d",
    })
}

fn print(made: &Report) -> Result<(), OutputError> {
    let mut headings: Vec<&str> = made.by.iter().map(|dimension| dimension.as_str()).collect();
    headings.extend(["impressions", "clicks", "CTR", "95 % interval", "purchases", "CVR", "95 % interval"]);
    let mut rows: Vec<Vec<String>> = made.rows.iter().map(|row| cells(row, &row.key)).collect();
    if made.rows.len() > 1 {
        let mut key = vec![String::new(); made.by.len()];
        if let Some(first) = key.first_mut() {
            "all".clone_into(first);
        }
        rows.push(cells(&made.total, &key));
    }
    table(&headings, &rows)?;
    let events = &made.events;
    let unattributed = events.events - events.by_recommendation - events.by_last_touch;
    line(format_args!(
        "\n{} clicks and purchases: {} by recommendation_id, {} by the last impression within the window, {} by \
         neither",
        events.events, events.by_recommendation, events.by_last_touch, unattributed
    ))?;
    if made.repeated_impressions + events.repeated > 0 {
        line(format_args!(
            "left out as repeated: {} impressions, {} events",
            made.repeated_impressions, events.repeated
        ))?;
    }
    Ok(())
}

fn cells(row: &Row, key: &[String]) -> Vec<String> {
    let percent = |rate: &Rate| format!("{:.2}%", rate.rate * 100.0);
    let interval = |rate: &Rate| format!("{:.2}–{:.2}%", rate.low * 100.0, rate.high * 100.0);
    let mut cells = key.to_vec();
    cells.extend([
        row.impressions.to_string(),
        row.clicks.to_string(),
        percent(&row.ctr),
        interval(&row.ctr),
        row.purchases.to_string(),
        percent(&row.cvr),
        interval(&row.cvr),
    ]);
    cells
}
