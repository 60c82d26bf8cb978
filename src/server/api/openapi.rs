//! The OpenAPI 3.1 document, made from the contract's descriptor so that it cannot say anything else.

use std::collections::HashMap;

use larder_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
};
use serde_json::{Map, Value, json};

use super::query;

/// The whole document.
pub(super) fn document() -> Value {
    let mut schemas = Map::new();
    // The set is part of the program; that it decodes is a test's matter.
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default().file;
    for file in files.iter().filter(|file| file.package().starts_with("larder.")) {
        let comments = Comments::of(file);
        for (i, message) in file.message_type.iter().enumerate() {
            add_message(&mut schemas, &comments, message, message.name(), &[4, i as i32]);
        }
        for (i, declared) in file.enum_type.iter().enumerate() {
            schemas.insert(declared.name().to_owned(), enumeration(declared, comments.at(&[5, i as i32])));
        }
    }
    // The one schema that no message is behind.
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Larder",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What should be shown here? The same messages as over gRPC, in proto3 JSON.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths(),
        // Whether a credential is needed is up to the configuration.
        "security": [{}, {"bearer": []}, {"apiKey": []}],
        "components": {"schemas": schemas, "securitySchemes": security_schemes()},
    })
}

fn security_schemes() -> Value {
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a token of a known issuer."},
        "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    })
}

fn paths() -> Value {
    let placement =
        json!({"name": "placement", "in": "path", "required": true, "schema": {"type": "string"}});
    let user = json!({"name": "user_id", "in": "path", "required": true, "schema": {"type": "string"}});
    let timeout = json!({
        "name": "x-request-timeout-ms", "in": "header", "schema": {"type": "integer", "minimum": 1},
        "description": "How long the answer may take; a shorter time lowers its quality, and it says so.",
    });
    let mut parameters = vec![placement.clone(), timeout.clone()];
    parameters.extend(query::PARAMETERS.iter().map(|(name, description, repeated)| {
        let schema = match *repeated {
            true => json!({"type": "array", "items": {"type": "string"}}),
            false if *name == "n" => json!({"type": "integer", "minimum": 1, "maximum": 100}),
            false => json!({"type": "string"}),
        };
        json!({"name": name, "in": "query", "description": description, "schema": schema})
    }));
    json!({
        "/v1/placements/{placement}:recommend": {"post": {
            "operationId": "recommend",
            "summary": "One slate for one placement.",
            "parameters": [placement, timeout],
            "requestBody": content("RecommendRequest"),
            "responses": responses("RecommendResponse"),
        }},
        "/v1/placements/{placement}/recommendations": {"get": {
            "operationId": "readRecommendations",
            "summary": "One slate that depends on no person; caches may keep it.",
            "description": format!("Parameters `{}NAME` go into `context.attributes`.", query::ATTRIBUTE),
            "parameters": parameters,
            "responses": responses("RecommendResponse"),
        }},
        "/v1/recommendations:batch": {"post": {
            "operationId": "batchRecommend",
            "summary": "All slates of a page, for one subject, from one snapshot.",
            "parameters": [timeout],
            "requestBody": content("BatchRecommendRequest"),
            "responses": responses("BatchRecommendResponse"),
        }},
        "/v1/events:record": {"post": {
            "operationId": "recordEvents",
            "summary": "Applies events, each with its own outcome.",
            "requestBody": content("RecordEventsRequest"),
            "responses": responses("RecordEventsResponse"),
        }},
        "/v1/users/{user_id}:forget": {"post": {
            "operationId": "forgetUser",
            "summary": "Forgets what is known of a user.",
            "parameters": [user],
            "requestBody": content("ForgetUserRequest"),
            "responses": responses("ForgetUserResponse"),
        }},
    })
}

fn content(schema: &str) -> Value {
    json!({"content": {"application/json": {"schema": reference(schema)}}})
}

fn responses(schema: &str) -> Value {
    let mut ok = content(schema);
    ok["description"] = "The answer.".into();
    let problem = json!({
        "description": "What was wrong.",
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    });
    json!({"200": ok, "default": problem})
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "An error, as RFC 9457 has it.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "description": "The kind of error."},
            "title": {"type": "string", "description": "The kind of error, for people."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {
                "type": "string",
                "description": "What is wrong and, where it can be said, what would be right.",
            },
            "field": {"type": "string", "description": "The field at fault, such as `seedItems[3].itemId`."},
        },
    })
}

