//! Requests that place or transfer a call: checked here, carried out by a gateway.

use livekit_protocol as proto;
use proto::{sip_named_dest, sip_request_dest};
use trunkline_sip::routing::TransferTo;

use super::{SipError, check, headers, sizes};
use crate::limits::Limits;

/// Checks a request for an outbound call, whose participant is to fit these limits.
pub(crate) fn check_call(
    request: &proto::CreateSipParticipantRequest,
    limits: Limits,
) -> Result<(), SipError> {
    let invalid = |text| Err(SipError::Invalid(text));
    let by_itself = request.sip_trunk_id.is_empty() && request.trunk.is_none();
    if by_itself && request.sip_number.is_empty() {
        return invalid("missing sip trunk id and sip number");
    }
    request.trunk.as_ref().map_or(Ok(()), check::inline)?;
    if request.sip_call_to.is_empty() {
        return invalid("missing sip callee number");
    }
    numbers(request)?;
    if request.sip_call_to.contains('@') {
        return invalid("SipCallTo should be a phone number or SIP user, not a full SIP URI");
    }
    if request.to_user_override.contains('@') {
        return invalid("ToUserOverride should be a phone number or SIP user, not a full SIP URI");
    }
    if let Some(flaw) = headers::not_token(&request.to_user_override) {
        return Err(SipError::ToUser(flaw));
    }
    if request.room_name.is_empty() {
        return invalid("missing room name");
    }
    if let Some(name) = &request.display_name {
        if name.len() > 128 {
            return invalid("DisplayName too long (max 128 characters)");
        }
        if !quotable(name) {
            return invalid("DisplayName must be a valid quoted string: invalid syntax");
        }
    }
    request.destination.as_ref().map_or(Ok(()), destination)?;
    if let Some(sign) = request.dtmf.chars().find(|c| !is_key(*c)) {
        return Err(SipError::Keys(sign));
    }
    check::positive(request.ringing_timeout.as_ref(), NEGATIVE_RINGING)?;
    let longest = request.max_call_duration.as_ref();
    check::positive(longest, "max_call_duration must not be negative")?;
    headers::sent(&request.headers)?;
    sizes::call(request, limits)?;
    check::media(request.media.as_ref())
}

/// The numbers of a call, and who it says that it is.
fn numbers(request: &proto::CreateSipParticipantRequest) -> Result<(), SipError> {
    check::number("sip_call_to", &request.sip_call_to)?;
    check::number("sip_number", &request.sip_number)?;
    let to = request.sip_request_uri.as_ref();
    match to.and_then(|to| to.uri.as_ref()) {
        Some(sip_request_dest::Uri::Values(uri)) => check::number("sip_request_uri", &uri.user)?,
        Some(sip_request_dest::Uri::Raw(text)) => check::number("sip_request_uri", text)?,
        None => {}
    }
    let Some(from) = &request.sip_from_header else {
        return Ok(());
    };
    check::printable("sip_from_header", &from.display_name)?;
    match &from.uri {
        Some(sip_named_dest::Uri::Values(uri)) => check::number("sip_from_header", &uri.user),
        Some(sip_named_dest::Uri::Raw(text)) => check::number("sip_from_header", text),
        None => Ok(()),
    }
}

/// Checks a request to transfer a call. What a number may be is looked at where it is dialled.
pub(crate) fn check_transfer(
    request: &proto::TransferSipParticipantRequest,
) -> Result<(), SipError> {
    let invalid = |text| Err(SipError::Invalid(text));
    if request.transfer_to.is_empty() {
        return invalid("missing transfer to");
    }
    sizes::transfer(request)?;
    match TransferTo::of(&request.transfer_to) {
        TransferTo::Participant("") => {
            return invalid("transfer_to names nobody: write participant: and an identity");
        }
        TransferTo::Address(to) if !has_scheme(to) => {
            return invalid(
                "transfer_to must be a valid SIP(s) or TEL URI (sip:, sips: or tel:), or participant:IDENTITY",
            );
        }
        TransferTo::Participant(_) | TransferTo::Address(_) => {}
    }
    check::positive(request.ringing_timeout.as_ref(), NEGATIVE_RINGING)?;
    Ok(headers::sent(&request.headers)?)
}

/// Schemes are written in either case (RFC 3261 19.1.4).
fn has_scheme(address: &str) -> bool {
    let known = ["sip", "sips", "tel"];
    let scheme = address.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| known.iter().any(|one| one.eq_ignore_ascii_case(scheme)))
}

const NEGATIVE_RINGING: &str = "ringing_timeout must not be negative";

/// A key of a telephone, a wait of half a second, or what people put between keys.
const fn is_key(c: char) -> bool {
    matches!(c, '0'..='9' | '*' | '#' | 'a'..='d' | 'A'..='D' | 'w' | 'W' | ' ' | ',')
}

/// Whether a name can stand between quotes as it is: quotes and backslashes are escaped, escapes
/// are whole, and nothing breaks the line.
fn quotable(name: &str) -> bool {
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        let digits = match letter {
            c if c == '"' || (c.is_control() && c != '\t') => return false,
            '\\' => match letters.next() {
                Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' | '"') => 0,
                Some('x') => 2,
                Some('u') => 4,
                Some('U') => 8,
                _ => return false,
            },
            _ => 0,
        };
        let mut code = letters.by_ref().take(digits);
        if digits > 0 && (0..digits).any(|_| !code.next().is_some_and(|c| c.is_ascii_hexdigit())) {
            return false;
        }
    }
    true
}

