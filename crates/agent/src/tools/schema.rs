//! Arguments held to their schema, as far as a wrong call can be told from a right one by it: what is
//! required, of which type, and out of which list. What a model wrote nearly right is put right.

use regex::Regex;
use serde_json::Value as Json;

use super::template::plain;
use super::{Arguments, ToolError};

/// Texts a schema may test with a pattern; longer ones are not what it asks for.
const TESTED: usize = 10_000;

/// Reads what a model wrote.
pub(super) fn read(text: &str) -> Result<Arguments, ToolError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Arguments::new());
    }
    match serde_json::from_str(text) {
        Ok(Json::Object(arguments)) => Ok(arguments),
        Ok(Json::Null) => Ok(Arguments::new()),
        Ok(_) => Err(ToolError::NoObject(
            "it is another kind of value".to_owned(),
        )),
        Err(error) => Err(ToolError::NoObject(format!(
            "line {} column {}",
            error.line(),
            error.column()
        ))),
    }
}

/// The arguments that the schema names, each as it wants it.
pub(super) fn hold(mut arguments: Arguments, schema: &Json) -> Result<Arguments, ToolError> {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        return Ok(arguments);
    };
    let required = schema.get("required").and_then(Json::as_array);
    let required: Vec<&str> = required
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let mut held = Arguments::new();
    for (name, rules) in properties {
        let is_required = required.contains(&name.as_str());
        match arguments.remove(name).filter(|value| !value.is_null()) {
            Some(value) => {
                held.insert(name.clone(), put_right(name, value, rules)?);
            }
            None if is_required => {
                let what = format!("the argument `{name}` is missing");
                return Err(ToolError::Argument(what));
            }
            None => {
                if let Some(default) = rules.get("default") {
                    held.insert(name.clone(), default.clone());
                }
            }
        }
    }
    // Others would reach the service without anybody having allowed them.
    Ok(held)
}

fn put_right(name: &str, value: Json, rules: &Json) -> Result<Json, ToolError> {
    let wrong = |what: String| ToolError::Argument(format!("the argument `{name}` {what}"));
    let kind = rules.get("type").and_then(Json::as_str);
    let value = match kind {
        Some(kind) => {
            of_kind(value, kind).ok_or_else(|| wrong(format!("is to be of type {kind}")))?
        }
        None => value,
    };
    if let Some(allowed) = rules.get("enum").and_then(Json::as_array)
        && !allowed.contains(&value)
    {
        let allowed: Vec<String> = allowed.iter().map(plain).collect();
        return Err(wrong(format!("is to be one of: {}", allowed.join(", "))));
    }
    if let (Some(pattern), Some(text)) =
        (rules.get("pattern").and_then(Json::as_str), value.as_str())
        && let Ok(regex) = Regex::new(pattern)
        && !(text.len() <= TESTED && regex.is_match(text))
    {
        return Err(wrong(format!("is to fit the pattern {pattern}")));
    }
    Ok(value)
}

/// The value as this type, if it is one: models write numbers as texts, and the other way round.
fn of_kind(value: Json, kind: &str) -> Option<Json> {
    match (kind, value) {
        ("string", value @ (Json::Number(_) | Json::Bool(_))) => {
            Some(Json::String(value.to_string()))
        }
        ("string", value @ Json::String(_))
        | ("boolean", value @ Json::Bool(_))
        | ("number", value @ Json::Number(_))
        | ("array", value @ Json::Array(_))
        | ("object", value @ Json::Object(_)) => Some(value),
        ("integer", value @ Json::Number(_)) => whole(&value),
        ("integer", Json::String(text)) => text.trim().parse::<i64>().ok().map(Json::from),
        ("number", Json::String(text)) => {
            let number = text.trim().parse::<f64>().ok()?;
            serde_json::Number::from_f64(number).map(Json::Number)
        }
        ("boolean", Json::String(text)) => text.trim().parse::<bool>().ok().map(Json::Bool),
        ("string" | "boolean" | "number" | "integer" | "array" | "object", _) => None,
        (_, value) => Some(value),
    }
}

/// `5.0` is a whole number too.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and small"
)]
fn whole(value: &Json) -> Option<Json> {
    if value.is_i64() || value.is_u64() {
        return Some(value.clone());
    }
    let number = value.as_f64()?;
    let fits = number.fract() == 0.0 && number.abs() < 9e15;
    fits.then(|| Json::from(number as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Json {
        json!({"type": "object", "required": ["number"], "properties": {
            "number": {"type": "string", "pattern": "^[0-9]{6}$"},
            "times": {"type": "integer", "default": 1},
            "how": {"type": "string", "enum": ["van", "post"]},
        }})
    }

    fn held(text: &str) -> Result<Json, String> {
        let arguments = read(text).and_then(|arguments| hold(arguments, &schema()));
        arguments
            .map(Json::Object)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_nearly_right_is_put_right_and_what_nobody_named_is_left_out() {
        let text = r#"{"number": 427193, "times": "2", "how": "van", "admin": true}"#;
        assert_eq!(
            held(text),
            Ok(json!({"number": "427193", "times": 2, "how": "van"}))
        );
        assert_eq!(
            held(r#"{"number": "427193", "how": null}"#),
            Ok(json!({"number": "427193", "times": 1}))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("", "`number` is missing"),
            ("null", "`number` is missing"),
            ("[1]", "no JSON object"),
            ("{number: 1}", "no JSON object"),
            (r#"{"number": "42"}"#, "fit the pattern"),
            (r#"{"number": {"a": 1}}"#, "is to be of type string"),
            (
                r#"{"number": "427193", "times": 1.5}"#,
                "is to be of type integer",
            ),
            (
                r#"{"number": "427193", "how": "bike"}"#,
                "one of: van, post",
            ),
        ] {
            let error = held(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
