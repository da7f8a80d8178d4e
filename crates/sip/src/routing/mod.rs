//! Which trunk a call came over, which rule sends it where, and, when nothing fits, why.
//!
//! The data model is LiveKit's; the matching differs from `livekit/sip` where that is unsafe or
//! surprising:
//! - numbers are compared in one normal form everywhere, by the numbering plan of the trunk, and read
//!   into it once ([`read_numbers`]);
//! - a call to the contact that a trunk has registered, from where it is registered, is that trunk's;
//! - a source is its IP address, never the text of the From host;
//! - an address list with unreadable entries stays a restriction;
//! - a call without a trunk is never dispatched;
//! - several fitting trunks or rules are ranked, never an error;
//! - the called number is looked up in the headers a trunk believes ([`called`]), then in the
//!   Request-URI, then in To.

pub mod called;
mod claim;
pub mod mark;
mod matcher;
mod number;
mod numbers;
mod outcome;
mod plan;
mod reading;
mod rule;
mod transfer_to;
mod trunk;

pub use claim::{Claim, RuleClaims, TrunkClaims};
pub use matcher::{is_anonymous, match_call, match_pin, match_rule, match_trunk};
pub use number::normalise;
pub use numbers::Numbers;
pub use outcome::{
    Accepted, CallFacts, Considered, LONGEST_PIN, Outcome, Pin, Question, Refusal, Subject,
    TrunkOutcome, Verdict,
};
pub use plan::{Dialled, Form, NumberingPlan};
pub use reading::read_numbers;
pub use rule::{DispatchRule, RuleKind};
pub use transfer_to::TransferTo;
pub use trunk::{DigestLogin, HeaderOptions, InboundTrunk, MediaOptions, is_source};
