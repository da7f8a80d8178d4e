//! JSON as the official server reads and writes it.
//!
//! Read: `null` is a field that is not there, and what follows the message is left alone. Written:
//! fields by their names in the protocol, `snake_case`.
//! The messages serialise themselves in `camelCase`, which clients read just as well; people with
//! `curl` and `jq` read only one of the two.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The message in a body.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    let mut body = serde_json::Deserializer::from_slice(body);
    serde_json::from_value(without_nulls(Value::deserialize(&mut body)?))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let given = fields.into_iter().filter(|(_, value)| !value.is_null());
            let given = given.map(|(name, value)| (name, without_nulls(value)));
            Value::Object(given.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// The body of a reply.
pub(super) fn write<T: Serialize>(reply: &T) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&named(serde_json::to_value(reply)?))
}

fn named(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().map(field).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(named).collect()),
        other => other,
    }
}

fn field((name, value): (String, Value)) -> (String, Value) {
    let name = snake(&name);
    let value = match value {
        // The keys of a map are the user's words and stay as they are.
        Value::Object(entries) if MAPS.contains(&name.as_str()) => Value::Object(entries),
        other => named(other),
    };
    (name, value)
}

fn snake(camel: &str) -> String {
    let mut name = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Fields that are maps from a user's key to a text.
const MAPS: &[&str] = &[
    "attributes",
    "attributes_to_headers",
    "headers",
    "headers_to_attributes",
    "metadata",
    "participant_attributes",
    "tags",
];

#[cfg(test)]
mod tests {
    use super::*;
    use livekit_protocol as proto;

    #[test]
    fn fields_have_their_protocol_names_and_map_keys_their_own() {
        let trunk = proto::SipInboundTrunkInfo {
            sip_trunk_id: "ST_1".to_owned(),
            headers_to_attributes: [("X-Tenant".to_owned(), "tenantId".to_owned())].into(),
            ..Default::default()
        };
        let list = proto::ListSipInboundTrunkResponse { items: vec![trunk] };
        let written: Value = serde_json::from_slice(&write(&list).unwrap()).unwrap();
        let trunk = serde_json::json!({
            "sip_trunk_id": "ST_1",
            "headers_to_attributes": { "X-Tenant": "tenantId" },
        });
        assert_eq!(written, serde_json::json!({ "items": [trunk] }));
    }

    #[test]
    fn null_is_nothing_and_what_follows_is_left_alone() {
        let request: proto::ListRoomsRequest = read(br#"{"names":null,"x":[null]} y"#).unwrap();
        assert!(request.names.is_empty());
        assert!(read::<proto::ListRoomsRequest>(b"null").is_err());
        assert!(read::<proto::ListRoomsRequest>(br#"{"names":[null]}"#).is_err());
    }

    #[test]
    fn large_numbers_are_texts_and_nothing_is_an_empty_object() {
        let room = proto::Room {
            creation_time_ms: 1_800_000_000_000,
            ..Default::default()
        };
        assert_eq!(
            write(&room).unwrap(),
            br#"{"creation_time_ms":"1800000000000"}"#
        );
        assert_eq!(write(&proto::DeleteRoomResponse {}).unwrap(), b"{}");
    }
}
