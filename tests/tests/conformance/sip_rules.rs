//! `SIP`: dispatch rules.

use serde_json::{Value, json};

use crate::rights::{sip_admin, sip_call};
use crate::world::{World, denied, fails, gives};

const CREATE: &str = "SIP/CreateSIPDispatchRule";
const LIST: &str = "SIP/ListSIPDispatchRule";
const UPDATE: &str = "SIP/UpdateSIPDispatchRule";
const DELETE: &str = "SIP/DeleteSIPDispatchRule";

/// A rule to one room for calls of a trunk that is the story's own.
fn rule(more: &Value) -> Value {
    let mut rule = json!({
        "rule": {"dispatchRuleDirect": {"roomName": "{room}"}},
        "trunkIds": ["ST_{room}"],
        "name": "{room}",
    });
    for (key, value) in more.as_object().unwrap() {
        rule[key] = value.clone();
    }
    rule
}

fn told(more: &Value) -> Value {
    let mut told = rule(more);
    told["sipDispatchRuleId"] = json!("<SDR_>");
    for optional in ["createdAt", "updatedAt", "media"] {
        told[optional] = json!("<opt>");
    }
    told
}

pub(crate) async fn made_listed_deleted(w: &mut World<'_>) {
    let full = json!({
        "metadata": "m", "attributes": {"a": "1"}, "hidePhoneNumber": true,
        "roomConfig": {"agents": [{"agentName": "x", "metadata": "y"}], "emptyTimeout": 9},
        "inboundNumbers": ["+15550101"], "roomPreset": "p", "krispEnabled": true,
    });
    let request = json!({"dispatchRule": rule(&full)});
    let made = w
        .expect("a rule", (CREATE, sip_admin()), request, gives(told(&full)))
        .await;
    let id = made["sipDispatchRuleId"].clone();
    let some = json!({"dispatchRuleIds": [id]});
    w.expect(
        "rules by id",
        (LIST, sip_admin()),
        some,
        gives(json!({"items": [made]})),
    )
    .await;
    let some = json!({"trunkIds": ["ST_{room}"]});
    let found = w
        .expect(
            "rules by trunk",
            (LIST, sip_admin()),
            some,
            gives(json!({"items": "<any>"})),
        )
        .await;
    let listed = found["items"]
        .as_array()
        .is_some_and(|items| items.contains(&made));
    w.compare("the rule is among its trunk's", "true", &listed.to_string());
    w.expect(
        "rules need sip.admin",
        (LIST, sip_call()),
        json!({}),
        denied(),
    )
    .await;
    let by_id = json!({"sipDispatchRuleId": id});
    w.expect(
        "a rule is deleted",
        (DELETE, sip_admin()),
        by_id.clone(),
        gives(made),
    )
    .await;
    let missing = fails("not_found", "requested sip dispatch rule does not exist");
    w.expect(
        "a rule deleted twice",
        (DELETE, sip_admin()),
        by_id,
        missing,
    )
    .await;
}

pub(crate) async fn refused(w: &mut World<'_>) {
    let cases = [
        ("no rule", json!({}), "missing rule"),
        (
            "a rule that says nothing",
            json!({"dispatchRule": {"name": "x"}}),
            "missing rule",
        ),
        (
            "a rule with an id",
            json!({"dispatchRule": rule(&json!({"sipDispatchRuleId": "SDR_x"}))}),
            "rule id must not be set",
        ),
    ];
    for (case, request, text) in cases {
        w.expect(
            case,
            (CREATE, sip_admin()),
            request,
            fails("invalid_argument", text),
        )
        .await;
    }
    let empty = json!({"dispatchRule": rule(&json!({"rule": {}}))});
    let text = "twirp error unknown: unsupported SIP Dispatch Rule: <nil>";
    w.expect(
        "a rule of no kind",
        (CREATE, sip_admin()),
        empty,
        fails("invalid_argument", text),
    )
    .await;
    let none = fails("invalid_argument", "dispatch rule ID is required");
    w.expect("deleting no rule", (DELETE, sip_admin()), json!({}), none)
        .await;
}

