//! The fuzz targets, run from seeds: valid documents, and what becomes of them when bytes are changed, cut and
//! repeated.
//!
//! The changes come from a fixed seed, so a failure here fails everywhere. cargo-fuzz looks further (`fuzz/`).

use std::path::Path;

use fastrand::Rng;

use crate::rankers::bad_models;

#[path = "../../fuzz/targets.rs"]
mod targets;

/// Changed documents for each seed of a target: together some seconds in a build without optimisation.
const CHANGES: usize = 400;

/// Valid documents of a target, and some that are nearly so.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let of_snapshot = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/v1").join(name);
        std::fs::read(path).unwrap()
    };
    match target {
        "predicate" => texts(&[
            r#"in_stock && (price < 20.5 || category in ["tea", "mug"]) && !("b" in tags)"#,
            "year >= -3 && launched > \"2024-01-01\" && category != 'x'",
            "!(!(!(!(in_stock))))",
            "price in [1, 2.5, 1e308] || year in [9223372036854775807]",
        ]),
        "json_request" => texts(&[
            r#"{"placement": "p", "seedItems": [{"itemId": "a", "weight": 2.5, "role": "IN_CART"}], "pageSize": 8,
                "subject": {"userId": "u", "consent": "DENIED"}, "filter": "price < $p", "filterParams": {"p": 3},
                "sessionEvents": [{"itemId": "b", "eventTime": "2026-01-01T00:00:00Z"}], "view": "DEBUG"}"#,
            r#"{"slots": [{"slotId": "s", "request": {"placement": "p", "seedItems": null}}], "deduplicate": true}"#,
            r#"{"filterParams": {"a": {"b": [1, {"c": null}]}}, "itemFields": ["*"]}"#,
        ]),
        "caller_class" => {
            vec![vec![0x70, 2], vec![0x40, 1, 0x0a, 3, 1, 2, 3], vec![0x70, 0xff, 0xff, 0xff, 0xff, 0x0f]]
        }
        "page_token" => {
            texts(&["CCgSCXNuYXBzaG90MRoQAAECAwQFBgcICQoLDA0ODw", "AAAA", "=", "not base64 at all"])
        }
        "credential" => texts(&[
            "Bearer lk_web_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "lk_web_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "Bearer e30.e30.e30",
            "{\"alg\":\"RS256\",\"kid\":\"a\"}\n{\"iss\":\"https://issuer.example\",\"aud\":[\"larder\"],\"exp\":1e99,\
             \"scope\":\"recommend\"}",
        ]),
        "manifest" => vec![of_snapshot("manifest.json")],
        "channel" => texts(&[
            r#"{"snapshot": "20261120T030000Z-7f3a9c", "previous": "a", "published_at": "2026-11-20T03:00:00Z"}"#,
        ]),
        "parquet" => ["catalog", "sessions", "similar", "user_vectors"]
            .map(|name| of_snapshot(&format!("{name}.parquet")))
            .to_vec(),
        "lightgbm" => texts(&[bad_models::LIGHTGBM]),
        "xgboost_json" => texts(&[bad_models::XGBOOST]),
        "xgboost_ubjson" => vec![bad_models::ubjson(&serde_json::from_str(bad_models::XGBOOST).unwrap())],
        "placements" => vec![of_snapshot("placements.toml")],
        "event_record" => texts(&[
            &notified(
                r#"{"detail-type":"x","time":"2026-11-20T08:00:00Z","detail":{"eventName":"MODIFY","tags":["x"],
                    "dynamodb":{"NewImage":{"pk":{"S":"A"},"qty":{"N":"3"}}}}}"#,
            ),
            r#"[{"type":"item.changed","time":1795161600,"item_id":"A","set":{"a":[],"b":1.5},"unset":["c"]},
                {"id":"e","type":"view","time":"2026-11-20T08:00:00Z","item_id":"A","consent":"DENIED"}]"#,
            r#"{"specversion":"1.0","id":"1","source":"s","type":"item.delisted","subject":"A",
                "time":"2026-11-20T08:00:00Z","data_base64":"e30="}"#,
            r#"{"Records":[{"eventName":"ObjectCreated:Put","eventTime":"2026-11-20T08:00:00Z",
                "s3":{"object":{"key":"channels%2Fa.json","sequencer":"0"}}}]}"#,
            r#"{"schema":{},"payload":{"op":"d","before":{"id":1},"after":null,"source":{"ts_ms":1795161600000}}}"#,
        ]),
        other => panic!("{other} has no seeds: name some here"),
    }
}

/// A notification of SNS with this message.
fn notified(message: &str) -> String {
    serde_json::json!({"Type": "Notification", "MessageId": "m", "Message": message}).to_string()
}

#[test]
fn no_parser_of_what_others_send_panics_or_accepts_what_does_not_hold_together() {
    for (name, target) in targets::TARGETS {
        let seeds = seeds(name);
        for (at, seed) in seeds.iter().enumerate() {
            let mut rng = Rng::with_seed(at as u64);
            target(seed);
            target(b"");
            for _ in 0..CHANGES {
                target(&changed(seed, &mut rng));
            }
        }
    }
}

#[test]
fn every_target_has_a_file_for_cargo_fuzz() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    for (name, _) in targets::TARGETS {
        let text = std::fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
        assert!(text.contains(&format!("targets::run(\"{name}\"")), "{name}");
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), targets::TARGETS.len());
}

/// A copy with one to four changes.
fn changed(seed: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.usize(1..=4) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.usize(..bytes.len());
        let end = (at + rng.usize(1..=16)).min(bytes.len());
        match rng.u8(..6) {
            0 => bytes[at] ^= 1 << rng.u8(..8),
            1 => bytes[at] = *rng.choice(b"\x00\xff\x7f\x80{}[]()\",:;=-.0123456789eE\n ").unwrap(),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = rng.usize(..=bytes.len());
                bytes.splice(to..to, piece.repeat(rng.usize(1..=64)));
            }
            _ => {
                for byte in &mut bytes[at..end] {
                    *byte = rng.u8(..);
                }
            }
        }
    }
    bytes
}
