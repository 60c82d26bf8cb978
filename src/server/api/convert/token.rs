//! The opaque texts of an answer: where the next page begins, and what a click is to be attributed to.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message;
use sha2::{Digest as _, Sha256};

use super::fingerprint::ranking_key;
use crate::domain::Request;
use crate::recommender::Versions;
use crate::server::edge::limits;
use crate::server::problem::Problem;

/// Bytes of a tag: half a digest, the least that RFC 2104 (section 5) recommends. More makes every token longer.
const TAG_BYTES: usize = 16;
/// Bytes of a random key: as many as the digest has, beyond which a key adds nothing (RFC 2104, section 3).
const RANDOM_KEY_BYTES: usize = 32;

/// Seals page tokens, so that a client can neither make one up nor use it for another request.
#[derive(Clone)]
pub(in crate::server) struct PageTokenSeal(Hmac<Sha256>);

/// Why page tokens cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The operating system gives no random bytes.
    #[error("no random key for page tokens")]
    Random(#[source] getrandom::Error),
    /// The key has a length that HMAC does not take; it takes all.
    #[error("the key for page tokens cannot be used")]
    Key(#[source] hmac::digest::InvalidLength),
}

impl PageTokenSeal {
    /// Seals with this key. Every process that has it can open the tokens.
    pub(in crate::server) fn new(key: &[u8]) -> Result<Self, SealError> {
        Hmac::new_from_slice(key).map(Self).map_err(SealError::Key)
    }

    /// These bytes and their tag, as text.
    pub(in crate::server) fn text_of(&self, bytes: &[u8]) -> String {
        let tag = self.0.clone().chain_update(bytes).finalize().into_bytes();
        // The tag is at the end, where its place is known without parsing anything that is not verified yet.
        URL_SAFE_NO_PAD.encode([bytes, &tag[..TAG_BYTES]].concat())
    }

    /// Seals with a key that no other process has.
    pub(in crate::server) fn random() -> Result<Self, SealError> {
        let mut key = [0; RANDOM_KEY_BYTES];
        getrandom::fill(&mut key).map_err(SealError::Random)?;
        Self::new(&key)
    }
}

impl fmt::Debug for PageTokenSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageTokenSeal") // a key does not belong into logs
    }
}

/// Where a page begins, for which request, and in the ranking of which snapshot and rules.
#[derive(Clone, PartialEq, Message)]
pub(in crate::server) struct PageToken {
    #[prost(uint32, tag = "1")]
    pub(super) offset: u32,
    #[prost(string, tag = "2")]
    snapshot: String,
    /// The first half of [`ranking_key`] of the request, which is enough to tell requests apart: the seal is what keeps
    /// others from being made to fit.
    #[prost(bytes = "vec", tag = "3")]
    ranking: Vec<u8>,
    #[prost(string, tag = "4")]
    rules: String,
}

impl PageToken {
    /// The page of this request's ranking that begins after `offset` items.
    pub(super) fn new(offset: u32, versions: Versions<'_>, request: &Request) -> Self {
        let (snapshot, rules) = (versions.snapshot.to_owned(), versions.rules.to_owned());
        Self { offset, snapshot, ranking: ranking_of(request), rules }
    }

    /// Whether the ranking is still that of the page before. The epoch of live state does not count: it changes many
    /// times a second, and mostly leaves the order alone.
    pub(super) fn is_of(&self, versions: Versions<'_>) -> bool {
        self.snapshot == versions.snapshot && self.rules == versions.rules
    }

    pub(super) fn seal(&self, seal: &PageTokenSeal) -> String {
        seal.text_of(&self.encode_to_vec())
    }

    /// Reads a token that this server, or another with the same key, has made.
    pub(super) fn open(text: &str, seal: &PageTokenSeal) -> Result<Self, Problem> {
        // The limit on the offset is checked again: it may have been higher in the version that made the token.
        let token = opened(text, seal).filter(|token| token.offset <= limits::OFFSET);
        token.ok_or_else(|| {
            let reason =
                "is not a next_page_token of this server, or was altered, or is older than the server's key";
            Problem::invalid("page_token", reason)
        })
    }

    /// Refuses a token of another request.
    pub(super) fn check(&self, request: &Request) -> Result<(), Problem> {
        if self.ranking == ranking_of(request) {
            return Ok(());
        }
        let reason = "is of another request: send it with the request that it was an answer to, in which only \
                      page_size, item_fields, view and traffic_class may differ";
        // Another message than for a forged token: this client is right about its token and wrong about its request.
        Err(Problem::invalid("page_token", reason))
    }
}

