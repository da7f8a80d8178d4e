//! What is otherwise in the files than it was, by the names that the files give it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trunkline_base::secret::Secret;

use crate::settings::{KEYS, Settings};

/// What changes while the daemon runs: the next call or conversation goes by it.
const LIVE: [&str; 20] = [
    "gateway.answer",
    "gateway.agent_wait",
    "gateway.pin_wait",
    "gateway.hold_limit",
    "gateway.session_timer",
    "gateway.ringing_timeout",
    "gateway.max_call_duration",
    "gateway.media_timeout",
    "gateway.codecs",
    "gateway.opus_complexity",
    "gateway.limits",
    "gateway.srtp",
    "security.sip.max_calls",
    "security.sip.invites_per_second",
    "security.sip.ignore_strangers",
    "security.sip.scanners",
    "security.sip.strangers_per_second",
    "security.dialling",
    "security.tariff",
    "sip_setup",
];

/// Names of what differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Counts at once.
    pub(super) live: Vec<String>,
    /// Counts from the next start on.
    pub(super) at_next_start: Vec<String>,
}

impl Difference {
    /// Between what is in force and what was read; `started` is what sockets and keys were made by.
    /// A secret that became another has its place named; neither is shown.
    pub(super) fn between(started: &Settings, in_force: &Settings, read: &Settings) -> Self {
        let live = names(in_force, read)
            .into_iter()
            .filter(|path| is_live(path));
        let later = names(started, read)
            .into_iter()
            .filter(|path| !is_live(path));
        Self {
            live: live.map(|path| in_words(&path)).collect(),
            at_next_start: later.map(|path| in_words(&path)).collect(),
        }
    }
}

/// Every place at which the settings differ, in what they show or in what they hide.
fn names(one: &Settings, other: &Settings) -> BTreeSet<String> {
    let mut found = paths(&value(one), &value(other));
    let (one, other) = (secrets(one), secrets(other));
    let all = one.keys().chain(other.keys());
    let changed = all.filter(|name| one.get(*name) != other.get(*name));
    found.extend(changed.cloned());
    found
}

/// What the settings hide when they are shown, by the place it belongs to.
fn secrets(settings: &Settings) -> BTreeMap<String, Vec<Secret<String>>> {
    let mut all: BTreeMap<String, Vec<Secret<String>>> = BTreeMap::new();
    let mut add = |place: String, secret: Secret<String>| {
        all.entry(place).or_default().push(secret);
    };
    let livekit = &settings.livekit;
    add("livekit.api_secret".to_owned(), livekit.api_secret.clone());
    for (id, secret) in livekit.keys.named() {
        add(KEYS.to_owned(), Secret::from(id.as_str()));
        add(KEYS.to_owned(), secret.clone());
    }
    if let Some(password) = settings.gateway.capture.password() {
        add("gateway.capture.hep".to_owned(), password.clone());
    }
    if let Some(key) = &settings.monitoring.metrics_key {
        add("monitoring.metrics_key".to_owned(), key.clone());
    }
    let setup = &settings.sip_setup;
    for trunk in &setup.trunks {
        let place = format!("sip_setup.trunks.{}", trunk.key);
        if let Some(register) = &trunk.register {
            add(place.clone(), register.password.clone());
        }
        add(place, trunk.auth.password.clone());
    }
    for trunk in &setup.outbound {
        let place = format!("sip_setup.outbound.{}", trunk.key);
        add(place, trunk.auth.password.clone());
    }
    for rule in &setup.rules {
        let place = format!("sip_setup.rules.{}", rule.key);
        add(place, Secret::from(rule.room.pin()));
    }
    all
}

fn value(settings: &Settings) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}

