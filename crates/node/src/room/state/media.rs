//! The media plane as the room drives it, and what it reports back.
//!
//! Tracks, subscriptions, connections and descriptions are the plane's; the room tells it what
//! clients and the API ask and words its events as messages. Events are worked off in order, so
//! that, say, a participant update precedes the offer that carries the new track.

use std::net::SocketAddr;
use std::time::Instant;

use livekit_protocol as proto;
use proto::DisconnectReason;
use proto::participant_info::State;
use proto::request_response::{Reason, Request};
use proto::signal_response::Message;
use trunkline_base::id::ParticipantSid;
use trunkline_rtc::peer::SdpError;
use trunkline_rtc::sfu::{
    self, AddTrackError, AddedTrack, Described, NegotiationFailure, SfuEvent, Target,
};
use trunkline_service::metrics::{Counter, count};

use super::exit::Farewell;
use super::participant::{Participant, Primary, Signal};
use super::telling::Own;
use super::{Now, Output, RoomState, Route};
use crate::room::join::JoinParams;
use crate::room::notice::RoomNotice;
use crate::signal::message;

impl RoomState {
    /// A datagram for a peer of this room.
    pub(crate) fn on_datagram(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        received: Instant,
        now: Now,
    ) {
        let to = local_address(&self.media, from);
        self.sfu
            .handle_datagram(from, to, datagram, received, now.instant);
        self.after_media(now);
    }

    pub(super) fn on_offer(
        &mut self,
        from: &ParticipantSid,
        offer: &proto::SessionDescription,
        now: Now,
    ) {
        // Only participants that are here get this far, so that none of these can be unknown.
        let _known = self.sfu.offer(from, offer.id, &offer.sdp, now.instant);
        self.after_media(now);
    }

    pub(super) fn on_answer(
        &mut self,
        from: &ParticipantSid,
        answer: &proto::SessionDescription,
        now: Now,
    ) {
        let _known = self.sfu.answer(from, answer.id, &answer.sdp, now.instant);
        self.after_media(now);
    }

    pub(super) fn on_trickle(
        &mut self,
        from: &ParticipantSid,
        trickle: &proto::TrickleRequest,
        now: Now,
    ) {
        if trickle.candidate_init.len() > MAX_CANDIDATE {
            return;
        }
        let target = match trickle.target() {
            proto::SignalTarget::Publisher => Target::Publisher,
            proto::SignalTarget::Subscriber => Target::Subscriber,
        };
        let _known = self
            .sfu
            .trickle(from, target, &trickle.candidate_init, now.instant);
        self.after_media(now);
    }

    pub(super) fn on_add_track(
        &mut self,
        from: &ParticipantSid,
        request: proto::AddTrackRequest,
        now: Now,
    ) {
        match self.sfu.add_track(from, &request, now.instant) {
            Ok(AddedTrack::Accepted(info)) => self.track_accepted(from, request.cid, *info),
            Ok(AddedTrack::Queued) => {
                self.respond(from, 0, Reason::Queued, "", Request::AddTrack(request));
            }
            Err(error) => {
                let text = error.to_string();
                self.respond(from, 0, reason(error), &text, Request::AddTrack(request));
            }
        }
        self.after_media(now);
    }

    fn track_accepted(&mut self, to: &ParticipantSid, cid: String, info: proto::TrackInfo) {
        if let Some(participant) = self.participants.get_mut(to) {
            participant.tracks.announced(info.clone());
        }
        self.tell(to, message::track_published(cid, info));
    }

    /// Works off what the plane has to say.
    pub(super) fn after_media(&mut self, now: Now) {
        while let Some(event) = self.sfu.poll_event() {
            self.on_event(event, now);
        }
    }

