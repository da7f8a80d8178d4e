//! Descriptions to and from clients.
//!
//! On a subscriber connection we offer: changes are gathered for a moment, one offer is open at a
//! time, and what changed meanwhile follows after the answer. On a client's only connection it
//! offers: if something of ours has to be said, it is asked to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use trunkline_base::id::ParticipantSid;

use crate::peer::SdpError;
use crate::sdp::Description;
use crate::trickle::CandidateInit;

use super::config::{Target, Topology};
use super::event::{Described, NegotiationFailure, SfuEvent};
use super::gather::BRIEFLY;
use super::ids::MemberId;
use super::member::Member;
use super::negotiation::Early;
use super::{Sfu, UnknownParticipant};

/// A client that has not answered by then is not going to.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Fragments a link answers to: the present one and the one before an ICE restart.
const FRAGMENTS: usize = 2;

impl Sfu {
    /// A client offers on its publisher or only connection. `id` is repeated in the answer.
    ///
    /// # Errors
    /// The participant is not here.
    pub fn offer(
        &mut self,
        sid: &ParticipantSid,
        id: u32,
        sdp: &str,
        now: Instant,
    ) -> Result<(), UnknownParticipant> {
        let member = self.id(sid)?;
        if let Err(excess) = crate::sdp::check(sdp) {
            self.negotiation_failed(member, SdpError::from(excess).into());
            return Ok(());
        }
        let found = self.members.get_mut(&member).ok_or(UnknownParticipant)?;
        let negotiation = &mut found.publisher.negotiation;
        let at = negotiation.pace.next(now);
        if at > now {
            let sdp = sdp.to_owned();
            negotiation.early = Some(Early { at, id, sdp });
            return Ok(());
        }
        self.take_offer(member, id, sdp, now);
        Ok(())
    }

    fn take_offer(&mut self, member: MemberId, id: u32, sdp: &str, now: Instant) {
        let description = Description::parse(sdp);
        let offered = crate::peer::sending(&description);
        self.prepare_publish(member, &offered);
        let Some(found) = self.members.get_mut(&member) else {
            return;
        };
        let link = &mut found.publisher;
        link.negotiation.asked = false;
        link.negotiation.early = None;
        let sections = description.sections().len();
        link.negotiation.pace.spend(sections, now);
        match link.peer.accept_offer(sdp, now) {
            Ok(answer) => self.answered(member, id, answer, now),
            Err(error) => self.negotiation_failed(member, error.into()),
        }
        self.drive(now);
    }

    /// Handles a client's offer that has waited long enough.
    fn take_early(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let waiting = &mut member.publisher.negotiation.early;
        if let Some(early) = waiting.take_if(|early| early.at <= now) {
            self.take_offer(id, early.id, &early.sdp, now);
        }
    }

    fn answered(&mut self, id: MemberId, offer_id: u32, sdp: String, now: Instant) {
        self.pump(id, Target::Publisher);
        self.refresh_fragments(id, Target::Publisher);
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let link = &mut member.publisher;
        link.negotiation.agreed(now);
        link.negotiation.due = None;
        if link.peer.needs_negotiation() {
            link.negotiation.touch(now);
        }
        let mid_to_track_id = match member.topology {
            Topology::Single => link.peer.mid_to_track_id(),
            Topology::Dual => BTreeMap::new(),
        };
        let description = Described {
            sdp,
            id: offer_id,
            mid_to_track_id,
        };
        let to = member.sid.clone();
        self.events.push_back(SfuEvent::Answer { to, description });
        self.drive(now);
        self.check_live(id, now);
    }

    /// A client answers an offer on its subscriber connection. Id 0 means "the last one".
    ///
    /// # Errors
    /// The participant is not here.
    pub fn answer(
        &mut self,
        sid: &ParticipantSid,
        id: u32,
        sdp: &str,
        now: Instant,
    ) -> Result<(), UnknownParticipant> {
        let member = self.id(sid)?;
        let found = self.members.get_mut(&member).ok_or(UnknownParticipant)?;
        let Some(link) = found.subscriber.as_mut() else {
            return Ok(());
        };
        let Some((open, _)) = link.negotiation.open else {
            return Ok(());
        };
        if id != 0 && id != open {
            tracing::debug!(id, open, "stale answer ignored");
            return Ok(());
        }
        link.negotiation.open = None;
        link.negotiation.agreed(now);
        if let Err(error) = link.peer.accept_answer(sdp, now) {
            self.negotiation_failed(member, error.into());
            return Ok(());
        }
        if std::mem::take(&mut link.negotiation.restart_after_answer) {
            link.peer.restart_ice();
        }
        if link.peer.needs_negotiation() {
            link.negotiation.due_by(now + BRIEFLY);
        }
        self.refresh_fragments(member, Target::Subscriber);
        self.pump(member, Target::Subscriber);
        self.drive(now);
        self.check_live(member, now);
        Ok(())
    }

    /// A candidate from a client, as the JSON it sends. Unreadable ones are ignored.
    ///
    /// # Errors
    /// The participant is not here.
    pub fn trickle(
        &mut self,
        sid: &ParticipantSid,
        target: Target,
        candidate_init: &str,
        now: Instant,
    ) -> Result<(), UnknownParticipant> {
        let id = self.id(sid)?;
        let member = self.members.get_mut(&id).ok_or(UnknownParticipant)?;
        let target = if member.topology == Topology::Single {
            Target::Publisher
        } else {
            target
        };
        let parsed = serde_json::from_str::<CandidateInit>(candidate_init);
        if let (Ok(init), Some(link)) = (parsed, member.link(target)) {
            link.peer.add_remote_candidate(&init.candidate, now);
        }
        self.pump(id, target);
        self.drive(now);
        Ok(())
    }

