//! The torture messages of RFC 4475 (all 49) and RFC 5118 (all 12), byte by byte, and what becomes of
//! each at a gateway. The black-box test sends the same to the daemon.
//!
//! The files are the RFCs' own messages. Those of RFC 5118, printed there with bodies of another
//! length than they say, have the length of their body.

/// What a gateway does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is a call, and who owns the trunks decides about it.
    Call,
    /// It is answered with this and nothing else.
    Answer(u16),
    /// Nobody hears of it.
    Nothing,
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// Where it is told of.
    pub(crate) section: &'static str,
    /// Its name there.
    pub(crate) name: &'static str,
    pub(crate) bytes: &'static [u8],
    /// What becomes of it as a datagram.
    pub(crate) outcome: Outcome,
    /// What the same bytes are on a stream, where they are something else there.
    pub(crate) over_stream: Option<&'static [Outcome]>,
}

impl Case {
    /// Does it promise more of a body than comes? Then what is sent right behind it is part of that.
    pub(crate) fn is_short(&self) -> bool {
        self.name == "clerr"
    }
}

macro_rules! case {
    ($rfc:literal $section:literal $name:literal $outcome:expr) => {
        case!($rfc $section $name $outcome, None)
    };
    ($rfc:literal $section:literal $name:literal $outcome:expr, $over_stream:expr) => {
        Case {
            section: concat!("RFC ", $rfc, " ", $section),
            name: $name,
            bytes: include_bytes!(concat!("rfc", $rfc, "/", $name, ".sip")),
            outcome: $outcome,
            over_stream: $over_stream,
        }
    };
}

use Outcome::{Answer, Call, Nothing};

/// Where the RFC leaves a choice between a refusal and taking what is clearly meant, the second is
/// chosen; its words are beside those.
pub(crate) const CASES: [Case; 61] = [
    // Its To has a tag of a call that is not here.
    case!("4475" "3.1.1.1" "wsinv" Answer(481)),
    case!("4475" "3.1.1.2" "intmeth" Answer(501)),
    case!("4475" "3.1.1.3" "esc01" Call),
    // We are nobody's registrar.
    case!("4475" "3.1.1.4" "escnull" Answer(405)),
    // An escaped method is another method.
    case!("4475" "3.1.1.5" "esc02" Answer(501)),
    case!("4475" "3.1.1.6" "lwsdisp" Answer(200)),
    case!("4475" "3.1.1.7" "longreq" Call),
    // What follows the first message of a datagram is nothing; a stream goes on with it.
    case!("4475" "3.1.1.8" "dblreq" Answer(405), Some(&[Answer(405), Call])),
    case!("4475" "3.1.1.9" "semiuri" Answer(200)),
    case!("4475" "3.1.1.10" "transports" Answer(200)),
    case!("4475" "3.1.1.11" "mpart01" Answer(405)),
    case!("4475" "3.1.1.12" "unreason" Nothing),
    case!("4475" "3.1.1.13" "noreason" Nothing),
    // Separators too many say nothing: the call is clear without them.
    case!("4475" "3.1.2.1" "badinv01" Call),
    case!("4475" "3.1.2.2" "clerr" Answer(400)),
    case!("4475" "3.1.2.3" "ncl" Answer(400)),
    case!("4475" "3.1.2.4" "scalar02" Answer(400)),
    case!("4475" "3.1.2.5" "scalarlg" Nothing),
    case!("4475" "3.1.2.6" "quotbal" Answer(400)),
    // Brackets around the Request-URI: whom it wants is clear.
    case!("4475" "3.1.2.7" "ltgtruri" Call),
    // A blank in the Request-URI is passed over; the tag names a call that is not here.
    case!("4475" "3.1.2.8" "lwsruri" Answer(481)),
    // Blanks too many in the start line.
    case!("4475" "3.1.2.9" "lwsstart" Call),
    case!("4475" "3.1.2.10" "trws" Answer(200)),
    // The header in its URI is not obeyed.
    case!("4475" "3.1.2.11" "escruri" Call),
    // A date in a zone of its own means nothing to us.
    case!("4475" "3.1.2.12" "baddate" Call),
    case!("4475" "3.1.2.13" "regbadct" Answer(405)),
    // Blanks inside the brackets of To.
    case!("4475" "3.1.2.14" "badaspec" Answer(200)),
    // A name with a comma and without its quotes.
    case!("4475" "3.1.2.15" "baddn" Answer(200)),
    case!("4475" "3.1.2.16" "badvers" Answer(505)),
    case!("4475" "3.1.2.17" "mismatch01" Answer(400)),
    case!("4475" "3.1.2.18" "mismatch02" Answer(400)),
    case!("4475" "3.1.2.19" "bigcode" Nothing),
    case!("4475" "3.2.1" "badbranch" Answer(200)),
    case!("4475" "3.3.1" "insuf" Answer(400)),
    case!("4475" "3.3.2" "unkscm" Answer(416)),
    case!("4475" "3.3.3" "novelsc" Answer(416)),
    case!("4475" "3.3.4" "unksm2" Answer(405)),
    case!("4475" "3.3.5" "bext01" Answer(420)),
    case!("4475" "3.3.6" "invut" Answer(415)),
    case!("4475" "3.3.7" "regaut01" Answer(405)),
    case!("4475" "3.3.8" "multi01" Answer(400)),
    case!("4475" "3.3.9" "mcl01" Answer(400)),
    case!("4475" "3.3.10" "bcast" Nothing),
    case!("4475" "3.3.11" "zeromf" Answer(200)),
    case!("4475" "3.3.12" "cparam01" Answer(405)),
    case!("4475" "3.3.13" "cparam02" Answer(405)),
    case!("4475" "3.3.14" "regescrt" Answer(405)),
    case!("4475" "3.3.15" "sdp01" Answer(406)),
    // On a stream nobody knows where a body without a length ends.
    case!("4475" "3.4.1" "inv2543" Call, Some(&[Answer(400)])),
    case!("5118" "4.1" "ipv6-good" Answer(405)),
    case!("5118" "4.2" "ipv6-bad" Answer(400)),
    case!("5118" "4.3" "port-ambiguous" Answer(405)),
    case!("5118" "4.4" "port-unambiguous" Answer(405)),
    case!("5118" "4.5" "via-received-param-with-delim" Answer(481)),
    case!("5118" "4.5" "via-received-param-no-delim" Answer(200)),
    case!("5118" "4.6" "ipv6-in-sdp" Call),
    case!("5118" "4.7" "mult-ip-in-header" Answer(481)),
    case!("5118" "4.8" "mult-ip-in-sdp" Call),
    case!("5118" "4.9" "ipv4-mapped-ipv6" Call),
    case!("5118" "4.10" "ipv6-bug-abnf-3-colons" Answer(200)),
    case!("5118" "4.10" "ipv6-correct-abnf-2-colons" Answer(200)),
];
