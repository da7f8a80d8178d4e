//! A call that its phone passes on to somebody else (REFER to us): what the call asks for, and what
//! it hears. Whoever dials is another task (`outbound/pass.rs`); it withdraws what nobody waits for.

use std::time::Instant;

use tokio::sync::mpsc;
use trunkline_base::id::{CallId, ParticipantIdentity, RoomName};
use trunkline_sip::endpoint::{Referral, Rejection};
use trunkline_sip::message::Headers;
use trunkline_sip::q850;
use trunkline_sip::sdp::Agreement;
use trunkline_store::{Direction, EndedBy};

use super::super::journal::{KeptAccount, then, when};
use super::super::media::MediaSummary;
use super::super::signalling::Line;
use super::guard::{Guard, Permit};
use super::prepared::Prepared;
use super::record::{Ending, Journal, Moment};

/// Whose call is passed on.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) direction: Direction,
    /// The key of its trunk, if it is a trunk of the file.
    pub(crate) trunk: Option<String>,
    /// Our number in that call.
    pub(crate) number: String,
    pub(crate) room: RoomName,
    pub(crate) identity: ParticipantIdentity,
}

/// Somebody to dial in the place of a phone.
pub(crate) struct PassOrder {
    pub(crate) origin: Origin,
    pub(crate) referral: Box<Referral>,
    pub(super) news: mpsc::Sender<PassNews>,
}

/// What comes of it.
pub(super) enum PassNews {
    /// It will not be tried.
    Refused(Rejection),
    /// It may be dialled, and is.
    Begun,
    /// What is heard of the phone that is called.
    Progress(u16),
    /// It was answered.
    Answered(Box<Successor>),
    /// It was not; the status that says why.
    Failed(u16),
}

/// The phone that has answered.
pub(super) struct Successor {
    pub(super) line: Line,
    pub(super) prepared: Prepared,
    pub(super) agreement: Agreement,
    /// Of its 200.
    pub(super) headers: Box<Headers>,
    pub(super) number: String,
    pub(super) account: Account,
}

/// What is open in the books until the phone that was dialled has hung up.
pub(super) struct Account {
    pub(super) journal: Journal,
    pub(super) call: CallId,
    pub(super) began: Instant,
    pub(super) answered: Option<Instant>,
    /// What the guard counts it by: the trunk, the number that was asked for, and the one that was sent.
    pub(super) counted: (String, String, String),
    pub(super) permit: Permit,
}

impl Account {
    /// As it is written down.
    pub(super) fn keep(&self) -> KeptAccount {
        let (trunk, asked, number) = self.counted.clone();
        let began = when(self.began);
        KeptAccount {
            call: self.call.to_string(),
            trunk,
            asked,
            number,
            began,
            answered: self.answered.map_or(began, when),
        }
    }

    /// Goes on with what another process began.
    pub(super) fn again(kept: &KeptAccount, journal: Journal, guard: &Guard) -> Option<Self> {
        Some(Self {
            journal,
            call: CallId::parse(kept.call.as_str()).ok()?,
            began: then(kept.began),
            answered: Some(then(kept.answered)),
            counted: (kept.trunk.clone(), kept.asked.clone(), kept.number.clone()),
            permit: guard.go_on(&kept.trunk, &kept.asked, &kept.number),
        })
    }

    /// Writes down how it ended.
    pub(super) fn close(self, reason: &'static str, status: Option<u16>, by: EndedBy) {
        let ending = Ending {
            call: &self.call,
            reason,
            status,
            cause: Some(
                status
                    .and_then(q850::cause)
                    .unwrap_or(q850::NORMAL_CLEARING),
            ),
            direction: Direction::Outbound,
            by,
            began: self.began,
            answered: self.answered,
            over: Moment::now(),
            price: self.permit.price(),
        };
        // The sound is told in the record of the call that was passed on.
        ending.note(&self.journal, &MediaSummary::default());
    }
}

/// What a call's phone wants to pass on.
pub(super) struct Onward {
    origin: Origin,
    orders: mpsc::Sender<PassOrder>,
    news: Option<mpsc::Receiver<PassNews>>,
    /// Did the phone hear that it is being done?
    begun: bool,
}

impl Onward {
    pub(super) const fn new(origin: Origin, orders: mpsc::Sender<PassOrder>) -> Self {
        Self {
            origin,
            orders,
            news: None,
            begun: false,
        }
    }

    /// Has somebody else dialled.
    pub(super) fn begin(&mut self, referral: Box<Referral>) -> Result<(), Rejection> {
        if self.news.is_some() {
            return Err(Rejection::status(491));
        }
        let (news, told) = mpsc::channel(NEWS);
        let order = PassOrder {
            origin: self.origin.clone(),
            referral,
            news,
        };
        if self.orders.try_send(order).is_err() {
            return Err(Rejection::status(503));
        }
        self.news = Some(told);
        self.begun = false;
        Ok(())
    }

    /// What is heard of it.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn next(&mut self) -> PassNews {
        let news = match &mut self.news {
            // The task that dials is gone, which it is of itself only when it is broken.
            Some(news) => news.recv().await.unwrap_or(PassNews::Failed(500)),
            None => std::future::pending().await,
        };
        match &news {
            PassNews::Begun => self.begun = true,
            PassNews::Progress(_) => {}
            PassNews::Refused(_) | PassNews::Answered(_) | PassNews::Failed(_) => self.stop(),
        }
        news
    }

    /// Is somebody being dialled, and does the phone know?
    pub(super) const fn is_under_way(&self) -> bool {
        self.news.is_some() && self.begun
    }

    /// Nobody waits any more.
    pub(super) fn stop(&mut self) {
        self.news = None;
        self.begun = false;
    }
}

/// News waiting for the call. Filling it means that the call is stuck; whoever dials waits then.
const NEWS: usize = 8;
