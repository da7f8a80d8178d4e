//! Texts with places for arguments: `https://api.example.com/parcels/{number}`.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Arguments, Context};

/// A text with places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// An argument, or `call.NAME`: a fact of the call.
    Place(String),
}

/// What names a fact of the call.
const CALL: &str = "call.";

impl Template {
    /// Nothing where a brace has no partner, or nothing between two.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}')?;
            if before.contains('}') || name.contains('{') || name.trim().is_empty() {
                return None;
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Place(name.trim().to_owned()));
            rest = behind;
        }
        if rest.contains('}') {
            return None;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Some(Self { parts })
    }

    /// The arguments it names.
    pub(super) fn arguments(&self) -> BTreeSet<&str> {
        let places = self.parts.iter().filter_map(|part| match part {
            Part::Place(name) if !name.starts_with(CALL) => Some(name.as_str()),
            Part::Place(_) | Part::Text(_) => None,
        });
        places.collect()
    }

    /// The text before the first place.
    pub(super) fn beginning(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            Some(Part::Place(_)) | None => "",
        }
    }

    /// The text with each value put through `each`.
    pub(super) fn fill(
        &self,
        arguments: &Arguments,
        context: &Context,
        each: impl Fn(&str) -> String,
    ) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Place(name) => each(&plain(&value(name, arguments, context))),
        };
        self.parts.iter().map(part).collect()
    }

    /// The same as JSON: a text that is one place keeps the kind of its value.
    pub(super) fn json(&self, arguments: &Arguments, context: &Context) -> Json {
        match self.parts.as_slice() {
            [Part::Place(name)] => value(name, arguments, context),
            _ => Json::String(self.fill(arguments, context, str::to_owned)),
        }
    }
}

fn value(name: &str, arguments: &Arguments, context: &Context) -> Json {
    match name.strip_prefix(CALL) {
        Some(fact) => context.call.named(fact).map_or(Json::Null, Json::String),
        None => arguments.get(name).cloned().unwrap_or_default(),
    }
}

/// A value as text.
pub(super) fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// A value as part of an address: whatever it holds, it stays where it was put.
pub(super) fn encoded(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    value.bytes().map(byte).collect()
}
