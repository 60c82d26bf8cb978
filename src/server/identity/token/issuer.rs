//! Whose tokens are taken, and what of them must be right.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use serde::{Deserialize, Deserializer};

use super::super::rights::Rights;
use super::algorithm::Algorithm;
use super::jwks::VerifyingKey;
use crate::setting::{SettingError, number_within};

/// An issuer of tokens, as the configuration has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Issuer {
    /// What the claim `iss` must be.
    pub issuer: String,
    /// Where its keys are fetched, every five minutes and where a token names one that is not known.
    pub jwks_url: Option<String>,
    /// Or the file that they are in.
    pub jwks_file: Option<PathBuf>,
    /// The algorithms that its keys may be for.
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// What one entry of the claim `aud` must be.
    #[serde(default, deserialize_with = "one_or_more")]
    pub audience: Vec<String>,
    /// What the claim `client_id`, or `azp`, must be: access tokens of Cognito have no `aud`.
    #[serde(default, deserialize_with = "one_or_more")]
    pub client_ids: Vec<String>,
    /// What the claim `token_use` must be.
    pub token_use: Option<String>,
    /// Seconds by which clocks may differ.
    #[serde(default = "usual_leeway")]
    pub leeway_s: u32,
    /// What stands before a scope's name in the claim `scope`, such as `larder/` for a resource server of Cognito.
    #[serde(default)]
    pub scope_prefix: String,
    /// Whether every token has all scopes below, whatever its claim says. Else it has those that the claim has as well,
    /// and none without the claim.
    #[serde(default)]
    pub all_scopes: bool,
    /// The most that a token gives.
    #[serde(skip)]
    pub rights: Rights,
}

fn usual_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::RS256]
}

fn usual_leeway() -> u32 {
    30
}

/// A list of texts, or one text.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum Written {
        One(String),
        More(Vec<String>),
    }
    Ok(match Written::deserialize(from)? {
        Written::One(text) => vec![text],
        Written::More(texts) => texts,
    })
}

impl Issuer {
    /// The keys of a table, without those of [`Rights`].
    pub const KEYS: [&str; 10] = [
        "issuer",
        "jwks_url",
        "jwks_file",
        "algorithms",
        "audience",
        "client_ids",
        "token_use",
        "leeway_s",
        "scope_prefix",
        "all_scopes",
    ];

    /// Checks what goes together.
    ///
    /// # Errors
    /// A value that cannot be used.
    pub fn check(&self) -> Result<(), SettingError> {
        match (&self.jwks_url, &self.jwks_file) {
            (Some(_), Some(_)) => {
                return Err(SettingError::new("jwks_file", "there", "jwks_url or jwks_file alone"));
            }
            (None, None) => {
                return Err(SettingError::new(
                    "jwks_url",
                    "missing",
                    "where the issuer's keys are, or jwks_file",
                ));
            }
            (Some(url), None) => super::fetch::check_url(url)?,
            (None, Some(_)) => {}
        }
        if self.algorithms.is_empty() {
            return Err(SettingError::new("algorithms", "empty", "some, such as [\"RS256\"]"));
        }
        // Else every token of the issuer would do, also those that it gives to other services' clients.
        if self.audience.is_empty() && self.client_ids.is_empty() {
            return Err(SettingError::new("audience", "missing", "what aud must be, or client_ids"));
        }
        number_within("leeway_s", self.leeway_s, 0..=300)?;
        self.rights.check()
    }
}

/// An issuer with the keys that are known of it.
#[derive(Debug)]
pub(in crate::server::identity) struct KnownIssuer {
    pub(super) config: Issuer,
    pub(super) keys: ArcSwap<HashMap<String, VerifyingKey>>,
    /// Whether a token has named a key that is not among them.
    wanted: AtomicBool,
}

impl KnownIssuer {
    pub(in crate::server::identity) fn new(config: Issuer) -> Arc<Self> {
        Arc::new(Self { config, keys: ArcSwap::default(), wanted: AtomicBool::new(false) })
    }

    /// Somebody has shown a token by an unknown key: it may be new. Nothing is fetched for it by who asks.
    pub(super) fn want_keys(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has, since the last time that this was asked.
    pub(super) fn take_wanted(&self) -> bool {
        self.wanted.swap(false, Ordering::Relaxed)
    }
}