fn add_message(
    schemas: &mut Map<String, Value>,
    comments: &Comments<'_>,
    message: &DescriptorProto,
    name: &str,
    path: &[i32],
) {
    let entries: HashMap<&str, &DescriptorProto> =
        message.nested_type.iter().map(|m| (m.name(), m)).collect();
    let mut properties = Map::new();
    for (i, field) in message.field.iter().enumerate() {
        let entry = entries.get(last(field.type_name())).filter(|_| field.r#type() == Type::Message);
        let mut schema = match entry {
            // map<string, V>: a nested message of key and value.
            Some(entry) => json!({
                "type": "object",
                "additionalProperties": entry.field.iter().find(|f| f.name() == "value").map(one),
            }),
            None if field.label() == Label::Repeated => json!({"type": "array", "items": one(field)}),
            None => one(field),
        };
        if let Some(text) = comments.at(&child(path, 2, i)) {
            schema["description"] = text.into();
        }
        properties.insert(field.json_name().to_owned(), schema);
    }
    // Closed (`additionalProperties`), as the parser is: a generated client finds a misspelt field before it is sent.
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if let Some(text) = comments.at(path) {
        schema["description"] = text.into();
    }
    schemas.insert(name.to_owned(), schema);
    for (i, declared) in message.enum_type.iter().enumerate() {
        let schema = enumeration(declared, comments.at(&child(path, 4, i)));
        schemas.insert(format!("{name}.{}", declared.name()), schema);
    }
}

/// The schema of a field's value, or of one of its values.
fn one(field: &FieldDescriptorProto) -> Value {
    match field.r#type() {
        Type::Bool => json!({"type": "boolean"}),
        Type::Int32 | Type::Sint32 | Type::Sfixed32 => json!({"type": "integer", "format": "int32"}),
        Type::Uint32 | Type::Fixed32 => json!({"type": "integer", "format": "int32", "minimum": 0}),
        Type::Float => json!({"type": "number", "format": "float"}),
        Type::Double => json!({"type": "number", "format": "double"}),
        Type::Message | Type::Enum => match field.type_name() {
            ".google.protobuf.Struct" => json!({"type": "object", "additionalProperties": true}),
            ".google.protobuf.Value" => json!({}),
            ".google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
            ".google.protobuf.Duration" => json!({"type": "string", "pattern": r"^-?\d+(\.\d+)?s$"}),
            name => reference(name.trim_start_matches(".larder.v1.")),
        },
        // 64-bit integers are strings in proto3 JSON, and so are bytes.
        _ => json!({"type": "string"}),
    }
}

fn enumeration(declared: &EnumDescriptorProto, comment: Option<&str>) -> Value {
    let names: Vec<&str> = declared.value.iter().map(|value| value.name()).collect();
    let mut schema = json!({"type": "string", "enum": names});
    if let Some(text) = comment {
        schema["description"] = text.into();
    }
    schema
}

fn last(type_name: &str) -> &str {
    type_name.rsplit('.').next().unwrap_or_default()
}

fn child(path: &[i32], kind: i32, index: usize) -> Vec<i32> {
    let mut path = path.to_vec();
    path.extend([kind, index as i32]);
    path
}

/// The comments of a proto file by their place in the descriptor.
struct Comments<'a>(HashMap<&'a [i32], String>);

impl<'a> Comments<'a> {
    fn of(file: &'a FileDescriptorProto) -> Self {
        let places = file.source_code_info.iter().flat_map(|info| &info.location);
        let text = |place: &prost_types::source_code_info::Location| {
            place.leading_comments().lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
        };
        Self(
            places
                .map(|place| (place.path.as_slice(), text(place)))
                .filter(|(_, text)| !text.is_empty())
                .collect(),
        )
    }

    fn at(&self, path: &[i32]) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_documented_and_every_reference_leads_somewhere() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        assert!(schemas.contains_key("RecommendRequest") && schemas.contains_key("SeedItem.Role"));
        for (name, schema) in schemas {
            for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
                assert!(schema["description"].is_string(), "{name}.{field} says nothing");
            }
        }
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name} is not there");
        }
        assert_eq!(
            document["components"]["schemas"]["RecommendRequest"]["properties"]["pageSize"]["type"],
            "integer"
        );
    }
}
