//! What tokens may do, as claims. `{room}` becomes the room of the story.

use serde_json::{Value, json};

/// Makes and deletes rooms.
pub(crate) fn create() -> Value {
    json!({"video": {"roomCreate": true}})
}

/// Lists rooms.
pub(crate) fn list() -> Value {
    json!({"video": {"roomList": true}})
}

/// Administers the room of the story.
pub(crate) fn admin() -> Value {
    admin_of("{room}")
}

/// Administers another room.
pub(crate) fn admin_of(room: &str) -> Value {
    json!({"video": {"roomAdmin": true, "room": room}})
}

/// Sends participants from the room of the story to another.
pub(crate) fn send_to(room: &str) -> Value {
    json!({"video": {"roomAdmin": true, "room": "{room}", "destinationRoom": room}})
}

/// Records.
pub(crate) fn record() -> Value {
    json!({"video": {"roomRecord": true}})
}

/// Manages ingress.
pub(crate) fn ingress() -> Value {
    json!({"video": {"ingressAdmin": true}})
}

/// Manages trunks and rules.
pub(crate) fn sip_admin() -> Value {
    json!({"sip": {"admin": true}})
}

/// Places calls.
pub(crate) fn sip_call() -> Value {
    json!({"sip": {"call": true}})
}

/// Transfers calls of the room of the story.
pub(crate) fn sip_transfer() -> Value {
    json!({"sip": {"call": true}, "video": {"roomAdmin": true, "room": "{room}"}})
}

/// No right at all.
pub(crate) fn nothing() -> Value {
    json!({"video": {}})
}

/// Every right but the one needed, which is why each is a field of its own.
pub(crate) fn all_but(needed: &Value) -> Value {
    let mut all = json!({
        "video": {
            "roomCreate": true, "roomList": true, "roomRecord": true, "roomAdmin": true,
            "roomJoin": true, "room": "{room}", "destinationRoom": "elsewhere",
            "ingressAdmin": true, "agent": true,
        },
        "sip": {"admin": true, "call": true},
    });
    for part in ["video", "sip"] {
        let Some(rights) = needed[part].as_object() else {
            continue;
        };
        for right in rights.keys().filter(|right| !right.ends_with("oom")) {
            all[part][right] = Value::Bool(false);
        }
    }
    all
}
