//! Tokens of an issuer: the rest of the table, and where the issuer's keys come from.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use larder::server::identity::{
    Algorithm, Audit, Authenticator, Credentials, Issuer, Memory, Rights, Scope, sources,
};
use larder::server::reload::Watched;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tonic::codegen::http::{HeaderMap, HeaderValue};

use super::pki::Pki;
use super::table::{Case, case};
use super::{rights, seconds_now, server};

const ISSUER: &str = "https://issuer.example/pool";

/// A key of an issuer.
struct Signer {
    pair: EcdsaKeyPair,
    kid: &'static str,
}

impl Signer {
    fn new(kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { pair, kid }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "alg": "ES256",
            "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..])})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", BASE64.encode(signature))
    }

    /// A token that is right but for what `change` does to its header and claims.
    fn token(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let mut header = json!({"alg": "ES256", "kid": self.kid, "typ": "JWT"});
        let mut claims = claims();
        change(&mut header, &mut claims);
        self.sign(&header, &claims)
    }
}

/// As Cognito has them: no audience, but a client.
fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "web", "client_id": "7k3", "token_use": "access", "exp": seconds_now() + 600,
        "iat": seconds_now(), "scope": "larder/recommend larder/events other/admin"})
}

fn issuer() -> Issuer {
    Issuer {
        issuer: ISSUER.to_owned(),
        jwks_url: None,
        jwks_file: None,
        algorithms: vec![Algorithm::ES256, Algorithm::RS256],
        audience: Vec::new(),
        client_ids: vec!["7k3".to_owned(), "other".to_owned()],
        token_use: Some("access".to_owned()),
        leeway_s: 30,
        scope_prefix: "larder/".to_owned(),
        all_scopes: false,
        rights: rights(&[Scope::Recommend, Scope::Rank], &["pdp.*"]),
    }
}

/// Knows issuers, whose files and addresses the other part looks at.
fn knows(issuers: Vec<Issuer>, copies: &std::path::Path) -> (Arc<Authenticator>, Vec<Box<dyn Watched>>) {
    let credentials = Credentials { issuers, ..Credentials::default() };
    let audit = Arc::new(Audit::open(None).unwrap());
    let known = Arc::new(Authenticator::new(&credentials, audit).unwrap());
    let watched = sources(&known, copies).unwrap();
    (known, watched)
}

