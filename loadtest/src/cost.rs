//! Dollars from a run: its rates, CPU and memory at published prices, beside a Lambda (`cost`), and by container size
//! for a rate (`plan`). Prices and assumptions are a dated file, built in and replaceable.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use crate::files::{self, FileError};
use crate::report::{Report, ReportError, Trial};
use crate::units::{figure, grouped, parse_duration, positive};

const BUILT_IN: &str = include_str!("../prices.toml");
/// Seconds over which the run's peak rate is taken. Lowering it buys replicas for bursts.
// A burst that is shorter is taken by the server's queue.
const PEAK_S: usize = 5;

#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    /// The report of a run, taken as one day of a month of such days
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    /// Mean rate of the month instead of the run's; the peak grows with it
    #[arg(long, value_parser = positive)]
    rps: Option<f64>,
    /// Prices and assumptions instead of those built in (a copy of loadtest/prices.toml)
    #[arg(long, value_name = "FILE.toml")]
    prices: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The report to plan from; one of `run --search` shows which rates hold
    #[arg(long, value_name = "RUN.json")]
    run: PathBuf,
    /// Requests per second at the peak
    #[arg(long, value_parser = positive)]
    rps: f64,
    /// The p99 to keep, such as 10ms
    #[arg(long, value_parser = parse_duration)]
    p99: Duration,
    /// Cores that the server of the run had
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    cores: f64,
    /// Prices and assumptions instead of those built in (a copy of loadtest/prices.toml)
    #[arg(long, value_name = "FILE.toml")]
    prices: Option<PathBuf>,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CostError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(
        "the report has no CPU and memory of the server: run again with `--metrics http://host:port/metrics`"
    )]
    NoServer,
    #[error("the report has no requests in it")]
    NoRequests,
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path} is not a file of prices (loadtest/prices.toml is one; copy it): {source}")]
    Malformed { path: PathBuf, source: Box<toml::de::Error> },
}

/// Prices and assumptions. The file explains them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    region: String,
    looked_up: String,
    currency: String,
    hours_per_month: f64,
    utilisation: f64,
    min_replicas: u32,
    memory_factor: f64,
    bytes_per_request: f64,
    lambda_ms: f64,
    lambda_gb: f64,
    fargate_vcpu_hour: f64,
    fargate_gb_hour: f64,
    fargate_sizes: Vec<(f64, Vec<f64>)>,
    lambda_million_requests: f64,
    lambda_gb_second: f64,
    api_gateway_million_calls: Vec<(f64, f64)>,
    balancer_hour: f64,
    balancer_gb: f64,
}

/// What a run asks of the machines that will serve it.
#[derive(Debug, Clone, Copy)]
struct Demand {
    peak_rps: f64,
    cpu_us_per_request: f64,
    /// Of one replica.
    memory_gb: f64,
    /// Requests per second that one vCPU takes at the peak.
    rps_per_vcpu: f64,
}

/// Containers of one size.
#[derive(Debug)]
struct Containers {
    replicas: u32,
    vcpu: f64,
    memory_gb: f64,
    /// Share of the CPU of the replicas that are left at the peak when one is gone; infinite where none is left.
    use_with_one_gone: f64,
    month: f64,
}

/// The month of a run beside Lambda.
pub(crate) fn cost(args: &CostArgs) -> Result<String, CostError> {
    let (report, prices) = (Report::read(&args.run)?, Prices::read(args.prices.as_deref())?);
    let run = Rates::of(&report)?;
    let mean = args.rps.unwrap_or(run.mean);
    let demand = Demand::new(&report, &prices, run.peak * mean / run.mean)?;
    let millions = mean * 3600.0 * prices.hours_per_month / 1e6;
    let requests = grouped(millions.round() as u64);
    let mut out = format!(
        "{mean:.0} requests/s in the mean, {:.0} at the peak, {requests} million a month\n{demand}\n\n\
         {} a month                                     compute   in front   together  per million\n",
        demand.peak_rps, prices.currency
    );
    let mut row = |what: String, compute: f64, front: f64| {
        let (month, million) = (compute + front, (compute + front) / millions);
        out += &format!("{what:<44}{compute:>11.2}{front:>11.2}{month:>11.2}{million:>13.4}\n");
        month
    };
    let what = format!("Lambda and HTTP API, {} GB for {} ms", prices.lambda_gb, prices.lambda_ms);
    let lambda = row(what, prices.lambda_month(millions), prices.gateway_month(millions));
    if let Some(Containers { replicas, vcpu, memory_gb, month, .. }) = cheapest(&sizes(&demand, &prices)) {
        let what = format!("Fargate, {replicas} x {vcpu} vCPU, {memory_gb} GB");
        let fargate = row(what, *month, prices.balancer_month(mean));
        out += &format!("\nLambda, whose duration is assumed, costs {:.1} times as much\n", lambda / fargate);
    }
    Ok(out + &prices.assumptions(&report))
}

