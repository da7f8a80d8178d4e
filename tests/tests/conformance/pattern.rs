//! What an answer must look like: JSON in which `<...>` stands for what changes from run to run.

use serde_json::Value;

/// A key that may be absent.
const MAY_BE: &str = "<opt>";

/// Where and how a value does not fit, or nothing when it does. Every key counts.
pub(crate) fn misfit(pattern: &Value, value: &Value) -> Option<String> {
    at("", pattern, value)
}

fn at(path: &str, pattern: &Value, value: &Value) -> Option<String> {
    match (pattern, value) {
        (Value::Object(wanted), Value::Object(found)) => {
            let strange = found.keys().find(|key| !wanted.contains_key(*key));
            if let Some(key) = strange {
                return Some(format!("{path}/{key} is {}", found[key]));
            }
            wanted
                .iter()
                .find_map(|(key, pattern)| match found.get(key) {
                    Some(value) => at(&format!("{path}/{key}"), pattern, value),
                    None if pattern == MAY_BE => None,
                    None => Some(format!("{path}/{key} is absent")),
                })
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let mut pairs = wanted.iter().zip(found).enumerate();
            pairs.find_map(|(index, (pattern, value))| {
                at(&format!("{path}/{index}"), pattern, value)
            })
        }
        (Value::String(pattern), value) if stands_for(pattern, value) => None,
        _ if pattern == value => None,
        _ => Some(format!("{path} is {}", short(value))),
    }
}

/// `<any>` is anything, `<opt>` anything or nothing, `<ST_>` an identifier, `<~text>` a text that holds another.
fn stands_for(pattern: &str, value: &Value) -> bool {
    let Some(inner) = pattern
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
    else {
        return value.as_str() == Some(pattern);
    };
    match (inner, value) {
        ("any" | "opt", _) => true,
        (prefix, Value::String(text)) if prefix.ends_with('_') => {
            text.starts_with(prefix) && text.len() >= prefix.len() + 12
        }
        (inner, Value::String(text)) => match inner.strip_prefix('~') {
            Some(part) => text.contains(part),
            None => text == pattern,
        },
        _ => false,
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::misfit;
    use serde_json::json;

    #[test]
    fn every_key_counts_and_places_are_named() {
        let pattern = json!({"sid": "<RM_>", "n": 1, "list": [{"a": "<any>"}]});
        let fits = json!({"sid": "RM_abcdefghijkl", "n": 1, "list": [{"a": 7}]});
        assert_eq!(misfit(&pattern, &fits), None);
        let place = |value| misfit(&pattern, &value).unwrap();
        assert_eq!(place(json!({"n": 1, "list": []})), "/sid is absent");
        let strange = json!({"sid": "RM_abcdefghijkl", "n": 1, "x": 2, "list": []});
        assert_eq!(place(strange), "/x is 2");
        let wrong = json!({"sid": "RM_short", "n": 1, "list": []});
        assert_eq!(place(wrong), "/sid is \"RM_short\"");
        assert_eq!(misfit(&json!("<~b>"), &json!("abc")), None);
    }
}