#[test]
fn each_way_in_which_a_token_can_be_wrong_is_refused_on_both_protocols() {
    let dir = tempfile::tempdir().unwrap();
    let (signer, stranger) = (Signer::new("one"), Signer::new("one"));
    let public = BASE64.encode([7; 256]);
    let rsa = json!({"kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "n": public, "e": "AQAB"});
    let jwks = dir.path().join("jwks.json");
    std::fs::write(&jwks, json!({"keys": [signer.jwk(), rsa]}).to_string()).unwrap();
    let by_aud = Issuer {
        issuer: "https://aud.example".to_owned(),
        audience: vec!["larder".to_owned()],
        client_ids: Vec::new(),
        token_use: None,
        scope_prefix: String::new(),
        jwks_file: Some(jwks.clone()),
        ..issuer()
    };
    let (known, _watched) = knows(vec![Issuer { jwks_file: Some(jwks), ..issuer() }, by_aud], dir.path());
    let server = server(&known);

    let good = |change: &dyn Fn(&mut Value)| signer.token(|_, claims| change(claims));
    let claim = |name: &'static str, value: Value| good(&move |claims| claims[name] = value.clone());
    let without =
        |name: &'static str| good(&move |claims| drop(claims.as_object_mut().unwrap().remove(name)));
    let header = |name: &'static str, value: Value| signer.token(|header, _| header[name] = value);
    let aud = |aud: Value| {
        good(&move |claims| {
            claims["iss"] = "https://aud.example".into();
            claims["aud"] = aud.clone();
            claims["scope"] = json!(["recommend"]);
        })
    };
    let now = seconds_now();
    let valid = signer.token(|_, _| {});
    let mut flipped = valid.clone().into_bytes();
    let last = flipped.len() - 10;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let parts: Vec<&str> = valid.split('.').collect();
    let unsigned = {
        let header = BASE64.encode(json!({"alg": "none", "kid": "one"}).to_string());
        format!("{header}.{}.", parts[1])
    };
    let hs256 = {
        let header = BASE64.encode(json!({"alg": "HS256", "kid": "rsa"}).to_string());
        let text = format!("{header}.{}", parts[1]);
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
        format!("{text}.{}", BASE64.encode(ring::hmac::sign(&key, text.as_bytes())))
    };
    let twice = {
        let text = claims().to_string().replacen('{', &format!("{{\"exp\":{},", now - 600), 1);
        let text = format!("{}.{}", parts[0], BASE64.encode(text));
        let signature = signer.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", BASE64.encode(signature))
    };
    let rows: Vec<(&'static str, String, u16, &'static str)> = vec![
        ("a good token", valid.clone(), 200, ""),
        ("a good token again", valid.clone(), 200, ""),
        ("expired within the leeway", claim("exp", json!(now - 10)), 200, ""),
        ("an end with a fraction", claim("exp", json!(now as f64 + 600.5)), 200, ""),
        ("the other client", claim("client_id", json!("other")), 200, ""),
        ("an audience", aud(json!("larder")), 200, ""),
        ("one of several audiences", aud(json!(["x", "larder"])), 200, ""),
        ("alg none, unsigned", unsigned.clone(), 401, "algorithm"),
        ("alg None", header("alg", json!("None")), 401, "algorithm"),
        ("alg none, with a signature", header("alg", json!("none")), 401, "algorithm"),
        ("HS256 with the RSA public key", hs256, 401, "algorithm"),
        ("RS256 claimed for an EC key", header("alg", json!("RS256")), 401, "algorithm"),
        ("ES384 claimed for P-256", header("alg", json!("ES384")), 401, "algorithm"),
        (
            "no algorithm",
            signer.token(|header, _| drop(header.as_object_mut().unwrap().remove("alg"))),
            401,
            "no token",
        ),
        ("no kid", signer.token(|header, _| drop(header.as_object_mut().unwrap().remove("kid"))), 401, "kid"),
        ("an unknown kid", header("kid", json!("two")), 401, "key"),
        ("a kid like a path", header("kid", json!("../../../../dev/null")), 401, "key"),
        ("a kid like SQL", header("kid", json!("' OR 1=1 --")), 401, "key"),
        ("the kid of another key", header("kid", json!("rsa")), 401, "algorithm"),
        ("a kid that is no text", header("kid", json!(1)), 401, "no token"),
        ("a critical extension", header("crit", json!(["exp"])), 401, "crit"),
        ("a key in the token", signer.token(|header, _| header["jwk"] = stranger.jwk()), 200, ""),
        (
            "by another's key in the token",
            {
                let header = json!({"alg": "ES256", "kid": "one", "jwk": stranger.jwk()});
                stranger.sign(&header, &claims())
            },
            401,
            "signature",
        ),
        ("by another's key", stranger.token(|_, _| {}), 401, "signature"),
        ("a signature with a flipped bit", String::from_utf8(flipped).unwrap(), 401, "signature"),
        ("no signature", format!("{}.{}.", parts[0], parts[1]), 401, "signature"),
        ("two parts", format!("{}.{}", parts[0], parts[1]), 401, "no token"),
        ("four parts", format!("{valid}.{}", parts[2]), 401, "no token"),
        ("padded", format!("{valid}=="), 401, "no token"),
        (
            "claims of another token",
            {
                let other = claim("sub", json!("root"));
                format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2])
            },
            401,
            "signature",
        ),
        ("a wrong issuer", claim("iss", json!("https://issuer.example/other")), 401, "issuer"),
        ("an issuer with a slash", claim("iss", json!(format!("{ISSUER}/"))), 401, "issuer"),
        ("no issuer", without("iss"), 401, "no token"),
        ("no audience", good(&|claims| claims["iss"] = "https://aud.example".into()), 401, "aud"),
        ("a wrong audience", aud(json!("larder2")), 401, "aud"),
        ("no client", without("client_id"), 401, "client_id"),
        ("a wrong client", claim("client_id", json!("7k")), 401, "client_id"),
        ("an id token", claim("token_use", json!("id")), 401, "token_use"),
        ("no use", without("token_use"), 401, "token_use"),
        ("no end", without("exp"), 401, "exp"),
        ("an end in the past", claim("exp", json!(now - 60)), 401, "expired"),
        ("an end that is a text", claim("exp", json!("tomorrow")), 401, "no token"),
        ("two ends", twice, 401, "no token"),
        ("not valid yet", claim("nbf", json!(now + 60)), 401, "nbf"),
        ("valid within the leeway", claim("nbf", json!(now + 10)), 200, ""),
        ("more than 8 KB", claim("pad", json!("x".repeat(8192))), 401, "8192"),
        ("no scope", without("scope"), 403, "scope recommend"),
        ("a scope without its prefix", claim("scope", json!("recommend")), 403, "scope recommend"),
        ("a scope that is longer", claim("scope", json!("larder/recommender")), 403, "scope recommend"),
        (
            "nobody's",
            good(&|claims| {
                for name in ["sub", "client_id"] {
                    claims.as_object_mut().unwrap().remove(name);
                }
                claims["iss"] = "https://aud.example".into();
                claims["aud"] = "larder".into();
            }),
            401,
            "sub",
        ),
    ];
    assert!(rows.len() >= 40);
    let mut cases: Vec<Case> = rows
        .iter()
        .map(|(name, token, status, says)| {
            case(name, &[("authorization", &format!("Bearer {token}"))], "{}", *status, says)
        })
        .collect();
    cases.push(case("a token in x-api-key", &[("x-api-key", &valid)], "{}", 200, ""));
    for case in &cases {
        case.check(&server);
    }
    // The issuer gives fewer placements and scopes than the token asks for.
    let headers = ["content-type: application/json", &format!("authorization: Bearer {valid}")];
    let other = server.send("POST", "/v1/placements/home.popular:recommend", &headers, b"{}");
    assert_eq!(other.status, 403, "{other:?}");
    assert_eq!(server.send("POST", "/v1/events:record", &headers, b"{}").status, 403);
}

