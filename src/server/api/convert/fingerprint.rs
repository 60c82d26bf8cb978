//! Digests of requests: the key of an answer for clients' caches, and the ranking that a page token belongs to.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::domain::{ByteSink, KeyBytes, KeyVisitor as _, Request, RequestKey};
use crate::recommender::{Reuse, Versions};

/// Names the answer to `request`: the same where, and only where, the items are the same. `None` for an answer that is
/// the same for no other request.
pub(in crate::server) fn fingerprint(
    request: &Request,
    versions: Versions<'_>,
    reuse: Reuse,
) -> Option<String> {
    let step = match reuse {
        Reuse::View => None,
        Reuse::Step { number, .. } => Some(number),
        Reuse::Never => return None,
    };
    let mut digest = Digester(Sha256::new());
    let mut bytes = KeyBytes(&mut digest);
    bytes.text(versions.snapshot);
    bytes.text(versions.rules);
    bytes.integer(versions.live_epoch as i64);
    match step {
        Some(step) => bytes.integer(step as i64),
        None => bytes.absent(),
    }
    // Page size as asked for, and not as understood: the same items under two keys are no harm, other items under one
    // are.
    RequestKey::answer(request).visit(&mut bytes);
    // Half of the digest is enough to tell answers apart, and a header is short.
    let half = digest.finish().into_iter().take(16);
    Some(half.fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Names the ranking that `request` asks for a page of: the same for all its pages, however they are shown.
pub(in crate::server) fn ranking_key(request: &Request) -> [u8; 32] {
    let mut digest = Digester(Sha256::new());
    RequestKey::ranking(request).visit(&mut KeyBytes(&mut digest));
    digest.finish()
}

struct Digester(Sha256);

impl Digester {
    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl ByteSink for Digester {
    fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const VERSIONS: Versions<'_> = Versions { snapshot: "s1", rules: "", live_epoch: 0 };

    #[test]
    fn whatever_an_answer_depends_on_changes_its_key() {
        let plain = Request::new("p").viewing("a");
        let key = |request: &Request, versions, reuse| fingerprint(request, versions, reuse).unwrap();
        let base = key(&plain, VERSIONS, Reuse::View);
        let step = |number| Reuse::Step { number, left: Duration::ZERO };
        let others = [
            key(&plain.clone().viewing("b"), VERSIONS, Reuse::View),
            key(&plain.clone().user("u"), VERSIONS, Reuse::View),
            key(&plain, Versions { snapshot: "s2", ..VERSIONS }, Reuse::View),
            key(&plain, Versions { rules: "r1", ..VERSIONS }, Reuse::View),
            key(&plain, Versions { live_epoch: 1, ..VERSIONS }, Reuse::View),
            key(&plain, VERSIONS, step(0)),
            key(&plain, VERSIONS, step(1)),
        ];
        for (at, other) in others.iter().enumerate() {
            assert!(*other != base && !others[..at].contains(other), "{at}");
        }
        assert_eq!(fingerprint(&plain, VERSIONS, Reuse::Never), None);
    }

    #[test]
    fn all_pages_of_a_ranking_have_one_key_and_other_rankings_have_others() {
        let first = Request::new("p").viewing("a").page_size(4);
        let second = Request { offset: 4, item_fields: vec!["title".to_owned()], ..first.clone() };
        assert_eq!(ranking_key(&first), ranking_key(&second));
        assert_ne!(ranking_key(&first), ranking_key(&first.clone().viewing("b")));
    }
}
