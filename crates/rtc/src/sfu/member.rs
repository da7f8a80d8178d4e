//! A participant as the media plane sees it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use livekit_protocol::{AddTrackRequest, TrackInfo};
use trunkline_base::id::{ParticipantIdentity, ParticipantSid};

use crate::Seed;
use crate::peer::{DATA_TRACK, Delivery, LOSSY, Mid, Peer, PeerConfig, RELIABLE, Role, Side};
use crate::peer::{RemoteMedia, Slot};

use super::audience::Admission;
use super::config::{Joining, Permissions, SfuConfig, Target, Topology};
use super::ids::{MemberId, TrackId};
use super::life::Life;
use super::negotiation::Negotiation;
use super::rewrite::Outgoing;

#[derive(Debug)]
pub(super) struct Member {
    pub(super) sid: ParticipantSid,
    pub(super) identity: ParticipantIdentity,
    pub(super) topology: Topology,
    subscriber_primary: bool,
    pub(super) permissions: Permissions,
    pub(super) auto_subscribe: bool,
    pub(super) opens_by_packet: bool,
    pub(super) publisher: Link,
    pub(super) subscriber: Option<Link>,
    /// Announced and accepted, not yet seen in a description.
    pub(super) pending: Vec<PendingTrack>,
    /// Announced under a client id that is still taken.
    pub(super) queued: Vec<QueuedTrack>,
    /// Seen in a description, not yet announced.
    pub(super) unmatched: BTreeMap<Mid, RemoteMedia>,
    /// Explicit wishes by track sid; they outlive the track.
    pub(super) desires: BTreeMap<String, Desire>,
    pub(super) subscriptions: BTreeMap<TrackId, Subscription>,
    /// Streams out, per section.
    pub(super) outgoing: BTreeMap<Mid, Outgoing>,
    pub(super) audience: Admission,
    pub(super) data: DataState,
    /// The primary connection was up once.
    pub(super) active: bool,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) peer: Peer,
    pub(super) fragments: VecDeque<String>,
    pub(super) negotiation: Negotiation,
    pub(super) lost_at: Option<Instant>,
    pub(super) life: Life,
    pub(super) failed: bool,
}

#[derive(Debug, Clone)]
pub(super) struct PendingTrack {
    pub(super) cids: Vec<String>,
    pub(super) info: TrackInfo,
    pub(super) since: Instant,
}

#[derive(Debug, Clone)]
pub(super) struct QueuedTrack {
    pub(super) request: AddTrackRequest,
    pub(super) since: Instant,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Desire {
    pub(super) subscribe: bool,
    pub(super) since: Instant,
    pub(super) reported: bool,
}

#[derive(Debug, Default)]
pub(super) struct Subscription {
    pub(super) slot: Option<Slot>,
    pub(super) live: bool,
    /// What the subscriber was last told about its permission.
    pub(super) told: Option<bool>,
    /// The far end cannot play it; do not try again.
    pub(super) refused: bool,
    /// The subscriber does not want packets for now.
    pub(super) paused: bool,
    /// Times it was resumed; a new run of packets each.
    pub(super) resumed: u32,
}

/// Data on its way to one participant.
#[derive(Debug, Default)]
pub(super) struct DataState {
    /// Highest reliable sequence number received from this participant.
    pub(super) last_sequence: u32,
    /// Both channels to this participant were open once.
    pub(super) deliverable: bool,
    pub(super) backlog: VecDeque<Arc<[u8]>>,
    pub(super) backlog_bytes: usize,
}

impl Member {
    pub(super) fn new(
        joining: Joining,
        config: &SfuConfig,
        seeds: [Seed; 2],
        first_offer_id: u32,
        now: Instant,
    ) -> Self {
        let link = |role, seed| {
            let peer = PeerConfig {
                role,
                side: Side::Server,
                local_candidates: config.candidates.clone(),
                seed,
            };
            Link::new(Peer::new(peer, now), first_offer_id)
        };
        let subscriber = match joining.topology {
            Topology::Single => None,
            Topology::Dual => {
                let mut link = link(Role::Offerer, seeds[1]);
                if joining.subscriber_primary {
                    link.peer.open_channel(RELIABLE, Delivery::Reliable);
                    link.peer.open_channel(LOSSY, Delivery::Lossy);
                    link.peer.open_channel(DATA_TRACK, Delivery::Lossy);
                    link.negotiation.due = Some(now);
                }
                Some(link)
            }
        };
        Self {
            publisher: link(Role::Answerer, seeds[0]),
            subscriber,
            sid: joining.sid,
            identity: joining.identity,
            topology: joining.topology,
            subscriber_primary: joining.subscriber_primary,
            permissions: joining.permissions,
            auto_subscribe: joining.auto_subscribe,
            opens_by_packet: joining.opens_by_packet,
            pending: Vec::new(),
            queued: Vec::new(),
            unmatched: BTreeMap::new(),
            desires: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            audience: Admission::All,
            data: DataState::default(),
            active: false,
        }
    }

    /// What others may call it by: identity and session.
    pub(super) fn names(&self) -> [&str; 2] {
        [self.identity.as_str(), self.sid.as_str()]
    }

    /// The connection's number within the room, for those who route datagrams to it.
    pub(super) fn route(id: MemberId, target: Target) -> u64 {
        u64::from(id.0) * 2 + u64::from(target == Target::Subscriber)
    }

    /// The connection whose being up makes the participant active; data flows down it.
    pub(super) fn primary(&self) -> Target {
        match self.topology {
            Topology::Dual if self.subscriber_primary => Target::Subscriber,
            Topology::Dual | Topology::Single => Target::Publisher,
        }
    }

    /// The connection that media flows down.
    pub(super) fn downstream(&self) -> Target {
        match self.topology {
            Topology::Dual => Target::Subscriber,
            Topology::Single => Target::Publisher,
        }
    }

    pub(super) fn link(&mut self, target: Target) -> Option<&mut Link> {
        match target {
            Target::Publisher => Some(&mut self.publisher),
            Target::Subscriber => self.subscriber.as_mut(),
        }
    }

    pub(super) fn links(&mut self) -> impl Iterator<Item = (Target, &mut Link)> {
        let down = self.subscriber.as_mut().map(|l| (Target::Subscriber, l));
        std::iter::once((Target::Publisher, &mut self.publisher)).chain(down)
    }

    pub(super) fn media_link(&mut self) -> &mut Link {
        match self.downstream() {
            Target::Subscriber if self.subscriber.is_some() => {
                self.subscriber.as_mut().unwrap_or(&mut self.publisher)
            }
            Target::Subscriber | Target::Publisher => &mut self.publisher,
        }
    }
}

impl Link {
    fn new(peer: Peer, first_offer_id: u32) -> Self {
        Self {
            peer,
            fragments: VecDeque::new(),
            negotiation: Negotiation::new(first_offer_id),
            lost_at: None,
            life: Life::default(),
            failed: false,
        }
    }

    /// Not up yet, and not over.
    pub(super) fn is_connecting(&self) -> bool {
        self.peer.is_alive() && !self.peer.is_connected()
    }
}
