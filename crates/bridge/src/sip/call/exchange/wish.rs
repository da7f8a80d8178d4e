//! What calls are asked for, and what two of them tell each other where the phone of one is to take
//! the place of ours in the other.

use std::time::Duration;

use tokio::sync::oneshot;
use trunkline_base::id::ParticipantIdentity;
use trunkline_sip::dialog::Replaces;
use trunkline_sip::endpoint::{ReferRequest, Seat};
use trunkline_sip::uri::Uri;

use super::error::TransferError;

/// What a call is asked for.
pub(crate) enum Wish {
    /// To send its phone to somebody else.
    Transfer(Box<Transfer>),
    /// Its seat, for the phone of another call.
    Seat(Wanted),
}

/// A transfer.
pub(crate) struct Transfer {
    pub(crate) goal: Goal,
    pub(crate) terms: Terms,
    /// The phone hears the tone of a line that rings meanwhile.
    pub(crate) tone: bool,
    pub(crate) done: Done,
}

/// Whom a phone is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Address(Uri),
    /// On the phone in the same room.
    Participant(ParticipantIdentity),
}

/// The same, with what there is to come of it.
pub(crate) enum Goal {
    Address(Uri),
    Participant(ParticipantIdentity, oneshot::Receiver<Offer>),
}

impl Goal {
    pub(crate) fn whom(&self) -> Whom {
        match self {
            Self::Address(uri) => Whom::Address(uri.clone()),
            Self::Participant(identity, _) => Whom::Participant(identity.clone()),
        }
    }
}

/// How a phone is sent.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) patience: Duration,
}

impl Terms {
    pub(crate) fn refer(self, target: Uri, replaces: Option<Replaces>) -> ReferRequest {
        let Self { headers, patience } = self;
        ReferRequest {
            target,
            replaces,
            headers,
            patience,
        }
    }
}

/// Who waits for the outcome.
pub(crate) type Done = oneshot::Sender<Result<(), TransferError>>;

/// Who waits for a seat.
pub(crate) type Wanted = oneshot::Sender<Offer>;

/// A seat, or why there is none to be had.
pub(crate) type Offer = Result<Offered, TransferError>;

/// Our seat in a call, and where that one is told what has come of it: dropped, nothing has.
pub(crate) struct Offered {
    pub(crate) seat: Box<Seat>,
    pub(crate) outcome: oneshot::Sender<Outcome>,
}

/// What has come of the phone that was sent to take a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It says that it has it.
    Talks,
    /// It said that it would and went: it may be on its way.
    Left,
}
