//! The cache key of an answer: everything in a request that can change its items, and the snapshot.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::domain::{Consent, FilterValue, Request};

/// Names the answer to `request` from `snapshot`. The subject counts only where the answer is `personal`.
pub(in crate::server) fn fingerprint(request: &Request, snapshot: &str, personal: bool) -> String {
    let mut print = Print(Sha256::new());
    print.text(snapshot);
    print.text(&request.placement);
    if personal {
        print.option(request.subject.user_id.as_deref());
        print.option(request.subject.visitor_id.as_deref());
        print.option(request.subject.session_id.as_deref());
        print.number(u64::from(request.subject.consent == Consent::Denied));
    }
    print.option(request.context.locale.as_deref());
    print.option(request.context.country.as_deref());
    print.option(request.context.channel.as_deref());
    print.number(request.context.attributes.len() as u64);
    for (name, value) in &request.context.attributes {
        print.text(name);
        print.text(value);
    }
    print.number(request.seeds.len() as u64);
    for seed in &request.seeds {
        print.text(&seed.item_id);
        print.number(seed.role as u64);
        print.number(u64::from(seed.weight.to_bits()));
    }
    print.number(request.session_events.len() as u64);
    for event in &request.session_events {
        print.text(&event.item_id);
        print.option(event.event_type.as_deref());
        print.number(event.event_time_ms.map_or(0, |time| time as u64));
    }
    print.number(request.page_size.map_or(0, |size| size as u64));
    print.number(request.offset as u64);
    print.option(request.filter.as_deref());
    print.number(request.filter_params.len() as u64);
    for (name, value) in &request.filter_params {
        print.text(name);
        print.value(value);
    }
    for ids in [&request.exclude_item_ids, &request.candidate_item_ids, &request.item_fields] {
        print.number(ids.len() as u64);
        ids.iter().for_each(|id| print.text(id));
    }
    print.number(request.view as u64);
    print.finish()
}

struct Print(Sha256);

impl Print {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn option(&mut self, text: Option<&str>) {
        self.number(u64::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn value(&mut self, value: &FilterValue) {
        match value {
            FilterValue::Bool(value) => self.number(u64::from(*value)),
            FilterValue::Number(value) => {
                self.number(2);
                self.number(value.to_bits());
            }
            FilterValue::Text(value) => {
                self.number(3);
                self.text(value);
            }
            FilterValue::List(values) => {
                self.number(4);
                self.number(values.len() as u64);
                values.iter().for_each(|value| self.value(value));
            }
        }
    }

    fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_changes_the_key_and_the_subject_counts_only_when_personal() {
        let plain = Request::new("p").viewing("a");
        let key = |request: &Request, personal| fingerprint(request, "s1", personal);
        assert_eq!(key(&plain, false), key(&plain.clone().user("u"), false));
        assert_ne!(key(&plain, true), key(&plain.clone().user("u"), true));
        assert_ne!(key(&plain, false), key(&plain.clone().viewing("b"), false));
        assert_ne!(key(&plain, false), fingerprint(&plain, "s2", false));
        assert_ne!(key(&plain.clone().page_size(3), false), key(&plain, false));
    }
}