fn opened(text: &str, seal: &PageTokenSeal) -> Option<PageToken> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    // Verified first and parsed then: no byte of a forged token reaches the protobuf decoder.
    let (message, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
    // Compares in constant time.
    seal.0.clone().chain_update(message).verify_truncated_left(tag).ok()?;
    PageToken::decode(message).ok()
}

fn ranking_of(request: &Request) -> Vec<u8> {
    // Half of the digest tells rankings apart; the seal keeps anybody from choosing two that have it in common.
    ranking_key(request).into_iter().take(16).collect()
}

/// What a later click or purchase is attributed to. It gives no access to anything, so it is guarded against cuts and
/// not against forgery.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribution {
    /// The 16 bytes of the recommendation id.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) recommendation_id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) placement: String,
    #[prost(string, tag = "3")]
    pub(super) snapshot: String,
}

/// Bytes of the digest at the end of an attribution token.
const CHECK_BYTES: usize = 4;

impl Attribution {
    pub(super) fn encode_text(&self) -> String {
        let mut bytes = self.encode_to_vec();
        let check = Sha256::digest(&bytes);
        bytes.extend(check.iter().take(CHECK_BYTES));
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ResponseView;

    const VERSIONS: Versions<'_> =
        Versions { snapshot: "20261120T030000Z-7f3a9c", rules: "r1", live_epoch: 7 };

    fn sealed_by(key: &str) -> PageTokenSeal {
        PageTokenSeal::new(key.as_bytes()).unwrap()
    }

    fn token() -> PageToken {
        PageToken::new(40, VERSIONS, &Request::new("p"))
    }

    #[test]
    fn a_token_is_of_the_ranking_of_one_snapshot_and_one_set_of_rules() {
        assert!(token().is_of(Versions { live_epoch: 8, ..VERSIONS }));
        assert!(!token().is_of(Versions { snapshot: "20261121T030000Z-000000", ..VERSIONS }));
        assert!(!token().is_of(Versions { rules: "r2", ..VERSIONS }));
    }

    #[test]
    fn a_token_comes_back_whole_or_not_at_all() {
        let text = token().seal(&sealed_by("a"));
        assert_eq!(PageToken::open(&text, &sealed_by("a")).unwrap(), token());
        for end in 0..text.len() {
            PageToken::open(&text[..end], &sealed_by("a")).unwrap_err();
        }
        let far = PageToken { offset: limits::OFFSET + 1, ..token() };
        PageToken::open(&far.seal(&sealed_by("a")), &sealed_by("a")).unwrap_err();
    }

    #[test]
    fn a_token_that_was_altered_or_sealed_with_another_key_is_refused() {
        let bytes = URL_SAFE_NO_PAD.decode(token().seal(&sealed_by("a"))).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            PageToken::open(&URL_SAFE_NO_PAD.encode(altered), &sealed_by("a")).unwrap_err();
        }
        PageToken::open(&token().seal(&sealed_by("b")), &sealed_by("a")).unwrap_err();
        let random = PageTokenSeal::random().unwrap();
        PageToken::open(&token().seal(&random), &PageTokenSeal::random().unwrap()).unwrap_err();
    }

    #[test]
    fn a_token_is_good_for_every_page_of_its_request_and_for_no_other_request() {
        let request = Request::new("p").viewing("a").user("u");
        let token = PageToken::new(40, VERSIONS, &request);
        let same = |change: fn(&mut Request)| {
            let mut other = request.clone();
            change(&mut other);
            token.check(&other).is_ok()
        };
        for change in [
            (|_| {}) as fn(&mut Request),
            |request| request.page_size = Some(3),
            |request| request.offset = 40,
            |request| request.view = ResponseView::Debug,
            |request| request.item_fields.push("title".to_owned()),
        ] {
            assert!(same(change));
        }
        for change in [
            (|request| request.placement.push('q')) as fn(&mut Request),
            |request| request.subject.user_id = Some("other".to_owned()),
            |request| request.context.country = Some("CH".to_owned()),
            |request| request.seeds.clear(),
            |request| request.exclude_item_ids.push("b".to_owned()),
            |request| request.candidate_item_ids.push("b".to_owned()),
            |request| request.filter = Some("price < 5".to_owned()),
            |request| *request = request.clone().event("b"),
        ] {
            assert!(!same(change));
        }
    }
}
