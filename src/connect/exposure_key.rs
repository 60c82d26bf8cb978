//! The key that an exposure has in a stream: who joins by it finds all records of a recommendation in one place.

use std::borrow::Cow;

use serde::Deserialize;

/// The id of the recommendation that a record is about; empty for one without.
pub(super) fn key_of(record: &[u8]) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow, default)]
        recommendation_id: Cow<'a, str>,
    }
    serde_json::from_slice::<Id<'_>>(record).map(|record| record.recommendation_id).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_exposure_is_its_recommendation() {
        assert_eq!(key_of(br#"{"seq":1,"recommendation_id":"r\u002d1","items":[]}"#), "r-1");
        assert_eq!(key_of(br#"{"seq":1}"#), "");
    }
}
