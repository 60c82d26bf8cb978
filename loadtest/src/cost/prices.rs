//! Prices: a dated TOML file that names its sources, embedded as the default and replaceable by the user's own.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file in this folder, as built in.
const DEFAULT: &str = include_str!("../../prices.toml");

/// What things cost in one region, in dollars.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) region: String,
    /// A date, as text.
    pub(crate) looked_up: String,
    pub(crate) currency: String,
    pub(crate) hours_per_month: f64,
    pub(crate) fargate: Fargate,
    pub(crate) nodes: Nodes,
    pub(crate) eks: Eks,
    pub(crate) lambda: Lambda,
    pub(crate) api_gateway: ApiGateway,
    pub(crate) balancer: Balancer,
}

/// Tasks, billed by what they ask for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fargate {
    #[serde(flatten)]
    pub(crate) origin: Origin,
    pub(crate) x86: FargateRate,
    pub(crate) arm: FargateRate,
    pub(crate) size: Vec<FargateSize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FargateRate {
    pub(crate) vcpu_hour: f64,
    pub(crate) gb_hour: f64,
}

/// One number of vCPUs and the memory that may go with it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FargateSize {
    pub(crate) vcpu: f64,
    pub(crate) memory_gb: Steps,
}

/// Allowed values, ascending.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Steps {
    List { list: Vec<f64> },
    Even { from: f64, to: f64, step: f64 },
}

/// Virtual machines.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nodes {
    #[serde(flatten)]
    pub(crate) origin: Origin,
    #[serde(rename = "type")]
    pub(crate) types: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) arch: Arch,
    pub(crate) vcpu: f64,
    pub(crate) memory_gb: f64,
    pub(crate) hour: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Eks {
    #[serde(flatten)]
    pub(crate) origin: Origin,
    pub(crate) cluster_hour: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lambda {
    #[serde(flatten)]
    pub(crate) origin: Origin,
    pub(crate) per_million_requests: f64,
    /// By GB-second.
    pub(crate) x86: Vec<Tier>,
    pub(crate) arm: Vec<Tier>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiGateway {
    #[serde(flatten)]
    pub(crate) origin: Origin,
    /// By million calls.
    pub(crate) http: Vec<Tier>,
    pub(crate) rest: Vec<Tier>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Balancer {
    #[serde(flatten)]
    pub(crate) origin: Origin,
    pub(crate) hour: f64,
    /// By GB processed.
    pub(crate) lcu_hour: f64,
}

/// A price up to some volume in a month.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tier {
    #[serde(default)]
    pub(crate) up_to: Option<f64>,
    pub(crate) price: f64,
}

/// Where prices come from.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub(crate) struct Origin {
    /// The public price page.
    pub(crate) source: String,
    /// Where the figures were read.
    #[serde(default)]
    pub(crate) read_at: String,
    /// Whether they were; or are from memory.
    pub(crate) confirmed: bool,
}

/// What processor a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Arch {
    X86,
    Arm,
}

impl Arch {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Arch::X86 => "x86",
            Arch::Arm => "arm",
        }
    }
}

/// Why there are no prices.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PricesError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a file of prices: {source}\n(loadtest/prices.toml is one; copy it)")]
    Parse { path: PathBuf, source: toml::de::Error },
    #[error("{path}: {what} must be {must}")]
    Wrong { path: PathBuf, what: String, must: &'static str },
}

impl Prices {
    /// From a file, or those built in.
    pub(crate) fn read(path: Option<&Path>) -> Result<Prices, PricesError> {
        let Some(path) = path else { return Prices::parse(Path::new("loadtest/prices.toml"), DEFAULT) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| PricesError::Read { path: path.to_owned(), source })?;
        Prices::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Prices, PricesError> {
        let prices: Prices =
            toml::from_str(text).map_err(|source| PricesError::Parse { path: path.to_owned(), source })?;
        let wrong = |(what, must)| PricesError::Wrong { path: path.to_owned(), what, must };
        prices.check().map_err(wrong)?;
        Ok(prices)
    }

    /// The sections by name, with where they come from.
    pub(crate) fn origins(&self) -> [(&'static str, &Origin); 6] {
        [
            ("Fargate", &self.fargate.origin),
            ("EC2", &self.nodes.origin),
            ("EKS", &self.eks.origin),
            ("Lambda", &self.lambda.origin),
            ("API Gateway", &self.api_gateway.origin),
            ("load balancer", &self.balancer.origin),
        ]
    }

    fn check(&self) -> Result<(), (String, &'static str)> {
        let size = |what: String, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err((what, "a number above 0")),
        };
        let price = |what: &str, value: f64| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err((what.to_owned(), "a number of 0 or more")),
        };
        size("hours_per_month".to_owned(), self.hours_per_month)?;
        for rate in [self.fargate.x86, self.fargate.arm] {
            price("a price of fargate", rate.vcpu_hour)?;
            price("a price of fargate", rate.gb_hour)?;
        }
        for node in &self.nodes.types {
            price(&format!("the hour of {}", node.name), node.hour)?;
            size(format!("the vcpu of {}", node.name), node.vcpu)?;
            size(format!("the memory_gb of {}", node.name), node.memory_gb)?;
        }
        price("eks.cluster_hour", self.eks.cluster_hour)?;
        price("lambda.per_million_requests", self.lambda.per_million_requests)?;
        price("balancer.hour", self.balancer.hour)?;
        price("balancer.lcu_hour", self.balancer.lcu_hour)?;
        for sizes in &self.fargate.size {
            size("the vcpu of a fargate.size".to_owned(), sizes.vcpu)?;
            let ascending = match &sizes.memory_gb {
                Steps::List { list } => {
                    !list.is_empty() && list.is_sorted() && list.iter().all(|memory| *memory > 0.0)
                }
                Steps::Even { from, to, step } => *from > 0.0 && from <= to && *step > 0.0 && to.is_finite(),
            };
            if !ascending {
                return Err((format!("the memory_gb of {} vCPU", sizes.vcpu), "ascending sizes above 0"));
            }
        }
        let [x86, arm] = [&self.lambda.x86, &self.lambda.arm];
        let [http, rest] = [&self.api_gateway.http, &self.api_gateway.rest];
        for (what, tiers) in
            [("lambda.x86", x86), ("lambda.arm", arm), ("api_gateway.http", http), ("api_gateway.rest", rest)]
        {
            tiers.iter().try_for_each(|tier| price(what, tier.price))?;
            let bounds: Vec<f64> = tiers.iter().map(|tier| tier.up_to.unwrap_or(f64::INFINITY)).collect();
            let rising = bounds.windows(2).all(|pair| pair.is_sorted_by(|a, b| a < b));
            if !rising || bounds.last() != Some(&f64::INFINITY) {
                return Err((what.to_owned(), "tiers of rising up_to, the last without"));
            }
        }
        Ok(())
    }
}

