//! Who calls: the one thing that the rest of the server knows of a caller.

use std::sync::Arc;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::gcra::Gcra;
use super::globs::Globs;
use super::rights::{Rights, Scope};
use crate::domain::TrafficClass;

/// Denials of one principal that the audit has each second; further ones are left out of it and counted.
const AUDITED_DENIALS: u64 = 10;

/// A caller, with its rights and what it has used of its quotas.
#[derive(Debug)]
pub struct Principal {
    name: Box<str>,
    rights: Rights,
    placements: Globs,
    usage: Arc<Usage>,
}

/// What a principal has used. Shared by all credentials of the same principal, and kept when they are read anew.
#[derive(Debug)]
pub(super) struct Usage {
    requests: Option<Gcra>,
    price: Option<Gcra>,
    denials: Gcra,
}

/// A quota is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the quota of {limit} {unit} a second is used up")]
pub struct Throttled {
    /// The quota.
    pub limit: u64,
    /// Of what: requests, or units of price.
    pub unit: &'static str,
    /// When there is some again.
    pub retry_after: Duration,
}

impl Usage {
    pub(super) fn new(rights: &Rights) -> Arc<Self> {
        let bucket =
            |rate: Option<u64>, burst: Option<u64>| rate.map(|rate| Gcra::new(rate, burst.unwrap_or(rate)));
        Arc::new(Self {
            requests: bucket(rights.rps.map(u64::from), rights.burst.map(u64::from)),
            price: bucket(rights.price, rights.price_burst),
            denials: Gcra::new(AUDITED_DENIALS, AUDITED_DENIALS),
        })
    }
}

impl Principal {
    pub(super) fn new(name: &str, rights: &Rights, usage: Arc<Usage>) -> Arc<Self> {
        let (rights, placements) = (rights.clone(), Globs::new(&rights.placements));
        Arc::new(Self { name: name.into(), rights, placements, usage })
    }

    /// What it is called, in logs and in the audit.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may do this.
    pub fn may(&self, scope: Scope) -> bool {
        self.rights.scopes.contains(&scope)
    }

    /// Whether it may ask for this placement.
    pub fn may_ask_for(&self, placement: &str) -> bool {
        self.placements.matches(placement)
    }

    /// Whether it may claim this class.
    pub fn may_claim(&self, class: TrafficClass) -> bool {
        let classes = &self.rights.classes;
        classes.is_empty() || classes.iter().any(|allowed| TrafficClass::from(*allowed) == class)
    }

    /// The class of a request that says this one: the same, or the most important of its own that is less important.
    pub fn cap(&self, class: TrafficClass) -> TrafficClass {
        use TrafficClass::{Live, Shadow, Synthetic};
        let lower: &[_] = match class {
            Live => &[Live, Shadow, Synthetic],
            Shadow => &[Shadow, Synthetic],
            Synthetic => &[],
        };
        // The least of all where it has none that is as low: whoever claims little gets little.
        lower.iter().copied().find(|class| self.may_claim(*class)).unwrap_or(Synthetic)
    }

    /// Takes requests out of its quota.
    ///
    /// # Errors
    /// It is used up.
    pub fn take_requests(&self, requests: u32) -> Result<(), Throttled> {
        take(self.usage.requests.as_ref(), self.rights.rps.map(u64::from), requests.into(), "requests")
    }

    /// Takes the price of a request out of its quota.
    ///
    /// # Errors
    /// It is used up.
    pub fn charge(&self, price: u64) -> Result<(), Throttled> {
        take(self.usage.price.as_ref(), self.rights.price, price, "units of price")
    }

    /// Whether the audit is to have another denial of this one.
    pub(super) fn audits_denial(&self) -> bool {
        self.usage.denials.take(now(), 1).is_ok()
    }
}

fn take(quota: Option<&Gcra>, limit: Option<u64>, units: u64, unit: &'static str) -> Result<(), Throttled> {
    let Some(quota) = quota else { return Ok(()) };
    let limit = limit.unwrap_or_default();
    quota.take(now(), units).map_err(|retry_after| Throttled { limit, unit, retry_after })
}

/// Nanoseconds since some moment before the first request.
pub(super) fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    // A second ahead of zero, at which a bucket that was never used is full.
    START.elapsed().as_nanos() as u64 + 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::super::rights::Class;
    use super::*;

    fn of(rights: Rights) -> Arc<Principal> {
        Principal::new("p", &rights, Usage::new(&rights))
    }

    #[test]
    fn a_class_is_lowered_to_one_that_the_principal_has_and_never_raised() {
        use TrafficClass::{Live, Shadow, Synthetic};
        let with = |classes: &[Class]| of(Rights { classes: classes.to_vec(), ..Rights::default() });
        for (classes, claimed, expected) in [
            (&[][..], Live, Live),
            (&[Class::Live], Live, Live),
            (&[Class::Live], Shadow, Synthetic),
            (&[Class::Synthetic], Live, Synthetic),
            (&[Class::Shadow, Class::Synthetic], Live, Shadow),
            (&[Class::Shadow], Live, Shadow),
            (&[Class::Shadow], Synthetic, Synthetic),
            (&[Class::Live, Class::Synthetic], Shadow, Synthetic),
        ] {
            assert_eq!(with(classes).cap(claimed), expected, "{classes:?} {claimed:?}");
        }
        assert!(!with(&[Class::Synthetic]).may_claim(Live));
    }

    #[test]
    fn quotas_are_kept_apart_and_say_what_is_used_up() {
        let principal = of(Rights { rps: Some(1), burst: Some(2), price: Some(10), ..Rights::default() });
        principal.take_requests(2).unwrap();
        let said = principal.take_requests(1).unwrap_err().to_string();
        assert_eq!(said, "the quota of 1 requests a second is used up");
        principal.charge(10).unwrap();
        let said = principal.charge(5).unwrap_err();
        assert_eq!(said.to_string(), "the quota of 10 units of price a second is used up");
        assert!(said.retry_after <= Duration::from_millis(500), "{said:?}");
        of(Rights::default()).take_requests(u32::MAX).unwrap();
    }
}
