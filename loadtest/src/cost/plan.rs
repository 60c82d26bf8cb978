//! How many replicas of which size carry a rate, what they cost, and what the run shows about latency at that rate.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::reading::{Form, ReadingError, Recorded, Trial, shown};
use crate::units::{ms, parse_duration};

use super::demand::{Assumptions, Demand, Rates, positive};
use super::offer::{Offer, Reckoner, Way};
use super::prices::{Origin, Prices};
use super::text;

/// The rate to plan for.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The report to plan from; one of `run --search` shows which rates hold
    #[arg(long, value_name = "RUN.json")]
    run: PathBuf,
    /// Requests per second at the peak
    #[arg(long, value_parser = positive)]
    rps: f64,
    /// Mean rate of the month, for what is paid by the request [default: the peak]
    #[arg(long, value_parser = positive)]
    mean_rps: Option<f64>,
    /// The p99 to keep, such as 10ms
    #[arg(long, value_parser = parse_duration)]
    p99: Duration,
    /// Cores that the server of the run had; a search's rates are divided by them
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    cores: f64,
    #[command(flatten)]
    assumed: Assumptions,
}

/// What to run.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    run: PathBuf,
    rps: f64,
    p99_ms: f64,
    demand: Demand,
    evidence: Evidence,
    /// What bounds the rate of a vCPU.
    bound: Bound,
    offers: Vec<Offer>,
    region: String,
    prices_of: String,
    prices_from: Option<PathBuf>,
    currency: String,
    origins: Vec<(&'static str, Origin)>,
    assumptions: Vec<String>,
}

/// What the report says about the p99 at rates like these.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Evidence {
    /// A search found the highest rate, per core, that held the p99.
    Search { held_rps: f64, p99_ms: f64, rps_per_core: f64 },
    /// A search tried, and no rate held it.
    NoneHeld { lowest_rps: f64 },
    /// A plain run, which shows its own rate and p99 only.
    Run { peak_rps: f64, p99_ms: Option<f64> },
}

/// What a vCPU is not driven beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    Utilisation,
    HeldRate,
}

pub(crate) fn run(args: &PlanArgs) -> Result<String, ReadingError> {
    let run = Recorded::read(&args.run)?;
    let prices = Prices::read(args.assumed.prices.as_deref())?;
    shown(&Plan::new(&run, &prices, args)?, Form::new(args.assumed.json))
}

impl Plan {
    fn new(run: &Recorded, prices: &Prices, args: &PlanArgs) -> Result<Plan, ReadingError> {
        let rates =
            Rates { mean_rps: args.mean_rps.map_or(args.rps, |mean| mean.min(args.rps)), peak_rps: args.rps };
        let mut demand = Demand::new(run, rates, &args.assumed)?;
        let p99_ms = args.p99.as_secs_f64() * 1e3;
        let evidence = Evidence::of(run, p99_ms, args.cores);
        let mut bound = Bound::Utilisation;
        if let Evidence::Search { rps_per_core, .. } = evidence
            && rps_per_core < demand.rps_per_vcpu
        {
            demand.rps_per_vcpu = rps_per_core;
            bound = Bound::HeldRate;
        }
        let offers = Reckoner { prices, assumed: &args.assumed, demand }.offers();
        Ok(Plan {
            run: run.path.clone(),
            rps: args.rps,
            p99_ms,
            demand,
            evidence,
            bound,
            offers: offers.into_iter().filter(|offer| offer.size.is_some()).collect(),
            region: prices.region.clone(),
            prices_of: prices.looked_up.clone(),
            prices_from: args.assumed.prices.clone(),
            currency: prices.currency.clone(),
            origins: prices.origins().map(|(name, origin)| (name, origin.clone())).to_vec(),
            assumptions: text::assumptions(run, &demand, &args.assumed),
        })
    }
}

