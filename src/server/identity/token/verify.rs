//! Whether a token is good, and for what.

use std::borrow::Cow;
use std::sync::Arc;

use super::claims::{Claims, Parts};
use super::issuer::{Issuer, KnownIssuer};
use crate::server::identity::rights::{Rights, Scope};

/// Characters of a name that stands in the principal's.
const NAME_CHARS: usize = 100;

/// What a good token gives.
#[derive(Debug)]
pub(in crate::server::identity) struct Good {
    /// The principal's name.
    pub(in crate::server::identity) name: String,
    pub(in crate::server::identity) rights: Rights,
    /// When it ends, in seconds since 1970, the leeway included.
    pub(in crate::server::identity) until: i64,
}

type Reason = Cow<'static, str>;

/// Verifies a token at a time, in seconds since 1970.
pub(in crate::server::identity) fn verify(
    text: &str,
    issuers: &[Arc<KnownIssuer>],
    now: i64,
) -> Result<Good, Reason> {
    let Parts { header, claims, signed, signature } =
        Parts::of(text).ok_or("the credential is no token (JWT)")?;
    let known = issuers.iter().find(|known| known.config.issuer == claims.iss);
    let known = known
        .ok_or_else(|| format!("the token is of an issuer that is not known: {:?}", start_of(&claims.iss)))?;
    let kid = header.kid.ok_or("the token does not say by which key it is signed (kid)")?;
    {
        let keys = known.keys.load();
        let Some(key) = keys.get(&kid) else {
            known.want_keys();
            return Err("the token is signed by a key that its issuer has not, or not yet".into());
        };
        // The algorithm is the key's. What the token says of it must be the same, and decides nothing: "none", and
        // HS256 with the public key for a secret, are what came of believing it.
        let algorithm = key.algorithm;
        if header.alg != algorithm.as_str() || !known.config.algorithms.contains(&algorithm) {
            return Err(format!(
                "the token's algorithm is not the key's, or not allowed: expected {}",
                allowed(&known.config)
            )
            .into());
        }
        if header.crit.is_some() {
            return Err("the token has an extension that must be understood and is not (crit)".into());
        }
        if !key.signed(signed.as_bytes(), &signature) {
            return Err("the token's signature is wrong".into());
        }
    }
    check(&claims, &known.config, now)
}

/// Checks the claims of a token whose signature is right.
fn check(claims: &Claims, issuer: &Issuer, now: i64) -> Result<Good, Reason> {
    let (now, leeway) = (now as f64, f64::from(issuer.leeway_s));
    let exp = claims.exp.ok_or("the token has no end (exp)")?;
    if exp + leeway <= now {
        return Err("the token has expired".into());
    }
    if claims.nbf.is_some_and(|nbf| nbf - leeway > now) {
        return Err("the token is not valid yet (nbf)".into());
    }
    let is_for_us = claims.aud.as_ref().is_some_and(|aud| aud.has_one_of(&issuer.audience));
    if !issuer.audience.is_empty() && !is_for_us {
        return Err("the token is for somebody else (aud)".into());
    }
    let client = claims.client_id.as_ref().or(claims.azp.as_ref());
    if !issuer.client_ids.is_empty() && !client.is_some_and(|client| issuer.client_ids.contains(client)) {
        return Err("the token is of another client (client_id)".into());
    }
    if issuer.token_use.is_some() && issuer.token_use != claims.token_use {
        return Err("the token is for another use (token_use)".into());
    }
    let subject = claims.sub.as_ref().or(client).ok_or("the token says of nobody that it is theirs (sub)")?;
    let host = issuer.issuer.trim_start_matches("https://");
    Ok(Good {
        name: format!("token:{}@{}", start_of(subject), start_of(host)),
        rights: Rights { scopes: scopes(claims, issuer), ..issuer.rights.clone() },
        until: (exp + leeway) as i64,
    })
}

/// Those that the issuer may give and the token has.
fn scopes(claims: &Claims, issuer: &Issuer) -> Vec<Scope> {
    let has = |scope: &&Scope| {
        let name = format!("{}{}", issuer.scope_prefix, scope.as_str());
        issuer.all_scopes || claims.scope.as_ref().is_some_and(|scopes| scopes.has(&name))
    };
    issuer.rights.scopes.iter().filter(has).copied().collect()
}

fn allowed(issuer: &Issuer) -> String {
    let names: Vec<&str> = issuer.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
    names.join(" or ")
}

fn start_of(text: &str) -> &str {
    text.char_indices().nth(NAME_CHARS).map_or(text, |(at, _)| &text[..at])
}
