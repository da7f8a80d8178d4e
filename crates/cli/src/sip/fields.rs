//! Entries field by field, in the API's own JSON: what the file says over what is there, and what
//! that changes.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use trunkline_sip::routing::{mark, normalise};

use super::entry::Entry;

/// A difference. Secrets are not in it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Field {
    pub(crate) field: String,
    pub(crate) from: Value,
    pub(crate) to: Value,
}

/// Fields of the server's own, and the old spelling of another.
const NOT_SAID: &[&str] = &[
    "sipTrunkId",
    "sipDispatchRuleId",
    "createdAt",
    "updatedAt",
    "mediaEncryption",
    "ringingTimeoutStatus",
];

/// Values that nobody is shown.
const SECRET: &[&str] = &["authPassword", "pin"];

/// An object whose members stand by themselves: the file speaks of agents and may leave the rest.
const PARTED: &str = "roomConfig";

/// What is there, with what the file says over it. What the file said the last time and says no
/// more is gone.
pub(crate) fn over<E: Entry>(there: &E, wanted: &E, before: Option<&E>) -> E {
    let mut laid = object(there);
    let before = before.map(object).unwrap_or_default();
    lay::<E>(&mut laid, &object(wanted), &before, E::SAID);
    // What LiveKit cannot read back it has not written.
    serde_json::from_value(Value::Object(laid))
        .unwrap_or_else(|_| wanted.clone().with_id(there.id().to_owned()))
}

fn lay<E: Entry>(
    there: &mut Map<String, Value>,
    wanted: &Map<String, Value>,
    before: &Map<String, Value>,
    said: &[&str],
) {
    let names: BTreeSet<String> = there
        .keys()
        .chain(wanted.keys())
        .chain(before.keys())
        .cloned()
        .collect();
    for name in names {
        if NOT_SAID.contains(&name.as_str()) {
            continue;
        }
        if name == PARTED {
            let members = |map: &Map<String, Value>| match map.get(PARTED) {
                Some(Value::Object(members)) => members.clone(),
                _ => Map::new(),
            };
            let mut inner = members(there);
            lay::<E>(&mut inner, &members(wanted), &members(before), &["agents"]);
            if inner != members(there) {
                there.insert(name, Value::Object(inner));
            }
            continue;
        }
        match wanted.get(&name) {
            Some(value)
                if there
                    .get(&name)
                    .is_some_and(|one| alike::<E>(&name, one, value)) => {}
            Some(value) => drop(there.insert(name, value.clone())),
            None if said.contains(&name.as_str()) || before.contains_key(&name) => {
                there.remove(&name);
            }
            None => {}
        }
    }
}

/// The differences between two, for people.
pub(crate) fn differences<E: Entry>(from: Option<&E>, to: Option<&E>) -> Vec<Field> {
    let from = from.map(object).unwrap_or_default();
    let to = to.map(object).unwrap_or_default();
    let mut found = Vec::new();
    compare::<E>("", &from, &to, &mut found);
    found
}

fn compare<E: Entry>(
    path: &str,
    from: &Map<String, Value>,
    to: &Map<String, Value>,
    found: &mut Vec<Field>,
) {
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        if path.is_empty() && NOT_SAID.contains(&name.as_str()) {
            continue;
        }
        let (one, other) = (from.get(name), to.get(name));
        let (one, other) = (one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null));
        if alike::<E>(name, one, other) || is_nothing(one) && is_nothing(other) {
            continue;
        }
        let field = format!("{path}{name}");
        match (one, other) {
            (Value::Object(from), Value::Object(to)) => {
                compare::<E>(&format!("{field}."), from, to, found);
            }
            _ => found.push(Field {
                field,
                from: told(name, one),
                to: told(name, other),
            }),
        }
    }
}

/// A value as it may be shown.
fn told(name: &str, value: &Value) -> Value {
    if SECRET.contains(&name) && !is_nothing(value) {
        return Value::from("(secret)");
    }
    match value {
        Value::Object(members) => {
            let shown = members
                .iter()
                .map(|(name, value)| (name.clone(), told(name, value)));
            Value::Object(shown.collect())
        }
        Value::String(text) if name == "metadata" => Value::from(mark::unmarked(text)),
        other => other.clone(),
    }
}

/// Whether two values of a field mean the same: lists of texts in any order, and a trunk's
/// numbers however they are written. A rule's are compared as text, as LiveKit does.
fn alike<E: Entry>(name: &str, one: &Value, other: &Value) -> bool {
    if let (Value::Array(one), Value::Array(other)) = (one, other) {
        let spelt = |text: &str| {
            if E::SPELT.contains(&name) {
                normalise(text)
            } else {
                text.to_owned()
            }
        };
        let plain = |list: &[Value]| -> Option<Vec<String>> {
            let texts = list.iter().map(|value| value.as_str().map(spelt));
            let mut texts: Vec<String> = texts.collect::<Option<_>>()?;
            texts.sort();
            Some(texts)
        };
        if let (Some(one), Some(other)) = (plain(one), plain(other)) {
            return one == other;
        }
    }
    one == other
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text == "0s",
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
    }
}

fn object<E: Entry>(entry: &E) -> Map<String, Value> {
    match serde_json::to_value(entry) {
        Ok(Value::Object(object)) => object,
        Ok(_) | Err(_) => Map::new(),
    }
}