#[expect(clippy::too_many_lines, reason = "one story, told case by case")]
pub(crate) async fn changed(w: &mut World<'_>) {
    let request = json!({"dispatchRule": rule(&json!({}))});
    let made = w
        .expect(
            "a rule to change",
            (CREATE, sip_admin()),
            request,
            gives(told(&json!({}))),
        )
        .await;
    let id = made["sipDispatchRuleId"].clone();
    let some = json!({"sipDispatchRuleId": id, "update": {
        "name": "new", "attributes": {"b": "2"}, "trunkIds": {"add": ["ST_{room}-2"]},
    }});
    let new =
        json!({"name": "new", "attributes": {"b": "2"}, "trunkIds": ["ST_{room}", "ST_{room}-2"]});
    w.expect(
        "some fields of a rule",
        (UPDATE, sip_admin()),
        some,
        gives(told(&new)),
    )
    .await;
    let individual = json!({"rule": {"dispatchRuleIndividual": {"roomPrefix": "call-"}}});
    let whole = json!({"sipDispatchRuleId": id, "replace": rule(&individual)});
    w.expect(
        "a whole rule",
        (UPDATE, sip_admin()),
        whole,
        gives(told(&individual)),
    )
    .await;
    let cases = [
        (
            "a change of no rule",
            json!({"update": {"name": "x"}}),
            "rule id must be set",
        ),
        (
            "no change of a rule",
            json!({"sipDispatchRuleId": id}),
            "missing or unsupported update action",
        ),
        (
            "another id in the rule",
            json!({"sipDispatchRuleId": id, "replace": rule(&json!({"sipDispatchRuleId": "SDR_o"}))}),
            "rule id in the info must be empty or match the id in the update",
        ),
        (
            "a rule replaced by nothing",
            json!({"sipDispatchRuleId": id, "replace": {"name": "x"}}),
            "missing rule",
        ),
    ];
    for (case, request, text) in cases {
        w.expect(
            case,
            (UPDATE, sip_admin()),
            request,
            fails("invalid_argument", text),
        )
        .await;
    }
    let none = json!({"sipDispatchRuleId": "SDR_none", "update": {"name": "x"}});
    let missing = fails("not_found", "requested sip dispatch rule does not exist");
    w.expect(
        "a change of a rule nobody made",
        (UPDATE, sip_admin()),
        none,
        missing,
    )
    .await;
    let gone = gives(json!("<any>"));
    w.expect(
        "the end of a rule",
        (DELETE, sip_admin()),
        json!({"sipDispatchRuleId": id}),
        gone,
    )
    .await;
}

pub(crate) async fn conflicts(w: &mut World<'_>) {
    let request = json!({"dispatchRule": rule(&json!({}))});
    let first = w
        .expect(
            "the first rule",
            (CREATE, sip_admin()),
            request.clone(),
            gives(told(&json!({}))),
        )
        .await;
    let text = "<~Dispatch rule for the same trunk, inbound number, number, and PIN combination already exists in dispatch rule>";
    w.expect(
        "its twin",
        (CREATE, sip_admin()),
        request,
        fails("invalid_argument", text),
    )
    .await;
    let pin = json!({"rule": {"dispatchRuleDirect": {"roomName": "{room}", "pin": "1234"}}});
    let second = json!({"dispatchRule": rule(&pin)});
    let second = w
        .expect(
            "one with a PIN beside it",
            (CREATE, sip_admin()),
            second,
            gives(told(&pin)),
        )
        .await;
    for rule in [first, second] {
        let id = json!({"sipDispatchRuleId": rule["sipDispatchRuleId"]});
        w.expect(
            "a rule cleared away",
            (DELETE, sip_admin()),
            id,
            gives(json!("<any>")),
        )
        .await;
    }
}
