//! Why calls end in the words of ISDN (Q.850), which networks and bills speak, and how they become
//! SIP's and back (RFC 3398 7.2.4.1 and 8.2.6.1). The Reason header carries them (RFC 3326).

use std::str::FromStr;

use crate::quoted::{split_outside_quotes, split_values};

/// Somebody hung up.
pub const NORMAL_CLEARING: u8 = 16;
/// Another phone that rang for the same call has answered.
pub const NOT_CHOSEN: u8 = 26;
/// Something ran out of time.
pub const TIMER_EXPIRED: u8 = 102;

/// What a network would say of that status; nothing for a call that stands.
pub const fn cause(status: u16) -> Option<u8> {
    Some(match status {
        300..=399 => 23,
        401 | 402 | 403 | 407 | 603 | 607 | 608 => 21,
        404 | 485 | 604 => 1,
        405 => 63,
        406 | 415 | 501 => 79,
        408 | 504 => TIMER_EXPIRED,
        410 => 22,
        480 => 18,
        482 | 483 => 25,
        484 => 28,
        486 | 600 => 17,
        // The caller changed their mind.
        487 => NORMAL_CLEARING,
        488 | 606 => 88,
        502 => 38,
        400 | 481 | 500 | 503 => 41,
        409..=599 => 127,
        601..=699 => 21,
        _ => return None,
    })
}

/// The status that says the same as a network's cause.
pub const fn status(cause: u8) -> u16 {
    match cause {
        1..=3 | 26 => 404,
        17 => 486,
        18 => 408,
        16 | 19 | 20 | 31 => 480,
        21 | 55 | 57 | 87 => 403,
        22 | 23 => 410,
        27 => 502,
        28 => 484,
        29 | 79 => 501,
        34 | 38 | 41 | 42 | 47 | 58 => 503,
        65 | 70 => 488,
        88 => 503,
        102 => 504,
        _ => 500,
    }
}

/// What a cause means, in a few words.
pub const fn words(cause: u8) -> &'static str {
    match cause {
        1 => "unallocated number",
        2 | 3 => "no route",
        16 => "normal clearing",
        17 => "user busy",
        18 => "no user responding",
        19 => "no answer",
        20 => "subscriber absent",
        21 => "call rejected",
        22 => "number changed",
        23 => "redirected",
        25 => "routing loop",
        26 => "answered elsewhere",
        27 => "destination out of order",
        28 => "address incomplete",
        31 => "normal, unspecified",
        34 => "no circuit available",
        38 => "network out of order",
        41 => "temporary failure",
        42 => "congestion",
        47 => "no resource",
        63 => "service not available",
        79 => "service not implemented",
        88 => "incompatible destination",
        102 => "timer expired",
        111 => "protocol error",
        127 => "interworking",
        _ => "other",
    }
}

/// The cause in a Reason header.
pub fn of_reason(reason: &str) -> Option<u8> {
    cause_by(reason, "Q.850").filter(|cause| (1..=127).contains(cause))
}

/// The status in a Reason header, such as 200 in a CANCEL to those who ring beside the one who answered
/// (RFC 3326).
pub fn status_of_reason(reason: &str) -> Option<u16> {
    cause_by(reason, "SIP").filter(|status| (100..=699).contains(status))
}

fn cause_by<T: FromStr>(reason: &str, protocol: &str) -> Option<T> {
    split_values(reason).find_map(|value| {
        let mut parts = split_outside_quotes(value, ';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(protocol) {
            return None;
        }
        parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let is_cause = name.trim().eq_ignore_ascii_case("cause");
            is_cause.then(|| value.trim().parse().ok()).flatten()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_isdn_is_found_among_others() {
        let both = "SIP;cause=486;text=\"Busy Here\", Q.850 ; Cause = 17 ;text=\"User busy\"";
        assert_eq!(of_reason(both), Some(17));
        assert_eq!(of_reason("q.850;cause=16"), Some(16));
        let odd = "Q.850;text=\"busy, really;cause=99\";cause=17";
        assert_eq!(of_reason(odd), Some(17));
        assert_eq!(
            (status_of_reason(both), of_reason("SIP;cause=17")),
            (Some(486), None)
        );
        let elsewhere = "sip ;cause=200 ;text=\"Call completed elsewhere\"";
        assert_eq!(status_of_reason(elsewhere), Some(200));
        for none in [
            "Q.850;cause=16",
            "SIP;cause=9",
            "SIP;cause=70000",
            "SIP;text=\"cause=200\"",
        ] {
            assert_eq!(status_of_reason(none), None, "{none}");
        }
        for none in [
            "SIP;cause=200",
            "Q.850",
            "Q.850;cause=x",
            "Q.850;cause=0",
            "Q.850;cause=300",
            "",
        ] {
            assert_eq!(of_reason(none), None, "{none}");
        }
    }

    #[test]
    fn every_refusal_has_a_cause_and_every_cause_a_refusal() {
        for status in 300..700 {
            let cause = cause(status).unwrap();
            assert!((1..=127).contains(&cause), "{status}");
        }
        assert_eq!((cause(100), cause(180), cause(200)), (None, None, None));
        for cause in 1..=127 {
            assert!((400..600).contains(&status(cause)), "{cause}");
        }
    }

    /// What the two tables of RFC 3398 agree on survives there and back.
    #[test]
    fn busy_is_busy_on_both_sides() {
        for said in [403, 404, 410, 484, 486, 501, 503, 504] {
            assert_eq!(status(cause(said).unwrap()), said);
        }
        assert_eq!((cause(480), status(18)), (Some(18), 408));
        assert_eq!(
            (cause(603), cause(600), cause(408)),
            (Some(21), Some(17), Some(102))
        );
    }
}
