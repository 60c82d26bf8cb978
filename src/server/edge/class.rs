//! The class of a caller, out of a message that is not to be decoded otherwise.

use prost::Message as _;

use larder_proto::v1::recommend_request::TrafficClass as Message;

use crate::domain::TrafficClass;

/// `RecommendRequest`, as far as it is read here.
#[derive(prost::Message)]
struct One {
    #[prost(int32, tag = "14")]
    traffic_class: i32,
}

/// `BatchRecommendRequest`, as far as it is read here.
#[derive(prost::Message)]
struct Batch {
    #[prost(int32, tag = "8")]
    traffic_class: i32,
}

/// Who calls `method` of the service with this message; live if the message does not say, or does not decode.
pub(crate) fn class_of(method: &str, message: &[u8]) -> TrafficClass {
    let number = match method {
        "BatchRecommend" => Batch::decode(message).map(|message| message.traffic_class),
        _ => One::decode(message).map(|message| message.traffic_class),
    };
    number.ok().and_then(traffic_class).unwrap_or_default()
}

/// The class that a number of the API's enum stands for; `None` for a number that this version does not know.
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
