//! A JSON Schema of `livekit-sip-correct.yaml`, for editors: made from one table, which a test holds
//! to what is really read.

mod keys;

use serde_json::{Map, Value, json};

use keys::Kind::{
    Duration, Flag, NamesOr, Number, Object, Pairs, Section, Sections, Text, Texts, Word,
};
use keys::{FILE, Key, Kind};

/// The schema.
pub(crate) fn schema() -> Value {
    let mut schema = section(FILE);
    if let Some(object) = schema.as_object_mut() {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        object.insert("$schema".to_owned(), draft.into());
        object.insert("title".to_owned(), "livekit-sip-correct.yaml".into());
    }
    schema
}

/// A key that is nothing counts as absent, so nothing is allowed everywhere.
fn section(keys: &[Key]) -> Value {
    let mut properties = Map::new();
    for (key, kind, says) in keys {
        let mut value = of(kind);
        if let Some(object) = value.as_object_mut() {
            object.insert("description".to_owned(), (*says).into());
        }
        properties.insert((*key).to_owned(), value);
    }
    json!({
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}

fn of(kind: &Kind) -> Value {
    // A number that nobody quoted is read as a text.
    let text = json!({ "type": ["string", "number", "null"] });
    let list = |items: Value| json!({ "type": ["array", "null"], "items": items });
    match kind {
        Text => text,
        Texts => list(text),
        // A variable stands in quotes or not.
        Flag => json!({ "type": ["boolean", "string", "null"] }),
        Number => json!({ "type": ["integer", "string", "null"] }),
        Duration => json!({
            "type": ["string", "number", "null"],
            "examples": ["20ms", "30s", "5m", "1h"],
        }),
        Word(words) => json!({
            "anyOf": [{ "enum": words }, { "type": "string", "pattern": "\\$\\{" }, { "type": "null" }],
        }),
        Pairs => json!({
            "type": ["object", "null"],
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        }),
        Section(keys) => section(keys),
        Sections(keys) => list(section(keys)),
        NamesOr(keys) => list(json!({ "anyOf": [{ "type": "string" }, section(keys)] })),
        Object => json!({ "type": ["object", "null"] }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use trunkline_service::config::{Environment, Report, Source};

    use super::keys::*;
    use crate::settings::sip_raw_keys;

    /// The keys that are read at a place, as the message for a key that is not tells them.
    fn read(text: &str) -> BTreeSet<String> {
        let mut report = Report::new();
        let source = Source::new("sip.yaml", text);
        sip_raw_keys(&source, &Environment::default(), &mut report);
        let told = report.to_string();
        let (_, allowed) = told
            .split_once("allowed: ")
            .unwrap_or_else(|| panic!("{text}: {told}"));
        let line = allowed.lines().next().unwrap();
        line.split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn the_schema_has_the_keys_that_are_read_and_no_other() {
        let odd = "qqqqqqqqqqqqqqqqqqqqqqqq: 1";
        for (text, keys) in [
            (odd.to_owned(), FILE),
            (format!("gateway: {{{odd}}}"), GATEWAY),
            (format!("gateway: {{tls: {{{odd}}}}}"), TLS),
            (format!("gateway: {{capture: {{{odd}}}}}"), CAPTURE),
            (format!("gateway: {{capture: {{hep: {{{odd}}}}}}}"), HEP),
            (format!("gateway: {{limits: {{{odd}}}}}"), LIMITS),
            (
                format!("gateway: {{tls: {{peers: [{{host: a, {odd}}}]}}}}"),
                PEER,
            ),
            (format!("trunks: [{{key: a, {odd}}}]"), TRUNK),
            (format!("trunks: [{{key: a, media: {{{odd}}}}}]"), MEDIA),
            (format!("trunks: [{{key: a, auth: {{{odd}}}}}]"), AUTH),
            (format!("numbering: {{{odd}}}"), NUMBERING),
            (
                format!("trunks: [{{key: a, register: {{{odd}}}}}]"),
                REGISTER,
            ),
            (
                format!("outbound: [{{key: a, address: b, {odd}}}]"),
                OUTBOUND,
            ),
            (format!("rules: [{{key: a, {odd}}}]"), RULE),
            (format!("rules: [{{key: a, direct: {{{odd}}}}}]"), DIRECT),
            (
                format!("rules: [{{key: a, individual: {{{odd}}}}}]"),
                INDIVIDUAL,
            ),
            (format!("rules: [{{key: a, callee: {{{odd}}}}}]"), CALLEE),
            (format!("rules: [{{key: a, agents: [{{{odd}}}]}}]"), AGENT),
        ] {
            let ours: BTreeSet<String> = keys.iter().map(|(key, ..)| (*key).to_owned()).collect();
            assert_eq!(
                read(&text),
                ours,
                "left: what is read, right: the schema; {text}"
            );
        }
    }
}