/// Containers for a rate.
pub(crate) fn plan(args: &PlanArgs) -> Result<String, CostError> {
    let (report, prices) = (Report::read(&args.run)?, Prices::read(args.prices.as_deref())?);
    let p99_ms = args.p99.as_secs_f64() * 1e3;
    let mut demand = Demand::new(&report, &prices, args.rps)?;
    let evidence = if let Some(held) = highest_held(&report, p99_ms) {
        // CPU adds up, latency does not: no vCPU is driven beyond a rate that was seen to hold.
        demand.rps_per_vcpu = demand.rps_per_vcpu.min(held / args.cores);
        format!("the search held that p99 at {held:.0} requests/s, {:.0} by core", held / args.cores)
    } else if report.search.is_empty() {
        let (p99, peak) = (figure(report.summary.p99_ms), Rates::of(&report)?.peak);
        format!(
            "warning: the run shows p99 {p99} ms at up to {peak:.0} requests/s; `run --search` shows other rates"
        )
    } else {
        "warning: no rate of the search held that p99: these replicas have the CPU, no more".to_owned()
    };
    let mut out = format!(
        "{} requests/s with p99 within {p99_ms} ms\n{evidence}\n{demand}; {:.0} requests/s by vCPU\n\n\
         replicas    vCPU     GB   CPU with one gone   {} a month\n",
        args.rps, demand.rps_per_vcpu, prices.currency,
    );
    let sizes = sizes(&demand, &prices);
    for Containers { replicas, vcpu, memory_gb, use_with_one_gone, month } in &sizes {
        let percent = 100.0 * use_with_one_gone;
        out += &format!("{replicas:>8}{vcpu:>8}{memory_gb:>7}{percent:>18.0} %{month:>14.2}\n");
    }
    if let Some(Containers { replicas, vcpu, memory_gb, month, .. }) = cheapest(&sizes) {
        out += &format!(
            "\ncheapest: {replicas} replicas of {vcpu} vCPU and {memory_gb} GB, {month:.2} a month, and {:.2} for the \
             load balancer\nthe tail is longer under a quota than on a free core: run at the size you choose\n",
            prices.balancer_month(args.rps),
        );
    }
    Ok(out + &prices.assumptions(&report))
}

/// Requests per second of a run.
struct Rates {
    mean: f64,
    /// Over five seconds.
    peak: f64,
}

impl Rates {
    fn of(report: &Report) -> Result<Rates, CostError> {
        let offered: Vec<f64> = report.seconds.iter().map(|second| second.summary.offered as f64).collect();
        let mean = |seconds: &[f64]| seconds.iter().sum::<f64>() / seconds.len() as f64;
        let peak = offered.windows(PEAK_S.min(offered.len()).max(1)).map(mean).fold(0.0, f64::max);
        if peak > 0.0 { Ok(Rates { mean: mean(&offered), peak }) } else { Err(CostError::NoRequests) }
    }
}

/// The highest rate of a search that held the p99. One above a rate that broke was lucky and is no promise.
fn highest_held(report: &Report, p99_ms: f64) -> Option<f64> {
    let held = |trial: &&Trial| trial.held && !trial.void;
    let broke = report.search.iter().filter(|trial| !held(trial)).map(|trial| trial.rps);
    let broke = broke.fold(f64::INFINITY, f64::min);
    let fast = |trial: &&Trial| trial.rps < broke && trial.summary.p99_ms.is_some_and(|p99| p99 <= p99_ms);
    report.search.iter().filter(held).filter(fast).map(|trial| trial.rps).reduce(f64::max)
}

