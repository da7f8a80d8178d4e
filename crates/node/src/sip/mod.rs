//! SIP set-up as the LiveKit API has it: inbound and outbound trunks and dispatch rules, kept in
//! the store. Calls themselves are carried out by whoever is connected as [`Lines`].
//!
//! A write reads everything of its kind, checks the whole set as it would become, then stores one
//! record. Writes take turns, so that two of them cannot each pass the check and then collide.

mod calls;
mod change;
mod changes;
mod check;
mod conflicts;
mod error;
mod headers;
mod lines;
mod outbound;
mod rules;
pub(crate) mod select;
mod sizes;
mod trunks;

use std::collections::BTreeSet;
use std::sync::Arc;

use livekit_protocol as proto;
use tokio::sync::{Semaphore, SemaphorePermit};
use trunkline_base::time::UnixTime;
use trunkline_sip::routing::normalise;
use trunkline_store::Store;

pub(crate) use calls::{check_call, check_transfer};
pub(crate) use changes::Changes;
pub use changes::SipChanged;
pub(crate) use error::SipError;
pub(crate) use lines::Connected;
pub use lines::{CallOrder, LineError, LineFuture, Lines, Trunks};
pub(crate) use outbound::has_number;

use crate::limits::Limits;

/// The handle on trunks and rules.
#[derive(Debug, Clone)]
pub(crate) struct SipSetup {
    store: Store,
    /// What participants and rooms may have.
    limits: Limits,
    /// One permit: whoever holds it may read, check and write.
    writing: Arc<Semaphore>,
    changes: Changes,
    lines: Connected,
}

impl SipSetup {
    pub(crate) fn new(store: Store, limits: Limits) -> Self {
        Self {
            store,
            limits,
            writing: Arc::new(Semaphore::new(1)),
            changes: Changes::default(),
            lines: Connected::default(),
        }
    }

    /// What participants and rooms may have here.
    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    /// Where changes are told.
    pub(crate) const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Who carries out calls.
    pub(crate) const fn lines(&self) -> &Connected {
        &self.lines
    }

    /// After a write: whoever routes calls is told.
    pub(crate) async fn changed(&self) {
        self.changes.tell().await;
    }

    async fn write_turn(&self) -> Result<SemaphorePermit<'_>, SipError> {
        // The semaphore is never closed.
        let turn = self.writing.acquire().await;
        turn.map_err(|_| SipError::NotConnected)
    }
}

/// A time on the wire, in whole seconds: the Node SDK reads a fraction only before a `Z`, and JSON
/// is written here with an offset.
fn stamp(now: UnixTime) -> pbjson_types::Timestamp {
    pbjson_types::Timestamp {
        seconds: now.secs_i64(),
        nanos: 0,
    }
}

/// Whether a list of numbers serves one of `wanted`, however spelled; an empty list serves all.
fn serves(numbers: &[String], wanted: &[String]) -> bool {
    if wanted.is_empty() || numbers.is_empty() {
        return true;
    }
    // Each is read once: lists of thousands are compared while others wait to write.
    let wanted: BTreeSet<String> = wanted.iter().map(|number| normalise(number)).collect();
    let mut own = numbers.iter().map(|number| normalise(number));
    own.any(|number| wanted.contains(&number))
}

/// The merged, deprecated view of both kinds of trunk.
fn legacy_inbound(trunk: proto::SipInboundTrunkInfo) -> proto::SipTrunkInfo {
    proto::SipTrunkInfo {
        sip_trunk_id: trunk.sip_trunk_id,
        kind: i32::from(proto::sip_trunk_info::TrunkKind::TrunkInbound),
        inbound_addresses: trunk.allowed_addresses,
        outbound_number: trunk.numbers.into_iter().next().unwrap_or_default(),
        inbound_numbers: trunk.allowed_numbers,
        inbound_username: trunk.auth_username,
        inbound_password: trunk.auth_password,
        name: trunk.name,
        metadata: trunk.metadata,
        ..Default::default()
    }
}

fn legacy_outbound(trunk: proto::SipOutboundTrunkInfo) -> proto::SipTrunkInfo {
    proto::SipTrunkInfo {
        sip_trunk_id: trunk.sip_trunk_id,
        kind: i32::from(proto::sip_trunk_info::TrunkKind::TrunkOutbound),
        outbound_address: trunk.address,
        outbound_number: trunk.numbers.into_iter().next().unwrap_or_default(),
        transport: trunk.transport,
        outbound_username: trunk.auth_username,
        outbound_password: trunk.auth_password,
        name: trunk.name,
        metadata: trunk.metadata,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
