//! Whom the `transfer_to` of a request names.

/// Somebody to send a phone to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferTo<'a> {
    /// A SIP or tel URI, without the brackets around it.
    Address(&'a str),
    /// The identity of another participant on the phone in the same room: both phones are to talk to
    /// each other. LiveKit has no such word.
    Participant(&'a str),
}

impl<'a> TransferTo<'a> {
    /// Reads it. Whether there is such an address or participant is not known here.
    pub fn of(text: &'a str) -> Self {
        if let Some((scheme, identity)) = text.split_at_checked(PARTICIPANT.len())
            && scheme.eq_ignore_ascii_case(PARTICIPANT)
        {
            return Self::Participant(identity);
        }
        let text = text.trim();
        let inside = text.strip_prefix('<').and_then(|t| t.strip_suffix('>'));
        Self::Address(inside.unwrap_or(text))
    }
}

/// What stands before an identity.
const PARTICIPANT: &str = "participant:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_taken_as_it_stands_and_an_address_without_its_brackets() {
        for (text, to) in [
            ("tel:+15550100", TransferTo::Address("tel:+15550100")),
            (" <sip:bob@host> ", TransferTo::Address("sip:bob@host")),
            (
                "sip:participant:x@host",
                TransferTo::Address("sip:participant:x@host"),
            ),
            (
                "participant:sip_+1555 0100",
                TransferTo::Participant("sip_+1555 0100"),
            ),
            ("participant:<bob>", TransferTo::Participant("<bob>")),
            ("participant:", TransferTo::Participant("")),
            ("PARTICIPANT:Bob", TransferTo::Participant("Bob")),
            ("SIP:bob@host", TransferTo::Address("SIP:bob@host")),
        ] {
            assert_eq!(TransferTo::of(text), to, "{text}");
        }
    }
}
