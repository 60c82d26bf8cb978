//! Digests of requests: the key of an answer for clients' caches, and the ranking that a page token belongs to.

use std::fmt::Write as _;

use larder_proto::v1;
use prost::Message as _;
use sha2::{Digest, Sha256};

use crate::domain::{ByteSink, KeyBytes, KeyVisitor as _, Request, RequestKey};
use crate::recommender::{Reuse, Versions};

/// Names the answer to `request`: the same where, and only where, the items are the same. `None` for an answer that is
/// the same for no other request.
///
/// From the first event on, the epoch would make it another answer many times a second, though most events are about
/// items that are not in it: there the `items` themselves count, with the properties that were asked for.
pub(in crate::server) fn fingerprint(
    request: &Request,
    versions: Versions<'_>,
    reuse: Reuse,
    items: &[v1::RecommendedItem],
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
    if versions.live_epoch > 0 {
        bytes.open_list(items.len());
        for item in items {
            bytes.text(&item.item_id);
            let properties =
                item.properties.as_ref().map(|properties| properties.encode_to_vec()).unwrap_or_default();
            bytes.integer(properties.len() as i64);
            bytes.0.take(&properties);
        }
        bytes.close_list();
    }
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

    use larder_proto::{Struct, StructField};

    use super::*;

    const VERSIONS: Versions<'_> = Versions { snapshot: "s1", rules: "", live_epoch: 0 };

    #[test]
    fn whatever_an_answer_depends_on_changes_its_key() {
        let plain = Request::new("p").viewing("a");
        let key = |request: &Request, versions, reuse| fingerprint(request, versions, reuse, &[]).unwrap();
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
        assert_eq!(fingerprint(&plain, VERSIONS, Reuse::Never, &[]), None);
    }

    #[test]
    fn once_there_are_events_the_items_count_and_not_the_epoch() {
        let plain = Request::new("p");
        let item = |id: &str, price: f64| {
            let field = StructField { key: "price".to_owned(), value: Some(price.into()) };
            let properties = Some(Struct { fields: vec![field] });
            v1::RecommendedItem { item_id: id.to_owned(), properties, ..v1::RecommendedItem::default() }
        };
        let key = |epoch: u64, items: &[v1::RecommendedItem]| {
            fingerprint(&plain, Versions { live_epoch: epoch, ..VERSIONS }, Reuse::View, items).unwrap()
        };
        let base = key(4, &[item("a", 1.0), item("b", 2.0)]);
        assert_eq!(base, key(9, &[item("a", 1.0), item("b", 2.0)]));
        for other in [
            [item("a", 1.0), item("c", 2.0)],
            [item("b", 2.0), item("a", 1.0)],
            [item("a", 1.5), item("b", 2.0)],
        ] {
            assert_ne!(base, key(4, &other));
        }
    }

    #[test]
    fn all_pages_of_a_ranking_have_one_key_and_other_rankings_have_others() {
        let first = Request::new("p").viewing("a").page_size(4);
        let second = Request { offset: 4, item_fields: vec!["title".to_owned()], ..first.clone() };
        assert_eq!(ranking_key(&first), ranking_key(&second));
        assert_ne!(ranking_key(&first), ranking_key(&first.clone().viewing("b")));
    }
}
