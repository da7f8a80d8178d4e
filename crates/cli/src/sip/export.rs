//! What a server has, written as `livekit-sip-correct.yaml`: one that `sip validate` takes, and that
//! makes the same again. Passwords and PINs become variables, and are not in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use livekit_protocol as proto;
use proto::sip_dispatch_rule::Rule as Kind;
use serde_json::{Map, Value, json};
use trunkline_sip::routing::mark;

use super::entry::{Entry, Inbound, Outbound, Rule};
use super::plan::There;
use crate::settings::sip::outbound::transport_word;
use crate::settings::sip::parts::include_word;

/// A file, and what of the server is not in it.
pub(crate) struct Export {
    pub(crate) text: String,
    /// Variables that it names, each with what it holds.
    pub(crate) secrets: Vec<(String, String)>,
    pub(crate) notes: Vec<String>,
}

/// Writes everything.
pub(crate) fn export(there: &There, url: &str) -> Export {
    let mut maker = Maker::default();
    let trunks: Vec<Value> = there.trunks.iter().map(|one| maker.trunk(one)).collect();
    maker.keys.clear();
    let outbound: Vec<Value> = there
        .outbound
        .iter()
        .map(|one| maker.outbound(one))
        .collect();
    maker.keys.clear();
    let rules: Vec<Value> = there
        .rules
        .iter()
        .filter_map(|one| maker.rule(one))
        .collect();
    let mut text = format!("# The trunks and rules of {url}, as they were.\n");
    if !maker.variables.is_empty() {
        text.push_str("# Passwords and PINs are variables; `.env` is a place for them.\n");
    }
    for (name, entries) in [("trunks", trunks), ("outbound", outbound), ("rules", rules)] {
        if entries.is_empty() {
            let _ = writeln!(text, "\n{name}: []");
            continue;
        }
        let _ = writeln!(text, "\n{name}:");
        for entry in &entries {
            list_item(&mut text, entry);
        }
    }
    Export {
        text,
        secrets: maker.secrets,
        notes: maker.notes,
    }
}

#[derive(Default)]
struct Maker {
    keys: BTreeSet<String>,
    /// Ids of trunks, and the keys they have here.
    trunks: BTreeMap<String, String>,
    variables: BTreeSet<String>,
    secrets: Vec<(String, String)>,
    notes: Vec<String>,
}

impl Maker {
    /// The key it had, or one made of its name.
    fn key<E: Entry>(&mut self, entry: &E, name: &str) -> String {
        let wish = mark::key(entry.metadata()).unwrap_or_else(|| word(name));
        let wish = if wish.is_empty() {
            word(entry.id())
        } else {
            wish
        };
        let mut key = wish.clone();
        let mut number = 2;
        while !self.keys.insert(key.clone()) {
            key = format!("{wish}-{number}");
            number += 1;
        }
        key
    }

    /// A variable of a name that no other has, whatever kind of thing it belongs to.
    fn variable(&mut self, key: &str, what: &str) -> String {
        let plain: String = key
            .chars()
            .map(|c| if c.is_ascii() { c } else { '-' })
            .collect();
        let stem = match word(&plain).replace('-', "_").to_uppercase() {
            stem if stem.is_empty() => format!("SIP_{what}"),
            stem => format!("SIP_{stem}_{what}"),
        };
        let mut name = stem.clone();
        let mut number = 2;
        while !self.variables.insert(name.clone()) {
            name = format!("{stem}_{number}");
            number += 1;
        }
        name
    }

    fn secret(&mut self, key: &str, what: &str, value: &str) -> String {
        let name = self.variable(key, what);
        self.secrets.push((name.clone(), value.to_owned()));
        format!("${{{name}}}")
    }

    fn login(&mut self, key: &str, entry: &mut Map<String, Value>, login: (&str, &str, &str)) {
        let (username, password, realm) = login;
        if username.is_empty() && password.is_empty() {
            return;
        }
        let password = if password.is_empty() {
            let name = self.variable(key, "PASSWORD");
            self.notes.push(format!(
                "the server does not tell the password of `{key}`: set {name} to it"
            ));
            format!("${{{name}}}")
        } else {
            self.secret(key, "PASSWORD", password)
        };
        let mut auth = json!({ "username": plain(username), "password": password });
        if let (false, Some(auth)) = (realm.is_empty(), auth.as_object_mut()) {
            auth.insert("realm".to_owned(), Value::from(plain(realm)));
        }
        entry.insert("auth".to_owned(), auth);
    }

