//! What is fuzzed of the protocols: readers of what a client sends, as functions over bytes. For `fuzz/` and its tests
//! alone.

use larder_proto::v1;

use super::convert::{self, PageTokenSeal};
use super::json;
use crate::server::edge::class;

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
