//! `AgentDispatchService`.

use serde_json::{Value, json};

use crate::rights::{admin, admin_of, list};
use crate::world::{World, denied, fails, gives};

const CREATE: &str = "AgentDispatchService/CreateDispatch";
const LIST: &str = "AgentDispatchService/ListDispatch";
const DELETE: &str = "AgentDispatchService/DeleteDispatch";

fn dispatch(more: Value) -> Value {
    let mut dispatch = json!({
        "id": "<AD_>", "agentName": "nobody-here", "room": "{room}",
        "state": {"createdAt": "<any>"},
    });
    for (key, value) in more.as_object().unwrap() {
        dispatch[key] = value.clone();
    }
    dispatch
}

pub(crate) async fn made_listed_deleted(w: &mut World<'_>) {
    let request = json!({"room": "{room}", "agentName": "nobody-here", "metadata": "m"});
    let new = gives(dispatch(json!({"metadata": "m"})));
    let made = w
        .expect("one in a room it makes", (CREATE, admin()), request, new)
        .await;
    let id = made["id"].clone();
    let same =
        json!({"id": id, "metadata": "m", "state": {"createdAt": made["state"]["createdAt"]}});
    let by_id = json!({"room": "{room}", "dispatchId": id});
    let one = gives(json!({"agentDispatches": [dispatch(same)]}));
    w.expect("listed by its id", (LIST, admin()), by_id.clone(), one)
        .await;
    let all = gives(json!({"agentDispatches": "<any>"}));
    let all = w
        .expect(
            "all of the room",
            (LIST, admin()),
            json!({"room": "{room}"}),
            all,
        )
        .await;
    let names = all["agentDispatches"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let names: Vec<&str> = names
        .iter()
        .filter_map(|one| one["agentName"].as_str())
        .collect();
    w.compare(
        "a room has a dispatch of its own for agents without a name",
        "2",
        &names_count(&all),
    );
    w.compare(
        "the named dispatch is among them",
        "nobody-here",
        &names.join(","),
    );
    let none = json!({"room": "{room}", "dispatchId": "AD_none"});
    w.expect(
        "listed by an id nobody has",
        (LIST, admin()),
        none.clone(),
        gives(json!({})),
    )
    .await;
    let gone = dispatch(
        json!({"id": id, "metadata": "m", "state": {"createdAt": "<any>", "deletedAt": "<opt>"}}),
    );
    let gone = w
        .expect("deleted", (DELETE, admin()), by_id.clone(), gives(gone))
        .await;
    let when = gone["state"].get("deletedAt").is_some().to_string();
    w.compare("a deleted one tells when", "false", &when);
    let missing = fails("not_found", "twirp error unknown: dispatch ID not found");
    w.expect("deleted twice", (DELETE, admin()), by_id, missing.clone())
        .await;
    w.expect(
        "deleted by an id nobody has",
        (DELETE, admin()),
        none,
        missing,
    )
    .await;
    let more = json!({
        "room": "{room}", "agentName": "nobody-here", "restartPolicy": "JRP_NEVER",
        "attributes": {"a": "1"},
    });
    let kept = dispatch(json!({"restartPolicy": "JRP_NEVER", "attributes": {"a": "1"}}));
    w.expect(
        "restart policy and attributes",
        (CREATE, admin()),
        more,
        gives(kept),
    )
    .await;
}

fn names_count(all: &Value) -> String {
    all["agentDispatches"]
        .as_array()
        .map_or(0, Vec::len)
        .to_string()
}

pub(crate) async fn refused(w: &mut World<'_>) {
    let elsewhere = json!({"room": "{room}"});
    let missing = fails(
        "unavailable",
        "twirp error unknown: no response from servers",
    );
    w.expect(
        "listed in a room nobody made",
        (LIST, admin()),
        elsewhere,
        missing.clone(),
    )
    .await;
    let one = json!({"room": "{room}", "dispatchId": "AD_none"});
    w.expect(
        "deleted in a room nobody made",
        (DELETE, admin()),
        one,
        missing,
    )
    .await;
    let new = json!({"room": "{room}", "agentName": "a"});
    for (case, right) in [("another room", admin_of("other")), ("no room", list())] {
        let case = format!("made with the right on {case}");
        w.expect(&case, (CREATE, right), new.clone(), denied())
            .await;
    }
    let much = json!({"room": "{room}", "agentName": "a", "metadata": "x".repeat((512 << 10) + 1)});
    let large = fails(
        "invalid_argument",
        "twirp error unknown: metadata size exceeds limits",
    );
    w.expect("metadata over 512 KiB", (CREATE, admin()), much, large)
        .await;
    let much =
        json!({"room": "{room}", "agentName": "a", "attributes": {"k": "x".repeat(64 << 10)}});
    let large = fails(
        "invalid_argument",
        "twirp error unknown: attribute size exceeds limits",
    );
    w.expect("attributes over 64 KiB", (CREATE, admin()), much, large)
        .await;
    let strange = json!({"room": "{room}", "agentName": "a", "deployment": "no such!"});
    let refused = fails("invalid_argument", "<~deployment>");
    w.expect(
        "a deployment that is no name",
        (CREATE, admin()),
        strange,
        refused,
    )
    .await;
}
