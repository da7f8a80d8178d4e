//! A call as a `curl` command. No secret is in it: the token comes from a command substitution
//! when the command runs, and a password of the request from a variable.

use serde::Serialize;
use serde_json::{Value, json};
use trunkline_client::api::Described;
use trunkline_client::auth::ApiGrant;

use crate::settings::Home;
use crate::target::{Origin, Source, Target};

/// A command, and the variables that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) text: String,
    pub(super) variables: Vec<String>,
}

/// Fields that hold a secret, in any request.
const SECRETS: [&str; 10] = [
    "authPassword",
    "inboundPassword",
    "outboundPassword",
    "password",
    "secret",
    "sessionToken",
    "accountKey",
    "credentials",
    "signingKey",
    "pin",
];

pub(super) fn render(call: &Described, target: &Target) -> Command {
    let mut body: Value = serde_json::from_str(&call.body).unwrap_or_default();
    let scope = Scope::of(&body);
    let mut variables = Vec::new();
    hide(&mut body, &mut variables);
    let mut data = quote(&body.to_string());
    for variable in &variables {
        data = data.replace(&mark(variable), &format!("'\"${variable}\"'"));
    }
    let token = token(call.rpc.grant, &scope, target);
    if keys_from_flags(&target.origin) {
        variables.push("LIVEKIT_API_SECRET".to_owned());
    }
    let text = format!(
        "curl -sS --fail-with-body -X POST {} \\\n  -H \"Authorization: Bearer $({token})\" \\\n  \
         -H 'Content-Type: application/json' \\\n  -d {data}",
        quote(&call.url)
    );
    Command { text, variables }
}

/// A request as `--verbose` shows it.
pub(super) fn shown(rpc: &str, request: &impl Serialize) -> String {
    let mut body = serde_json::to_value(request).unwrap_or_default();
    hide(&mut body, &mut Vec::new());
    format!("{rpc} {body}")
}

/// The rooms that a request is about.
#[derive(Debug, Default)]
struct Scope {
    room: Option<String>,
    destination: Option<String>,
}

impl Scope {
    fn of(body: &Value) -> Self {
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            room: text("room").or_else(|| text("roomName")),
            destination: text("destinationRoom"),
        }
    }
}

/// The command that makes the token, with the least right for the call.
fn token(grant: ApiGrant, scope: &Scope, target: &Target) -> String {
    let mut words = vec!["trunkline".to_owned(), "--quiet".to_owned()];
    words.extend(origin(target));
    words.extend(["token", "create", "--token-only", "--identity", "curl"].map(str::to_owned));
    words.extend(rights(grant, scope));
    words.join(" ")
}

/// The flags of `token create` for the least right.
fn rights(grant: ApiGrant, scope: &Scope) -> Vec<String> {
    let flags: &[&str] = match grant {
        ApiGrant::RoomCreate => &["--create"],
        ApiGrant::RoomList => &["--list"],
        ApiGrant::RoomAdmin | ApiGrant::RoomAdminTo => &["--admin"],
        ApiGrant::RoomRecord => &["--egress"],
        ApiGrant::IngressAdmin => &["--ingress"],
        ApiGrant::SipAdmin => &["--sip-admin"],
        ApiGrant::SipCall => &["--sip-call"],
        ApiGrant::SipCallInRoom => &["--sip-call", "--admin"],
    };
    let mut words: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let of_room = matches!(
        grant,
        ApiGrant::RoomAdmin | ApiGrant::RoomAdminTo | ApiGrant::SipCallInRoom
    );
    if let Some(room) = scope.room.as_ref().filter(|_| of_room) {
        words.extend(["--room".to_owned(), quote(room)]);
    }
    if let Some(destination) = &scope.destination {
        let grant = json!({ "destinationRoom": destination }).to_string();
        words.extend(["--grant".to_owned(), quote(&grant)]);
    }
    words
}

/// The flags that find the same keys again.
fn origin(target: &Target) -> Vec<String> {
    let pair = |flag: &str, value: &str| vec![flag.to_owned(), quote(value)];
    match &target.origin {
        Origin::Chosen(
            Source::Project(name)
            | Source::Subdomain(name)
            | Source::Toml(name)
            | Source::Default(name),
        ) => pair("--project", name),
        Origin::Chosen(Source::Dev) => vec!["--dev".to_owned()],
        Origin::Chosen(Source::Flags) => pair("--api-key", &target.api_key()),
        Origin::Chosen(Source::Environment(names)) if !names.contains(&"LIVEKIT_API_KEY") => {
            pair("--api-key", &target.api_key())
        }
        Origin::Chosen(Source::Environment(_)) | Origin::Files(Home::BuiltIn) => Vec::new(),
        Origin::Files(Home::Folder(dir)) => pair("--config", &dir.display().to_string()),
    }
}

/// Whether the secret was typed, so that a variable must carry it.
fn keys_from_flags(origin: &Origin) -> bool {
    match origin {
        Origin::Chosen(Source::Flags) => true,
        Origin::Chosen(Source::Environment(names)) => !names.contains(&"LIVEKIT_API_SECRET"),
        Origin::Chosen(_) | Origin::Files(_) => false,
    }
}

/// Replaces secrets by the marks of their variables.
fn hide(value: &mut Value, variables: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match value {
                    Value::String(text) if SECRETS.contains(&key.as_str()) && !text.is_empty() => {
                        let name = free_name(key, variables);
                        *text = mark(&name);
                        variables.push(name);
                    }
                    other => hide(other, variables),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, variables)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn mark(variable: &str) -> String {
    format!("@{{{variable}}}@")
}

/// `authPassword` is `AUTH_PASSWORD`; a second one `AUTH_PASSWORD_2`.
fn free_name(key: &str, taken: &[String]) -> String {
    let mut name = String::new();
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    let same = taken
        .iter()
        .filter(|other| other.starts_with(&name))
        .count();
    if same > 0 {
        name.push_str(&format!("_{}", same + 1));
    }
    name
}

/// One word for a shell.
fn quote(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_it_must_be() {
        assert_eq!(quote("http://h:1/twirp"), "http://h:1/twirp");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote("$(reboot)"), "'$(reboot)'");
        assert_eq!(quote(""), "''");
    }

    #[test]
    fn secrets_become_variables_each_its_own() {
        let mut body = json!({
            "trunk": { "authPassword": "hush", "numbers": ["+1"] },
            "outputs": [{ "s3": { "secret": "a" } }, { "s3": { "secret": "b" } }],
            "pin": ""
        });
        let mut variables = Vec::new();
        hide(&mut body, &mut variables);
        assert_eq!(variables, ["AUTH_PASSWORD", "SECRET", "SECRET_2"]);
        let text = body.to_string();
        assert!(
            !text.contains("hush") && text.contains("@{SECRET_2}@"),
            "{text}"
        );
    }

    #[test]
    fn verbose_shows_no_secret() {
        let said = shown("SIP/X", &json!({ "authPassword": "hush" }));
        assert!(!said.contains("hush"), "{said}");
    }
}