fn is_live(path: &str) -> bool {
    LIVE.iter().any(|live| {
        let rest = path.strip_prefix(live);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// As the file says it.
fn in_words(path: &str) -> String {
    path.strip_prefix("sip_setup.").unwrap_or(path).to_owned()
}

/// Every path at which two documents differ. Entries that have a key are found by it, and named whole:
/// who adds one does not change the others.
fn paths(one: &Value, other: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    compare("", one, other, &mut found);
    found
}

fn compare(path: &str, one: &Value, other: &Value, found: &mut BTreeSet<String>) {
    if one == other {
        return;
    }
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for name in one.keys().chain(other.keys()) {
                let of = |all: &serde_json::Map<String, Value>| all.get(name).cloned();
                let (one, other) = (of(one), of(other));
                let both = (one.unwrap_or_default(), other.unwrap_or_default());
                compare(&below(name), &both.0, &both.1, found);
            }
        }
        (Value::Array(one), Value::Array(other)) if is_keyed(one) && is_keyed(other) => {
            for key in one.iter().chain(other).filter_map(key) {
                let of = |all: &[Value]| {
                    all.iter()
                        .find(|entry| self::key(entry) == Some(key))
                        .cloned()
                };
                let both = (of(one).unwrap_or_default(), of(other).unwrap_or_default());
                if both.0 != both.1 {
                    found.insert(below(key));
                }
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

fn is_keyed(entries: &[Value]) -> bool {
    entries.iter().all(|entry| key(entry).is_some())
}

fn key(entry: &Value) -> Option<&str> {
    entry.get("key").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trunkline_service::config::Environment;

    use super::*;
    use crate::global::Global;
    use crate::settings::load;

    /// Files in which everything that is hidden is `word`, or `pin` where only digits go.
    fn hiding(word: &str, pin: &str) -> Settings {
        let sip = "\
gateway: {capture: {hep: {collector: '127.0.0.1:9060', password: '${WORD}'}}}
trunks:
  - {key: in, numbers: ['+15550100'], auth: {username: u, password: '${WORD}'}}
  - key: reg
    numbers: ['+15550101']
    register: {registrar: 'sip:sip.example.com', username: u, password: '${WORD}'}
outbound:
  - key: out
    address: sip.example.com
    numbers: ['+15550100']
    auth: {username: u, password: '${WORD}'}
rules:
  - {key: calls, name: Calls, trunks: [in], individual: {room_prefix: call, pin: '${PIN}'}}
";
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("livekit-sip-correct.yaml", sip),
            (
                "livekit.yaml",
                "livekit: {api_key: APIx, api_secret: '${WORD}'}\n",
            ),
            ("monitoring.yaml", "console: {metrics_key: '${WORD}'}\n"),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let global = Global {
            config: Some(dir.path().to_owned()),
            ..Global::default()
        };
        let keys = format!("APIy: {word}");
        let env = Environment::from([("WORD", word), ("PIN", pin), (KEYS, keys.as_str())]);
        load(&global, &env).unwrap()
    }

    /// A new password read as "nothing has changed".
    #[test]
    fn what_is_hidden_is_named_when_it_becomes_another_and_shown_never() {
        let one = hiding("a-word-that-nobody-guesses", "471108");
        let same = hiding("a-word-that-nobody-guesses", "471108");
        assert_eq!(
            Difference::between(&one, &one, &same),
            Difference::default()
        );
        let other = hiding("another-word-nobody-guesses", "081547");
        let found = Difference::between(&one, &one, &other);
        assert_eq!(
            found.live,
            ["outbound.out", "rules.calls", "trunks.in", "trunks.reg"]
        );
        assert_eq!(
            found.at_next_start,
            [
                "LIVEKIT_KEYS",
                "gateway.capture.hep",
                "livekit.api_secret",
                "monitoring.metrics_key"
            ]
        );
    }

    #[test]
    fn what_differs_has_the_name_that_the_file_gives_it() {
        let one = json!({
            "gateway": { "codecs": ["PCMU"], "udp": "127.0.0.1:5060" },
            "sip_setup": { "trunks": [{ "key": "a", "n": 1 }, { "key": "b", "n": 1 }] },
        });
        let other = json!({
            "gateway": { "codecs": ["PCMA"], "udp": "127.0.0.1:5060" },
            "sip_setup": { "trunks": [{ "key": "new" }, { "key": "a", "n": 1 }, { "key": "b", "n": 2 }] },
        });
        let found: Vec<String> = paths(&one, &other).into_iter().collect();
        assert_eq!(
            found,
            [
                "gateway.codecs",
                "sip_setup.trunks.b",
                "sip_setup.trunks.new"
            ]
        );
        assert!(found.iter().all(|path| is_live(path)));
        assert_eq!(in_words(&found[1]), "trunks.b");
        assert!(paths(&one, &one).is_empty());
    }

    #[test]
    fn sockets_and_keys_wait_for_the_next_start() {
        for later in [
            "gateway.udp",
            "gateway.tls.listen",
            "livekit.url",
            "security.sip.tcp_connections",
        ] {
            assert!(!is_live(later), "{later}");
        }
        assert!(is_live("security.dialling.deny") && !is_live("security.dialling_x"));
    }
}
