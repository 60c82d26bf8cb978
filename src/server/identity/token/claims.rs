//! What a token says, before anything of it is believed.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// A token, taken apart.
pub(super) struct Parts<'t> {
    pub(super) header: Header,
    pub(super) claims: Claims,
    /// What was signed.
    pub(super) signed: &'t str,
    pub(super) signature: Vec<u8>,
}

#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, section 4.1.11). None is.
    pub(super) crit: Option<IgnoredAny>,
}

/// The claims that are looked at. A claim that is there twice is refused by serde.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: Option<String>,
    pub(super) exp: Option<f64>,
    pub(super) nbf: Option<f64>,
    pub(super) aud: Option<Audience>,
    pub(super) client_id: Option<String>,
    pub(super) azp: Option<String>,
    pub(super) token_use: Option<String>,
    pub(super) scope: Option<Scopes>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    More(Vec<String>),
}

/// One text with spaces between names, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Scopes {
    Text(String),
    List(Vec<String>),
}

impl Audience {
    pub(super) fn has_one_of(&self, known: &[String]) -> bool {
        match self {
            Self::One(one) => known.contains(one),
            Self::More(more) => more.iter().any(|one| known.contains(one)),
        }
    }
}

impl Scopes {
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Text(text) => text.split(' ').any(|scope| scope == name),
            Self::List(list) => list.iter().any(|scope| scope == name),
        }
    }
}

impl<'t> Parts<'t> {
    /// Takes a token apart; `None` if it is none.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        // A fourth part would be in the claims, which do not decode then. That of an unsigned token is empty.
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self { header: json(header)?, claims: json(claims)?, signed, signature })
    }
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