impl Evidence {
    fn of(run: &Recorded, p99_ms: f64, cores: f64) -> Evidence {
        // What held once where less was broken, by a longer run or an unlucky one, is no promise.
        let broken = run.trials.iter().filter(|trial| !trial.held).map(|trial| trial.rps).reduce(f64::min);
        let held = |trial: &Trial| {
            let p99 =
                trial.p99_ms.filter(|_| trial.held && broken.is_none_or(|broken| trial.rps < broken))?;
            (p99 <= p99_ms).then_some((trial.rps, p99))
        };
        let best = run.trials.iter().filter_map(held).max_by(|(a, _), (b, _)| a.total_cmp(b));
        if let Some((held_rps, p99_ms)) = best {
            return Evidence::Search { held_rps, p99_ms, rps_per_core: held_rps / cores };
        }
        let lowest = run.trials.iter().map(|trial| trial.rps).reduce(f64::min);
        if let Some(lowest_rps) = lowest {
            return Evidence::NoneHeld { lowest_rps };
        }
        let peak_rps = Rates::of(run).map_or(0.0, |rates| rates.peak_rps);
        Evidence::Run { peak_rps, p99_ms: run.report.summary.p99_ms }
    }
}

impl Display for Plan {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let demand = &self.demand;
        writeln!(
            out,
            "{} requests/s with p99 within {} ms, from {}\n",
            self.rps,
            self.p99_ms,
            self.run.display()
        )?;
        for offer in self.offers.iter().filter(|offer| offer.way == Way::Fargate) {
            let Some(size) = offer.size else { continue };
            writeln!(
                out,
                "Fargate {}: {} replicas of {} vCPU and {} GB, {:.2} {} a month and {:.2} for the load balancer",
                offer.arch.name(),
                size.replicas,
                size.vcpu,
                size.memory_gb,
                offer.compute_month,
                self.currency,
                offer.front_month,
            )?;
            if let Some(said) = text::with_one_gone(size) {
                writeln!(out, "  {said}")?;
            }
        }
        writeln!(out)?;
        text::table(out, &self.offers, &self.currency)?;
        writeln!(
            out,
            "\n{:.1} us of CPU a request: {:.3} cores busy at {} requests/s; {:.0} requests/s by vCPU, bounded by {}",
            demand.cpu_us_per_request,
            demand.peak_cores,
            self.rps,
            demand.rps_per_vcpu,
            match self.bound {
                Bound::Utilisation => "the share of its CPU that it may use",
                Bound::HeldRate => "the highest rate that held the p99",
            }
        )?;
        self.evidence(out)?;
        writeln!(out)?;
        self.assumptions
            .iter()
            .filter(|line| !line.starts_with("Lambda"))
            .try_for_each(|line| writeln!(out, "- {line}"))?;
        writeln!(
            out,
            "- a part of a vCPU under a quota has longer tails than the same part of a free core: run at the size you choose"
        )?;
        writeln!(out)?;
        text::priced(out, &self.origins, [&self.region, &self.prices_of], self.prices_from.as_deref())
    }
}

