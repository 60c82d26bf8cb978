//! `larder quarantine`, the process that tries a snapshot out for another one. Not for people: the help does not show
//! it.

use std::io::{self, Read as _, Write as _};

use clap::Args;

use super::CliError;
use crate::pipeline::Stages;
use crate::recommender::View;
use crate::snapshot::{Confinement, Report, Trial, confine, try_out};

/// Upper bound on what is read from standard input: a manifest of the greatest length, and the names of its files.
const MOST_INPUT: u64 = 64 << 20;

#[derive(Debug, Args)]
pub(super) struct QuarantineArgs {
    /// Bytes that the snapshot may take [default: no limit]
    #[arg(long)]
    memory: Option<u64>,
    /// Seconds of CPU time
    #[arg(long)]
    cpu_seconds: u64,
}

pub(super) fn run(args: &QuarantineArgs) -> Result<(), CliError> {
    // Before anything is read.
    confine(&Confinement { memory: args.memory, cpu_seconds: args.cpu_seconds })?;
    let mut said = Vec::new();
    io::stdin().lock().take(MOST_INPUT).read_to_end(&mut said)?;
    let trial: Trial = serde_json::from_slice(&said).map_err(io::Error::from)?;
    let prepare = |snapshot| Ok(View::prepare(snapshot, &Stages::default())?.placements.len());
    try_out(&trial, prepare, |report| tell(&report));
    Ok(())
}

fn tell(report: &Report) {
    let mut out = io::stdout().lock();
    let said = serde_json::to_string(report).unwrap_or_default();
    // A parent that has gone takes this process along.
    let _ = writeln!(out, "{said}").and_then(|()| out.flush());
}