fn destination(destination: &proto::Destination) -> Result<(), SipError> {
    let proto::Destination {
        city,
        country,
        region,
    } = destination;
    if !city.is_empty() && country.is_empty() && region.is_empty() {
        let text = "if city is specified, country or region must also be specified";
        return Err(SipError::Invalid(text));
    }
    let known = || country.len() == 2 && COUNTRIES.split(' ').any(|code| code == country);
    if country.is_empty() || known() {
        return Ok(());
    }
    Err(SipError::Invalid(
        "country must be a valid ISO 3166-1 alpha-2 code (2-letter like 'US', 'IN', 'UK')",
    ))
}

/// ISO 3166-1 alpha-2.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI \
    BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY \
    CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN \
    GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL \
    PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV \
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN \
    VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_needs_a_way_out_a_callee_and_a_room() {
        let mut request = proto::CreateSipParticipantRequest::default();
        let checked = |request: &_| check_call(request, Limits::default());
        let text = |request: &_| checked(request).unwrap_err().to_string();
        assert_eq!(text(&request), "missing sip trunk id and sip number");
        request.trunk = Some(proto::SipOutboundConfig::default());
        assert_eq!(text(&request), "no outbound hostname specified");
        request.trunk = None;
        request.sip_trunk_id = "ST_1".to_owned();
        assert_eq!(text(&request), "missing sip callee number");
        request.sip_call_to = "sip:a@b".to_owned();
        assert!(text(&request).starts_with("SipCallTo should be a phone number"));
        request.sip_call_to = "+15550100".to_owned();
        request.to_user_override = "a b".to_owned();
        assert_eq!(
            text(&request),
            "ToUserOverride contains invalid characters: char 32 not allowed"
        );
        request.to_user_override.clear();
        assert_eq!(text(&request), "missing room name");
        request.room_name = "lobby".to_owned();
        request.dtmf = "1#Zx".to_owned();
        assert_eq!(
            text(&request),
            "dtmf has 'Z' in it, which is no key: 0-9, *, #, A-D, and w for a wait"
        );
        request.dtmf = "1#ww*D".to_owned();
        request.display_name = Some("x".repeat(129));
        assert_eq!(text(&request), "DisplayName too long (max 128 characters)");
        request.display_name = Some("Acme \"Support\"".to_owned());
        assert!(text(&request).starts_with("DisplayName must be a valid quoted string"));
        request.display_name = Some("Acme \\\"Support\\\" \\u00e9".to_owned());
        assert!(checked(&request).is_ok());
    }

    /// They were escaped, and dialled.
    #[test]
    fn what_is_no_number_is_refused_and_its_field_named() {
        let told = |change: &dyn Fn(&mut proto::CreateSipParticipantRequest)| {
            let mut request = proto::CreateSipParticipantRequest {
                sip_trunk_id: "ST_1".to_owned(),
                sip_call_to: "+15550100".to_owned(),
                room_name: "lobby".to_owned(),
                ..Default::default()
            };
            change(&mut request);
            check_call(&request, Limits::default()).map_err(|error| error.to_string())
        };
        assert_eq!(told(&|r| r.sip_number = "+15550199".to_owned()), Ok(()));
        for odd in ["  ", "\u{a0}", "a\r\nX: y", "+1\0", "+1\u{85}", "\t"] {
            let user = || proto::SipUri {
                user: odd.to_owned(),
                ..Default::default()
            };
            let to = || proto::SipRequestDest {
                uri: Some(sip_request_dest::Uri::Values(user())),
            };
            let from = || proto::SipNamedDest {
                uri: Some(sip_named_dest::Uri::Values(user())),
                ..Default::default()
            };
            for (field, refused) in [
                ("sip_call_to", told(&|r| r.sip_call_to = odd.to_owned())),
                ("sip_number", told(&|r| r.sip_number = odd.to_owned())),
                ("sip_request_uri", told(&|r| r.sip_request_uri = Some(to()))),
                (
                    "sip_from_header",
                    told(&|r| r.sip_from_header = Some(from())),
                ),
            ] {
                let text = refused.unwrap_err();
                assert!(text.starts_with(field), "{odd:?}: {text}");
            }
        }
        let name = told(&|r| r.display_name = Some("a\rX".to_owned()));
        assert!(name.unwrap_err().starts_with("DisplayName"));
    }

    #[test]
    fn a_destination_is_in_a_country() {
        let at = |city: &str, country: &str| {
            destination(&proto::Destination {
                city: city.to_owned(),
                country: country.to_owned(),
                ..Default::default()
            })
        };
        assert!(at("", "").is_ok() && at("Lyon", "FR").is_ok());
        let text = at("Lyon", "").unwrap_err().to_string();
        assert!(text.starts_with("if city is specified"), "{text}");
        for unknown in ["XX", "fr", "FRA", "A "] {
            assert!(at("", unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_transfer_goes_to_a_uri() {
        let mut request = proto::TransferSipParticipantRequest {
            room_name: "lobby".to_owned(),
            participant_identity: "alice".to_owned(),
            transfer_to: "+15550100".to_owned(),
            ..Default::default()
        };
        let text = check_transfer(&request).unwrap_err().to_string();
        assert!(text.contains("participant:IDENTITY"), "{text}");
        request.transfer_to = format!("tel:{}", "9".repeat(9000));
        let text = check_transfer(&request).unwrap_err().to_string();
        assert!(text.starts_with("transfer_to exceeds"), "{text}");
        request.transfer_to = "participant:".to_owned();
        assert!(check_transfer(&request).is_err());
        for target in [
            "tel:+15550100",
            "<sip:bob@host>",
            "sips:bob@host",
            "SIP:bob@host",
            "Tel:+15550100",
            "participant:bob",
            "PARTICIPANT:bob",
        ] {
            request.transfer_to = target.to_owned();
            assert!(check_transfer(&request).is_ok());
        }
    }
}
