//! Calls that outlive their endpoint: what is to be written down of one, and how another endpoint,
//! in another process, goes on with it.
//!
//! Only calls that are answered are written down. What is under way inside one is not: whoever asked
//! asks again, and a transfer is lost with the process that waited for it. A phone that waits for one
//! hears that.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::dialog::{Dialog, KeptDialog};
use crate::digest::Login;

use super::leg::{Leg, State};
use super::session::KeptSession;
use super::transfer::Theirs;
use super::{Endpoint, Flow, LegId, Standing, Transport};

/// A call that is up, as its other side knows it. Enough to say goodbye by.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLeg {
    dialog: KeptDialog,
    transport: String,
    local: SocketAddr,
    remote: SocketAddr,
    listens: Option<SocketAddr>,
    is_known: bool,
    is_placed: bool,
    session: KeptSession,
    #[serde(default)]
    takes_replaces: Option<bool>,
    /// The number of a REFER that was agreed to and is under way.
    #[serde(default)]
    refer: Option<u32>,
}

/// What of a call is not for everybody to read: our description may hold keys.
#[derive(Clone, Default)]
pub struct LegSecrets {
    /// Our description in force.
    pub sdp: Bytes,
    /// For challenges to requests of ours.
    pub login: Option<Login>,
}

/// Changes whenever something changes that is to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegMark {
    ours: u32,
    theirs: Option<u32>,
    flow: Flow,
    listens: Option<SocketAddr>,
    timer: Option<Instant>,
    /// The address of a description says which one it is, as long as that is in force.
    sdp: (usize, usize),
    asking: bool,
    refer: Option<u32>,
}

impl KeptLeg {
    /// Where its other side was.
    pub const fn remote(&self) -> SocketAddr {
        self.remote
    }
}

impl Endpoint {
    /// The calls that are to be written down: those that are answered, until both sides know of their
    /// end.
    pub fn kept(&self) -> impl Iterator<Item = LegId> {
        let kept = self.legs.iter().filter(|(_, leg)| leg.is_kept());
        kept.map(|(id, _)| *id)
    }

    /// Our tag in such a call, and its mark.
    pub fn mark(&self, id: LegId) -> Option<(&str, LegMark)> {
        let leg = self.legs.get(&id).filter(|leg| leg.is_kept())?;
        Some((leg.local_tag.as_str(), leg.mark()?))
    }

    /// What is to be written down of a call; nothing before it is answered.
    pub fn keep(&self, id: LegId, now: Instant) -> Option<(KeptLeg, LegSecrets)> {
        let leg = self.legs.get(&id)?;
        let kept = KeptLeg {
            dialog: leg.dialog.as_ref()?.keep(),
            transport: leg.flow.transport.word().to_owned(),
            local: leg.flow.local,
            remote: leg.flow.remote,
            listens: leg.listens,
            is_known: leg.standing == Standing::Known,
            is_placed: leg.is_placed,
            session: leg.session.keep(now),
            takes_replaces: leg.takes_replaces,
            refer: leg.transfers.agreed(),
        };
        let secrets = LegSecrets {
            sdp: leg.sdp.clone(),
            login: leg.login.clone(),
        };
        Some((kept, secrets))
    }

    /// Goes on with a call that another endpoint had, `away` after it was written down. It is let in
    /// however full we are: the other side is in it. `None` where it cannot be read, or is here.
    pub fn restore(
        &mut self,
        kept: &KeptLeg,
        secrets: LegSecrets,
        away: Duration,
        now: Instant,
    ) -> Option<LegId> {
        let dialog = Dialog::restore(&kept.dialog)?;
        let key = dialog.key().clone();
        if self.dialogs.contains_key(&key) {
            return None;
        }
        let flow = Flow {
            transport: Transport::of_word(&kept.transport)?,
            local: kept.local,
            remote: kept.remote,
        };
        let standing = if kept.is_known {
            Standing::Known
        } else {
            Standing::Stranger
        };
        let mut leg = Leg::new(State::Up, standing, flow, key.local_tag.clone());
        leg.listens = kept.listens;
        leg.is_placed = kept.is_placed;
        leg.takes_replaces = kept.takes_replaces;
        leg.session = super::session::Session::restore(&kept.session, away, now);
        leg.dialog = Some(dialog);
        leg.sdp = secrets.sdp;
        leg.login = secrets.login;
        leg.transfers.theirs = kept.refer.map(Theirs::agreed);
        let id = self.add_leg(leg);
        self.dialogs.insert(key, id);
        self.wake(id);
        if kept.refer.is_some() {
            // Whom it had us call is given up. A phone that cannot be told has its call all the same.
            let _untold = self.notify(id, 503, now);
        }
        Some(id)
    }
}

impl Leg {
    const fn is_kept(&self) -> bool {
        matches!(self.state, State::Up | State::Leaving)
    }

    fn mark(&self) -> Option<LegMark> {
        let dialog = self.dialog.as_ref()?;
        Some(LegMark {
            ours: dialog.local_seq(),
            theirs: dialog.remote_seq(),
            flow: self.flow,
            listens: self.listens,
            timer: self.session.deadline(),
            sdp: (self.sdp.as_ptr().addr(), self.sdp.len()),
            asking: self.asking.is_some() || self.session.asking.is_some(),
            refer: self.transfers.agreed(),
        })
    }
}
