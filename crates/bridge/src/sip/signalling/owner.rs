//! Who has which leg.

use std::sync::Arc;

use tokio::sync::mpsc;
use trunkline_base::id::TrunkId;
use trunkline_sip::endpoint::LegId;

use super::{Command, LegEvent, Line};

/// Who hears of a leg.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(super) lane: mpsc::Sender<LegEvent>,
    /// The call that its messages are kept with.
    pub(super) call: Arc<str>,
    /// The trunk that it came in over.
    pub(super) trunk: Option<TrunkId>,
}

/// A call's end of a leg, and where its events go.
pub(crate) fn line(
    leg: LegId,
    (call, trunk): (Arc<str>, Option<TrunkId>),
    commands: &mpsc::Sender<Command>,
) -> (Line, Owner) {
    let (lane, events) = mpsc::channel(LEG_EVENTS);
    let commands = commands.clone();
    let line = Line {
        leg,
        commands,
        events,
    };
    (line, Owner { lane, call, trunk })
}

/// Events waiting for one call. Filling it means the call's task is stuck.
const LEG_EVENTS: usize = 32;
