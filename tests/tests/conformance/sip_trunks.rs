//! `SIP`: trunks, inbound and outbound.

use serde_json::{Value, json};

use crate::rights::{sip_admin, sip_call};
use crate::world::{World, denied, fails, gives};

const CREATE_IN: &str = "SIP/CreateSIPInboundTrunk";
const GET_IN: &str = "SIP/GetSIPInboundTrunk";
const LIST_IN: &str = "SIP/ListSIPInboundTrunk";
const UPDATE_IN: &str = "SIP/UpdateSIPInboundTrunk";
const CREATE_OUT: &str = "SIP/CreateSIPOutboundTrunk";
const GET_OUT: &str = "SIP/GetSIPOutboundTrunk";
const LIST_OUT: &str = "SIP/ListSIPOutboundTrunk";
const UPDATE_OUT: &str = "SIP/UpdateSIPOutboundTrunk";
const DELETE: &str = "SIP/DeleteSIPTrunk";

fn with(mut base: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

#[expect(clippy::too_many_lines, reason = "one story, told case by case")]
pub(crate) async fn inbound(w: &mut World<'_>) {
    let full = json!({
        "name": "{room}", "metadata": "m", "numbers": ["{room}-1"], "allowedAddresses": ["192.0.2.0/24"],
        "allowedNumbers": ["+15550100"], "authUsername": "u", "authPassword": "p",
        "headers": {"X-A": "1"}, "headersToAttributes": {"X-B": "b"},
        "attributesToHeaders": {"c": "X-C"}, "includeHeaders": "SIP_X_HEADERS",
        "ringingTimeout": "7s", "maxCallDuration": "3600s", "krispEnabled": true,
        "mediaEncryption": "SIP_MEDIA_ENCRYPT_ALLOW",
    });
    let told = with(
        full.clone(),
        &json!({"sipTrunkId": "<ST_>", "createdAt": "<opt>", "updatedAt": "<opt>", "media": "<opt>"}),
    );
    let made = w
        .expect(
            "an inbound trunk",
            (CREATE_IN, sip_admin()),
            json!({"trunk": full}),
            gives(told),
        )
        .await;
    let id = made["sipTrunkId"].clone();
    let by_id = json!({"sipTrunkId": id});
    let found = gives(json!({"trunk": made}));
    w.expect(
        "an inbound trunk by its id",
        (GET_IN, sip_admin()),
        by_id.clone(),
        found,
    )
    .await;
    let some = json!({"trunkIds": [id]});
    let listed = gives(json!({"items": [made]}));
    w.expect(
        "inbound trunks by id",
        (LIST_IN, sip_admin()),
        some.clone(),
        listed.clone(),
    )
    .await;
    let some = json!({"numbers": ["{room}-1"], "trunkIds": [id]});
    w.expect(
        "inbound trunks by number",
        (LIST_IN, sip_admin()),
        some,
        listed,
    )
    .await;
    let none = json!({"trunkIds": ["ST_none"]});
    w.expect(
        "inbound trunks by an id nobody has",
        (LIST_IN, sip_admin()),
        none,
        gives(json!({})),
    )
    .await;
    w.expect(
        "trunks need sip.admin",
        (LIST_IN, sip_call()),
        json!({}),
        denied(),
    )
    .await;
    let missing = fails("not_found", "requested sip trunk does not exist");
    w.expect(
        "an inbound trunk asked for as outbound",
        (GET_OUT, sip_admin()),
        by_id.clone(),
        missing.clone(),
    )
    .await;
    w.expect(
        "an inbound trunk is deleted",
        (DELETE, sip_admin()),
        by_id.clone(),
        gives(json!({"sipTrunkId": id})),
    )
    .await;
    w.expect(
        "a trunk deleted twice",
        (DELETE, sip_admin()),
        by_id.clone(),
        gives(json!({"sipTrunkId": id})),
    )
    .await;
    w.expect(
        "a deleted inbound trunk",
        (GET_IN, sip_admin()),
        by_id,
        missing,
    )
    .await;
}

pub(crate) async fn inbound_refused(w: &mut World<'_>) {
    let new = |trunk: Value| json!({"trunk": trunk});
    let cases = [
        ("no inbound trunk", json!({}), "missing trunk"),
        (
            "an inbound trunk with an id",
            new(json!({"sipTrunkId": "ST_x", "numbers": ["1"]})),
            "trunk id must not be set",
        ),
        (
            "an inbound trunk open to all",
            new(json!({"name": "open"})),
            "for security, one of the fields must be set: AuthUsername+AuthPassword, AllowedAddresses or Numbers",
        ),
        (
            "an inbound trunk with a header that is none",
            new(json!({"numbers": ["{room}"], "headers": {"X A": "1"}})),
            "<~invalid header name>",
        ),
        (
            "an inbound trunk that sets Contact",
            new(json!({"numbers": ["{room}"], "headers": {"Contact": "1"}})),
            "<~invalid header name>",
        ),
        (
            "attributes to a header that is none",
            new(json!({"numbers": ["{room}"], "attributesToHeaders": {"a": "X A"}})),
            "<~invalid header name>",
        ),
    ];
    for (case, request, text) in cases {
        let refused = fails("invalid_argument", text);
        w.expect(case, (CREATE_IN, sip_admin()), request, refused)
            .await;
    }
    let required = fails("invalid_argument", "trunk ID is required");
    for (case, rpc) in [("getting", GET_IN), ("deleting", DELETE)] {
        w.expect(
            &format!("{case} a trunk without an id"),
            (rpc, sip_admin()),
            json!({}),
            required.clone(),
        )
        .await;
    }
    let missing = fails("not_found", "requested sip trunk does not exist");
    let none = json!({"sipTrunkId": "ST_none"});
    w.expect(
        "an inbound trunk nobody made",
        (GET_IN, sip_admin()),
        none.clone(),
        missing,
    )
    .await;
    let gone = gives(json!({"sipTrunkId": "ST_none"}));
    w.expect(
        "deleting a trunk nobody made",
        (DELETE, sip_admin()),
        none,
        gone,
    )
    .await;
}

#[expect(clippy::too_many_lines, reason = "one story, told case by case")]
pub(crate) async fn inbound_changed(w: &mut World<'_>) {
    let trunk = json!({"name": "a", "numbers": ["{room}-1"], "metadata": "m"});
    let told = with(
        trunk.clone(),
        &json!({"sipTrunkId": "<ST_>", "createdAt": "<opt>", "updatedAt": "<opt>", "media": "<opt>"}),
    );
    let made = w
        .expect(
            "an inbound trunk to change",
            (CREATE_IN, sip_admin()),
            json!({"trunk": trunk}),
            gives(told.clone()),
        )
        .await;
    let id = made["sipTrunkId"].clone();
    let change = |action: Value| with(json!({"sipTrunkId": id}), &action);
    let some = change(json!({"update": {"name": "b", "numbers": {"add": ["{room}-2"]}}}));
    let new = with(
        told.clone(),
        &json!({"name": "b", "numbers": ["{room}-1", "{room}-2"]}),
    );
    w.expect(
        "some fields of an inbound trunk",
        (UPDATE_IN, sip_admin()),
        some,
        gives(new),
    )
    .await;
    let some = change(json!({"update": {"numbers": {"remove": ["{room}-1"]}, "metadata": ""}}));
    let mut new = with(told.clone(), &json!({"name": "b", "numbers": ["{room}-2"]}));
    new.as_object_mut().unwrap().remove("metadata");
    w.expect(
        "a number taken away",
        (UPDATE_IN, sip_admin()),
        some,
        gives(new),
    )
    .await;
    let whole = change(json!({"replace": {"name": "c", "numbers": ["{room}-3"]}}));
    let mut new = with(told, &json!({"name": "c", "numbers": ["{room}-3"]}));
    new.as_object_mut().unwrap().remove("metadata");
    w.expect(
        "a whole inbound trunk",
        (UPDATE_IN, sip_admin()),
        whole,
        gives(new),
    )
    .await;
    let twice = json!({"update": {"numbers": {"add": ["{room}-9"], "set": ["{room}-9"]}}});
    let cases = [
        (
            "an update of no trunk",
            json!({"update": {"name": "x"}}),
            "trunk id must be set",
        ),
        (
            "an update of nothing",
            change(json!({})),
            "missing or unsupported update action",
        ),
        (
            "another id in the trunk",
            change(json!({"replace": {"sipTrunkId": "ST_other", "numbers": ["1"]}})),
            "trunk id in the info must be empty or match the id in the update",
        ),
        ("a list set and added to", change(twice), "<~cannot>"),
    ];
    for (case, request, text) in cases {
        w.expect(
            case,
            (UPDATE_IN, sip_admin()),
            request,
            fails("invalid_argument", text),
        )
        .await;
    }
    let none = json!({"sipTrunkId": "ST_none", "update": {"name": "x"}});
    let missing = fails("not_found", "requested sip trunk does not exist");
    w.expect(
        "an update of a trunk nobody made",
        (UPDATE_IN, sip_admin()),
        none,
        missing,
    )
    .await;
    w.expect(
        "the end of a trunk",
        (DELETE, sip_admin()),
        json!({"sipTrunkId": id}),
        gives(json!({"sipTrunkId": id})),
    )
    .await;
}

pub(crate) async fn outbound(w: &mut World<'_>) {
    let full = json!({
        "name": "{room}", "metadata": "m", "address": "sip.example.com", "destinationCountry": "US",
        "transport": "SIP_TRANSPORT_TLS", "numbers": ["+15550100"], "authUsername": "u",
        "authPassword": "p", "headers": {"X-A": "1"}, "fromHost": "example.com",
    });
    let told = with(
        full.clone(),
        &json!({"sipTrunkId": "<ST_>", "createdAt": "<opt>", "updatedAt": "<opt>", "media": "<opt>"}),
    );
    let made = w
        .expect(
            "an outbound trunk",
            (CREATE_OUT, sip_admin()),
            json!({"trunk": full}),
            gives(told.clone()),
        )
        .await;
    let id = made["sipTrunkId"].clone();
    let by_id = json!({"sipTrunkId": id});
    w.expect(
        "an outbound trunk by its id",
        (GET_OUT, sip_admin()),
        by_id.clone(),
        gives(json!({"trunk": made})),
    )
    .await;
    let some = json!({"trunkIds": [id]});
    w.expect(
        "outbound trunks by id",
        (LIST_OUT, sip_admin()),
        some,
        gives(json!({"items": [made]})),
    )
    .await;
    let change = json!({"sipTrunkId": id, "update": {"address": "sip2.example.com", "transport": "SIP_TRANSPORT_UDP"}});
    let new = with(
        told.clone(),
        &json!({"address": "sip2.example.com", "transport": "SIP_TRANSPORT_UDP"}),
    );
    w.expect(
        "some fields of an outbound trunk",
        (UPDATE_OUT, sip_admin()),
        change,
        gives(new),
    )
    .await;
    let change =
        json!({"sipTrunkId": id, "replace": {"address": "s.example.com", "numbers": ["+1"]}});
    let new = json!({"sipTrunkId": id, "address": "s.example.com", "numbers": ["+1"], "createdAt": "<opt>", "updatedAt": "<opt>", "media": "<opt>"});
    w.expect(
        "a whole outbound trunk",
        (UPDATE_OUT, sip_admin()),
        change,
        gives(new),
    )
    .await;
    w.expect(
        "an outbound trunk is deleted",
        (DELETE, sip_admin()),
        by_id,
        gives(json!({"sipTrunkId": id})),
    )
    .await;
}

pub(crate) async fn outbound_refused(w: &mut World<'_>) {
    let new = |trunk: Value| json!({"trunk": trunk});
    let cases = [
        ("no outbound trunk", json!({}), "missing trunk"),
        (
            "an outbound trunk with an id",
            new(json!({"sipTrunkId": "ST_x"})),
            "trunk id must not be set",
        ),
        (
            "an outbound trunk without a number",
            new(json!({"address": "a.example.com"})),
            "no trunk numbers specified",
        ),
        (
            "an outbound trunk without an address",
            new(json!({"numbers": ["1"]})),
            "no outbound address specified",
        ),
        (
            "an outbound address that is a URI",
            new(json!({"numbers": ["1"], "address": "sip:a.example.com"})),
            "trunk address should be a hostname or IP, not SIP URI",
        ),
        (
            "an outbound address with a transport",
            new(json!({"numbers": ["1"], "address": "a.example.com;transport=tcp"})),
            "trunk address should not contain transport parameter",
        ),
        (
            "a from host that is a URI",
            new(json!({"numbers": ["1"], "address": "a.example.com", "fromHost": "x@y"})),
            "from_host should be a hostname or IP, not SIP URI",
        ),
    ];
    for (case, request, text) in cases {
        w.expect(
            case,
            (CREATE_OUT, sip_admin()),
            request,
            fails("invalid_argument", text),
        )
        .await;
    }
    let missing = fails("not_found", "requested sip trunk does not exist");
    let none = json!({"sipTrunkId": "ST_none"});
    w.expect(
        "an outbound trunk nobody made",
        (GET_OUT, sip_admin()),
        none,
        missing.clone(),
    )
    .await;
    let none = json!({"sipTrunkId": "ST_none", "update": {"name": "x"}});
    w.expect(
        "an update of an outbound trunk nobody made",
        (UPDATE_OUT, sip_admin()),
        none,
        missing,
    )
    .await;
    let nothing = fails("invalid_argument", "trunk ID is required");
    w.expect(
        "an outbound trunk without an id",
        (GET_OUT, sip_admin()),
        json!({}),
        nothing,
    )
    .await;
}

pub(crate) async fn conflicts(w: &mut World<'_>) {
    let trunk = json!({"trunk": {"numbers": ["{room}-7"]}});
    let told = json!({"sipTrunkId": "<ST_>", "numbers": ["{room}-7"], "createdAt": "<opt>", "updatedAt": "<opt>", "media": "<opt>"});
    let made = w
        .expect(
            "a trunk of a number",
            (CREATE_IN, sip_admin()),
            trunk.clone(),
            gives(told),
        )
        .await;
    let twin = fails(
        "invalid_argument",
        "<~using the same number(s) [\"{room}-7\"] without AllowedNumbers set>",
    );
    w.expect(
        "a second trunk of the same number",
        (CREATE_IN, sip_admin()),
        trunk,
        twin,
    )
    .await;
    let narrow = json!({"trunk": {"numbers": ["{room}-7"], "allowedNumbers": ["+15550100"]}});
    let told = json!({
        "sipTrunkId": "<ST_>", "numbers": ["{room}-7"], "allowedNumbers": ["+15550100"],
        "createdAt": "<opt>", "updatedAt": "<opt>", "media": "<opt>",
    });
    let second = w
        .expect(
            "a trunk of the number for one caller",
            (CREATE_IN, sip_admin()),
            narrow.clone(),
            gives(told),
        )
        .await;
    let twin = fails("invalid_argument", "<~and AllowedNumber \"+15550100\">");
    w.expect(
        "a second trunk for the same caller",
        (CREATE_IN, sip_admin()),
        narrow,
        twin,
    )
    .await;
    for trunk in [made, second] {
        let id = json!({"sipTrunkId": trunk["sipTrunkId"]});
        w.expect(
            "a trunk cleared away",
            (DELETE, sip_admin()),
            id.clone(),
            gives(id),
        )
        .await;
    }
}

pub(crate) async fn deprecated(w: &mut World<'_>) {
    let trunks = gives(json!("<any>"));
    w.expect(
        "the old list of trunks",
        ("SIP/ListSIPTrunk", sip_admin()),
        json!({}),
        trunks,
    )
    .await;
}