    fn on_event(&mut self, event: SfuEvent, now: Now) {
        match event {
            SfuEvent::Answer { to, description } => {
                let answer = describe("answer", description);
                self.tell(&to, message::wrap(Message::Answer(answer)));
            }
            SfuEvent::Offer { to, description } => {
                let offer = describe("offer", description);
                self.tell(&to, message::wrap(Message::Offer(offer)));
            }
            SfuEvent::SectionsRequired { to, audios, videos } => {
                let required = proto::MediaSectionsRequirement {
                    num_audios: audios,
                    num_videos: videos,
                };
                self.tell(
                    &to,
                    message::wrap(Message::MediaSectionsRequirement(required)),
                );
            }
            SfuEvent::TrackAccepted { to, cid, info } => self.track_accepted(&to, cid, info),
            SfuEvent::TrackPublished { by, info } => self.on_published(&by, info, now),
            SfuEvent::TrackChanged { by, info } => self.on_track_changed(&by, info),
            SfuEvent::TrackUnpublished { by, info, revoked } => {
                self.on_unpublished(&by, info, revoked);
            }
            SfuEvent::TrackSubscribed { publisher, track } => {
                self.tell(&publisher, message::track_subscribed(track.to_string()));
            }
            SfuEvent::SubscriptionAllowed {
                to,
                publisher,
                track,
                allowed,
            } => {
                let update = proto::SubscriptionPermissionUpdate {
                    participant_sid: publisher.to_string(),
                    track_sid: track.to_string(),
                    allowed,
                };
                self.tell(
                    &to,
                    message::wrap(Message::SubscriptionPermissionUpdate(update)),
                );
            }
            SfuEvent::SubscriptionFailed { to, track, error } => {
                let response = proto::SubscriptionResponse {
                    track_sid: track,
                    err: error.into(),
                };
                self.tell(&to, message::wrap(Message::SubscriptionResponse(response)));
            }
            SfuEvent::Connected { participant } => self.on_connected(&participant),
            SfuEvent::TransportFailed {
                participant,
                target,
            } => {
                self.on_transport_failed(&participant, target, now);
            }
            SfuEvent::TransportRestored { participant } => self.on_restored(&participant),
            SfuEvent::NegotiationFailed {
                participant,
                reason,
            } => self.on_disagreement(&participant, &reason, now),
            SfuEvent::Speakers { to, speakers } => {
                self.tell(&to, message::speakers(speakers));
            }
            SfuEvent::CallReceived { id } => self.on_call_received(&id),
            SfuEvent::CallAnswered { id, value } => self.on_call_answered(&id, value),
            SfuEvent::FragmentAdded { peer, ufrag } => {
                self.routes.push_back(Route::Fragment { peer, ufrag });
            }
            SfuEvent::FragmentRetired { ufrag } => {
                self.routes.push_back(Route::Retired { ufrag });
            }
            SfuEvent::AddressChecked { peer, from } => {
                let at = now.instant;
                self.routes.push_back(Route::Checked { peer, from, at });
            }
        }
    }

    /// The client comes back as new. One whose very first description asks for too much would
    /// only do the same again.
    fn on_disagreement(&mut self, sid: &ParticipantSid, reason: &NegotiationFailure, now: Now) {
        let cause = causes(reason);
        tracing::info!(participant = %sid, %reason, cause, "descriptions could not be agreed on");
        count(Counter::NegotiationsFailed, 1, &[("reason", reason.word())]);
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let mut farewell = Farewell::broken(DisconnectReason::StateMismatch);
        if let NegotiationFailure::Refused(SdpError::TooMuch(excess)) = reason {
            if !participant.was_active() {
                farewell = Farewell::dismissed(DisconnectReason::StateMismatch);
            }
            if participant.protocol().request_response() {
                self.tell(sid, message::description_refused(&excess.to_string()));
            }
        }
        self.remove(sid, &farewell, now);
    }

    fn on_published(&mut self, by: &ParticipantSid, info: proto::TrackInfo, now: Now) {
        let Some(participant) = self.participants.get_mut(by) else {
            return;
        };
        participant.tracks.live(info.clone());
        let first = participant.become_publisher();
        self.tell_change(by, Own::Excluded);
        if first {
            self.counts_changed(now);
        }
        let Some(participant) = self.participants.get(by).map(Participant::info) else {
            return;
        };
        let room = self.info();
        self.notice(RoomNotice::TrackPublished {
            room,
            participant,
            track: info,
            first,
        });
    }

    fn on_track_changed(&mut self, by: &ParticipantSid, info: proto::TrackInfo) {
        let Some(participant) = self.participants.get_mut(by) else {
            return;
        };
        if participant.tracks.changed(info) {
            self.tell_change(by, Own::Excluded);
        }
    }

    fn on_unpublished(&mut self, by: &ParticipantSid, info: proto::TrackInfo, revoked: bool) {
        let Some(participant) = self.participants.get_mut(by) else {
            return;
        };
        let known = participant.tracks.remove(&info.sid);
        if revoked && participant.protocol().track_unpublished() {
            self.tell(by, message::track_unpublished(info.sid.clone()));
        }
        if !known {
            return;
        }
        self.tell_change(by, Own::Excluded);
        self.note_unpublished(by, info);
    }

    pub(super) fn note_unpublished(&mut self, by: &ParticipantSid, track: proto::TrackInfo) {
        let Some(participant) = self.participants.get(by).map(Participant::info) else {
            return;
        };
        let room = self.info();
        self.notice(RoomNotice::TrackUnpublished {
            room,
            participant,
            track,
        });
    }