    fn trunk(&mut self, trunk: &Inbound) -> Value {
        let key = self.key(trunk, &trunk.name);
        self.trunks.insert(trunk.sip_trunk_id.clone(), key.clone());
        let mut entry = Map::new();
        put(&mut entry, "key", json!(key));
        put(&mut entry, "name", json!(plain(&trunk.name)));
        put(
            &mut entry,
            "metadata",
            json!(plain(&mark::unmarked(&trunk.metadata))),
        );
        put(&mut entry, "numbers", json!(plains(&trunk.numbers)));
        put(
            &mut entry,
            "allowed_addresses",
            json!(plains(&trunk.allowed_addresses)),
        );
        put(
            &mut entry,
            "allowed_numbers",
            json!(plains(&trunk.allowed_numbers)),
        );
        let login = (
            trunk.auth_username.as_str(),
            trunk.auth_password.as_str(),
            trunk.auth_realm.as_str(),
        );
        self.login(&key, &mut entry, login);
        let maps = [
            &trunk.headers,
            &trunk.headers_to_attributes,
            &trunk.attributes_to_headers,
        ];
        put_headers(&mut entry, maps, trunk.include_headers);
        put(
            &mut entry,
            "ringing_timeout",
            duration(trunk.ringing_timeout.as_ref()),
        );
        put(
            &mut entry,
            "max_call_duration",
            duration(trunk.max_call_duration.as_ref()),
        );
        put(&mut entry, "krisp_enabled", json!(trunk.krisp_enabled));
        put(&mut entry, "media", media(trunk.media.as_ref()));
        if trunk.auth_username.is_empty() && trunk.allowed_addresses.is_empty() {
            self.notes.push(format!(
                "trunk `{key}` lets anyone call in: give it allowed_addresses or auth before it is applied"
            ));
        }
        Value::Object(entry)
    }

    fn outbound(&mut self, trunk: &Outbound) -> Value {
        let key = self.key(trunk, &trunk.name);
        let mut entry = Map::new();
        put(&mut entry, "key", json!(key));
        put(&mut entry, "name", json!(plain(&trunk.name)));
        put(
            &mut entry,
            "metadata",
            json!(plain(&mark::unmarked(&trunk.metadata))),
        );
        put(&mut entry, "address", json!(plain(&trunk.address)));
        let transport = proto::SipTransport::try_from(trunk.transport).unwrap_or_default();
        if transport != proto::SipTransport::Auto {
            put(&mut entry, "transport", json!(transport_word(transport)));
        }
        put(&mut entry, "numbers", json!(plains(&trunk.numbers)));
        let login = (
            trunk.auth_username.as_str(),
            trunk.auth_password.as_str(),
            "",
        );
        self.login(&key, &mut entry, login);
        put(&mut entry, "from_host", json!(plain(&trunk.from_host)));
        put(
            &mut entry,
            "destination_country",
            json!(plain(&trunk.destination_country)),
        );
        let maps = [
            &trunk.headers,
            &trunk.headers_to_attributes,
            &trunk.attributes_to_headers,
        ];
        put_headers(&mut entry, maps, trunk.include_headers);
        put(&mut entry, "media", media(trunk.media.as_ref()));
        Value::Object(entry)
    }

    fn rule(&mut self, rule: &Rule) -> Option<Value> {
        let key = self.key(rule, &rule.name);
        let Some(kind) = rule.rule.as_ref().and_then(|rule| rule.rule.as_ref()) else {
            let id = &rule.sip_dispatch_rule_id;
            self.notes
                .push(format!("rule {id} says no room, and is left out"));
            return None;
        };
        let mut entry = Map::new();
        put(&mut entry, "key", json!(key));
        put(&mut entry, "name", json!(plain(&rule.name)));
        let mut trunks = Vec::new();
        for id in &rule.trunk_ids {
            match self.trunks.get(id) {
                Some(trunk) => trunks.push(trunk.clone()),
                None => self
                    .notes
                    .push(format!("rule `{key}` names trunk {id}, which is not there")),
            }
        }
        if trunks.is_empty() && !rule.trunk_ids.is_empty() {
            // Without its trunks it would take every call.
            self.notes.push(format!(
                "rule `{key}` serves no trunk that is there, and is left out"
            ));
            return None;
        }
        put(&mut entry, "trunks", json!(trunks));
        put(&mut entry, "numbers", json!(plains(&rule.numbers)));
        put(&mut entry, "callers", json!(plains(&rule.inbound_numbers)));
        let (name, room) = self.room(&key, kind);
        entry.insert(name.to_owned(), room);
        put(
            &mut entry,
            "hide_phone_number",
            json!(rule.hide_phone_number),
        );
        put(
            &mut entry,
            "metadata",
            json!(plain(&mark::unmarked(&rule.metadata))),
        );
        put(&mut entry, "attributes", pairs(&rule.attributes));
        put(&mut entry, "room_preset", json!(plain(&rule.room_preset)));
        if let Some(Ok(config)) = rule.room_config.as_ref().map(serde_json::to_value) {
            put(&mut entry, "room_config", plain_in(config));
        }
        put(&mut entry, "krisp_enabled", json!(rule.krisp_enabled));
        put(&mut entry, "media", media(rule.media.as_ref()));
        Some(Value::Object(entry))
    }

