//! What a credential gives its holder, as the configuration says it.

use serde::Deserialize;

use crate::domain::TrafficClass;
use crate::setting::{SettingError, number_within};

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Ask for slates.
    Recommend,
    /// Have its own list of items ranked.
    Rank,
    /// See scores and stages: the view DEBUG.
    Explain,
    /// Record events and forget users.
    Events,
    /// Read the status page, and ask gRPC's reflection.
    Status,
    /// Refresh and roll back.
    Admin,
}

impl Scope {
    /// All, in the order of their discriminants.
    pub const ALL: [Self; 6] =
        [Self::Recommend, Self::Rank, Self::Explain, Self::Events, Self::Status, Self::Admin];

    /// As the configuration and tokens write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recommend => "recommend",
            Self::Rank => "rank",
            Self::Explain => "explain",
            Self::Events => "events",
            Self::Status => "status",
            Self::Admin => "admin",
        }
    }

    /// The scope of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// What a request needs, by where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: it is a probe.
    Nothing,
    /// Any credential.
    Credential,
    /// A credential with one of these scopes.
    OneOf(&'static [Scope]),
}

/// A traffic class, as the configuration writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Class {
    /// People.
    Live,
    /// Copies of live traffic.
    Shadow,
    /// Load tests and probes.
    Synthetic,
}

impl From<Class> for TrafficClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Live => Self::Live,
            Class::Shadow => Self::Shadow,
            Class::Synthetic => Self::Synthetic,
        }
    }
}

/// The rights of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Rights {
    /// What it may do. There is no default: nothing is given by leaving something out.
    pub scopes: Vec<Scope>,
    /// Placements that it may ask for, as names in which `*` stands for any text.
    #[serde(default)]
    pub placements: Vec<String>,
    /// The traffic classes that it may claim; none given: all.
    #[serde(default)]
    pub classes: Vec<Class>,
    /// Requests a second; each slot of a page is one.
    pub rps: Option<u32>,
    /// Requests at once; as many as a second has where this is not given.
    pub burst: Option<u32>,
    /// What its requests may cost a second, in the units in which requests are priced.
    pub price: Option<u64>,
    /// What they may cost at once; as much as in a second where this is not given.
    pub price_burst: Option<u64>,
}

impl Rights {
    /// The keys of a table that has rights among others.
    pub const KEYS: [&str; 7] = ["scopes", "placements", "classes", "rps", "burst", "price", "price_burst"];

    /// Checks what goes together.
    ///
    /// # Errors
    /// A value that cannot be used.
    pub fn check(&self) -> Result<(), SettingError> {
        if self.scopes.is_empty() {
            return Err(SettingError::new("scopes", "empty", format!("some of {}", names())));
        }
        let asks = self.scopes.iter().any(|scope| matches!(scope, Scope::Recommend | Scope::Rank));
        if asks && self.placements.is_empty() {
            let expected = "the placements that it may ask for, such as [\"pdp.*\"], or [\"*\"] for all";
            return Err(SettingError::new("placements", "missing", expected));
        }
        for (key, number) in [
            ("rps", self.rps.map(u64::from)),
            ("burst", self.burst.map(u64::from)),
            ("price", self.price),
            ("price_burst", self.price_burst),
        ] {
            number.map_or(Ok(()), |number| number_within(key, number, 1..=10_000_000_000))?;
        }
        for (key, given, needs) in [
            ("burst", self.burst.map(u64::from), ("rps", self.rps.map(u64::from))),
            ("price_burst", self.price_burst, ("price", self.price)),
        ] {
            if given.is_some() && needs.1.is_none() {
                return Err(SettingError::new(key, "alone", format!("{} beside it", needs.0)));
            }
        }
        Ok(())
    }
}

fn names() -> String {
    Scope::ALL.map(Scope::as_str).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_that_say_nothing_or_do_not_go_together_are_refused() {
        let read = |text: &str| toml::from_str::<Rights>(text).unwrap();
        read("scopes = ['events']").check().unwrap();
        read("scopes = ['recommend']\nplacements = ['*']\nrps = 1\nburst = 2").check().unwrap();
        for (text, key) in [
            ("scopes = []", "scopes"),
            ("scopes = ['recommend']", "placements"),
            ("scopes = ['events']\nrps = 0", "rps"),
            ("scopes = ['events']\nburst = 1", "burst"),
            ("scopes = ['events']\nprice_burst = 1", "price_burst"),
        ] {
            assert_eq!(read(text).check().unwrap_err().key, key, "{text}");
        }
        toml::from_str::<Rights>("placements = ['*']").unwrap_err();
        toml::from_str::<Rights>("scopes = ['everything']").unwrap_err();
        for scope in Scope::ALL {
            assert_eq!(read(&format!("scopes = ['{}']", scope.as_str())).scopes, [scope]);
            assert_eq!(Scope::named(scope.as_str()), Some(scope));
        }
    }
}