impl Steps {
    /// The smallest allowed value that is not below `need`.
    pub(crate) fn at_least(&self, need: f64) -> Option<f64> {
        match self {
            Steps::List { list } => list.iter().copied().find(|value| *value >= need),
            Steps::Even { from, to, step } => {
                let steps = ((need - from) / step).ceil().max(0.0);
                Some(from + steps * step).filter(|value| value <= to)
            }
        }
    }
}

/// What a month's `volume` costs, each part of it at the price of its tier.
pub(crate) fn tiered(tiers: &[Tier], volume: f64) -> f64 {
    let mut from = 0.0;
    let mut sum = 0.0;
    for tier in tiers {
        let to = tier.up_to.unwrap_or(f64::INFINITY).min(volume);
        if to > from {
            sum += (to - from) * tier.price;
            from = to;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_prices_are_read_and_name_their_sources() {
        let prices = Prices::read(None).unwrap();
        assert_eq!(prices.hours_per_month, 730.0);
        for (name, origin) in prices.origins() {
            assert!(origin.source.starts_with("https://aws.amazon.com/"), "{name}");
            assert!(!origin.confirmed || !origin.read_at.is_empty(), "{name}");
        }
        assert_eq!(prices.fargate.size.len(), 7);
    }

    #[test]
    fn memory_is_rounded_up_to_a_legal_size() {
        let list = Steps::List { list: vec![0.5, 1.0, 2.0] };
        assert_eq!(
            [0.2, 0.5, 0.51, 1.5, 2.1].map(|need| list.at_least(need)),
            [Some(0.5), Some(0.5), Some(1.0), Some(2.0), None]
        );
        let even = Steps::Even { from: 16.0, to: 60.0, step: 4.0 };
        assert_eq!(
            [1.0, 16.0, 17.0, 60.0, 60.5].map(|need| even.at_least(need)),
            [Some(16.0), Some(16.0), Some(20.0), Some(60.0), None]
        );
    }

    #[test]
    fn each_part_of_a_volume_has_the_price_of_its_tier() {
        let rest = Prices::read(None).unwrap().api_gateway.rest;
        assert_eq!(tiered(&rest, 0.0), 0.0);
        assert!((tiered(&rest, 1e6) - 3.5e6).abs() < 1e-6);
        // 333 at 3.50 and 667 at 2.80 and 100 at 2.38: 1,165.50 + 1,867.60 + 238
        assert!((tiered(&rest, 1100e6) / 1e6 - 3271.1).abs() < 1e-6);
    }

    #[test]
    fn a_file_that_is_wrong_is_told_where() {
        let path = Path::new("mine.toml");
        let said = |from: &str, to: &str| {
            assert!(DEFAULT.contains(from), "{from}");
            Prices::parse(path, &DEFAULT.replacen(from, to, 1)).unwrap_err().to_string()
        };
        assert!(said("hour = 0.0225", "hour = -1").contains("mine.toml: balancer.hour"));
        assert!(said("hours_per_month = 730.0", "hours_per_month = 0").contains("hours_per_month"));
        assert!(said("{ price = 0.90 }", "{ up_to = 400e6, price = 0.90 }").contains("api_gateway.http"));
        assert!(said("list = [0.5, 1.0, 2.0]", "list = [1.0, 0.5]").contains("memory_gb of 0.25 vCPU"));
        assert!(said("looked_up", "looked_at").contains("looked_at"));
        assert!(said("vcpu = 1.0, memory_gb = 2.0", "vcpu = 0.0, memory_gb = 2.0").contains("c7g.medium"));
        let missing = Prices::read(Some(Path::new("no/such.toml"))).unwrap_err().to_string();
        assert!(missing.contains("no/such.toml"));
    }
}