#[test]
fn tokens_signed_with_rsa_are_taken() {
    let Some(pki) = Pki::new("tokens_signed_with_rsa_are_taken") else { return };
    pki.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    pki.openssl("pkey -in rsa.pem -pubout -outform DER -out rsa.der");
    // The modulus of a key of 2048 bits stands at the end, before its exponent (2, 3, 65537).
    let der = std::fs::read(pki.path("rsa.der")).unwrap();
    let modulus = &der[der.len() - 256 - 5..der.len() - 5];
    let jwk = json!({"kty": "RSA", "kid": "rsa", "n": BASE64.encode(modulus), "e": "AQAB"});
    std::fs::write(pki.path("jwks.json"), json!({"keys": [jwk]}).to_string()).unwrap();
    let header = BASE64.encode(json!({"alg": "RS256", "kid": "rsa"}).to_string());
    let text = format!("{header}.{}", BASE64.encode(claims().to_string()));
    std::fs::write(pki.path("text"), &text).unwrap();
    pki.openssl("dgst -sha256 -sign rsa.pem -out signature text");
    let token = format!("{text}.{}", BASE64.encode(std::fs::read(pki.path("signature")).unwrap()));
    let (known, _watched) =
        knows(vec![Issuer { jwks_file: Some(pki.path("jwks.json")), ..issuer() }], pki.dir());
    let principal = known.authenticate(&bearer(&token), None, &Memory::default()).unwrap();
    assert_eq!(principal.name(), "token:web@issuer.example/pool");
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([("authorization".parse().unwrap(), value)])
}