    fn on_connected(&mut self, sid: &ParticipantSid) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        participant.primary = Primary::Up;
        if !participant.become_state(State::Active) {
            return;
        }
        self.tell_change(sid, Own::Included);
        let Some(participant) = self.participants.get(sid).map(Participant::info) else {
            return;
        };
        let room = self.info();
        self.notice(RoomNotice::ParticipantJoined { room, participant });
    }

    fn on_transport_failed(&mut self, sid: &ParticipantSid, target: Target, now: Now) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        tracing::debug!(participant = %sid, ?target, "a media connection is lost");
        if !matches!(
            participant.primary,
            Primary::Failed { .. } | Primary::Down { .. }
        ) {
            participant.primary = Primary::Failed {
                speak: now.instant + GOODBYE_LIMIT,
            };
        }
    }

    fn on_restored(&mut self, sid: &ParticipantSid) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        if participant.was_active() {
            participant.primary = Primary::Up;
        }
    }

    /// A lost connection was not explained by a leave. With its socket open the client is told to
    /// resume; either way it has a few seconds.
    pub(super) fn ask_to_resume(&mut self, sid: &ParticipantSid, now: Now) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        participant.primary = Primary::Down {
            until: now.instant + RESUME_LIMIT,
        };
        if participant.signal == Signal::Open {
            let action = proto::leave_request::Action::Resume;
            let leave = message::leave(
                DisconnectReason::UnknownReason,
                action,
                participant.protocol(),
            );
            self.tell(sid, leave);
            if let Some(participant) = self.participants.get_mut(sid) {
                participant.signal = Signal::Lost;
            }
            self.outputs.push_back(Output::CloseSignal(sid.clone()));
        }
    }

    /// Says that a participant speaks, whatever is heard.
    pub(super) fn simulate_speaking(&mut self, who: &ParticipantSid, until: Instant) {
        self.simulated_speech = Some((who.clone(), until));
        let speaker = proto::SpeakerInfo {
            sid: who.to_string(),
            level: 0.9,
            active: true,
        };
        self.tell_speaker(speaker);
    }

    pub(super) fn end_simulated_speech(&mut self, now: Instant) {
        let over = self.simulated_speech.take_if(|(_, until)| *until <= now);
        if let Some((who, _)) = over {
            let speaker = proto::SpeakerInfo {
                sid: who.to_string(),
                level: 0.0,
                active: false,
            };
            self.tell_speaker(speaker);
        }
    }

    pub(super) fn speech_due(&self) -> Option<Instant> {
        self.simulated_speech.as_ref().map(|(_, until)| *until)
    }

    fn tell_speaker(&mut self, speaker: proto::SpeakerInfo) {
        self.tell_all(message::speakers(vec![speaker]));
    }
}

/// The participant as the plane has to know it.
pub(super) fn joining(participant: &Participant, params: &JoinParams) -> sfu::Joining {
    sfu::Joining {
        sid: participant.sid.clone(),
        identity: participant.identity.clone(),
        topology: participant.topology,
        subscriber_primary: participant.subscriber_primary(),
        permissions: permissions(participant),
        auto_subscribe: params.auto_subscribe,
        opens_by_packet: params.client.sdk() == proto::client_info::Sdk::Go,
    }
}

/// Everything below an error, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let below = std::iter::successors(error.source(), |cause| cause.source());
    below
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

pub(super) fn permissions(participant: &Participant) -> sfu::Permissions {
    let permission = &participant.permission;
    sfu::Permissions {
        can_publish: permission.publish,
        sources: permission.sources.for_media(),
        can_subscribe: permission.subscribe,
        can_publish_data: permission.publish_data,
        hidden: permission.hidden,
        agent: participant.is_agent(),
    }
}

fn describe(kind: &str, described: Described) -> proto::SessionDescription {
    let tracks = described.mid_to_track_id.into_iter().collect();
    message::description(kind, described.sdp, described.id, tracks)
}

const fn reason(error: AddTrackError) -> Reason {
    match error {
        AddTrackError::NotAllowed => Reason::NotAllowed,
        AddTrackError::UnsupportedType | AddTrackError::Video => Reason::UnsupportedType,
        AddTrackError::LimitExceeded | AddTrackError::TooLarge => Reason::LimitExceeded,
        AddTrackError::NotFound | AddTrackError::UnknownParticipant(_) => Reason::NotFound,
    }
}

/// The address of ours that a datagram must have come to: the kernel does not say, so the one of
/// the same sort as its source.
fn local_address(media: &[SocketAddr], from: SocketAddr) -> SocketAddr {
    let alike = |own: &&SocketAddr| {
        own.ip().is_loopback() == from.ip().is_loopback() && own.is_ipv4() == from.is_ipv4()
    };
    let fallback = || media.first().copied().unwrap_or(from);
    media.iter().find(alike).copied().unwrap_or_else(fallback)
}

/// How long after its media a client may still say that it leaves.
const GOODBYE_LIMIT: std::time::Duration = std::time::Duration::from_millis(500);

/// How long a participant with a lost connection may take to resume.
const RESUME_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

const MAX_CANDIDATE: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_came_to_the_address_of_its_sort() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let media = [address("10.0.0.1:7882"), address("127.0.0.1:7882")];
        assert_eq!(local_address(&media, address("127.0.0.1:5")), media[1]);
        assert_eq!(local_address(&media, address("10.0.0.9:5")), media[0]);
        assert_eq!(local_address(&media[1..], address("10.0.0.9:5")), media[1]);
    }
}
