//! From what a request shows to the principal that it is of.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use moka::sync::Cache;

use super::audit::Audit;
use super::credential;
use super::credentials::{Credentials, Key, check_ids};
use super::denial::Denial;
use super::globs::Globs;
use super::key::{self, Digest};
use super::memory::{Memory, Remembered};
use super::principal::{Principal, Usage, now};
use super::rights::Rights;
use super::token::{Good, KnownIssuer, verify};

/// The longest that a connection goes on with a credential before it is looked at again. Raising it lets a clock that
/// jumped, or a key that expired, go unnoticed for longer.
const LOOKED_AT_S: u64 = 60;
/// Bytes of tokens that are remembered as good. Raising it takes memory, and saves verifying them again where there are
/// more callers than fit.
const TOKEN_BYTES: u64 = 16 << 20;
/// Principals whose use of their quotas is remembered.
const USAGES: u64 = 10_000;
const SECOND: u64 = 1_000_000_000;

/// Knows all credentials.
#[derive(Debug)]
pub struct Authenticator {
    state: ArcSwap<State>,
    /// Grows with every change: what was found before is looked at again.
    generation: AtomicU64,
    issuers: Vec<Arc<KnownIssuer>>,
    tokens: Cache<Arc<str>, GoodToken>,
    usages: Cache<String, Arc<Usage>>,
    audit: Arc<Audit>,
}

/// What was made of the credentials that there are.
#[derive(Debug, Default)]
struct State {
    keys: HashMap<Digest, KnownKey>,
    certificates: Vec<(Globs, Rights)>,
}

#[derive(Debug)]
struct KnownKey {
    principal: Arc<Principal>,
    expires_at: Option<i64>,
}

/// A token that was verified.
#[derive(Debug, Clone)]
struct GoodToken {
    principal: Arc<Principal>,
    until: i64,
    generation: u64,
}

impl Authenticator {
    /// Knows these credentials.
    ///
    /// # Errors
    /// Why they cannot be used together.
    pub fn new(credentials: &Credentials, audit: Arc<Audit>) -> Result<Self, String> {
        let weight = |token: &Arc<str>, _: &GoodToken| u32::try_from(token.len() + 200).unwrap_or(u32::MAX);
        let authenticator = Self {
            state: ArcSwap::default(),
            generation: AtomicU64::new(0),
            issuers: credentials.issuers.iter().cloned().map(KnownIssuer::new).collect(),
            tokens: Cache::builder().weigher(weight).max_capacity(TOKEN_BYTES).build(),
            usages: Cache::new(USAGES),
            audit,
        };
        authenticator.replace(credentials)?;
        Ok(authenticator)
    }

    /// From now on, knows these keys and certificates instead; issuers stay as they are. What principals have used of
    /// their quotas stays.
    ///
    /// # Errors
    /// Why they cannot be used together; the others stay.
    pub fn replace(&self, credentials: &Credentials) -> Result<(), String> {
        check_ids(&credentials.keys)?;
        let mut keys = HashMap::new();
        for Key { id, sha256, expires_at, rights } in &credentials.keys {
            let principal = Principal::new(id, rights, self.usage(id, rights));
            if keys.insert(*sha256, KnownKey { principal, expires_at: *expires_at }).is_some() {
                return Err(format!("auth.keys has the key of the id {id} under another id as well"));
            }
        }
        let certificates = credentials.certificates.iter();
        let certificates =
            certificates.map(|known| (Globs::new(&known.names), known.rights.clone())).collect();
        self.state.store(Arc::new(State { keys, certificates }));
        self.look_again();
        Ok(())
    }

    /// Believes nothing of what was found before.
    pub(super) fn look_again(&self) {
        // After what has changed, so that whoever sees this sees that.
        self.generation.fetch_add(1, Ordering::Release);
        self.tokens.invalidate_all();
    }

    pub(super) fn issuers(&self) -> &[Arc<KnownIssuer>] {
        &self.issuers
    }

