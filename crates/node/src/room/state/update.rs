//! Changes of what participants say of themselves and may do.

use livekit_protocol as proto;
use proto::request_response::{Reason, Request};
use trunkline_base::id::ParticipantSid;

use super::telling::Own;
use super::{Now, RoomState, media};
use crate::room::error::RoomError;
use crate::signal::message::{self, Refusal};
use crate::signal::metadata::{Change, Profile, TooLarge};

impl RoomState {
    /// A client changes its own name, metadata or attributes.
    pub(super) fn on_update_metadata(
        &mut self,
        from: &ParticipantSid,
        update: proto::UpdateParticipantMetadata,
        now: Now,
    ) {
        let change = Change {
            name: &update.name,
            metadata: &update.metadata,
            attributes: Some(&update.attributes),
        };
        let outcome = self.own_profile(from, &change);
        let (answer, profile) = match outcome {
            Ok(profile) => (Refusal::OK, Some(profile)),
            Err(why) => (why, None),
        };
        let id = update.request_id;
        self.respond(
            from,
            id,
            answer.reason,
            answer.text,
            Request::UpdateMetadata(update),
        );
        if let Some(profile) = profile {
            self.set_profile(from, profile, now);
        }
    }

    fn own_profile(&self, from: &ParticipantSid, change: &Change<'_>) -> Result<Profile, Refusal> {
        let gone = Refusal::new(Reason::NotFound, "participant not found");
        let participant = self.participants.get(from).ok_or(gone)?;
        if !participant.permission.update_metadata {
            return Err(Refusal::new(
                Reason::NotAllowed,
                "does not have permission to update own metadata",
            ));
        }
        participant
            .profile
            .with(change, &self.config.limits)
            .map_err(|what| {
                let text = match what {
                    TooLarge::Name => "name exceeds limits",
                    TooLarge::Metadata => "metadata exceeds limits",
                    TooLarge::Attributes => "attributes exceeds limits",
                };
                Refusal::new(Reason::LimitExceeded, text)
            })
    }

    fn set_profile(&mut self, of: &ParticipantSid, profile: Profile, now: Now) {
        let Some(participant) = self.participants.get_mut(of) else {
            return;
        };
        participant.profile = profile;
        self.tell_change(of, Own::Included);
        self.tell_token(of, now);
    }

    /// The API changes a participant.
    ///
    /// # Errors
    /// Unknown participant, or over a limit; then nothing has changed.
    pub(super) fn update_participant(
        &mut self,
        request: &proto::UpdateParticipantRequest,
        now: Now,
    ) -> Result<proto::ParticipantInfo, RoomError> {
        let change = Change {
            name: &request.name,
            metadata: &request.metadata,
            attributes: Some(&request.attributes),
        };
        let limits = self.config.limits;
        let sid = self.sid_of(&request.identity)?;
        let participant = self
            .participants
            .get_mut(&sid)
            .ok_or(RoomError::ParticipantNotFound)?;
        let profile = participant
            .profile
            .with(&change, &limits)
            .map_err(too_large)?;
        participant.profile = profile;
        if let Some(wire) = &request.permission {
            participant.permission = participant.permission.replaced_by(wire);
            let permissions = media::permissions(participant);
            let _known = self.sfu.set_permissions(&sid, permissions, now.instant);
            self.after_media(now);
        }
        self.tell_change(&sid, Own::Included);
        self.tell_token(&sid, now);
        let participant = self
            .participants
            .get(&sid)
            .ok_or(RoomError::ParticipantNotFound)?;
        Ok(participant.info())
    }

    /// The API changes the room's metadata.
    ///
    /// # Errors
    /// Over the limit.
    pub(super) fn update_room(&mut self, metadata: String) -> Result<proto::Room, RoomError> {
        if metadata.len() > self.config.limits.metadata_bytes {
            return Err(RoomError::MetadataTooLarge);
        }
        self.spec.metadata = metadata;
        let info = self.info();
        self.tell_all(message::room_update(info.clone()));
        Ok(info)
    }
}

pub(super) const fn too_large(what: TooLarge) -> RoomError {
    match what {
        TooLarge::Name => RoomError::ParticipantNameTooLong,
        TooLarge::Metadata => RoomError::MetadataTooLarge,
        TooLarge::Attributes => RoomError::AttributesTooLarge,
    }
}