#[test]
fn keys_are_fetched_kept_on_disk_and_fetched_again_for_an_unknown_one_but_not_for_each() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let asked = Arc::new(AtomicUsize::new(0));
    let url = serve_once_each(Arc::clone(&asked), vec![json!({"keys": [old.jwk()]}).to_string()]);
    let at = || vec![Issuer { jwks_url: Some(url.clone()), ..issuer() }];
    let (known, mut watched) = knows(at(), dir.path());
    let is_good = |known: &Authenticator, signer: &Signer| {
        known.authenticate(&bearer(&signer.token(|_, _| {})), None, &Memory::default()).is_ok()
    };
    assert!(!is_good(&known, &old), "nothing is fetched for a request");
    assert!(watched[0].look().unwrap().unwrap().starts_with("1 keys"));
    assert!(is_good(&known, &old));
    for _ in 0..1000 {
        assert!(!is_good(&known, &new));
        assert!(watched[0].look().is_none(), "not due yet, whoever wants it");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let (known, mut watched) = knows(at(), dir.path());
    assert!(is_good(&known, &old), "from the copy, without the issuer");
    let said = watched[0].look().unwrap().unwrap_err();
    assert!(said.contains("cannot be fetched") && said.contains(&url), "{said}");
    assert!(is_good(&known, &old), "an issuer that is away changes nothing");
}

/// Answers each request with one of these, and then hangs up on all.
fn serve_once_each(asked: Arc<AtomicUsize>, answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(body) = answers.get(asked.fetch_add(1, Ordering::Relaxed)) else { continue };
            let mut seen = Vec::new();
            let mut byte = [0];
            while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
                seen.push(byte[0]);
            }
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    url
}

#[test]
fn a_copy_that_others_can_write_is_not_believed() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let signer = Signer::new("one");
    let answers = vec![json!({"keys": [signer.jwk()]}).to_string()];
    let url = serve_once_each(Arc::default(), answers);
    let at = || vec![Issuer { jwks_url: Some(url.clone()), ..issuer() }];
    let (_, mut watched) = knows(at(), dir.path());
    watched[0].look().unwrap().unwrap();
    let copy = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let is_good = || {
        let known = knows(at(), dir.path()).0;
        known.authenticate(&bearer(&signer.token(|_, _| {})), None, &Memory::default()).is_ok()
    };
    assert!(is_good());
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(!is_good());
}

#[test]
fn a_token_ends_when_its_issuers_key_does() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let jwks = dir.path().join("jwks.json");
    let put = |signer: &Signer| std::fs::write(&jwks, json!({"keys": [signer.jwk()]}).to_string()).unwrap();
    put(&old);
    let all = Issuer { all_scopes: true, jwks_file: Some(jwks.clone()), ..issuer() };
    let all = Issuer { rights: Rights { rps: Some(5), ..all.rights.clone() }, ..all };
    let (known, mut watched) = knows(vec![all], dir.path());
    let headers = bearer(&old.token(|_, claims| claims["scope"] = Value::Null));
    let memory = Memory::default();
    let principal = known.authenticate(&headers, None, &memory).unwrap();
    assert!(principal.may(Scope::Rank) && !principal.may(Scope::Admin), "what the issuer gives, and no more");
    put(&new);
    watched[0].look().unwrap().unwrap();
    let said = known.authenticate(&headers, None, &memory).unwrap_err().to_string();
    assert!(said.contains("key"), "{said}");
    std::fs::write(&jwks, "<html>").unwrap();
    watched[0].look().unwrap().unwrap_err();
    known.authenticate(&bearer(&new.token(|_, _| {})), None, &memory).unwrap();
}
