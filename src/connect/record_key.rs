//! The key that a record has in a stream: who joins by it finds all that has it in one place.

use std::borrow::Cow;

use serde::Deserialize;

use crate::exposure::What;

/// The id that a record of this kind has, of the recommendation or the event; empty for one without.
pub(super) fn key_of(what: What, record: &[u8]) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Ids<'a> {
        #[serde(borrow, default)]
        recommendation_id: Cow<'a, str>,
        #[serde(borrow, default)]
        id: Cow<'a, str>,
    }
    let Ok(ids) = serde_json::from_slice::<Ids<'_>>(record) else { return Cow::default() };
    match what {
        What::Exposures => ids.recommendation_id,
        What::Events => ids.id,
        What::Dead => Cow::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_exposure_is_its_recommendation_and_that_of_an_event_its_id() {
        let shown = br#"{"seq":1,"recommendation_id":"r\u002d1","items":[]}"#;
        assert_eq!(key_of(What::Exposures, shown), "r-1");
        assert_eq!(key_of(What::Exposures, br#"{"seq":1}"#), "");
        assert_eq!(key_of(What::Events, br#"{"recommendation_id":"r-1","id":"e-1"}"#), "e-1");
    }
}
