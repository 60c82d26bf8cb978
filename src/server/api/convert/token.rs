//! The opaque texts of an answer: where the next page begins, and what a click is to be attributed to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::server::edge::limits;
use crate::server::problem::Problem;

/// Where a page begins, and in which snapshot's ranking.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PageToken {
    #[prost(uint32, tag = "1")]
    pub(super) offset: u32,
    #[prost(string, tag = "2")]
    pub(super) snapshot: String,
}

/// What a later click or purchase is attributed to.
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

impl PageToken {
    pub(super) fn encode_text(&self) -> String {
        seal(self)
    }

    pub(super) fn decode(text: &str) -> Result<Self, Problem> {
        open(text)
            .filter(|token: &Self| token.offset <= limits::OFFSET)
            .ok_or_else(|| Problem::invalid("page_token", "is not a next_page_token of this server"))
    }
}

impl Attribution {
    pub(super) fn encode_text(&self) -> String {
        seal(self)
    }
}

const CHECK_BYTES: usize = 4;

fn seal(message: &impl Message) -> String {
    let mut bytes = message.encode_to_vec();
    let check = Sha256::digest(&bytes);
    bytes.extend(check.iter().take(CHECK_BYTES));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open<T: Message + Default>(text: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (message, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_BYTES)?)?;
    let intact = Sha256::digest(message).iter().take(CHECK_BYTES).eq(check);
    intact.then(|| T::decode(message).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_whole_or_not_at_all() {
        let token = PageToken { offset: 40, snapshot: "20261120T030000Z-7f3a9c".to_owned() };
        let text = token.encode_text();
        assert_eq!(PageToken::decode(&text).unwrap(), token);
        for end in 0..text.len() {
            assert!(PageToken::decode(&text[..end]).is_err());
        }
        let far = PageToken { offset: limits::OFFSET + 1, ..token };
        assert!(PageToken::decode(&far.encode_text()).is_err());
    }
}
