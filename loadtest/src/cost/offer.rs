//! What serving a demand costs in one way or another: tasks on Fargate, nodes of one's own, shares of nodes, Lambda.

use serde::Serialize;

use super::demand::{Assumptions, Demand, Front};
use super::prices::{Arch, Prices, Tier, tiered};

/// One way to serve it, by the month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Offer {
    pub(crate) way: Way,
    pub(crate) arch: Arch,
    /// Such as `2 x 0.25 vCPU, 0.5 GB`.
    pub(crate) what: String,
    pub(crate) size: Option<Size>,
    pub(crate) compute_month: f64,
    /// Load balancer or API Gateway.
    pub(crate) front_month: f64,
    pub(crate) month: f64,
    pub(crate) per_million: f64,
}

/// How it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    Fargate,
    /// Nodes that serve nothing else.
    OwnNodes,
    /// The part of nodes that other work fills up.
    NodeShare,
    LambdaHttpApi,
    LambdaRestApi,
}

/// Replicas, and what each has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Size {
    pub(crate) replicas: u32,
    pub(crate) vcpu: f64,
    pub(crate) memory_gb: f64,
    /// Of the CPU of those left, at the peak, when one is gone; absent where one is all.
    pub(crate) peak_use_with_one_gone: Option<f64>,
}

/// Reckons offers of a month.
#[derive(Debug)]
pub(crate) struct Reckoner<'a> {
    pub(crate) prices: &'a Prices,
    pub(crate) assumed: &'a Assumptions,
    pub(crate) demand: Demand,
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::Fargate => "Fargate",
            Way::OwnNodes => "EC2, own nodes",
            Way::NodeShare => "EC2/EKS, share",
            Way::LambdaHttpApi => "Lambda + HTTP API",
            Way::LambdaRestApi => "Lambda + REST API",
        }
    }
}

