//! Our place in a call, for somebody else to take: the call that was there to ask, in an attended
//! transfer (RFC 5589 7).

use crate::dialog::Replaces;
use crate::message::{Headers, name};
use crate::uri::Uri;

use super::leg::State;
use super::refusal::REPLACES;
use super::{CommandError, Endpoint, LegId};

/// Our place in a call, as a third party is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Where the other side is called.
    pub target: Uri,
    /// The call, as the other side knows it.
    pub replaces: Replaces,
    /// Whether the other side says that it lets a call be replaced; nothing where it does not say what
    /// it speaks.
    pub takes_replaces: Option<bool>,
}

impl Endpoint {
    /// Our place in a call.
    ///
    /// # Errors
    /// [`CommandError::State`] unless the call is up.
    pub fn seat(&self, id: LegId) -> Result<Seat, CommandError> {
        let leg = self.legs.get(&id).ok_or(CommandError::Gone)?;
        let dialog = leg.dialog.as_ref().ok_or(CommandError::State)?;
        if leg.state != State::Up {
            return Err(CommandError::State);
        }
        Ok(Seat {
            target: dialog.address(leg.flow.remote),
            replaces: Replaces::of(dialog.key()),
            takes_replaces: leg.takes_replaces,
        })
    }
}

/// What the headers of somebody say of it.
pub(super) fn takes_replaces(headers: &Headers) -> Option<bool> {
    headers.get(name::SUPPORTED)?;
    let mut words = headers.values(name::SUPPORTED).map(str::trim);
    Some(words.any(|word| word.eq_ignore_ascii_case(REPLACES)))
}
