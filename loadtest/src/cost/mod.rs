//! Dollars from a run: its rates, CPU and memory at published prices, in the ways that it could be served.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::reading::{Form, ReadingError, Recorded, shown};
use demand::{Assumptions, Demand, Rates, positive};
use offer::{Offer, Reckoner};
use prices::{Origin, Prices};

mod demand;
mod offer;
pub(crate) mod plan;
pub(crate) mod prices;
mod text;

/// A report to reckon from.
#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    /// The report of a run, taken as one day
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    /// Mean rate of the month instead of the run's
    #[arg(long, value_parser = positive)]
    rps: Option<f64>,
    /// Peak rate of the month [default: the run's; with --rps, in the same proportion]
    #[arg(long, value_parser = positive)]
    peak_rps: Option<f64>,
    #[command(flatten)]
    assumed: Assumptions,
}

/// What it costs.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    run: PathBuf,
    machine: String,
    demand: Demand,
    requests_per_month: f64,
    region: String,
    prices_of: String,
    /// The file, unless built in.
    prices_from: Option<PathBuf>,
    currency: String,
    origins: Vec<(&'static str, Origin)>,
    offers: Vec<Offer>,
    /// How many times as much a Lambda with an HTTP API costs as Fargate, by processor.
    lambda_over_fargate: Vec<(prices::Arch, f64)>,
    assumptions: Vec<String>,
}

pub(crate) fn run(args: &CostArgs) -> Result<String, ReadingError> {
    let run = Recorded::read(&args.run)?;
    let prices = Prices::read(args.assumed.prices.as_deref())?;
    let rates = rates(&run, args.rps, args.peak_rps)?;
    let cost = Cost::new(&run, rates, &prices, &args.assumed)?;
    shown(&cost, Form::new(args.assumed.json))
}

/// The run's own where nothing else is asked for; another mean keeps the shape of the day.
fn rates(run: &Recorded, mean: Option<f64>, peak: Option<f64>) -> Result<Rates, ReadingError> {
    let own = match (mean, peak) {
        (Some(mean_rps), Some(peak_rps)) => Rates { mean_rps, peak_rps },
        _ => Rates::of(run)?,
    };
    let mean_rps = mean.unwrap_or(own.mean_rps);
    let peak_rps = peak.unwrap_or(own.peak_rps * mean_rps / own.mean_rps);
    Ok(Rates { mean_rps, peak_rps: peak_rps.max(mean_rps) })
}

impl Cost {
    fn new(
        run: &Recorded,
        rates: Rates,
        prices: &Prices,
        assumed: &Assumptions,
    ) -> Result<Cost, ReadingError> {
        let demand = Demand::new(run, rates, assumed)?;
        let reckoner = Reckoner { prices, assumed, demand };
        let offers = reckoner.offers();
        Ok(Cost {
            run: run.path.clone(),
            machine: run.report.setup.machine.clone(),
            requests_per_month: reckoner.requests(),
            demand,
            region: prices.region.clone(),
            prices_of: prices.looked_up.clone(),
            prices_from: assumed.prices.clone(),
            currency: prices.currency.clone(),
            origins: prices.origins().map(|(name, origin)| (name, origin.clone())).to_vec(),
            lambda_over_fargate: times(&offers),
            assumptions: text::assumptions(run, &demand, assumed),
            offers,
        })
    }
}

