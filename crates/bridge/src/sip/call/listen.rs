//! The beginning of a call that comes in: ports, its offer read, and the phone rings.

use std::time::Duration;

use tracing::warn;
use trunkline_sip::endpoint::Rejection;
use trunkline_sip::sdp::Encryption;

use super::super::media::NoPort;
use super::super::signalling::{Arrival, Command};
use super::negotiate::{Proposal, codecs};
use super::prepared::{Ends, Prepared, Sound};
use super::setup::Shared;
use super::talk::Talk;

/// An INVITE whose offer is read, on a phone that rings.
pub(super) struct Listening {
    pub(super) talk: Talk,
    pub(super) sound: Sound,
    pub(super) proposal: Proposal,
}

/// Opens media and reads the offer, and rings.
pub(super) async fn listen(
    arrival: &Arrival,
    (timeout, encryption): (Duration, Encryption),
    shared: &Shared,
) -> Result<Listening, Rejection> {
    let Arrival {
        line,
        invite,
        flow,
        accepted,
        ..
    } = arrival;
    let ends = Ends {
        ours: flow.local.ip(),
        theirs: flow.remote.ip(),
        transport: flow.transport,
    };
    let sound = Sound {
        codecs: codecs(accepted, &shared.config.codecs),
        encryption,
        timeout,
        complexity: shared.config.opus_complexity,
    };
    let opened = Prepared::open(shared.sockets(), &ends, &sound).await;
    let mut prepared = opened.map_err(|NoPort| {
        warn!("no rtp port is free");
        Rejection::retry_after(Duration::from_secs(10))
    })?;
    let mut proposal = prepared.negotiation.respond(&invite.body)?;
    let agreement = proposal.agreement.take();
    let mut talk = Talk::begin(prepared);
    // Not before the offer is known to be good: a call that is refused never rang.
    line.tell(Command::Ring(line.leg)).await;
    if let Some(agreement) = agreement {
        talk.agree(agreement);
    }
    Ok(Listening {
        talk,
        sound,
        proposal,
    })
}
