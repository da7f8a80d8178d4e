//! What the services share.

use crate::dispatch::{Dispatcher, RoomRecords};
use crate::egress::Egresses;
use crate::ingress::Ingresses;
use crate::limits::Limits;
use crate::room::Rooms;
use crate::sip::SipSetup;

/// What the services work on.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) rooms: Rooms,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) sip: SipSetup,
    pub(crate) egress: Egresses,
    pub(crate) ingress: Ingresses,
    pub(crate) records: RoomRecords,
    pub(crate) limits: Limits,
    /// CreateDispatch creates a missing room.
    pub(crate) auto_create: bool,
}