    /// The signal connection of a participant came back: restart ICE where the restart is ours.
    /// Returns the highest reliable sequence number received from it, for its reconnect response.
    ///
    /// # Errors
    /// The participant is not here.
    pub fn resume(
        &mut self,
        sid: &ParticipantSid,
        now: Instant,
    ) -> Result<u32, UnknownParticipant> {
        let id = self.id(sid)?;
        let member = self.members.get_mut(&id).ok_or(UnknownParticipant)?;
        let last_sequence = member.data.last_sequence;
        for (_, link) in member.links() {
            link.failed = false;
            link.lost_at = None;
            link.negotiation.asked = false;
        }
        let to = member.sid.clone();
        let Some(link) = member.subscriber.as_mut() else {
            return Ok(last_sequence);
        };
        match (link.negotiation.open, link.peer.open_offer()) {
            (Some(_), Some(sdp)) => {
                let id = link.negotiation.next_id;
                link.negotiation.next_id += 1;
                link.negotiation.open = Some((id, now + ANSWER_TIMEOUT));
                link.negotiation.restart_after_answer = true;
                let sdp = sdp.to_owned();
                let mid_to_track_id = link.peer.mid_to_track_id();
                let description = Described {
                    sdp,
                    id,
                    mid_to_track_id,
                };
                self.events.push_back(SfuEvent::Offer { to, description });
            }
            _ => {
                link.peer.restart_ice();
                link.negotiation.due = Some(now);
            }
        }
        self.drive(now);
        Ok(last_sequence)
    }

    /// Carries out what is due on one member's connections.
    pub(super) fn negotiate_due(&mut self, id: MemberId, now: Instant) {
        self.take_early(id, now);
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let overdue = |m: &mut Member| {
            let open = m
                .links()
                .filter_map(|(_, l)| l.negotiation.open)
                .map(|(_, at)| at);
            open.min().is_some_and(|at| at <= now)
        };
        if overdue(member) {
            for (_, link) in member.links() {
                link.negotiation.open = None;
            }
            self.negotiation_failed(id, NegotiationFailure::TimedOut);
            return;
        }
        let link = member.media_link();
        let due = link.negotiation.due(link.is_connecting());
        if due.is_none_or(|at| at > now) {
            return;
        }
        link.negotiation.begin();
        match member.topology {
            Topology::Single => self.ask_for_sections(id),
            Topology::Dual => self.write_offer(id, now),
        }
    }

    fn write_offer(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let to = member.sid.clone();
        let Some(link) = member.subscriber.as_mut() else {
            return;
        };
        match link.peer.create_offer(now) {
            Ok(Some(sdp)) => {
                let id = link.negotiation.next_id;
                link.negotiation.next_id += 1;
                link.negotiation.open = Some((id, now + ANSWER_TIMEOUT));
                let mid_to_track_id = link.peer.mid_to_track_id();
                let description = Described {
                    sdp,
                    id,
                    mid_to_track_id,
                };
                self.events.push_back(SfuEvent::Offer { to, description });
            }
            Ok(None) | Err(SdpError::OfferOpen) => {}
            Err(error) => self.negotiation_failed(id, error.into()),
        }
        self.pump(id, Target::Subscriber);
    }

    fn ask_for_sections(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let link = &mut member.publisher;
        if link.negotiation.stable_since.is_none() || !link.peer.needs_negotiation() {
            return;
        }
        link.negotiation.asked = true;
        let shortage = link.peer.shortage();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (audios, videos) = (count(shortage.audios), count(shortage.videos));
        let to = member.sid.clone();
        self.events
            .push_back(SfuEvent::SectionsRequired { to, audios, videos });
    }

    /// A connection that has ended was told of as lost; the client either has gone or resumes, and
    /// only then is there something to disagree about.
    fn negotiation_failed(&mut self, id: MemberId, reason: NegotiationFailure) {
        let closed = reason == NegotiationFailure::Refused(SdpError::Closed);
        let member = self.members.get_mut(&id);
        if closed && member.is_some_and(|m| m.links().any(|(_, link)| link.failed)) {
            return;
        }
        if let Some(participant) = self.sid_of(id) {
            self.events.push_back(SfuEvent::NegotiationFailed {
                participant,
                reason,
            });
        }
    }

    /// Keeps the routing table in step with a connection's credentials.
    pub(super) fn refresh_fragments(&mut self, id: MemberId, target: Target) {
        let Some(link) = self.members.get_mut(&id).and_then(|m| m.link(target)) else {
            return;
        };
        let ufrag = link.peer.local_ufrag();
        if ufrag.is_empty() || link.fragments.contains(&ufrag) {
            return;
        }
        link.fragments.push_back(ufrag.clone());
        let retired = (link.fragments.len() > FRAGMENTS).then(|| link.fragments.pop_front());
        self.demux.register((id, target), &ufrag);
        let peer = Member::route(id, target);
        self.events
            .push_back(SfuEvent::FragmentAdded { peer, ufrag });
        if let Some(ufrag) = retired.flatten() {
            self.demux.retire(&ufrag);
            self.events.push_back(SfuEvent::FragmentRetired { ufrag });
        }
    }
}
