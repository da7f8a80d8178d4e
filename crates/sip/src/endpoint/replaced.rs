//! An INVITE that is to take the place of a call (RFC 3891): which one, and whether that can be.

use std::net::SocketAddr;

use crate::dialog::{DialogKey, Replaces};
use crate::message::{Request, name};

use super::leg::{Leg, State};
use super::{Endpoint, LegId, Rejection};

/// A call whose place may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The call.
    pub leg: LegId,
    /// Where its other side sends from.
    pub peer: SocketAddr,
}

impl Endpoint {
    /// The call whose place an INVITE wants, if it wants one. Whether its sender has a right to that
    /// is for the owner of the trunks to say.
    ///
    /// # Errors
    /// The refusal, where there is no such call, or none that can be replaced.
    pub fn replaced(&self, invite: &Request) -> Result<Option<Replaced>, Rejection> {
        let Some(text) = invite.headers.lines(name::REPLACES).next() else {
            return Ok(None);
        };
        let malformed = || Rejection::status(400).saying("Replaces is malformed");
        let wanted = Replaces::parse(text).ok_or_else(malformed)?;
        let Some((id, leg)) = self.named(&wanted) else {
            let key = wanted.key();
            let status = if self.departed.has(&key) { 603 } else { 481 };
            return Err(Rejection::status(status));
        };
        let status = match leg.state {
            // A caller who rings here is not ours to hand over (RFC 3891, section 3).
            State::Incoming => 481,
            State::Cancelling | State::Leaving => 603,
            State::Up if leg.bye_after_ack => 603,
            State::Up if wanted.early_only => 486,
            State::Up | State::Calling => {
                let peer = leg.flow.remote;
                return Ok(Some(Replaced { leg: id, peer }));
            }
        };
        Err(Rejection::status(status))
    }

    /// The call that goes by these tags; a call of ours that rings has one for each phone.
    fn named(&self, wanted: &Replaces) -> Option<(LegId, &Leg)> {
        let key = wanted.key();
        let tagless = DialogKey {
            remote_tag: String::new(),
            ..key.clone()
        };
        // A phone from before tags is named so (RFC 3891, section 6.1).
        let known = self.dialogs.get(&key).or_else(|| {
            let has_none = wanted.from_tag == "0";
            self.dialogs.get(&tagless).filter(|_| has_none)
        });
        let id = known?;
        Some((*id, self.legs.get(id)?))
    }
}