impl Demand {
    fn new(report: &Report, prices: &Prices, peak: f64) -> Result<Demand, CostError> {
        let cpu = report.summary.cpu_us_per_request.filter(|cpu| *cpu > 0.0);
        let memory = report.server.as_ref().map(|server| server.peak_rss_bytes).filter(|bytes| *bytes > 0.0);
        let (cpu, memory) = cpu.zip(memory).ok_or(CostError::NoServer)?;
        Ok(Demand {
            peak_rps: peak,
            cpu_us_per_request: cpu,
            memory_gb: memory / 1024_f64.powi(3) * prices.memory_factor,
            rps_per_vcpu: prices.utilisation * 1e6 / cpu,
        })
    }

    fn peak_cores(&self) -> f64 {
        self.peak_rps * self.cpu_us_per_request / 1e6
    }
}

impl Display for Demand {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Demand { cpu_us_per_request: cpu, memory_gb, .. } = self;
        write!(
            out,
            "{cpu:.1} us of CPU a request, {:.3} cores at the peak; {memory_gb:.2} GB a replica",
            self.peak_cores()
        )
    }
}

/// Every container size that has the memory, with as many replicas as the peak needs.
fn sizes(demand: &Demand, prices: &Prices) -> Vec<Containers> {
    let mut sizes = Vec::new();
    for (vcpu, memory_gb) in &prices.fargate_sizes {
        let Some(memory_gb) = memory_gb.iter().copied().find(|gb| *gb >= demand.memory_gb) else { continue };
        // A hair less, so that a division that should give 2 never gives 3 replicas.
        let needed = demand.peak_rps / (demand.rps_per_vcpu * vcpu) - 1e-9;
        let replicas = (needed.ceil() as u32).max(prices.min_replicas).max(1);
        let hour = vcpu * prices.fargate_vcpu_hour + memory_gb * prices.fargate_gb_hour;
        sizes.push(Containers {
            replicas,
            vcpu: *vcpu,
            memory_gb,
            use_with_one_gone: demand.peak_cores() / (f64::from(replicas - 1) * vcpu),
            month: f64::from(replicas) * hour * prices.hours_per_month,
        });
    }
    sizes
}

/// Of sizes that cost the same, first those that can lose a replica at the peak, then the fewest replicas.
fn cheapest(sizes: &[Containers]) -> Option<&Containers> {
    // In hundredths of a cent: sizes that cost the same may differ in the last bit.
    sizes.iter().min_by_key(|size| ((size.month * 1e4) as u64, size.use_with_one_gone > 1.0, size.replicas))
}

impl Prices {
    /// From a file, or those that are built in.
    fn read(path: Option<&Path>) -> Result<Prices, CostError> {
        let text = path.map_or(Ok(BUILT_IN.to_owned()), files::read)?;
        let path = path.unwrap_or(Path::new("loadtest/prices.toml")).to_owned();
        toml::from_str(&text).map_err(|source| CostError::Malformed { path, source: Box::new(source) })
    }

    fn balancer_month(&self, mean_rps: f64) -> f64 {
        let gb_per_hour = mean_rps * 3600.0 * self.bytes_per_request / 1e9;
        (self.balancer_hour + self.balancer_gb * gb_per_hour) * self.hours_per_month
    }

    fn lambda_month(&self, millions: f64) -> f64 {
        // A millisecond that has begun is billed.
        let ms = self.lambda_ms.ceil();
        millions * (self.lambda_million_requests + 1e3 * ms * self.lambda_gb * self.lambda_gb_second)
    }

    fn gateway_month(&self, millions: f64) -> f64 {
        let (mut sum, mut from) = (0.0, 0.0);
        for (price, up_to) in &self.api_gateway_million_calls {
            let to = up_to.min(millions).max(from);
            sum += (to - from) * price;
            from = to;
        }
        sum
    }

