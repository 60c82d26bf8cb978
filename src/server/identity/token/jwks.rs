//! An issuer's keys (RFC 7517).

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

use super::algorithm::Algorithm;

/// Keys of one issuer. Those of the world have two or three.
const MOST_KEYS: usize = 100;

/// A public key, and the one algorithm that it is for.
pub(super) struct VerifyingKey {
    pub(super) algorithm: Algorithm,
    material: Material,
}

enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point of a curve, as ring takes it.
    Point(Vec<u8>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Reads a set of keys. Those that are for something else, or of a kind that is not known here, are left out; symmetric
/// ones are of such a kind.
pub(super) fn parse(bytes: &[u8]) -> Result<HashMap<String, VerifyingKey>, String> {
    let set: Set =
        serde_json::from_slice(bytes).map_err(|error| format!("no set of keys (JWKS): {error}"))?;
    if set.keys.len() > MOST_KEYS {
        return Err(format!("a set of {} keys, more than {MOST_KEYS}", set.keys.len()));
    }
    let mut keys = HashMap::new();
    for entry in set.keys {
        let Some((kid, key)) = VerifyingKey::of(&entry) else { continue };
        if keys.insert(kid.clone(), key).is_some() {
            return Err(format!("a set of keys with two of the id {kid:?}"));
        }
    }
    if keys.is_empty() {
        return Err(
            "a set without a key that could be used: expected RSA, P-256, P-384 or Ed25519 with a kid".into(),
        );
    }
    Ok(keys)
}

impl VerifyingKey {
    fn of(entry: &Entry) -> Option<(String, Self)> {
        let kid = entry.kid.clone()?;
        if entry.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let named = match &entry.alg {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        let (usual, material) = match (entry.kty.as_str(), entry.crv.as_deref()) {
            ("RSA", _) => (Algorithm::RS256, Material::Rsa { n: bytes(&entry.n)?, e: bytes(&entry.e)? }),
            ("EC", Some(curve @ ("P-256" | "P-384"))) => {
                let usual = if curve == "P-256" { Algorithm::ES256 } else { Algorithm::ES384 };
                // Uncompressed, as SEC 1 writes a point.
                (usual, Material::Point([vec![4], bytes(&entry.x)?, bytes(&entry.y)?].concat()))
            }
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, Material::Point(bytes(&entry.x)?)),
            _ => return None,
        };
        let algorithm = named.unwrap_or(usual);
        let fits = match material {
            Material::Rsa { .. } => {
                matches!(algorithm, Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256)
            }
            Material::Point(_) => algorithm == usual,
        };
        fits.then_some((kid, Self { algorithm, material }))
    }

    /// Whether this is the key's signature of the text.
    pub(super) fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        match (&self.material, self.algorithm) {
            (Material::Rsa { n, e }, algorithm) => {
                let scheme = match algorithm {
                    Algorithm::RS384 => &RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::RS512 => &RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(scheme, text, signature).is_ok()
            }
            (Material::Point(point), Algorithm::ES384) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(text, signature).is_ok()
            }
            (Material::Point(point), Algorithm::EdDSA) => {
                UnparsedPublicKey::new(&ED25519, point).verify(text, signature).is_ok()
            }
            (Material::Point(point), _) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(text, signature).is_ok()
            }
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_for_something_else_are_left_out() {
        let p256 = r#""crv":"P-256","x":"AQ","y":"Ag""#;
        let set = |keys: &[&str]| parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes());
        let keys = set(&[
            r#"{"kty":"RSA","kid":"a","n":"AQ","e":"AQAB"}"#,
            &format!(r#"{{"kty":"EC","kid":"b",{p256},"use":"sig"}}"#),
            r#"{"kty":"OKP","kid":"c","crv":"Ed25519","x":"AQ"}"#,
            r#"{"kty":"RSA","kid":"ps","alg":"PS256","n":"AQ","e":"AQAB"}"#,
            r#"{"kty":"oct","kid":"d","k":"AQ"}"#,
            r#"{"kty":"RSA","n":"AQ","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"f","use":"enc","n":"AQ","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"g","alg":"HS256","n":"AQ","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"h","alg":"ES256","n":"AQ","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"i","alg":"none","n":"AQ","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"j","n":"=","e":"AQAB"}"#,
        ])
        .unwrap();
        let mut found: Vec<_> =
            keys.iter().map(|(kid, key)| (kid.as_str(), key.algorithm.as_str())).collect();
        found.sort_unstable();
        assert_eq!(found, [("a", "RS256"), ("b", "ES256"), ("c", "EdDSA"), ("ps", "PS256")]);
        for text in ["", "{}", r#"{"keys":[]}"#, "<html>"] {
            parse(text.as_bytes()).unwrap_err();
        }
        let twice = r#"{"kty":"RSA","kid":"a","n":"AQ","e":"AQAB"}"#;
        assert!(set(&[twice, twice]).unwrap_err().contains("two of the id"));
    }
}
