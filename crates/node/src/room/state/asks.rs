//! What the API asks of a room.

use livekit_protocol as proto;
use prost::Message as _;
use proto::{DisconnectReason, RoomEndReason};
use trunkline_base::id::ParticipantSid;
use trunkline_rtc::peer::MAX_MESSAGE_SIZE;

use super::exit::Farewell;
use super::participant::Participant;
use super::requests::Wishes;
use super::{Now, RoomState};
use crate::room::command::{Mute, RoomAsk};
use crate::room::error::RoomError;
use crate::signal::message;

impl RoomState {
    /// Carries out one ask. The answer waits until the change can be seen by everybody: who is
    /// told that the metadata changed may list the room at once. An asker that has gone away is no
    /// reason not to.
    pub(crate) fn on_ask(&mut self, ask: RoomAsk, now: Now) {
        match ask {
            #[cfg(test)]
            RoomAsk::Panic { answer: _answer } => panic!("a bug on request"),
            RoomAsk::Room { answer } => {
                let room = self.info();
                self.replies.put(answer, room);
            }
            RoomAsk::Delete { answer } => {
                self.close(RoomEndReason::RoomEndApiDelete, now);
                self.replies.put(answer, ());
            }
            RoomAsk::Participants { answer } => {
                let everybody = self.participants.values().map(Participant::info).collect();
                self.replies.put(answer, everybody);
            }
            RoomAsk::Participant { identity, answer } => {
                let found = self.participant(identity.as_str());
                self.replies.put(answer, found);
            }
            RoomAsk::Remove { identity, answer } => {
                let gone = self.dismiss(identity.as_str(), now);
                self.replies.put(answer, gone);
            }
            RoomAsk::Mute {
                identity,
                track,
                mute,
                answer,
            } => {
                let muted = self.mute(identity.as_str(), track.as_str(), mute, now);
                self.replies.put(answer, muted);
            }
            RoomAsk::Update { request, answer } => {
                let updated = self.update_participant(&request, now);
                self.replies.put(answer, updated);
            }
            RoomAsk::Metadata { metadata, answer } => {
                let updated = self.update_room(metadata);
                self.replies.put(answer, updated);
            }
            RoomAsk::Subscriptions { request, answer } => {
                let updated = self.update_subscriptions(&request, now);
                self.replies.put(answer, updated);
            }
            RoomAsk::SendData { request, answer } => {
                let sent = self.send_data(*request, now);
                self.replies.put(answer, sent);
            }
            RoomAsk::PerformRpc { request, answer } => self.perform_rpc(*request, answer, now),
        }
    }

    pub(super) fn sid_of(&self, identity: &str) -> Result<ParticipantSid, RoomError> {
        self.by_identity
            .get(identity)
            .cloned()
            .ok_or(RoomError::ParticipantNotFound)
    }

    fn participant(&self, identity: &str) -> Result<proto::ParticipantInfo, RoomError> {
        let sid = self.sid_of(identity)?;
        let participant = self
            .participants
            .get(&sid)
            .ok_or(RoomError::ParticipantNotFound)?;
        Ok(participant.info())
    }

    fn dismiss(&mut self, identity: &str, now: Now) -> Result<(), RoomError> {
        let sid = self.sid_of(identity)?;
        self.remove(
            &sid,
            &Farewell::dismissed(DisconnectReason::ParticipantRemoved),
            now,
        );
        Ok(())
    }

    fn mute(
        &mut self,
        identity: &str,
        track: &str,
        mute: Mute,
        now: Now,
    ) -> Result<proto::TrackInfo, RoomError> {
        let sid = self.sid_of(identity)?;
        let muted = mute == Mute::On;
        if !muted && !self.config.defaults.remote_unmute {
            return Err(RoomError::RemoteUnmuteDisabled);
        }
        let participant = self.participants.get(&sid);
        let known = participant.and_then(|p| p.tracks.find(track));
        if known.is_none() {
            return Err(RoomError::TrackNotFound);
        }
        self.tell(&sid, message::mute(track.to_owned(), muted));
        self.set_muted(&sid, track, muted, now)
            .ok_or(RoomError::TrackNotFound)
    }

    fn update_subscriptions(
        &mut self,
        request: &proto::UpdateSubscriptionsRequest,
        now: Now,
    ) -> Result<(), RoomError> {
        let sid = self.sid_of(&request.identity)?;
        let change = Wishes {
            sids: &request.track_sids,
            of: &request.participant_tracks,
            subscribe: request.subscribe,
        };
        self.on_wishes(&sid, &change, now);
        Ok(())
    }

    /// A user packet from the server itself: no sender, sequence 0.
    #[expect(deprecated, reason = "older server SDKs address by sid")]
    fn send_data(&mut self, request: proto::SendDataRequest, now: Now) -> Result<(), RoomError> {
        if request.data.len() > self.config.limits.data_bytes {
            return Err(RoomError::DataTooLarge);
        }
        if !matches!(request.nonce.len(), 0 | 16) {
            return Err(RoomError::Nonce);
        }
        let reliable = request.kind() == proto::data_packet::Kind::Reliable;
        let packet = proto::DataPacket {
            kind: request.kind,
            destination_identities: request.destination_identities.clone(),
            value: Some(proto::data_packet::Value::User(proto::UserPacket {
                payload: request.data,
                topic: request.topic,
                nonce: request.nonce,
                destination_identities: request.destination_identities,
                destination_sids: request.destination_sids,
                ..proto::UserPacket::default()
            })),
            ..proto::DataPacket::default()
        };
        // Topic and destinations go with the data, and are as long as a caller likes.
        if packet.encoded_len() > MAX_MESSAGE_SIZE {
            return Err(RoomError::DataTooLarge);
        }
        self.sfu.send_data(&packet, reliable, now.instant);
        self.after_media(now);
        Ok(())
    }
}
