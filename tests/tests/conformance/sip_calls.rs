//! `SIP`: calls placed and transferred, as far as they are refused.

use serde_json::{Value, json};

use crate::rights::{admin, sip_admin, sip_call, sip_transfer};
use crate::world::{World, denied, fails};

const CALL: &str = "SIP/CreateSIPParticipant";
const TRANSFER: &str = "SIP/TransferSIPParticipant";

pub(crate) async fn refused(w: &mut World<'_>) {
    let call = |more: Value| {
        let mut call =
            json!({"sipTrunkId": "ST_none", "sipCallTo": "+15550100", "roomName": "{room}"});
        for (key, value) in more.as_object().unwrap() {
            call[key] = value.clone();
        }
        call
    };
    let none = json!({"sipCallTo": "+15550100", "roomName": "{room}"});
    let cases = [
        (
            "a call over no trunk",
            none,
            "missing sip trunk id and sip number",
        ),
        (
            "a call to nobody",
            call(json!({"sipCallTo": ""})),
            "missing sip callee number",
        ),
        (
            "a call to a URI",
            call(json!({"sipCallTo": "sip:a@b"})),
            "SipCallTo should be a phone number or SIP user, not a full SIP URI",
        ),
        (
            "a call to no room",
            call(json!({"roomName": ""})),
            "missing room name",
        ),
        (
            "a display name of 129 characters",
            call(json!({"displayName": "x".repeat(129)})),
            "DisplayName too long (max 128 characters)",
        ),
        (
            "a display name that breaks its quotes",
            call(json!({"displayName": "a\"b"})),
            "<~DisplayName must be a valid quoted string>",
        ),
        (
            "a trunk without a host",
            call(json!({"trunk": {}})),
            "no outbound hostname specified",
        ),
    ];
    for (case, request, text) in cases {
        w.expect(
            case,
            (CALL, sip_call()),
            request,
            fails("invalid_argument", text),
        )
        .await;
    }
    let missing = fails("not_found", "requested sip trunk does not exist");
    w.expect(
        "a call over a trunk nobody made",
        (CALL, sip_call()),
        call(json!({})),
        missing,
    )
    .await;
    w.expect(
        "a call needs sip.call",
        (CALL, sip_admin()),
        call(json!({})),
        denied(),
    )
    .await;
}

pub(crate) async fn transfers_refused(w: &mut World<'_>) {
    let transfer = |room: &str, who: &str, to: &str| json!({"roomName": room, "participantIdentity": who, "transferTo": to});
    let tel = "tel:+15550100";
    let cases = [
        (
            "a transfer from no room",
            transfer("", "caller", tel),
            "twirp error unknown: Missing room name",
        ),
        (
            "a transfer of nobody",
            transfer("{room}", "", tel),
            "twirp error unknown: Missing participant identity",
        ),
        (
            "a transfer to nobody",
            transfer("{room}", "caller", ""),
            "missing transfer to",
        ),
        (
            "a transfer to a number",
            transfer("{room}", "caller", "+15550100"),
            "transfer_to must be a valid SIP(s) or TEL URI (sip:, sips: or tel:), or participant:IDENTITY",
        ),
    ];
    for (case, request, text) in cases {
        w.expect(
            case,
            (TRANSFER, sip_transfer()),
            request,
            fails("invalid_argument", text),
        )
        .await;
    }
    let away = transfer("{room}", "caller", tel);
    let missing = fails(
        "not_found",
        "twirp error unknown: participant does not exist",
    );
    w.expect(
        "a transfer of who is not there",
        (TRANSFER, sip_transfer()),
        away.clone(),
        missing,
    )
    .await;
    w.expect(
        "a transfer needs sip.call",
        (TRANSFER, admin()),
        away.clone(),
        denied(),
    )
    .await;
    w.expect(
        "a transfer needs the room",
        (TRANSFER, sip_call()),
        away,
        denied(),
    )
    .await;
    let (_room, _events) = w.join("guest").await;
    let guest = transfer("{room}", "guest", tel);
    let text = "twirp error unknown: no SIP session associated with participant";
    w.expect(
        "a transfer of who is no call",
        (TRANSFER, sip_transfer()),
        guest,
        fails("invalid_argument", text),
    )
    .await;
}
