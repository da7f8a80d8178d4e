//! Requests that place or transfer a call: checked here, carried out by a gateway.

use livekit_protocol as proto;

use super::{SipError, check};

/// Checks a request for an outbound call.
pub(crate) fn check_call(request: &proto::CreateSipParticipantRequest) -> Result<(), SipError> {
    let invalid = |text| Err(SipError::Invalid(text));
    match &request.trunk {
        Some(trunk) if trunk.hostname.is_empty() => {
            return invalid("no outbound hostname specified");
        }
        Some(trunk) => {
            check::host(&trunk.hostname, "trunk hostname")?;
            check::host(&trunk.from_host, "from_host")?;
        }
        None if request.sip_trunk_id.is_empty() && request.sip_number.is_empty() => {
            return invalid("missing sip trunk id and sip number");
        }
        None => {}
    }
    if request.sip_call_to.is_empty() {
        return invalid("missing sip callee number");
    }
    if request.sip_call_to.contains('@') {
        return invalid("SipCallTo should be a phone number or SIP user, not a full SIP URI");
    }
    if request.to_user_override.contains('@') {
        return invalid("ToUserOverride should be a phone number or SIP user, not a full SIP URI");
    }
    if request.room_name.is_empty() {
        return invalid("missing room name");
    }
    if request
        .display_name
        .as_ref()
        .is_some_and(|name| name.len() > 128)
    {
        return invalid("DisplayName too long (max 128 characters)");
    }
    Ok(())
}

/// Checks a request to transfer a call.
pub(crate) fn check_transfer(
    request: &proto::TransferSipParticipantRequest,
) -> Result<(), SipError> {
    let invalid = |text| Err(SipError::Invalid(text));
    if request.room_name.is_empty() {
        return invalid("missing room name");
    }
    if request.participant_identity.is_empty() {
        return invalid("missing participant identity");
    }
    if request.transfer_to.is_empty() {
        return invalid("missing transfer to");
    }
    let target = request.transfer_to.trim_start_matches('<');
    if !["sip:", "sips:", "tel:"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
    {
        return invalid("transfer_to must be a valid SIP(s) or TEL URI (sip:, sips: or tel:)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_needs_a_way_out_a_callee_and_a_room() {
        let mut request = proto::CreateSipParticipantRequest::default();
        let text = |request: &_| check_call(request).unwrap_err().to_string();
        assert_eq!(text(&request), "missing sip trunk id and sip number");
        request.sip_trunk_id = "ST_1".to_owned();
        assert_eq!(text(&request), "missing sip callee number");
        request.sip_call_to = "sip:a@b".to_owned();
        assert!(text(&request).starts_with("SipCallTo should be a phone number"));
        request.sip_call_to = "+15550100".to_owned();
        assert_eq!(text(&request), "missing room name");
        request.room_name = "lobby".to_owned();
        request.display_name = Some("x".repeat(129));
        assert_eq!(text(&request), "DisplayName too long (max 128 characters)");
        request.display_name = None;
        assert!(check_call(&request).is_ok());
    }

    #[test]
    fn a_transfer_goes_to_a_uri() {
        let mut request = proto::TransferSipParticipantRequest {
            room_name: "lobby".to_owned(),
            participant_identity: "alice".to_owned(),
            transfer_to: "+15550100".to_owned(),
            ..Default::default()
        };
        assert!(check_transfer(&request).is_err());
        for target in ["tel:+15550100", "<sip:bob@host>", "sips:bob@host"] {
            request.transfer_to = target.to_owned();
            assert!(check_transfer(&request).is_ok());
        }
    }
}
