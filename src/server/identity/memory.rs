//! What a connection remembers of its last request's credential: nearly always, the next one shows the same.

use std::cell::Cell;
use std::sync::Arc;

use super::denial::Denial;
use super::gcra::Gcra;
use super::principal::{Principal, Throttled, now};

/// Tokens that one connection may have verified each second. A proxy that has many callers on one connection needs
/// some; raising it lets a flood of made-up ones take more CPU.
const VERIFIED: u32 = 500;

/// One connection's memory. It belongs to the connection's task, so it needs no lock.
pub struct Memory {
    last: Cell<Option<Box<Remembered>>>,
    verifications: Gcra,
}

impl Default for Memory {
    fn default() -> Self {
        Self { last: Cell::default(), verifications: Gcra::new(VERIFIED.into(), VERIFIED.into()) }
    }
}

/// A credential that was good.
pub(super) struct Remembered {
    pub(super) credential: Box<str>,
    /// Whether that is the name in the connection's certificate, and not what a header says.
    pub(super) is_certificate: bool,
    pub(super) principal: Arc<Principal>,
    /// The state of the authenticator that it was good in.
    pub(super) generation: u64,
    /// When it is to be looked at again, by the clock of quotas.
    pub(super) until: u64,
}

impl Memory {
    /// The principal of a credential, if it is the one that is remembered and nothing has changed since.
    pub(super) fn recall(
        &self,
        credential: &str,
        is_certificate: bool,
        generation: u64,
        now: u64,
    ) -> Option<Arc<Principal>> {
        let remembered = self.last.take()?;
        let is_same = *remembered.credential == *credential
            && remembered.is_certificate == is_certificate
            && remembered.generation == generation
            && now < remembered.until;
        let principal = is_same.then(|| Arc::clone(&remembered.principal));
        self.last.set(Some(remembered));
        principal
    }

    pub(super) fn remember(&self, remembered: Remembered) {
        self.last.set(Some(Box::new(remembered)));
    }

    /// Takes the verification of a token out of what the connection may have.
    pub(super) fn take_verification(&self) -> Result<(), Denial> {
        self.verifications.take(now(), 1).map_err(|retry_after| Denial::Throttled {
            name: "this connection".to_owned(),
            throttled: Throttled { limit: VERIFIED.into(), unit: "tokens to be verified", retry_after },
        })
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory(hidden)")
    }
}
