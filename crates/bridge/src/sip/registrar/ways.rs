//! The ways out that the gateway's sockets give.

use trunkline_sip::endpoint::{Flow, Transport};
use trunkline_sip::locate::Target;
use trunkline_sip::registration::Place;

use super::super::signalling::Advertised;

/// Which address of ours each target sees.
pub(crate) struct Ways {
    pub(crate) udp: Advertised,
    pub(crate) tcp: Option<Advertised>,
    /// The operator said which address is ours.
    pub(crate) is_fixed: bool,
}

impl Ways {
    /// Did the operator say which address is ours?
    pub(super) const fn is_fixed(&self) -> bool {
        self.is_fixed
    }

    /// The place, if we have a socket for it.
    pub(super) fn place(&mut self, target: Target) -> Option<Place> {
        let advertised = match target.transport {
            Transport::Udp => &mut self.udp,
            Transport::Tcp => self.tcp.as_mut()?,
            Transport::Tls => return None,
        };
        let local = advertised.towards(target.address);
        Some(Place { target, local })
    }
}

/// The way to a place.
pub(super) fn flow(place: &Place) -> Flow {
    Flow {
        transport: place.target.transport,
        local: place.local,
        remote: place.target.address,
    }
}
