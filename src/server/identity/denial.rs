//! Why a request is refused, in words for its caller.

use std::borrow::Cow;

use super::principal::{Principal, Throttled};
use super::rights::Scope;

/// A refusal. It never has the credential in it, nor a part of one that is secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// It shows no credential, or none that is good.
    #[error("{0}")]
    Unauthenticated(Cow<'static, str>),
    /// It is not allowed to the caller.
    #[error("{0}")]
    Forbidden(String),
    /// The caller's quota is used up.
    #[error("{name}: {throttled}")]
    Throttled {
        /// The caller.
        name: String,
        /// Which quota.
        throttled: Throttled,
    },
}

impl Denial {
    /// The caller lacks all of these scopes, one of which it would need.
    pub(crate) fn lacks(principal: &Principal, scopes: &[Scope]) -> Self {
        let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        Self::Forbidden(format!(
            "{} may not do this: it needs the scope {}",
            principal.name(),
            names.join(" or ")
        ))
    }

    pub(crate) fn throttled(principal: &Principal, throttled: Throttled) -> Self {
        Self::Throttled { name: principal.name().to_owned(), throttled }
    }
}
