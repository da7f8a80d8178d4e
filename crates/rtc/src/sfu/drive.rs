//! Network and time: what drives the room.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::demux::Route;
use crate::never::NEVER;
use crate::peer::{PeerEvent, PeerInput, Transmit};

use super::Sfu;
use super::config::Target;
use super::event::SfuEvent;
use super::ids::MemberId;
use super::member::Member;
use super::stats::DropReason;

/// A path lost for this long, after ICE has already given it up, is reported.
const PATH_LOST: Duration = Duration::from_secs(5);

impl Sfu {
    /// A datagram arrived at one of our addresses. `received` is when the socket had it, `now`
    /// when it is handled. False if it is for nobody in this room.
    pub fn handle_datagram(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
        received: Instant,
        now: Instant,
    ) -> bool {
        let (id, target) = match self.demux.route(from, data) {
            Route::To(key) => key,
            Route::Unknown => match self.who_accepts(from, to, data, now) {
                Some(key) => key,
                None => return self.unroutable(),
            },
            Route::Foreign => return self.unroutable(),
        };
        if let Some(link) = self.members.get_mut(&id).and_then(|m| m.link(target)) {
            link.life.came(data, received);
            // The peer is walked to the moment the socket had the datagram, so that what it measures
            // of the path leaves our own queue out, then on to now if a timer fell due while the
            // datagram waited.
            link.peer
                .handle_input(PeerInput::Datagram { from, to, data }, received.min(now));
            if link.peer.poll_timeout().0 <= now {
                link.peer.handle_timeout(now);
            }
        }
        self.pump(id, target);
        self.drive(now);
        true
    }

