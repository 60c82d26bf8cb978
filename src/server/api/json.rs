//! Reads JSON bodies, and says what is wrong with them in words that help.

use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::feature::nearest;
use crate::server::problem::{Kind, Problem, did_you_mean};

/// Reads a message. An empty body is an empty message.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        invalid(format!("the body is not UTF-8: the bytes from {} on are no character", error.valid_up_to()))
    })?;
    let text = if text.trim().is_empty() { "{}" } else { text };
    match parse(text) {
        // proto3 JSON: null stands for an absent field, in lists and scalars too.
        // Only after a failure: the detour over a tree would double the cost of every request for the few that have
        // nulls.
        Err(problem) if problem.detail.contains("invalid type: null") => {
            let mut tree: serde_json::Value = serde_json::from_str(text).map_err(|_| problem)?;
            drop_nulls(&mut tree);
            parse(&tree.to_string())
        }
        outcome => outcome,
    }
}

/// Refuses a body that says it is something else than JSON. No content type, or that of `curl -d`, is fine.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let full = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let essence = full.split(';').next().unwrap_or_default().trim();
    let fine = matches!(essence, "" | "text/plain" | "text/json" | "application/x-www-form-urlencoded");
    if fine || essence.ends_with("/json") || essence.ends_with("+json") {
        return Ok(());
    }
    Err(Problem::new(Kind::UnsupportedMediaType, format!("content-type is {full:?}; send application/json")))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_str(text);
    // serde_json alone knows the line and not the field.
    let message = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = spell(error.path());
        explain(path, error.into_inner())
    })?;
    // Two objects in one body are two requests of which one would be dropped without a word.
    reader.end().map_err(|error| {
        invalid(format!(
            "something follows the JSON object at line {} column {}",
            error.line(),
            error.column()
        ))
    })?;
    Ok(message)
}

fn explain(path: String, error: serde_json::Error) -> Problem {
    let place = format!("line {} column {}", error.line(), error.column());
    let text = error.to_string();
    // serde_json ends its message with the place, which is said here in other words.
    let reason = text.split(" at line ").next().unwrap_or(&text);
    if error.classify() != Category::Data {
        return invalid(format!("malformed JSON at {place}: {reason}"));
    }
    // serde: "unknown field `x`, expected one of `a`, `b`"; both spellings of each name are listed.
    let mut quoted = reason.split('`').skip(1).step_by(2);
    let detail = match quoted.next() {
        Some(given) if reason.starts_with("unknown field") => {
            let names = quoted.filter(|name| !name.contains('_') || given.contains('_'));
            format!("no such field: {given:?}{}", did_you_mean(nearest(given, names)))
        }
        Some(given) if reason.starts_with("unknown variant") => {
            format!("no such value: {given:?}{}", did_you_mean(nearest(given, quoted)))
        }
        Some(given) if reason.starts_with("duplicate field") => format!("{given:?} is given twice"),
        _ => reason.to_owned(),
    };
    let detail = format!("{detail} ({place})");
    if path.is_empty() { invalid(detail) } else { Problem::invalid(path, detail) }
}

fn invalid(detail: String) -> Problem {
    Problem::new(Kind::InvalidArgument, detail)
}

fn spell(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Segment::Unknown => {}
        }
    }
    text
}

fn drop_nulls(tree: &mut serde_json::Value) {
    match tree {
        serde_json::Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use larder_proto::v1;

    use super::*;

    fn refused(body: &[u8]) -> Problem {
        read::<v1::RecommendRequest>(body).unwrap_err()
    }

    #[test]
    fn a_request_can_be_spelled_in_either_case_with_nulls_and_comes_out_the_same() {
        let camel: v1::RecommendRequest =
            read(br#"{"pageSize": 3, "seedItems": [{"itemId": "a"}]}"#).unwrap();
        let snake: v1::RecommendRequest = read(
            br#"{"page_size": 3, "seed_items": [{"item_id": "a", "weight": null}], "itemFields": null}"#,
        )
        .unwrap();
        assert_eq!(camel, snake);
        assert_eq!(camel.page_size, Some(3));
    }

    #[test]
    fn errors_name_the_field_and_the_place() {
        let problem = refused(br#"{"seedItems": [{"itemId": "a"}, {"itemIdd": "b"}]}"#);
        assert_eq!(problem.field.as_deref(), Some("seedItems[1].itemIdd"));
        assert!(problem.detail.contains(r#"did you mean "itemId"?"#), "{}", problem.detail);

        let problem = refused(br#"{"pageSize": "many"}"#);
        assert_eq!(problem.field.as_deref(), Some("pageSize"));

        let problem = refused(br#"{"view": "DEBUGG"}"#);
        assert_eq!(problem.field.as_deref(), Some("view"));
        assert!(problem.detail.contains(r#"did you mean "DEBUG"?"#), "{}", problem.detail);

        let problem = refused(br#"{"seedItems": {"itemId": "a"}}"#);
        assert_eq!(problem.field.as_deref(), Some("seedItems"));
        assert!(problem.detail.starts_with("invalid type: map, expected a sequence"), "{}", problem.detail);

        let problem = refused(br#"{"pageSize": 1, "page_size": 2}"#);
        assert!(problem.detail.contains("is given twice"), "{}", problem.detail);
    }

    #[test]
    fn text_that_is_not_json_is_told_where() {
        assert!(refused(b"{\"pageSize\": ").detail.starts_with("malformed JSON at line 1 column 13"));
        assert!(refused(b"{} {}").detail.starts_with("something follows the JSON object"));
        assert!(refused(b"{\"placement\": \"\xff\"}").detail.contains("not UTF-8: the bytes from 15 on"));
        assert!(refused(&[b'['; 100_000]).detail.len() < 200);
    }

    #[test]
    fn only_an_obviously_different_content_type_is_refused() {
        for (value, fine) in [
            ("application/json; charset=utf-8", true),
            ("application/x-www-form-urlencoded", true),
            ("application/vnd.shop+json", true),
            ("application/x-protobuf", false),
            ("text/xml", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
            assert_eq!(check_content_type(&headers).is_ok(), fine, "{value}");
        }
    }
}