    /// The principal of a request by its headers or, if it shows no credential there, by its connection's certificate.
    ///
    /// # Errors
    /// It shows none that is good.
    pub fn authenticate(
        &self,
        headers: &HeaderMap,
        certificate: Option<&str>,
        memory: &Memory,
    ) -> Result<Arc<Principal>, Denial> {
        let shown = credential::of(headers)?;
        let Some(text) = shown.or(certificate) else {
            return Err(Denial::Unauthenticated(
                "there is no credential; send authorization: Bearer and an API key or a token".into(),
            ));
        };
        // Before what it is about: what is found in an older state is then remembered as such.
        let generation = self.generation.load(Ordering::Acquire);
        let now = now();
        if let Some(principal) = memory.recall(text, shown.is_none(), generation, now) {
            return Ok(principal);
        }
        let (principal, seconds) = match shown {
            Some(text) if text.starts_with(key::PREFIX) || self.issuers.is_empty() => {
                self.state.load().verify(text)?
            }
            Some(text) => self.of_token(text, generation, memory)?,
            None => (self.of_certificate(text)?, LOOKED_AT_S),
        };
        memory.remember(Remembered {
            credential: text.into(),
            is_certificate: shown.is_none(),
            principal: Arc::clone(&principal),
            generation,
            until: now + seconds.min(LOOKED_AT_S) * SECOND,
        });
        Ok(principal)
    }

    /// What is written down.
    pub(crate) fn audit(&self) -> &Arc<Audit> {
        &self.audit
    }

    /// The first table that covers the name decides, as it does for whoever reads the file.
    fn of_certificate(&self, name: &str) -> Result<Arc<Principal>, Denial> {
        let state = self.state.load();
        let known = state.certificates.iter().find(|(names, _)| names.matches(name));
        let Some((_, rights)) = known else {
            return Err(Denial::Unauthenticated(
                format!("the client certificate of {name} is under none of auth.certificates").into(),
            ));
        };
        let name = format!("cert:{name}");
        Ok(Principal::new(&name, rights, self.usage(&name, rights)))
    }

    /// The principal of a token, and for how many seconds it is good.
    fn of_token(
        &self,
        text: &str,
        generation: u64,
        memory: &Memory,
    ) -> Result<(Arc<Principal>, u64), Denial> {
        let now = seconds_now();
        let left = |until: i64| u64::try_from(until - now).unwrap_or_default();
        let known = self.tokens.get(text).filter(|known| known.generation == generation && known.until > now);
        if let Some(GoodToken { principal, until, .. }) = known {
            return Ok((principal, left(until)));
        }
        // A signature takes tens of microseconds: a flood of made-up tokens must not take the CPU from those who have
        // good ones.
        memory.take_verification()?;
        let Good { name, rights, until } =
            verify(text, &self.issuers, now).map_err(Denial::Unauthenticated)?;
        let principal = Principal::new(&name, &rights, self.usage(&name, &rights));
        let good = GoodToken { principal: Arc::clone(&principal), until, generation };
        self.tokens.insert(text.into(), good);
        Ok((principal, left(until)))
    }

    /// What a principal has used of the quotas that it has by these rights.
    fn usage(&self, name: &str, rights: &Rights) -> Arc<Usage> {
        let Rights { rps, burst, price, price_burst, .. } = rights;
        let quotas = format!("{name} {rps:?} {burst:?} {price:?} {price_burst:?}");
        self.usages.get_with(quotas, || Usage::new(rights))
    }
}

impl State {
    /// The principal of a credential, and for how many seconds it is good.
    fn verify(&self, text: &str) -> Result<(Arc<Principal>, u64), Denial> {
        let Some(id) = key::id_of(text) else {
            return Err(Denial::Unauthenticated("the credential is no API key, lk_<id>_<secret>".into()));
        };
        // By its hash and not by its id: how long it takes says nothing of how much of it was right.
        let Some(known) = self.keys.get(&Digest::of(text)) else {
            return Err(Denial::Unauthenticated(format!("the API key with the id {id} is not known").into()));
        };
        let Some(expires_at) = known.expires_at else { return Ok((Arc::clone(&known.principal), u64::MAX)) };
        match u64::try_from(expires_at - seconds_now()) {
            Ok(left) if left > 0 => Ok((Arc::clone(&known.principal), left)),
            _ => Err(Denial::Unauthenticated(format!("the API key with the id {id} has expired").into())),
        }
    }
}

/// Seconds since 1970.
fn seconds_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as i64
}