impl Reckoner<'_> {
    /// All ways on all processors that were asked for; of Fargate the cheapest size.
    pub(crate) fn offers(&self) -> Vec<Offer> {
        let archs = [Arch::X86, Arch::Arm].into_iter();
        let asked = archs.filter(|arch| self.assumed.arch.is_none_or(|asked| asked == *arch));
        asked
            .flat_map(|arch| self.fargate(arch).into_iter().chain(self.nodes(arch)).chain(self.lambda(arch)))
            .collect()
    }

    /// Requests in a month.
    pub(crate) fn requests(&self) -> f64 {
        self.demand.mean_rps * 3600.0 * self.prices.hours_per_month
    }

    /// The cheapest legal size, if one is large enough.
    fn fargate(&self, arch: Arch) -> Option<Offer> {
        let fargate = &self.prices.fargate;
        let rate = match arch {
            Arch::X86 => fargate.x86,
            Arch::Arm => fargate.arm,
        };
        let sizes = fargate.size.iter().filter_map(|size| {
            let memory_gb = size.memory_gb.at_least(self.demand.replica_memory_gb)?;
            let size = self.size(size.vcpu, memory_gb);
            let hour = size.vcpu * rate.vcpu_hour + size.memory_gb * rate.gb_hour;
            Some((f64::from(size.replicas) * hour, size))
        });
        // Of sizes that cost the same: first what survives the loss of one at the peak, then the fewest.
        let rank = |(hour, size): &(f64, Size)| {
            let short = size.peak_use_with_one_gone.is_none_or(|share| share > 1.0);
            ((hour * 1e6).round(), short, size.replicas)
        };
        let (hour, size) = sizes.min_by(|a, b| {
            let ((hour_a, short_a, count_a), (hour_b, short_b, count_b)) = (rank(a), rank(b));
            hour_a.total_cmp(&hour_b).then((short_a, count_a).cmp(&(short_b, count_b)))
        })?;
        let what = format!("{} x {} vCPU, {} GB", size.replicas, size.vcpu, size.memory_gb);
        Some(self.replicas(Way::Fargate, arch, what, size, hour))
    }

    fn nodes(&self, arch: Arch) -> Vec<Offer> {
        let (demand, assumed) = (&self.demand, self.assumed);
        let types = self.prices.nodes.types.iter().filter(|node| node.arch == arch);
        let fitting = types.filter(|node| demand.replica_memory_gb <= node.memory_gb * assumed.packing);
        let offers = fitting.flat_map(|node| {
            let own = self.size(node.vcpu, node.memory_gb);
            let fee = if assumed.eks_cluster { self.prices.eks.cluster_hour } else { 0.0 };
            let hour = f64::from(own.replicas) * node.hour + fee;
            let what = format!("{} x {}", own.replicas, node.name);
            let own = self.replicas(Way::OwnNodes, arch, what, own, hour);

            let vcpus = demand.peak_rps / demand.rps_per_vcpu;
            let replicas = self.count(node.vcpu * assumed.packing);
            let vcpu = vcpus / f64::from(replicas);
            let share = (vcpu / node.vcpu).max(demand.replica_memory_gb / node.memory_gb) / assumed.packing;
            let size = self.size_of(replicas, vcpu, demand.replica_memory_gb);
            let what = format!("{replicas} x {:.1} % of {}", 100.0 * share, node.name);
            let hour = f64::from(replicas) * share * node.hour;
            [own, self.replicas(Way::NodeShare, arch, what, size, hour)]
        });
        offers.collect()
    }

    fn lambda(&self, arch: Arch) -> [Offer; 2] {
        let (lambda, gateway) = (&self.prices.lambda, &self.prices.api_gateway);
        let (ms, gb) = (self.assumed.lambda_ms.ceil(), self.assumed.lambda_mb / 1024.0);
        let requests = self.requests();
        let tiers = match arch {
            Arch::X86 => &lambda.x86,
            Arch::Arm => &lambda.arm,
        };
        let gb_seconds = requests * gb * ms / 1e3;
        let compute = requests / 1e6 * lambda.per_million_requests + tiered(tiers, gb_seconds);
        let what = format!("{} MB for {ms} ms (assumed)", self.assumed.lambda_mb);
        let calls = |tiers: &[Tier]| tiered(tiers, requests) / 1e6;
        [(Way::LambdaHttpApi, calls(&gateway.http)), (Way::LambdaRestApi, calls(&gateway.rest))]
            .map(|(way, front)| self.offer(way, arch, what.clone(), None, [compute, front]))
    }

    /// An offer of replicas that cost so much an hour together.
    fn replicas(&self, way: Way, arch: Arch, what: String, size: Size, hour: f64) -> Offer {
        let balancer = &self.prices.balancer;
        let front = match self.assumed.balancer {
            Front::Alb => {
                let gb_per_hour = self.demand.mean_rps * 3600.0 * self.assumed.bytes_per_request / 1e9;
                balancer.hour + balancer.lcu_hour * gb_per_hour
            }
            Front::None => 0.0,
        };
        let month = [hour, front].map(|hour| hour * self.prices.hours_per_month);
        self.offer(way, arch, what, Some(size), month)
    }

    fn offer(&self, way: Way, arch: Arch, what: String, size: Option<Size>, parts: [f64; 2]) -> Offer {
        let [compute_month, front_month] = parts;
        let month = compute_month + front_month;
        let per_million = month / (self.requests() / 1e6);
        Offer { way, arch, what, size, compute_month, front_month, month, per_million }
    }

    fn size(&self, vcpu: f64, memory_gb: f64) -> Size {
        self.size_of(self.count(vcpu), vcpu, memory_gb)
    }

    fn size_of(&self, replicas: u32, vcpu: f64, memory_gb: f64) -> Size {
        let left = f64::from(replicas.saturating_sub(1)) * vcpu;
        let peak_use_with_one_gone = (left > 0.0).then(|| self.demand.peak_cores / left);
        Size { replicas, vcpu, memory_gb, peak_use_with_one_gone }
    }

    /// Replicas of so many vCPUs that carry the peak, at least as many as availability asks for.
    fn count(&self, vcpu: f64) -> u32 {
        let carried = self.demand.rps_per_vcpu * vcpu;
        let count = (self.demand.peak_rps / carried - 1e-9).ceil(); // 0.6 / 0.3 is two, whatever its last bit
        (count as u32).max(self.assumed.min_replicas)
    }
}
