//! The mark in the metadata of a trunk or rule that a file made: names are not unique and ids are
//! the server's, so this is how the file knows its own again, on any server.
//!
//! What the user wrote stays readable for whoever reads the metadata. An object of JSON has one
//! member more, at its beginning; other text stands beside the mark:
//!
//! ```text
//! (nothing)          {"trunkline":"main"}
//! {"tier": "gold"}   {"trunkline":"main","tier": "gold"}
//! gold               {"trunkline":"main","metadata":"gold"}
//! ```

use serde_json::{Map, Value};

/// The member that is the mark.
pub const MEMBER: &str = "trunkline";
/// Where text stands that is no object.
const TEXT: &str = "metadata";

/// The user's metadata with the mark of a key.
pub fn mark(key: &str, metadata: &str) -> String {
    let key = Value::from(key);
    match object(metadata) {
        _ if metadata.is_empty() => format!("{{\"{MEMBER}\":{key}}}"),
        Some(members) if members.is_empty() => {
            format!(
                "{{\"{MEMBER}\":{key},\"{TEXT}\":{}}}",
                Value::from(metadata)
            )
        }
        Some(members) if !members.contains_key(MEMBER) && !is_wrapping(&members) => {
            let rest = metadata.trim_start().strip_prefix('{').unwrap_or_default();
            format!("{{\"{MEMBER}\":{key},{rest}")
        }
        Some(_) | None => {
            format!(
                "{{\"{MEMBER}\":{key},\"{TEXT}\":{}}}",
                Value::from(metadata)
            )
        }
    }
}

/// The key that a mark names.
pub fn key(metadata: &str) -> Option<String> {
    match object(metadata)?.remove(MEMBER)? {
        Value::String(key) => Some(key),
        _ => None,
    }
}

/// The user's own metadata; what has no mark is all the user's.
pub fn unmarked(metadata: &str) -> String {
    let Some(key) = key(metadata) else {
        return metadata.to_owned();
    };
    // As it was written, byte for byte, where nobody has written it anew.
    let prefix = format!("{{\"{MEMBER}\":{}", Value::from(key.as_str()));
    let Some(mut members) = object(metadata) else {
        return metadata.to_owned();
    };
    members.remove(MEMBER);
    if is_wrapping(&members) {
        return match members.remove(TEXT) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
    }
    if members.is_empty() {
        return String::new();
    }
    let rest = metadata.strip_prefix(&prefix);
    match rest.and_then(|rest| rest.strip_prefix(',')) {
        Some(rest) => format!("{{{rest}"),
        None => Value::Object(members).to_string(),
    }
}

/// Whether this is text beside a mark.
fn is_wrapping(members: &Map<String, Value>) -> bool {
    members.len() == 1 && members.get(TEXT).is_some_and(Value::is_string)
}

fn object(metadata: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(metadata).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_stays_one_and_gets_a_member() {
        let marked = mark("main", "{\"tier\": \"gold\"}");
        assert_eq!(marked, "{\"trunkline\":\"main\",\"tier\": \"gold\"}");
        assert_eq!(unmarked(&marked), "{\"tier\": \"gold\"}");
        assert_eq!(mark("main", ""), "{\"trunkline\":\"main\"}");
        let text = mark("main", "gold");
        assert_eq!(text, "{\"trunkline\":\"main\",\"metadata\":\"gold\"}");
        assert_eq!(unmarked(&text), "gold");
    }

    #[test]
    fn what_others_wrote_anew_is_known_all_the_same() {
        let moved = "{ \"tier\":\"gold\", \"trunkline\" : \"main\" }";
        assert_eq!(key(moved).as_deref(), Some("main"));
        assert_eq!(unmarked(moved), "{\"tier\":\"gold\"}");
    }

    #[test]
    fn what_has_no_mark_is_all_the_users() {
        for text in [
            "",
            "gold",
            "{\"a\":1}",
            "{\"trunkline\":7}",
            "[\"trunkline\"]",
        ] {
            assert_eq!(key(text), None, "{text}");
            assert_eq!(unmarked(text), text);
        }
    }

    proptest! {
        #[test]
        fn the_users_metadata_survives(
            name in "[a-z\"\\\\]{1,8}",
            metadata in prop_oneof![
                any::<String>(),
                Just("{}".to_owned()),
                Just("{\"metadata\":\"x\"}".to_owned()),
                Just("{\"trunkline\":\"x\"}".to_owned()),
                "\\{\"a\": ?[0-9]{1,3}, \"metadata\":\"x\"\\}",
            ],
        ) {
            let marked = mark(&name, &metadata);
            prop_assert_eq!(key(&marked), Some(name));
            prop_assert_eq!(unmarked(&marked), metadata);
        }
    }
}