    /// Time has passed. Early, late and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        for id in self.members.keys().copied().collect::<Vec<_>>() {
            for target in [Target::Publisher, Target::Subscriber] {
                let link = self.members.get_mut(&id).and_then(|m| m.link(target));
                let Some(link) = link.filter(|l| l.peer.poll_timeout().0 <= now) else {
                    continue;
                };
                link.peer.handle_timeout(now);
                self.pump(id, target);
            }
            self.negotiate_due(id, now);
            self.check_paths(id, now);
            self.lapse_announcements(id, now);
        }
        self.send_openings(now);
        if now >= self.next_speakers {
            let interval = Duration::from_millis(self.config.audio.update_interval_ms.into());
            self.next_speakers = now + interval;
            self.update_speakers(now);
            self.report_missing(now);
        }
        self.drive(now);
    }

    /// The next message for the signalling layer.
    pub fn poll_event(&mut self) -> Option<SfuEvent> {
        self.events.pop_front()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// When to call [`Self::handle_timeout`], and why.
    #[must_use]
    pub fn poll_timeout(&self) -> (Instant, &'static str) {
        let speaking = !self.tracks.is_empty() || !self.board.is_quiet();
        let members = self.members.values();
        let links = members.flat_map(|m| std::iter::once(&m.publisher).chain(&m.subscriber));
        let wakes = links.flat_map(|l| {
            let lost = l
                .lost_at
                .filter(|_| !l.failed)
                .map(|at| (at + PATH_LOST, "path lost"));
            let negotiation = l.negotiation.deadline(l.is_connecting());
            [Some(l.peer.poll_timeout()), negotiation, lost]
                .into_iter()
                .flatten()
        });
        let speakers = (speaking || self.has_wishes()).then_some((self.next_speakers, "speakers"));
        let lapses = self.members.values().filter_map(Member::lapse_at);
        let silence = self.openings.due().map(|at| (at, "silence"));
        let never = (self.next_speakers + NEVER, "nothing");
        wakes
            .chain(speakers)
            .chain(lapses.map(|at| (at, "an announcement")))
            .chain(silence)
            .min_by_key(|(at, _)| *at)
            .unwrap_or(never)
    }

    fn has_wishes(&self) -> bool {
        self.members
            .values()
            .any(|m| m.desires.values().any(|d| d.subscribe && !d.reported))
    }

    fn unroutable(&mut self) -> bool {
        self.stats.drop(DropReason::Unroutable);
        false
    }

    /// A check that a peer of ours started is answered from an address not yet learnt.
    fn who_accepts(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
        now: Instant,
    ) -> Option<(MemberId, Target)> {
        self.members.iter().find_map(|(id, m)| {
            let down = m.subscriber.as_ref().map(|l| (Target::Subscriber, l));
            let mut links = std::iter::once((Target::Publisher, &m.publisher)).chain(down);
            let found = links.find(|(_, l)| l.peer.accepts(from, to, data, now));
            found.map(|(target, _)| (*id, target))
        })
    }

    /// Handles what peers said until none says anything more.
    pub(super) fn drive(&mut self, now: Instant) {
        while let Some((id, target, event)) = self.work.pop_front() {
            self.on_peer(id, target, event, now);
        }
    }

    fn on_peer(&mut self, id: MemberId, target: Target, event: PeerEvent, now: Instant) {
        if matches!(event, PeerEvent::Rtp(_) | PeerEvent::Data { .. })
            && let Some(link) = self.members.get_mut(&id).and_then(|m| m.link(target))
        {
            link.life.sign(now);
        }
        match event {
            PeerEvent::Rtp(rtp) => self.on_rtp(id, &rtp, now),
            PeerEvent::Data { label, bytes } => self.on_data(id, &label, &bytes, now),
            PeerEvent::Connected => self.on_connected(id, target, now),
            PeerEvent::Checked { from } => self.on_checked(id, target, from, now),
            PeerEvent::Disconnected => self.path_lost(id, target, Some(now)),
            PeerEvent::Reconnected => self.path_restored(id, target),
            PeerEvent::Closed => self.transport_failed(id, target),
            PeerEvent::MediaAdded(media) => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.unmatched.insert(media.mid, media);
                }
                self.match_waiting(id, now);
            }
            PeerEvent::MediaChanged(media) => {
                self.section_ended(id, media.mid, now);
                if let Some(member) = self.members.get_mut(&id) {
                    member.unmatched.insert(media.mid, media);
                }
                self.match_waiting(id, now);
            }
            PeerEvent::MediaRemoved(media) => self.section_ended(id, media.mid, now),
            PeerEvent::SenderRefused(slot) => self.sender_refused(id, slot, now),
            PeerEvent::ChannelOpen { .. } => self.check_deliverable(id, now),
            PeerEvent::ChannelDrained { .. } => self.flush_reliable(id, now),
            PeerEvent::ChannelClosed { .. } | PeerEvent::KeyframeRequest { .. } => {}
        }
    }

    fn on_checked(&mut self, id: MemberId, target: Target, from: SocketAddr, now: Instant) {
        if self.demux.learn(from, &(id, target), now) {
            let peer = Member::route(id, target);
            self.events
                .push_back(SfuEvent::AddressChecked { peer, from });
        }
    }

    fn on_connected(&mut self, id: MemberId, target: Target, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        if target == member.primary() && !member.active {
            member.active = true;
            let participant = member.sid.clone();
            self.events.push_back(SfuEvent::Connected { participant });
        }
        self.check_live(id, now);
        self.check_deliverable(id, now);
    }

    fn path_lost(&mut self, id: MemberId, target: Target, at: Option<Instant>) {
        if let Some(link) = self.members.get_mut(&id).and_then(|m| m.link(target)) {
            link.lost_at = at;
        }
    }

    fn path_restored(&mut self, id: MemberId, target: Target) {
        self.path_lost(id, target, None);
        if let Some(link) = self.members.get_mut(&id).and_then(|m| m.link(target)) {
            link.failed = false;
        }
        if let Some(participant) = self.sid_of(id) {
            self.events
                .push_back(SfuEvent::TransportRestored { participant });
        }
    }

    fn check_paths(&mut self, id: MemberId, now: Instant) {
        for target in [Target::Publisher, Target::Subscriber] {
            let link = self.members.get_mut(&id).and_then(|m| m.link(target));
            let expired = link.is_some_and(|l| l.lost_at.is_some_and(|at| at + PATH_LOST <= now));
            if expired {
                self.transport_failed(id, target);
            }
        }
    }

    fn transport_failed(&mut self, id: MemberId, target: Target) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let participant = member.sid.clone();
        let Some(link) = member.link(target) else {
            return;
        };
        if !std::mem::replace(&mut link.failed, true) {
            self.events.push_back(SfuEvent::TransportFailed {
                participant,
                target,
            });
        }
    }
}
