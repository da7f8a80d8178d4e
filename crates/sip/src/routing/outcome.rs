//! What is known about a call, and what was decided.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_base::id::{RuleId, TrunkId};
use trunkline_base::secret::Personal;

use super::called::Told;
use super::{DispatchRule, InboundTrunk};

/// What the matcher may look at.
#[derive(Clone, Debug)]
pub struct CallFacts {
    /// Where the INVITE really came from.
    pub source: IpAddr,
    /// User part of From.
    pub caller: Personal<String>,
    /// Called numbers, most trusted first: the Request-URI's user, then To's.
    pub called: Vec<Personal<String>>,
    /// Called numbers in headers that some trunks believe.
    pub told: Told,
    /// The trunk whose registered contact was called, from where it is registered.
    pub bound: Option<TrunkId>,
    /// Has the trunk's digest been satisfied?
    pub authenticated: bool,
    /// What the caller typed, if asked.
    pub pin: Pin,
    /// Host of From, for the `sip.hostname` attribute only.
    pub hostname: String,
    /// Random end for room names.
    pub suffix: String,
    /// Key for hiding numbers; without it a hash of a phone number is easily reversed.
    pub hide_key: [u8; 16],
}

/// The most digits of a PIN that are typed, as with livekit/sip.
pub const LONGEST_PIN: usize = 16;

/// What the caller typed at a PIN prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pin {
    /// Nobody asked yet.
    #[default]
    NotAsked,
    /// The caller said "no PIN".
    None,
    /// Digits.
    Typed(Personal<String>),
}

/// What to do with a call.
#[derive(Clone)]
pub enum Outcome {
    /// Put it in a room.
    Accept(Box<Accepted>),
    /// The trunk wants a digest first.
    Challenge(Box<InboundTrunk>),
    /// Some rule wants a PIN first.
    AskPin(Box<Question>),
    /// Nothing fits.
    Refused(Refusal),
}

/// A call whose caller is to be asked for a PIN.
#[derive(Clone)]
pub struct Question {
    /// What the call is until then: as if the rule that goes first were its own.
    pub first: Accepted,
    /// The rules it may come to.
    pub(super) rules: Vec<DispatchRule>,
    pub(super) facts: CallFacts,
}

impl Question {
    /// The rules of which a PIN picks one, first come first.
    pub fn rules(&self) -> &[DispatchRule] {
        &self.rules
    }
}

/// The first half of the decision.
#[derive(Clone)]
pub enum TrunkOutcome<'a> {
    /// This trunk, called on this number.
    Matched {
        /// The trunk.
        trunk: &'a InboundTrunk,
        /// The called number that decided it.
        called: Personal<String>,
    },
    /// None.
    Refused(Refusal),
}

/// A call that has a room.
#[derive(Clone)]
pub struct Accepted {
    /// The trunk it came over.
    pub trunk: InboundTrunk,
    /// The rule that places it.
    pub rule: DispatchRule,
    /// The room's name.
    pub room: String,
    /// The participant's identity.
    pub identity: String,
    /// The participant's display name.
    pub name: Personal<String>,
    /// The participant's metadata.
    pub metadata: String,
    /// `sip.*` attributes known from routing, and the rule's own.
    pub attributes: BTreeMap<String, String>,
    /// The called number that decided it.
    pub called: Personal<String>,
}

/// Why a call was refused, and everything that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The one reason that is reported.
    pub reason: Verdict,
    /// Each trunk and rule looked at, with its own verdict.
    pub considered: Vec<Considered>,
}

impl Refusal {
    /// The SIP status for the wire.
    pub const fn status(&self) -> u16 {
        match self.reason {
            Verdict::AddressNotAllowed | Verdict::CallerNotAllowed | Verdict::PinWrong => 403,
            _ => 404,
        }
    }
}

/// One trunk or rule, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// Which.
    pub subject: Subject,
    /// Its name, for people.
    pub name: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// A trunk or a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A trunk.
    Trunk(TrunkId),
    /// A rule.
    Rule(RuleId),
}

/// What became of a trunk or rule, or of the whole call. Ordered by how far the call got.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No trunk is configured at all.
    #[error("no inbound trunk exists")]
    NoTrunks,
    /// The trunk does not list the called number.
    #[error("called number is not listed")]
    NumberNotListed,
    /// The trunk does not accept calls from this address.
    #[error("source address is not allowed")]
    AddressNotAllowed,
    /// The trunk does not accept this caller.
    #[error("calling number is not allowed")]
    CallerNotAllowed,
    /// No dispatch rule exists.
    #[error("no dispatch rule exists")]
    NoRules,
    /// The rule is for other trunks.
    #[error("rule is for other trunks")]
    OtherTrunk,
    /// The rule's called numbers exclude this call.
    #[error("called number is not in the rule")]
    RuleNumber,
    /// The rule's calling numbers exclude this call.
    #[error("calling number is not in the rule")]
    RuleCaller,
    /// The typed PIN is not this rule's.
    #[error("pin does not match")]
    PinWrong,
    /// The rule would have fitted, and a better one did.
    #[error("another ranks higher")]
    Outranked,
    /// The room or identity it makes is empty or too long.
    #[error("rule makes no usable room name")]
    UnusableRoom,
    /// It was taken.
    #[error("matched")]
    Matched,
}

impl Verdict {
    /// What to do about it, in one line.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NoTrunks => "make a trunk that names the number or the provider's addresses",
            Self::NumberNotListed => {
                "add the called number to the trunk's `numbers`, as the provider sends it; if it \
                 stands in another header, name that in `called_number_from`"
            }
            Self::AddressNotAllowed => "add the source to the trunk's `allowed_addresses`",
            Self::CallerNotAllowed => "add the caller to the trunk's `allowed_numbers`",
            Self::NoRules => "make a rule that names the trunk",
            Self::OtherTrunk => "name the trunk in the rule's `trunks`",
            Self::RuleNumber => "add the called number to the rule's `numbers`",
            Self::RuleCaller => "add the caller to the rule's `callers`",
            Self::PinWrong => "the caller must type the rule's PIN",
            Self::Outranked => "nothing is wrong; what names the call more closely goes first",
            Self::UnusableRoom => "give the rule a shorter room name or prefix",
            Self::Matched => "nothing is wrong",
        }
    }

    /// The verdict of this word in a record.
    pub fn from_word(word: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::from(word)).ok()
    }
}
