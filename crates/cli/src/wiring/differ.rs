//! What is otherwise in the files than it was, by the names that the files give it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::settings::Settings;

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
    /// A secret that became another is not seen: neither is shown.
    pub(super) fn between(started: &Settings, in_force: &Settings, read: &Settings) -> Self {
        let [started, in_force, read] = [started, in_force, read].map(value);
        let live = paths(&in_force, &read)
            .into_iter()
            .filter(|path| is_live(path));
        let later = paths(&started, &read)
            .into_iter()
            .filter(|path| !is_live(path));
        Self {
            live: live.map(|path| in_words(&path)).collect(),
            at_next_start: later.map(|path| in_words(&path)).collect(),
        }
    }
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

    use super::*;

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
