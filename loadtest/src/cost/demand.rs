//! What a run asks of the machines it will be served by: rates, CPU and memory.

use clap::Args;

use crate::reading::{Lack, ReadingError, Recorded};
use crate::report::Report;

use super::prices::Arch;
use std::path::PathBuf;

/// Seconds that a peak lasts: the highest rate over so many seconds on end counts.
const PEAK_S: usize = 5;

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// What is assumed where a run cannot say.
#[derive(Debug, Clone, Args)]
pub(crate) struct Assumptions {
    /// Prices instead of those built in (a copy of loadtest/prices.toml)
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) prices: Option<PathBuf>,
    /// Share of its CPU that a replica may use at the peak, such as 60%
    #[arg(long, default_value = "60%", value_name = "SHARE", value_parser = share)]
    pub(crate) utilisation: f64,
    /// Replicas at least, so that one may go
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) min_replicas: u32,
    /// Memory to give, times the peak of the run: a swap holds two snapshots at once
    #[arg(long, default_value_t = 2.1, value_name = "TIMES", value_parser = positive)]
    pub(crate) memory_factor: f64,
    /// Share of a node that its pods ask for together
    #[arg(long, default_value = "80%", value_name = "SHARE", value_parser = share)]
    pub(crate) packing: f64,
    /// Only this processor [default: both]
    #[arg(long, value_enum)]
    pub(crate) arch: Option<Arch>,
    /// How long a Lambda takes for one request: assumed, not measured; its CPU and fetching its data
    #[arg(long, default_value_t = 20.0, value_name = "MS", value_parser = positive)]
    pub(crate) lambda_ms: f64,
    /// Memory of a Lambda
    #[arg(long, default_value_t = 512.0, value_name = "MB", value_parser = positive)]
    pub(crate) lambda_mb: f64,
    /// What stands before the replicas (an API Gateway stands before a Lambda)
    #[arg(long, value_enum, default_value_t = Front::Alb)]
    pub(crate) balancer: Front,
    /// Bytes of a request and its answer, which a load balancer counts
    #[arg(long, default_value_t = 2_000.0, value_name = "BYTES", value_parser = positive)]
    pub(crate) bytes_per_request: f64,
    /// Count the fee of a Kubernetes cluster with nodes of one's own
    #[arg(long)]
    pub(crate) eks_cluster: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What stands before replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Front {
    /// An application load balancer
    Alb,
    /// Nothing: callers find the replicas themselves
    None,
}

/// What a run needs.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Demand {
    /// Over the whole run, which stands for a day.
    pub(crate) mean_rps: f64,
    /// The highest over five seconds.
    pub(crate) peak_rps: f64,
    pub(crate) cpu_us_per_request: f64,
    /// Cores busy at the peak.
    pub(crate) peak_cores: f64,
    pub(crate) peak_memory_gb: f64,
    /// What one replica is given.
    pub(crate) replica_memory_gb: f64,
    /// Requests per second that one vCPU may take at the peak.
    pub(crate) rps_per_vcpu: f64,
}

/// The rates of a month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rates {
    pub(crate) mean_rps: f64,
    pub(crate) peak_rps: f64,
}

impl Demand {
    /// Of `run` at `rates`. Refuses a report without CPU or memory.
    pub(crate) fn new(run: &Recorded, rates: Rates, assumed: &Assumptions) -> Result<Demand, ReadingError> {
        let lacks = |lacks| ReadingError::Lacks { path: run.path.clone(), lacks };
        let cpu = run.report.summary.cpu_us_per_request.filter(|cpu| *cpu > 0.0);
        let cpu = cpu.ok_or_else(|| lacks(Lack::Cpu))?;
        let server = run.report.server.as_ref();
        let memory = server.map(|server| server.peak_rss_bytes / GIB).filter(|memory| *memory > 0.0);
        let memory = memory.ok_or_else(|| lacks(Lack::Memory))?;
        Ok(Demand {
            mean_rps: rates.mean_rps,
            peak_rps: rates.peak_rps,
            cpu_us_per_request: cpu,
            peak_cores: rates.peak_rps * cpu / 1e6,
            peak_memory_gb: memory,
            replica_memory_gb: memory * assumed.memory_factor,
            rps_per_vcpu: assumed.utilisation * 1e6 / cpu,
        })
    }
}

impl Rates {
    /// Those of the run itself.
    pub(crate) fn of(run: &Recorded) -> Result<Rates, ReadingError> {
        let Report { seconds, .. } = &run.report;
        let offered: Vec<f64> = seconds.iter().map(|second| second.summary.offered as f64).collect();
        let length = PEAK_S.min(offered.len()).max(1);
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let peak = offered.windows(length).map(mean).fold(0.0, f64::max);
        if peak <= 0.0 {
            return Err(ReadingError::Lacks { path: run.path.clone(), lacks: Lack::Requests });
        }
        Ok(Rates { mean_rps: mean(&offered), peak_rps: peak })
    }
}

/// A share: `0.6` or `60%`, above 0 and at most 1.
pub(crate) fn share(text: &str) -> Result<f64, &'static str> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().ok().map(|share| share / whole);
    share.filter(|share| *share > 0.0 && *share <= 1.0).ok_or("not a share such as 60% or 0.6")
}

pub(crate) fn positive(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or("not a positive number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::sample;

    #[test]
    fn shares_are_read_in_both_ways() {
        assert_eq!(["60%", "0.6", "100%"].map(|text| share(text).unwrap()), [0.6, 0.6, 1.0]);
        for wrong in ["0", "60", "101%", "-1%", "x", "%"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_run_is_taken_as_a_day_and_its_peak_lasts_five_seconds() {
        let mut run = Recorded { report: sample::report(), ..Recorded::default() };
        assert_eq!(Rates::of(&run).unwrap(), Rates { mean_rps: 500.0, peak_rps: 800.0 });
        run.report.seconds[0].summary.offered = 4000; // one second alone: (4000 + 4 × 200) / 5
        assert_eq!(Rates::of(&run).unwrap().peak_rps, 960.0);
        run.report.seconds.clear();
        assert!(Rates::of(&run).unwrap_err().to_string().contains("has no requests"));
    }
}
