//! What is fuzzed of the protocols: readers of what a client sends, as functions over bytes. For `fuzz/` and its tests
//! alone.

use std::sync::{Arc, LazyLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use larder_proto::v1;

use super::convert::{self, PageTokenSeal};
use super::json;
use crate::server::edge::class;
use crate::server::identity::{Algorithm, Audit, Authenticator, Credentials, Issuer, Memory, Rights};

/// A request in JSON, single and of a page, through reading and checking.
pub fn json_request(bytes: &[u8]) {
    let Ok(seal) = PageTokenSeal::new(b"a key for fuzzing") else { return };
    if let Ok(message) = json::read::<v1::RecommendRequest>(bytes) {
        let _ = convert::recommend(message, None, &seal);
    }
    if let Ok(message) = json::read::<v1::BatchRecommendRequest>(bytes) {
        let _ = convert::batch(message, None);
    }
}

/// The class of a caller, out of a message that is not decoded otherwise.
pub fn caller_class(bytes: &[u8]) {
    for method in ["Recommend", "BatchRecommend", "Unknown"] {
        let _ = class::class_of(method, bytes);
    }
}

/// A page token: the text that a client sends, and a text whose seal is sound around whatever bytes.
pub fn page_token(bytes: &[u8]) {
    let Ok(seal) = PageTokenSeal::new(b"a key for fuzzing") else { return };
    for token in [String::from_utf8_lossy(bytes).into_owned(), seal.text_of(bytes)] {
        let message = v1::RecommendRequest {
            placement: "p".to_owned(),
            page_token: Some(token),
            ..v1::RecommendRequest::default()
        };
        let _ = convert::recommend(message, None, &seal);
    }
}

/// What a request shows of its caller: the value of a header, and a token whose header is the first line and whose
/// claims are the rest.
pub fn credential(bytes: &[u8]) {
    static KNOWN: LazyLock<Option<Authenticator>> = LazyLock::new(known);
    let Some(known) = &*KNOWN else { return };
    let parts = bytes.splitn(2, |byte| *byte == b'\n').map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let token = format!("Bearer {}.AA", parts.collect::<Vec<_>>().join("."));
    let x_api_key = HeaderName::from_static("x-api-key");
    for (name, value) in
        [(header::AUTHORIZATION, bytes), (x_api_key, bytes), (header::AUTHORIZATION, token.as_bytes())]
    {
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        let headers = HeaderMap::from_iter([(name, value)]);
        let outcome = known.authenticate(&headers, None, &Memory::default());
        assert!(outcome.is_err(), "nobody has a key, and the issuer has none to sign with");
    }
}

/// An issuer without keys, and nobody else.
fn known() -> Option<Authenticator> {
    let issuer = Issuer {
        issuer: "https://issuer.example".to_owned(),
        jwks_url: None,
        jwks_file: None,
        algorithms: vec![Algorithm::RS256],
        audience: vec!["larder".to_owned()],
        client_ids: Vec::new(),
        token_use: None,
        leeway_s: 30,
        scope_prefix: String::new(),
        all_scopes: false,
        rights: Rights::default(),
    };
    let credentials = Credentials { issuers: vec![issuer], ..Credentials::default() };
    Authenticator::new(&credentials, Arc::new(Audit::open(None).ok()?)).ok()
}
