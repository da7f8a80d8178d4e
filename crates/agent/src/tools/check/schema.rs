//! The JSON schema of a tool's arguments, as far as a tool's is ever wrong.

use serde_json::Value as Json;
use trunkline_service::config::{Spanned, nearest};

use super::Checker;

const TYPES: &[&str] = &["string", "number", "integer", "boolean", "array", "object"];

impl Checker<'_> {
    pub(super) fn schema(&mut self, spanned: &Spanned<Json>) {
        let schema = &spanned.value;
        let is_object = schema.get("type").and_then(Json::as_str) == Some("object");
        let properties = schema.get("properties").and_then(Json::as_object);
        let (true, Some(properties)) = (is_object, properties) else {
            let remedy = "write {type: object, properties: {name: {type: string}}}".to_owned();
            let what = "this is no schema of arguments";
            self.report.at(self.source, spanned, what, remedy);
            return;
        };
        for (name, rules) in properties {
            self.property(name, rules, spanned);
        }
        let required = schema.get("required").map(|required| required.as_array());
        if required == Some(None) {
            let remedy = "write a list of names".to_owned();
            self.report
                .at(self.source, spanned, "`required` is no list", remedy);
        }
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        for name in required.flatten().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if !properties.contains_key(name) {
                let what = format!("`required` names `{name}`, which is no argument");
                let remedy = nearest(name, &names);
                self.report.at(self.source, spanned, what, remedy);
            }
        }
    }

    fn property(&mut self, name: &str, rules: &Json, spanned: &Spanned<Json>) {
        let mut wrong = |what: String, remedy: String| {
            let what = format!("the argument `{name}`: {what}");
            self.report.at(self.source, spanned, what, remedy);
        };
        let Some(rules) = rules.as_object() else {
            let remedy = "write what it is, such as {type: string}".to_owned();
            return wrong("it has no rules".to_owned(), remedy);
        };
        if let Some(kind) = rules.get("type") {
            let kind = kind.as_str().unwrap_or_default();
            if !TYPES.contains(&kind) {
                wrong(format!("`{kind}` is no type"), nearest(kind, TYPES));
            }
        }
        if let Some(allowed) = rules.get("enum")
            && allowed.as_array().is_none_or(Vec::is_empty)
        {
            let remedy = "write a list of values".to_owned();
            wrong("`enum` allows nothing".to_owned(), remedy);
        }
        if let Some(pattern) = rules.get("pattern") {
            let pattern = pattern.as_str().unwrap_or_default();
            if pattern.is_empty() || regex::Regex::new(pattern).is_err() {
                let remedy = "write a regular expression, such as ^[0-9]{6}$".to_owned();
                wrong("its pattern cannot be read".to_owned(), remedy);
            }
        }
    }
}
