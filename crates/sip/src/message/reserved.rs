//! Headers that nobody but us gives to a message: one table for the file, the API and the endpoint.

use super::headers::{Headers, canonical};
use super::name;

/// The usual spelling of a header that no trunk and no call may give, whichever way it is spelled:
/// we write it ourselves, or it tells those on the way what to do with the message.
pub fn reserved(header: &str) -> Option<&'static str> {
    let header = canonical(header);
    let mut all = OURS.iter().chain(LENT);
    all.find(|known| known.eq_ignore_ascii_case(&header))
        .copied()
}

impl Headers {
    /// Adds a header that was given for the message. One that is written here is left out, since a
    /// second of its name would be another message to whoever reads that one.
    pub(crate) fn add_given(&mut self, header: &str, value: &str) {
        let is = |known: &&str| known.eq_ignore_ascii_case(&canonical(header));
        let is_doubled = LENT.iter().any(is) && self.get(header).is_some();
        if !OURS.iter().any(is) && !is_doubled {
            self.push(header, value);
        }
    }
}

/// Written by the endpoint, or its matter alone.
const OURS: &[&str] = &[
    name::VIA,
    name::FROM,
    name::TO,
    name::CALL_ID,
    name::CSEQ,
    name::CONTACT,
    name::MAX_FORWARDS,
    name::ROUTE,
    name::RECORD_ROUTE,
    "Path",
    "Service-Route",
    name::CONTENT_TYPE,
    name::CONTENT_LENGTH,
    "Content-Encoding",
    "Content-Language",
    "Content-Disposition",
    "MIME-Version",
    name::ALLOW,
    name::ALLOW_EVENTS,
    name::ACCEPT,
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Accept-Resource-Priority",
    name::SUPPORTED,
    name::UNSUPPORTED,
    "Proxy-Require",
    name::SESSION_EXPIRES,
    name::MIN_SE,
    name::RSEQ,
    name::RACK,
    name::EVENT,
    name::SUBSCRIPTION_STATE,
    name::REFER_TO,
    "Refer-Sub",
    "Expires",
    "Min-Expires",
    "Reply-To",
    name::AUTHORIZATION,
    name::PROXY_AUTHORIZATION,
    name::WWW_AUTHENTICATE,
    name::PROXY_AUTHENTICATE,
    "Authentication-Info",
    "Proxy-Authentication-Info",
    name::USER_AGENT,
    name::SERVER,
    "Join",
    "Target-Dialog",
];

/// Given by the gateway itself where a call wants one, and by nobody else.
const LENT: &[&str] = &[
    name::REQUIRE,
    name::REPLACES,
    name::REFERRED_BY,
    name::REASON,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::headers::COMPACT;
    use super::*;

    #[test]
    fn a_short_name_is_as_reserved_as_the_long_one() {
        for (letter, long) in COMPACT {
            let (lower, upper) = (char::from(*letter), char::from(letter.to_ascii_uppercase()));
            for short in [lower, upper] {
                assert_eq!(reserved(&short.to_string()), reserved(long), "{short}");
            }
        }
        for (spelled, usual) in [
            ("f", "From"),
            ("C", "Content-Type"),
            ("x", "Session-Expires"),
            ("e", "Content-Encoding"),
            ("rseq", "RSeq"),
            ("b", "Referred-By"),
            ("PROXY-authorization", "Proxy-Authorization"),
        ] {
            assert_eq!(reserved(spelled), Some(usual));
        }
        for free in [
            "X-Tenant",
            "Diversion",
            "s",
            "P-Asserted-Identity",
            "Privacy",
        ] {
            assert_eq!(reserved(free), None, "{free}");
        }
    }

    proptest! {
        #[test]
        fn what_is_given_never_doubles_what_is_written(
            at in 0..OURS.len(),
            flips in proptest::collection::vec(any::<bool>(), 40),
            letter in 0..COMPACT.len(),
        ) {
            let spelled: String = OURS[at]
                .chars()
                .zip(flips.iter().cycle())
                .map(|(c, up)| if *up { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect();
            let short = char::from(COMPACT[letter].0).to_string();
            let mut headers = Headers::new();
            headers.push(OURS[at], "ours");
            headers.push(COMPACT[letter].1, "ours");
            let before = headers.lines(OURS[at]).count();
            headers.add_given(&spelled, "theirs");
            prop_assert_eq!(headers.lines(OURS[at]).count(), before);
            headers.add_given(&short, "theirs");
            let count = headers.lines(&short).filter(|value| *value == "theirs").count();
            prop_assert_eq!(count, usize::from(reserved(&short).is_none()));
        }
    }

    #[test]
    fn a_header_of_the_gateway_is_given_once() {
        let mut headers = Headers::new();
        headers.add_given("Reason", "SIP;cause=200");
        headers.add_given("reason", "Q.850;cause=1");
        headers.add_given("X-Tenant", "7");
        headers.add_given("X-Tenant", "8");
        assert_eq!(
            headers.lines("Reason").collect::<Vec<_>>(),
            ["SIP;cause=200"]
        );
        assert_eq!(headers.lines("X-Tenant").count(), 2);
    }
}
