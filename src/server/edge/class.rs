//! Traffic classes: their priority, their metric label, and how to read one from a message without decoding the rest.

use prost::Message as _;

use larder_proto::v1::recommend_request::TrafficClass as Message;

use crate::domain::TrafficClass;

/// Number of traffic classes.
pub(crate) const CLASSES: usize = 3;

/// The classes by priority: the first is served first and refused last.
pub(crate) const BY_PRIORITY: [TrafficClass; CLASSES] =
    [TrafficClass::Live, TrafficClass::Shadow, TrafficClass::Synthetic];

/// The priority of a class, which is its index in [`BY_PRIORITY`].
pub(crate) fn priority(class: TrafficClass) -> usize {
    match class {
        TrafficClass::Live => 0,
        TrafficClass::Shadow => 1,
        TrafficClass::Synthetic => 2,
    }
}

/// The value of the metric label `class`.
pub(crate) fn label(class: TrafficClass) -> &'static str {
    match class {
        TrafficClass::Live => "LIVE",
        TrafficClass::Shadow => "SHADOW",
        TrafficClass::Synthetic => "SYNTHETIC",
    }
}

/// The one field of `RecommendRequest` that is read here.
#[derive(prost::Message)]
struct One {
    #[prost(int32, tag = "14")]
    traffic_class: i32,
}

/// The one field of `BatchRecommendRequest` that is read here.
#[derive(prost::Message)]
struct Batch {
    #[prost(int32, tag = "8")]
    traffic_class: i32,
}

/// The class of an encoded request to `method`; LIVE if the message does not say, or does not decode.
///
/// prost skips the fields that it does not know, so this costs a scan of the bytes and no allocation.
pub(crate) fn class_of(method: &str, message: &[u8]) -> TrafficClass {
    // The field has another number in each message; the numbers are part of the contract and never change.
    let number = match method {
        "BatchRecommend" => Batch::decode(message).map(|message| message.traffic_class),
        _ => One::decode(message).map(|message| message.traffic_class),
    };
    // Live where in doubt: to refuse a person is worse than to serve a test. What does not decode is refused by the
    // handler, with a reason.
    number.ok().and_then(traffic_class).unwrap_or_default()
}

/// The class for a number of the API's enum; `None` for a number that this version does not know.
pub(crate) fn traffic_class(number: i32) -> Option<TrafficClass> {
    Some(match Message::try_from(number).ok()? {
        Message::Unspecified | Message::Live => TrafficClass::Live,
        Message::Synthetic => TrafficClass::Synthetic,
        Message::Shadow => TrafficClass::Shadow,
    })
}

#[cfg(test)]
mod tests {
    use larder_proto::v1;
    use larder_proto::v1::recommend_request::TrafficClass as Class;

    use super::*;

    #[test]
    fn classes_are_listed_by_priority() {
        for (index, class) in BY_PRIORITY.into_iter().enumerate() {
            assert_eq!(priority(class), index);
        }
    }

    #[test]
    fn the_class_is_read_out_of_whole_messages() {
        for (class, expected) in [
            (Class::Unspecified, TrafficClass::Live),
            (Class::Live, TrafficClass::Live),
            (Class::Shadow, TrafficClass::Shadow),
            (Class::Synthetic, TrafficClass::Synthetic),
        ] {
            let one = v1::RecommendRequest {
                placement: "p".to_owned(),
                page_size: Some(8),
                traffic_class: class as i32,
                ..Default::default()
            };
            assert_eq!(class_of("Recommend", &one.encode_to_vec()), expected);
            let batch = v1::BatchRecommendRequest {
                slots: vec![v1::BatchSlot::default(); 3],
                traffic_class: class as i32,
                ..Default::default()
            };
            assert_eq!(class_of("BatchRecommend", &batch.encode_to_vec()), expected);
        }
        for garbage in [&b"\xff\xff\xff"[..], b"", &[14 << 3, 99]] {
            assert_eq!(class_of("Recommend", garbage), TrafficClass::Live);
        }
    }
}
