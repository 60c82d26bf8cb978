//! Costs as people read them.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use crate::reading::Recorded;
use crate::units::grouped;

use super::Cost;
use super::demand::{Assumptions, Demand, Front};
use super::offer::{Offer, Size, Way};
use super::prices::Origin;

/// The share of a vCPU that a Lambda has by its memory: one at 1,769 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const LAMBDA_MB_PER_VCPU: f64 = 1769.0;

impl Display for Cost {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let demand = &self.demand;
        writeln!(
            out,
            "{}: {:.0} requests/s in the mean, {:.0} at the peak, {} million a month",
            self.run.display(),
            demand.mean_rps,
            demand.peak_rps,
            grouped((self.requests_per_month / 1e6).round() as u64),
        )?;
        writeln!(
            out,
            "measured: {:.1} us of CPU a request ({:.3} cores at the peak), {:.0} MiB of memory at most; {:.0} requests/s by vCPU\n",
            demand.cpu_us_per_request,
            demand.peak_cores,
            demand.peak_memory_gb * 1024.0,
            demand.rps_per_vcpu,
        )?;
        table(out, &self.offers, &self.currency)?;
        writeln!(out)?;
        for (arch, times) in &self.lambda_over_fargate {
            writeln!(out, "Lambda + HTTP API costs {times:.1} times what Fargate costs ({})", arch.name())?;
        }
        for offer in self.offers.iter().filter(|offer| offer.way == Way::Fargate) {
            if let Some(said) = offer.size.and_then(with_one_gone) {
                writeln!(out, "Fargate {}: {said}", offer.arch.name())?;
            }
        }
        writeln!(out)?;
        self.assumptions.iter().try_for_each(|line| writeln!(out, "- {line}"))?;
        writeln!(out)?;
        let file = self.prices_from.as_deref();
        priced(out, &self.origins, [&self.region, &self.prices_of], file)
    }
}

/// The cheapest of each way and processor.
pub(super) fn table(out: &mut Formatter<'_>, offers: &[Offer], currency: &str) -> fmt::Result {
    writeln!(
        out,
        "{:<20}{:<6}{:<30}{:>11}{:>11}{:>11}{:>13}",
        format!("{currency} a month"),
        "",
        "",
        "compute",
        "in front",
        "together",
        "per million"
    )?;
    let ways = [Way::Fargate, Way::OwnNodes, Way::NodeShare, Way::LambdaHttpApi, Way::LambdaRestApi];
    for way in ways {
        let mut of_way: Vec<&Offer> = offers.iter().filter(|offer| offer.way == way).collect();
        of_way.sort_by(|a, b| a.month.total_cmp(&b.month));
        let mut archs = Vec::new();
        for offer in of_way {
            if archs.contains(&offer.arch) {
                continue;
            }
            archs.push(offer.arch);
            writeln!(
                out,
                "{:<20}{:<6}{:<30}{:>11.2}{:>11.2}{:>11.2}{:>13.4}",
                way.name(),
                offer.arch.name(),
                offer.what,
                offer.compute_month,
                offer.front_month,
                offer.month,
                offer.per_million,
            )?;
        }
        let lambda = matches!(way, Way::LambdaHttpApi | Way::LambdaRestApi);
        if archs.is_empty() && !lambda {
            writeln!(out, "{:<20}no size has memory enough", way.name())?;
        }
    }
    Ok(())
}

/// Whether those left carry the peak; nothing where one is all.
pub(super) fn with_one_gone(size: Size) -> Option<String> {
    let share = size.peak_use_with_one_gone?;
    let enough = if share > 1.0 { ", more than they have: raise --min-replicas" } else { "" };
    Some(format!("with one gone at the peak, those left use {:.0} % of their CPU{enough}", 100.0 * share))
}

/// Where the prices come from.
pub(super) fn priced(
    out: &mut Formatter<'_>,
    origins: &[(&'static str, Origin)],
    [region, of]: [&str; 2],
    file: Option<&Path>,
) -> fmt::Result {
    let file = file.map_or("built in (loadtest/prices.toml)".to_owned(), |file| file.display().to_string());
    writeln!(out, "prices of {of} in {region}, {file}:")?;
    for (name, origin) in origins {
        let checked = if origin.confirmed { "" } else { "   FROM MEMORY: check it" };
        writeln!(out, "  {name:<14}{}{checked}", origin.source)?;
    }
    Ok(())
}

/// What was assumed, a line each.
pub(super) fn assumptions(run: &Recorded, demand: &Demand, assumed: &Assumptions) -> Vec<String> {
    let mut lines = vec![
        format!(
            "the run stands for a day, and the month for such days; replicas for the peak stand all day (no scaling), at least {}",
            assumed.min_replicas
        ),
        format!("a replica uses at most {:.0} % of its CPU at the peak", assumed.utilisation * 100.0),
        format!(
            "a replica has {} times the run's peak memory ({:.2} GB), rounded up to a legal size: a swap holds two snapshots",
            assumed.memory_factor, demand.replica_memory_gb
        ),
        format!(
            "CPU is taken as measured ({}) on every processor, ARM too: measure on the machine you will pay for",
            if run.report.setup.machine.is_empty() { "machine unknown" } else { &run.report.setup.machine }
        ),
        format!(
            "Lambda: {} ms at {} MB are assumed, not measured (--lambda-ms, --lambda-mb); the CPU measured here alone would \
take {:.1} ms on the {:.2} vCPU of that size, the rest is for fetching its data; no cold starts, no provisioned concurrency",
            assumed.lambda_ms,
            assumed.lambda_mb,
            demand.cpu_us_per_request * LAMBDA_MB_PER_VCPU / assumed.lambda_mb.min(LAMBDA_MB_PER_VCPU) / 1e3,
            (assumed.lambda_mb / LAMBDA_MB_PER_VCPU).min(1.0),
        ),
        format!("shares of nodes: other work fills them, to {:.0} %", assumed.packing * 100.0),
    ];
    lines.push(match assumed.balancer {
        Front::Alb => format!(
            "before the replicas stands a load balancer, {} bytes a request and its answer (--balancer none where callers find them)",
            assumed.bytes_per_request
        ),
        Front::None => "nothing stands before the replicas: callers find them".to_owned(),
    });
    lines.push(match assumed.eks_cluster {
        true => "own nodes carry the fee of a Kubernetes cluster".to_owned(),
        false => "no fee for a Kubernetes cluster (--eks-cluster)".to_owned(),
    });
    lines.push(
        "not counted: traffic out of the region, storage, logs, free tiers, discounts, taxes".to_owned(),
    );
    if !run.report.swaps.is_empty() {
        lines.push(format!(
            "the run had {} snapshot swaps, so its peak memory has the second snapshot already: --memory-factor 1.1 may do",
            run.report.swaps.len()
        ));
    }
    lines
}
