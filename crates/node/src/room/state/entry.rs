//! How participants come in.

use livekit_protocol as proto;
use proto::participant_info::State;
use proto::signal_response::Message;
use trunkline_base::id::{ParticipantIdentity, ParticipantSid};

use super::exit::Farewell;
use super::participant::Participant;
use super::telling::Own;
use super::{Now, RoomState, media};
use crate::room::command::Admission;
use crate::room::error::JoinError;
use crate::room::join::JoinParams;
use crate::room::notice::RoomNotice;
use crate::signal::metadata::TooLarge;
use crate::signal::protocol::Protocol;
use crate::signal::{describe, message};

/// How an attempt to come in ended.
#[derive(Debug)]
pub(crate) enum Entry {
    /// In, as this session; its first messages are among the outputs.
    Joined(ParticipantSid),
    /// Back in; the old socket of this session is to be replaced before the outputs are carried
    /// out.
    Resumed(ParticipantSid),
    /// Cannot resume: the one message to say before closing.
    Mismatch(ParticipantSid, Box<proto::SignalResponse>),
}

impl RoomState {
    /// Lets a participant in, or resumes its session.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn enter(
        &mut self,
        params: JoinParams,
        admission: Admission,
        now: Now,
    ) -> Result<Entry, JoinError> {
        if self.ended.is_some() {
            return Err(JoinError::Closed);
        }
        let identity = ParticipantIdentity::parse(params.claims.identity())
            .map_err(|_| JoinError::NotAllowed)?;
        let known = self.by_identity.get(&identity).cloned();
        if params.reconnect {
            let Some(sid) = known else {
                let nobody = ParticipantSid::generate(&mut self.rng);
                return Ok(Entry::Mismatch(nobody, Box::new(mismatch(&params))));
            };
            self.resume(&sid, params, now);
            return Ok(Entry::Resumed(sid));
        }
        if known.is_none() && admission == Admission::Known {
            return Err(JoinError::Overloaded);
        }
        check_profile(&params)?;
        let sid = ParticipantSid::generate(&mut self.rng);
        let participant = Participant::new(sid.clone(), identity, &params, now);
        participant
            .profile
            .check(&self.config.limits)
            .map_err(too_large)?;
        self.check_room_for(&participant, known.as_ref())?;
        if let Some(old) = known {
            self.remove(&old, &Farewell::replaced(), now);
        }
        self.admit(participant, &params, now);
        for request in params.add_tracks {
            self.on_add_track(&sid, request, now);
        }
        if let Some(offer) = params.publisher_offer {
            self.on_offer(&sid, &offer, now);
        }
        Ok(Entry::Joined(sid))
    }

    /// Only those who neither are dependents nor take over their own place count.
    fn check_room_for(
        &self,
        participant: &Participant,
        replaced: Option<&ParticipantSid>,
    ) -> Result<(), JoinError> {
        let others = || {
            self.participants
                .values()
                .filter(|p| Some(&p.sid) != replaced)
        };
        if others().count() >= self.config.limits.participants_per_room {
            return Err(JoinError::Overloaded);
        }
        let limit = usize::try_from(self.spec.max_participants).unwrap_or(usize::MAX);
        let counted = others().filter(|p| !p.is_dependent()).count();
        if limit > 0 && !participant.is_dependent() && counted >= limit {
            return Err(JoinError::RoomFull);
        }
        Ok(())
    }

    fn admit(&mut self, participant: Participant, params: &JoinParams, now: Now) {
        let sid = participant.sid.clone();
        let counted = !participant.is_dependent();
        self.by_identity
            .insert(participant.identity.clone(), sid.clone());
        let joining = media::joining(&participant, params);
        self.participants.insert(sid.clone(), participant);
        self.ever_joined = true;
        if counted {
            self.departed = None;
        }
        if let Some(participant) = self.participants.get_mut(&sid) {
            participant.become_state(State::Joined);
        }
        let join = self.join_response(&sid);
        self.tell(&sid, message::wrap(Message::Join(join)));
        self.tell_token(&sid, now);
        self.tell_change(&sid, Own::Excluded);
        self.counts_changed(now);
        if counted && let Some(participant) = self.participants.get(&sid) {
            let (room, participant) = (self.info(), participant.info());
            self.notice(RoomNotice::ParticipantEntered { room, participant });
        }
        // Last, for its first words are the offer and the subscriptions of the newcomer.
        self.sfu.join(joining, now.instant);
        self.after_media(now);
    }

    fn join_response(&self, sid: &ParticipantSid) -> proto::JoinResponse {
        let me = self.participants.get(sid);
        let server = describe::server_info(&self.config.region, &self.config.node_id);
        proto::JoinResponse {
            room: Some(self.info()),
            participant: me.map(Participant::info),
            other_participants: self.others(sid),
            server_version: server.version.clone(),
            ice_servers: Vec::new(),
            subscriber_primary: me.is_some_and(Participant::subscriber_primary),
            alternative_url: String::new(),
            client_configuration: None,
            server_region: server.region.clone(),
            ping_timeout: describe::PING_TIMEOUT,
            ping_interval: describe::PING_INTERVAL,
            server_info: Some(server),
            sif_trailer: Vec::new(),
            enabled_publish_codecs: describe::publish_codecs(),
            fast_publish: me.is_some_and(|p| p.permission.publish),
        }
    }
}

fn mismatch(params: &JoinParams) -> proto::SignalResponse {
    let protocol = Protocol(params.client.protocol);
    let action = proto::leave_request::Action::Reconnect;
    message::leave(proto::DisconnectReason::StateMismatch, action, protocol)
}

fn check_profile(params: &JoinParams) -> Result<(), JoinError> {
    let brings = params
        .metadata
        .as_ref()
        .is_some_and(|text| !text.is_empty())
        || !params.attributes.is_empty();
    let may = params
        .claims
        .video
        .as_ref()
        .is_some_and(|grant| grant.may_update_own_metadata());
    if brings && !may {
        Err(JoinError::MetadataNotAllowed)
    } else {
        Ok(())
    }
}

const fn too_large(what: TooLarge) -> JoinError {
    match what {
        TooLarge::Attributes => JoinError::AttributesTooLarge,
        TooLarge::Name => JoinError::NameTooLong,
        TooLarge::Metadata => JoinError::MetadataTooLarge,
    }
}