    fn room(&mut self, key: &str, kind: &Kind) -> (&'static str, Value) {
        let mut room = Map::new();
        let (name, pin) = match kind {
            Kind::DispatchRuleDirect(rule) => {
                room.insert("room".to_owned(), json!(plain(&rule.room_name)));
                ("direct", &rule.pin)
            }
            Kind::DispatchRuleIndividual(rule) => {
                room.insert("room_prefix".to_owned(), json!(plain(&rule.room_prefix)));
                put(&mut room, "no_randomness", json!(rule.no_randomness));
                ("individual", &rule.pin)
            }
            Kind::DispatchRuleCallee(rule) => {
                room.insert("room_prefix".to_owned(), json!(plain(&rule.room_prefix)));
                put(&mut room, "randomize", json!(rule.randomize));
                ("callee", &rule.pin)
            }
        };
        if !pin.is_empty() {
            let pin = self.secret(key, "PIN", pin);
            room.insert("pin".to_owned(), Value::from(pin));
        }
        (name, Value::Object(room))
    }
}

/// Puts what is not nothing.
fn put(entry: &mut Map<String, Value>, name: &str, value: Value) {
    let is_nothing = match &value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    };
    if !is_nothing {
        entry.insert(name.to_owned(), value);
    }
}

/// Text in which nothing is a reference.
fn plain(text: &str) -> String {
    text.replace("${", "$${")
}

/// The same for every text of a value.
fn plain_in(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain(&text)),
        Value::Array(list) => list.into_iter().map(plain_in).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (plain(&name), plain_in(value)))
            .collect(),
        other => other,
    }
}

fn plains(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| plain(text)).collect()
}

/// What a trunk of either direction says of headers.
fn put_headers(
    entry: &mut Map<String, Value>,
    [fixed, read, written]: [&HashMap<String, String>; 3],
    included: i32,
) {
    put(entry, "headers", pairs(fixed));
    put(entry, "headers_to_attributes", pairs(read));
    put(entry, "attributes_to_headers", pairs(written));
    put(entry, "include_headers", include(included));
}

fn pairs(map: &HashMap<String, String>) -> Value {
    let sorted: BTreeMap<String, String> = map
        .iter()
        .map(|(name, value)| (plain(name), plain(value)))
        .collect();
    json!(sorted)
}

fn include(choice: i32) -> Value {
    match proto::SipHeaderOptions::try_from(choice).unwrap_or_default() {
        proto::SipHeaderOptions::SipNoHeaders => Value::Null,
        choice => json!(include_word(choice)),
    }
}

fn duration(duration: Option<&pbjson_types::Duration>) -> Value {
    match duration {
        Some(duration) if duration.seconds > 0 || duration.nanos > 0 => {
            let millis =
                duration.seconds.saturating_mul(1000) + i64::from(duration.nanos) / 1_000_000;
            json!(if millis % 1000 == 0 {
                format!("{}s", millis / 1000)
            } else {
                format!("{millis}ms")
            })
        }
        _ => Value::Null,
    }
}

fn media(media: Option<&proto::SipMediaConfig>) -> Value {
    let Some(media) = media else {
        return Value::Null;
    };
    let mut entry = Map::new();
    let codecs: Vec<String> = media
        .codecs
        .iter()
        .map(|codec| match codec.rate {
            0 => codec.name.clone(),
            rate => format!("{}/{rate}", codec.name),
        })
        .collect();
    put(&mut entry, "codecs", json!(plains(&codecs)));
    put(
        &mut entry,
        "only_listed_codecs",
        json!(media.only_listed_codecs),
    );
    use proto::SipMediaEncryption as Theirs;
    let encryption = media.encryption.and_then(|one| Theirs::try_from(one).ok());
    let encryption = encryption.map(|encryption| match encryption {
        Theirs::SipMediaEncryptDisable => "disable",
        Theirs::SipMediaEncryptAllow => "allow",
        Theirs::SipMediaEncryptRequire => "require",
    });
    put(&mut entry, "encryption", json!(encryption));
    put(
        &mut entry,
        "timeout",
        duration(media.media_timeout.as_ref()),
    );
    Value::Object(entry)
}

/// A short name made of any text.
fn word(text: &str) -> String {
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else if !word.ends_with('-') && !word.is_empty() {
            word.push('-');
        }
    }
    word.trim_end_matches('-').to_owned()
}

/// An entry of a list; what is inside a value is JSON, which YAML is too.
fn list_item(text: &mut String, entry: &Value) {
    let Some(members) = entry.as_object() else {
        return;
    };
    let first = ["key", "name"];
    let named = first.iter().filter_map(|name| members.get_key_value(*name));
    let rest = members
        .iter()
        .filter(|(name, _)| !first.contains(&name.as_str()));
    for (at, (name, value)) in named.chain(rest).enumerate() {
        let lead = if at == 0 { "  - " } else { "    " };
        let _ = writeln!(text, "{lead}{name}: {value}");
    }
}
