//! Web services.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};
use trunkline_service::config::{Spanned, nearest};

use super::{Checker, READY, is_name};
use crate::tools::Filler;
use crate::tools::http::{Auth, Exchange, HttpTool, is_fixed};
use crate::tools::raw::{RawAuth, RawTool};
use crate::tools::template::Template;

/// How long a web service may take: longer than this is an awkward silence.
const TIMEOUT: Duration = Duration::from_secs(5);

/// When the caller is told that it takes a moment.
const SAY_AFTER: Duration = Duration::from_millis(700);

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Tries again, at most: a caller is waiting.
const MOST_RETRIES: u32 = 5;

impl Checker<'_> {
    pub(super) fn tool(&mut self, name: &str, spanned: &Spanned<RawTool>) -> Option<HttpTool> {
        let raw = &spanned.value;
        let before = self.report.problems().len();
        if READY.contains(&name) || !is_name(name) {
            let remedy = "use letters, digits, _ and -, and no name of a built-in tool".to_owned();
            let what = format!("no tool of yours can be called `{name}`");
            self.report.at(self.source, spanned, what, remedy);
        }
        if raw.description.value.trim().is_empty() {
            let remedy = "say what it is for, and when to use it".to_owned();
            let what = "a model cannot know what this is for";
            self.report.at(self.source, &raw.description, what, remedy);
        }
        let method = self.method(raw.method.as_ref());
        let parameters = self.parameters(raw.parameters.as_ref());
        let known = names(&parameters);
        let url = self.url(&raw.url, &known);
        let body = raw.body.as_ref().map(|body| {
            let fields = body.iter();
            let field = |(key, text): (&String, &Spanned<String>)| {
                (key.clone(), self.template(text, &known))
            };
            fields.map(field).collect()
        });
        let tool = HttpTool {
            name: name.to_owned(),
            description: raw.description.value.trim().to_owned(),
            changes: raw.changes.unwrap_or_else(|| !method.is_safe()),
            filler: self.filler(raw),
            exchange: Exchange {
                method,
                timeout: self.time(raw.timeout.as_ref(), TIMEOUT),
                retries: self.retries(raw.retries.as_ref()),
            },
            url,
            headers: self.headers(&raw.headers),
            auth: raw.auth.as_ref().and_then(|auth| self.auth(auth)),
            body,
            result: self.path(raw.result.as_ref()),
            most_bytes: self.most_bytes(raw.most_bytes.as_ref()),
            parameters,
        };
        (self.report.problems().len() == before).then_some(tool)
    }

    fn method(&mut self, method: Option<&Spanned<String>>) -> Method {
        let Some(method) = method else {
            return Method::GET;
        };
        match method.value.as_str() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            other => {
                let what = format!("`{other}` is no method");
                let remedy = nearest(other, METHODS);
                self.report.at(self.source, method, what, remedy);
                Method::GET
            }
        }
    }

    fn url(&mut self, typed: &Spanned<String>, known: &BTreeSet<String>) -> Template {
        let template = self.template(typed, known);
        if let Err(why) = is_fixed(&typed.value, template.beginning()) {
            let remedy = "write the whole address, with its host, such as \
                          https://example.com/parcels/{number}"
                .to_owned();
            self.report.at(self.source, typed, why, remedy);
        }
        template
    }

    fn template(&mut self, text: &Spanned<String>, known: &BTreeSet<String>) -> Template {
        let Some(template) = Template::parse(&text.value) else {
            let remedy = "write a place as {name}".to_owned();
            let what = "a brace has no partner, or nothing in it";
            self.report.at(self.source, text, what, remedy);
            return Template::default();
        };
        for name in template.arguments() {
            if !known.contains(name) {
                let what = format!("no argument is called `{name}`");
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let remedy = match known.is_empty() {
                    true => "describe it under `parameters.properties`".to_owned(),
                    false => nearest(name, &known),
                };
                self.report.at(self.source, text, what, remedy);
            }
        }
        template
    }

    fn filler(&mut self, raw: &RawTool) -> Option<Filler> {
        let after = self.time(raw.say_after.as_ref(), SAY_AFTER);
        if let (Some(after), None) = (&raw.say_after, &raw.say_while_waiting) {
            let remedy = "add `say_while_waiting`, or take this out".to_owned();
            let what = "there is nothing to say then";
            self.report.at(self.source, after, what, remedy);
        }
        let say = raw.say_while_waiting.as_ref()?.value.trim();
        (!say.is_empty()).then(|| Filler {
            say: say.to_owned(),
            after,
        })
    }

    fn retries(&mut self, retries: Option<&Spanned<u32>>) -> u32 {
        let Some(retries) = retries else { return 0 };
        if retries.value > MOST_RETRIES {
            let remedy = format!("write {MOST_RETRIES} at most");
            let what = "a caller does not wait for so many tries";
            self.report.at(self.source, retries, what, remedy);
        }
        retries.value
    }

    /// An empty secret is none.
    fn auth(&mut self, spanned: &Spanned<RawAuth>) -> Option<Auth> {
        let RawAuth { bearer, basic } = &spanned.value;
        match (bearer, basic) {
            (Some(token), None) => {
                (!token.expose().is_empty()).then(|| Auth::Bearer(token.clone()))
            }
            (None, Some(login)) => {
                if !login.expose().is_empty() && !login.expose().contains(':') {
                    let remedy = "write `user:password`".to_owned();
                    let what = "there is no password in this";
                    self.report.at(self.source, spanned, what, remedy);
                }
                (!login.expose().is_empty()).then(|| Auth::Basic(login.clone()))
            }
            (Some(_), Some(_)) | (None, None) => {
                let remedy = "write one of `bearer` and `basic`".to_owned();
                let what = "who asks is not clear";
                self.report.at(self.source, spanned, what, remedy);
                None
            }
        }
    }

    fn path(&mut self, path: Option<&Spanned<String>>) -> Vec<String> {
        let Some(path) = path else { return Vec::new() };
        let names: Vec<String> = path.value.split('.').map(str::to_owned).collect();
        if names.iter().any(|name| name.trim().is_empty()) {
            let remedy =
                "write names with a full stop between them, such as data.items.0".to_owned();
            let what = "this leads nowhere in an answer";
            self.report.at(self.source, path, what, remedy);
        }
        names
    }

    fn parameters(&mut self, schema: Option<&Spanned<Json>>) -> Json {
        let Some(schema) = schema else {
            return json!({"type": "object", "properties": {}});
        };
        self.schema(schema);
        schema.value.clone()
    }
}

fn names(schema: &Json) -> BTreeSet<String> {
    let properties = schema.get("properties").and_then(Json::as_object);
    let names = properties
        .into_iter()
        .flat_map(|properties| properties.keys());
    names.cloned().collect()
}