    fn assumptions(&self, report: &Report) -> String {
        let Prices { min_replicas, utilisation, memory_factor, looked_up, region, .. } = self;
        let swapped = if report.swaps.is_empty() { "" } else { " (the run had swaps, so 1.1 times may do)" };
        format!(
            "\nAssumed (docs/cost.md): the run stands for a day; replicas for its peak run all day, at least \
             {min_replicas}, on at most {:.0} % of their CPU and with {memory_factor} times its peak memory{swapped}; \
             a request costs the CPU that was measured ({}).\nPrices of {looked_up} in {region}; \
             loadtest/prices.toml names their sources.\n",
            100.0 * utilisation,
            report.setup.machine,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Second, ServerFigures, Summary};

    /// A day of 40 s, 20 of them at 800 and the others at 200 requests per second; 150 µs of CPU a request, 100 MB.
    fn report() -> Report {
        let mut report = Report::default();
        for second in 0..40 {
            let offered = if (10..30).contains(&second) { 800 } else { 200 };
            report.seconds.push(Second { second, summary: Summary { offered, ..Summary::default() } });
        }
        report.summary.cpu_us_per_request = Some(150.0);
        report.server = Some(ServerFigures { peak_rss_bytes: 100e6, ..ServerFigures::default() });
        report
    }

    fn demand(peak: f64) -> (Demand, Prices) {
        let prices = Prices::read(None).unwrap();
        (Demand::new(&report(), &prices, peak).unwrap(), prices)
    }

    #[track_caller]
    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-4 * expected.abs(), "{value} is not {expected}");
    }

    #[test]
    fn the_reference_day_costs_what_a_calculation_by_hand_gives() {
        let rates = Rates::of(&report()).unwrap();
        assert_eq!((rates.mean, rates.peak), (500.0, 800.0));
        let (demand, prices) = demand(800.0);
        // 800/s at 150 µs is 0.12 cores, 0.2 vCPU at 60 %; 2 × (0.25 × 0.04048 + 0.5 × 0.004445) × 730
        let sizes = sizes(&demand, &prices);
        let size = cheapest(&sizes).unwrap();
        assert_eq!((size.replicas, size.vcpu, size.memory_gb), (2, 0.25, 0.5));
        near(size.month, 18.02005);
        near(size.use_with_one_gone, 0.48);
        // 0.0225 × 730 = 16.425; 500 × 3600 × 2 kB = 3.6 GB an hour: 0.0288 × 730 = 21.024
        near(prices.balancer_month(500.0), 37.449);
        // 1,314 million: × 0.20 = 262.80, and 1.314e9 × 0.5 × 0.02 = 13.14e6 GB s × 0.0000166667 = 219.00
        near(prices.lambda_month(1314.0), 481.8004);
        near(prices.gateway_month(1314.0), 300.0 + 1014.0 * 0.9);
    }

    #[test]
    fn of_sizes_that_cost_the_same_one_that_can_lose_a_replica_is_chosen() {
        let (demand, prices) = demand(8000.0);
        // 2 vCPU together: 2 × 1, 4 × 0.5 and 8 × 0.25 cost the same, and one alone would have 1.2 cores to carry.
        let sizes = sizes(&demand, &prices);
        assert_eq!(cheapest(&sizes).map(|size| (size.replicas, size.vcpu)), Some((4, 0.5)));
    }

    #[test]
    fn a_rate_that_held_counts_only_below_those_that_broke() {
        let trial = |rps, held, p99| {
            let summary = Summary { p99_ms: Some(p99), ..Summary::default() };
            Trial { rps, held, summary, ..Trial::default() }
        };
        let held = [trial(3e3, true, 4.0), trial(5e3, true, 9.0), trial(6e3, true, 12.0)];
        let search = held.into_iter().chain([trial(7e3, false, 9.0)]).collect();
        let mut report = Report { search, ..Report::default() };
        assert_eq!(highest_held(&report, 10.0), Some(5e3));
        report.search.push(trial(4e3, false, 30.0));
        assert_eq!((highest_held(&report, 10.0), highest_held(&report, 1.0)), (Some(3e3), None));
    }
}