fn times(offers: &[Offer]) -> Vec<(prices::Arch, f64)> {
    let fargate = offers.iter().filter(|offer| offer.way == offer::Way::Fargate);
    let times = fargate.filter_map(|fargate| {
        let lambda = offers
            .iter()
            .find(|offer| offer.way == offer::Way::LambdaHttpApi && offer.arch == fargate.arch)?;
        (fargate.month > 0.0).then(|| (fargate.arch, lambda.month / fargate.month))
    });
    times.collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::reading::sample;
    use offer::Way;
    use prices::Arch;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        cost: CostArgs,
    }

    fn recorded() -> Recorded {
        Recorded { report: sample::report(), path: "run.json".into(), ..Recorded::default() }
    }

    fn cost(run: &Recorded, flags: &str) -> Cost {
        let Line { cost } = Line::parse_from(format!("cost run.json {flags}").split_whitespace());
        let prices = Prices::read(None).unwrap();
        let rates = rates(run, cost.rps, cost.peak_rps).unwrap();
        Cost::new(run, rates, &prices, &cost.assumed).unwrap()
    }

    fn of(cost: &Cost, way: Way, arch: Arch) -> Offer {
        let mut offers: Vec<_> =
            cost.offers.iter().filter(|offer| (offer.way, offer.arch) == (way, arch)).collect();
        offers.sort_by(|a, b| a.month.total_cmp(&b.month));
        offers[0].clone()
    }

    #[track_caller]
    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-4 * expected.abs(), "{value} is not {expected}");
    }

    /// 500/s in the mean is 1,314 million requests in 730 hours; 800/s at 150 µs is 0.12 cores, 0.2 vCPU at 60 %.
    #[test]
    fn the_reference_day_costs_what_a_hand_reckons() {
        let cost = cost(&recorded(), "");
        near(cost.requests_per_month, 1314e6);
        near(cost.demand.peak_cores, 0.12);

        // 2 × (0.25 × 0.04048 + 0.5 × 0.004445) = 0.024685 an hour
        let fargate = of(&cost, Way::Fargate, Arch::X86);
        assert_eq!(fargate.what, "2 x 0.25 vCPU, 0.5 GB");
        near(fargate.compute_month, 18.02005);
        // 0.0225 × 730 = 16.425; 500 × 3600 × 2 kB = 3.6 GB an hour: 0.0288 × 730 = 21.024
        near(fargate.front_month, 37.449);
        near(fargate.per_million, (18.02005 + 37.449) / 1314.0);
        near(fargate.size.unwrap().peak_use_with_one_gone.unwrap(), 0.48);
        // 2 × (0.25 × 0.03238 + 0.5 × 0.00356) × 730
        near(of(&cost, Way::Fargate, Arch::Arm).compute_month, 14.4175);

        // 1,314 × 0.20 = 262.80; 1.314e9 × 0.5 × 0.02 = 13.14e6 GB s × 0.0000166667 = 219.00
        let http = of(&cost, Way::LambdaHttpApi, Arch::X86);
        near(http.compute_month, 481.8004);
        near(http.front_month, 300.0 + 1014.0 * 0.9);
        // 333 × 3.50 + 667 × 2.80 + 314 × 2.38
        near(of(&cost, Way::LambdaRestApi, Arch::X86).front_month, 3780.42);
        assert_eq!(cost.lambda_over_fargate[0].0, Arch::X86);
        near(cost.lambda_over_fargate[0].1, 1694.4004 / 55.46905);
    }

    #[test]
    fn nodes_cost_whole_or_by_the_share_that_is_taken() {
        let cost = cost(&recorded(), "--balancer none --eks-cluster --arch arm");
        // 2 × 0.0363 and 0.10 for the cluster
        let own = of(&cost, Way::OwnNodes, Arch::Arm);
        assert_eq!((own.what.as_str(), own.front_month), ("2 x c7g.medium", 0.0));
        near(own.compute_month, 0.1726 * 730.0);
        // Two pods of 0.1 vCPU and 0.19558 GB; of the CPU of c7g.medium at 80 %: 12.5 %, of its memory 12.22 %.
        let medium = cost.offers.iter().find(|offer| offer.what == "2 x 12.5 % of c7g.medium").unwrap();
        near(medium.compute_month, 2.0 * 0.125 * 0.0363 * 730.0);
        assert!(cost.offers.iter().all(|offer| offer.arch == Arch::Arm));
    }

    #[test]
    fn more_traffic_takes_more_replicas_and_another_size() {
        // 100 times the day: 80,000/s at 150 µs is 12 cores, 20 vCPU at 60 %
        let cost = cost(&recorded(), "--rps 50000");
        near(cost.demand.peak_rps, 80_000.0);
        let size = of(&cost, Way::Fargate, Arch::X86).size.unwrap();
        assert!(f64::from(size.replicas) * size.vcpu >= 20.0, "{size:?}");
        // memory is cheapest in the least of it for each vCPU: 2 GB by vCPU and hour in every size
        near(of(&cost, Way::Fargate, Arch::X86).compute_month, 20.0 * (0.04048 + 2.0 * 0.004445) * 730.0);
    }

    #[test]
    fn memory_that_fits_no_small_size_takes_a_larger_one() {
        let mut run = recorded();
        run.report.server.as_mut().unwrap().peak_rss_bytes = 2.0 * 1024.0 * 1024.0 * 1024.0;
        let fargate = of(&cost(&run, ""), Way::Fargate, Arch::X86);
        assert_eq!(fargate.what, "2 x 1 vCPU, 5 GB"); // 4.2 GB; 0.5 vCPU goes to 4 GB
        run.report.server.as_mut().unwrap().peak_rss_bytes = 200e9;
        let cost = cost(&run, "");
        assert!(cost.offers.iter().all(|offer| offer.size.is_none()), "nothing is large enough");
        assert!(cost.to_string().contains("no size"), "{cost}");
    }

    #[test]
    fn replicas_that_could_not_lose_one_are_called_so() {
        // 1,066/s at the peak: 0.16 cores at 150 µs; the one that is left has 0.25
        assert!(!cost(&recorded(), "--rps 666").to_string().contains("--min-replicas"));
        // 1,920/s: 0.288 cores for the one that is left, 115 %
        let said = cost(&recorded(), "--rps 1200").to_string();
        assert!(said.contains("115 % of their CPU, more than they have: raise --min-replicas"), "{said}");
        assert!(
            !cost(&recorded(), "--rps 1200 --min-replicas 3").to_string().contains("more than they have")
        );
    }

    #[test]
    fn prices_from_memory_are_marked() {
        let Line { cost } = Line::parse_from(["cost", "run.json"]);
        let mut prices = Prices::read(None).unwrap();
        prices.lambda.origin.confirmed = false;
        let run = recorded();
        let said = Cost::new(&run, Rates::of(&run).unwrap(), &prices, &cost.assumed).unwrap().to_string();
        assert_eq!(said.matches("FROM MEMORY").count(), 1, "{said}");
    }

    #[test]
    fn a_report_without_cpu_or_memory_is_refused_with_what_to_do() {
        let Line { cost } = Line::parse_from(["cost", "run.json"]);
        let prices = Prices::read(None).unwrap();
        let refused = |run: &Recorded| {
            let rates = Rates::of(run).unwrap();
            Cost::new(run, rates, &prices, &cost.assumed).unwrap_err().to_string()
        };
        let mut run = recorded();
        run.report.server = None;
        assert!(refused(&run).contains("no memory"));
        run.report.summary.cpu_us_per_request = None;
        assert!(refused(&run).contains("run.json has no CPU per request: run again"));
    }

    #[test]
    fn the_print_names_prices_and_assumptions() {
        let said = cost(&recorded(), "").to_string();
        for part in [
            "us-east-1",
            "2026-11-21",
            "https://aws.amazon.com/fargate/pricing/",
            "20 ms",
            "assumed",
            "at least 2",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("FROM MEMORY"));
    }
}
