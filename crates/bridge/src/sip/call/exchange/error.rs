//! Why a transfer may fail.

use trunkline_base::class::{Class, Classified};
use trunkline_base::dialling::Denied;
use trunkline_sip::message::reason_phrase;

/// Why nobody was transferred.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The request cannot be carried out as it is.
    #[error("{0}")]
    Request(String),
    /// The number may not be dialled, so nobody is sent there either.
    #[error("the transfer is denied: {0}")]
    Denied(#[from] Denied),
    /// There is no such call here.
    #[error("nobody of this name is on the phone in this room over this gateway")]
    NoCall,
    /// Only who talks can be transferred.
    #[error("the call is not answered yet")]
    NotUp,
    /// One at a time.
    #[error("the call is being transferred already; wait until that is over")]
    Busy,
    /// Nobody is on the phone whom it is to be connected with.
    #[error("nobody of the name in transfer_to is on the phone in this room over this gateway")]
    NoTarget,
    /// A phone that rings cannot be connected with another.
    #[error("the call of the participant in transfer_to is not answered yet")]
    TargetNotUp,
    /// One at a time.
    #[error(
        "the call of the participant in transfer_to is being transferred itself; wait until that is over"
    )]
    TargetBusy,
    /// It would refuse the other phone, or ring as for any other call.
    #[error(
        "the phone of the participant in transfer_to lets no call be replaced: its Supported header \
         has no `replaces`"
    )]
    TargetUnable,
    /// The phone, or whom it called, does not want to.
    #[error("the transfer was refused with {0}")]
    Refused(u16),
    /// Nobody said in time how it went.
    #[error("nobody answered the transfer in time")]
    TimedOut,
    /// The phone stopped telling.
    #[error("the phone agreed to the transfer, and does not tell how it went")]
    Untold,
    /// The call was over first.
    #[error("the call ended before the transfer was complete")]
    CallEnded,
}

impl TransferError {
    /// The SIP status that says it, and its words.
    pub fn sip(&self) -> Option<(u16, String)> {
        let status = match self {
            Self::Refused(status) => *status,
            Self::TimedOut => 408,
            _ => return None,
        };
        Some((status, reason_phrase(status).to_owned()))
    }
}

impl Classified for TransferError {
    /// Once a REFER is out nothing says that trying again is fine: a phone would ring twice.
    fn class(&self) -> Class {
        match self {
            Self::Request(_) => Class::Invalid,
            Self::Denied(_) => Class::Denied,
            Self::NoCall | Self::NoTarget => Class::Missing,
            Self::NotUp
            | Self::Busy
            | Self::TargetNotUp
            | Self::TargetBusy
            | Self::TargetUnable
            | Self::Refused(_)
            | Self::TimedOut
            | Self::Untold
            | Self::CallEnded => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "sip.transfer.request",
            Self::Denied(_) => "sip.transfer.denied",
            Self::NoCall => "sip.transfer.no_call",
            Self::NotUp => "sip.transfer.not_up",
            Self::Busy => "sip.transfer.busy",
            Self::NoTarget => "sip.transfer.no_target",
            Self::TargetNotUp => "sip.transfer.target_not_up",
            Self::TargetBusy => "sip.transfer.target_busy",
            Self::TargetUnable => "sip.transfer.target_unable",
            Self::Refused(_) => "sip.transfer.refused",
            Self::TimedOut => "sip.transfer.timed_out",
            Self::Untold => "sip.transfer.untold",
            Self::CallEnded => "sip.transfer.call_ended",
        }
    }
}