impl Plan {
    fn evidence(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.evidence {
            Evidence::Search { held_rps, p99_ms, rps_per_core } => writeln!(
                out,
                "The search held p99 {} ms at {held_rps:.0} requests/s, {rps_per_core:.0} by core of the server (--cores)",
                ms(Some(p99_ms)),
            ),
            Evidence::NoneHeld { lowest_rps } => writeln!(
                out,
                "warning: no rate of the search held that p99, the lowest tried was {lowest_rps:.0} requests/s: the replicas \
above have the CPU, but nothing shows that they keep the p99",
            ),
            Evidence::Run { peak_rps, p99_ms } => {
                let short = peak_rps < self.rps / f64::from(self.fewest());
                writeln!(
                    out,
                    "warning: the run shows p99 {} ms at up to {peak_rps:.0} requests/s on the server as it was{}; it does not \
show the p99 at other rates. `larder-loadtest run --search` does",
                    ms(p99_ms),
                    if short { ", less than one of the replicas above would get" } else { "" },
                )?;
                match p99_ms {
                    Some(measured) if measured > self.p99_ms => {
                        writeln!(out, "warning: that is more than the {} ms asked for", self.p99_ms)
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Replicas of the offer that has the fewest.
    fn fewest(&self) -> u32 {
        let replicas = self.offers.iter().filter_map(|offer| offer.size.map(|size| size.replicas));
        replicas.min().unwrap_or(1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::reading::sample;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        plan: PlanArgs,
    }

    fn plan(run: &Recorded, flags: &str) -> Plan {
        let line = format!("plan --run run.json {flags}");
        let Line { plan } = Line::parse_from(line.split_whitespace());
        Plan::new(run, &Prices::read(None).unwrap(), &plan).unwrap()
    }

    fn searched(trials: &[(f64, bool, f64)]) -> Recorded {
        let trials =
            trials.iter().map(|(rps, held, p99)| Trial { rps: *rps, held: *held, p99_ms: Some(*p99) });
        Recorded { report: sample::report(), trials: trials.collect(), ..Recorded::default() }
    }

    fn fargate(plan: &Plan) -> &Offer {
        plan.offers.iter().find(|offer| offer.way == Way::Fargate).unwrap()
    }

    /// 150 µs is 4,000 requests/s by vCPU at 60 %.
    #[test]
    fn the_share_of_cpu_bounds_the_rate_where_the_search_allows_more() {
        let run =
            searched(&[(3000.0, true, 4.0), (5000.0, true, 9.0), (6000.0, true, 12.0), (7000.0, false, 9.0)]);
        let plan = plan(&run, "--rps 8000 --p99 10ms");
        assert_eq!(plan.evidence, Evidence::Search { held_rps: 5000.0, p99_ms: 9.0, rps_per_core: 5000.0 });
        assert_eq!(plan.bound, Bound::Utilisation);
        // 2 vCPU together: 2 × 1 vCPU at 2 GB, 4 × 0.5 at 1 GB and 8 × 0.25 at 0.5 GB cost the same; of 2 × 1, one
        // alone would have 1.2 cores to carry
        assert_eq!(fargate(&plan).what, "4 x 0.5 vCPU, 1 GB");
        assert!(plan.to_string().contains("The search held p99 9.00 ms at 5000 requests/s"), "{plan}");
    }

    #[test]
    fn the_highest_rate_that_held_bounds_it_where_that_is_less() {
        let run = searched(&[(2000.0, true, 4.0), (4000.0, false, 30.0)]);
        let plan = plan(&run, "--rps 8000 --p99 10ms --cores 2");
        assert_eq!((plan.bound, plan.demand.rps_per_vcpu), (Bound::HeldRate, 1000.0));
        let size = fargate(&plan).size.unwrap();
        assert_eq!(f64::from(size.replicas) * size.vcpu, 8.0);
    }

    #[test]
    fn a_p99_that_nothing_shows_is_not_promised() {
        let plain = Recorded { report: sample::report(), ..Recorded::default() };
        let said = plan(&plain, "--rps 800 --p99 10ms").to_string();
        assert!(said.contains("warning: the run shows p99 4.40 ms at up to 800 requests/s"), "{said}");
        assert!(said.contains("2 replicas of 0.25 vCPU and 0.5 GB, 18.02 USD a month"), "{said}");
        let said = plan(&plain, "--rps 800 --p99 1ms").to_string();
        assert!(said.contains("more than the 1 ms asked for"), "{said}");
        let said = plan(&searched(&[(500.0, true, 20.0)]), "--rps 800 --p99 10ms").to_string();
        assert!(said.contains("no rate of the search held that p99"), "{said}");
    }

    #[test]
    fn a_report_without_cpu_is_refused() {
        let mut run = searched(&[]);
        run.report.summary.cpu_us_per_request = None;
        let line = "plan --run run.json --rps 800 --p99 10ms";
        let Line { plan } = Line::parse_from(line.split_whitespace());
        let refused = Plan::new(&run, &Prices::read(None).unwrap(), &plan).unwrap_err();
        assert!(refused.to_string().contains("no CPU per request"), "{refused}");
    }
}
