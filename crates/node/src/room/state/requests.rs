//! What a client asks over its socket.

use livekit_protocol as proto;
use proto::DisconnectReason;
use proto::request_response::{Reason, Request};
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use trunkline_base::id::ParticipantSid;
use trunkline_rtc::sfu;

use super::exit::Farewell;
use super::{Now, RoomState};
use crate::signal::message::{self, Refusal};

impl RoomState {
    /// One request of one client. Nothing a client sends can end more than its own session.
    pub(crate) fn on_request(
        &mut self,
        from: &ParticipantSid,
        request: proto::SignalRequest,
        now: Now,
    ) {
        let Some(asked) = request.message else { return };
        if !self.participants.contains_key(from) {
            return;
        }
        match asked {
            Asked::Offer(offer) => self.on_offer(from, &offer, now),
            Asked::Answer(answer) => self.on_answer(from, &answer, now),
            Asked::Trickle(trickle) => self.on_trickle(from, &trickle, now),
            Asked::AddTrack(request) => self.on_add_track(from, request, now),
            Asked::Mute(mute) => self.on_mute(from, mute, now),
            Asked::Subscription(update) => {
                let change = Wishes {
                    sids: &update.track_sids,
                    of: &update.participant_tracks,
                    subscribe: update.subscribe,
                };
                self.on_wishes(from, &change, now);
            }
            Asked::TrackSetting(settings) => self.on_track_setting(from, &settings),
            Asked::Leave(leave) => self.on_leave(from, &leave, now),
            Asked::SubscriptionPermission(permission) => self.on_permit(from, permission, now),
            Asked::SyncState(state) => self.on_sync_state(from, &state, now),
            Asked::Simulate(simulate) => self.on_simulate(from, &simulate, now),
            Asked::Ping(_) => self.tell(from, message::wrap(Message::Pong(now.unix.millis_i64()))),
            Asked::PingReq(ping) => self.tell(from, message::pong(&ping, now.unix)),
            Asked::UpdateMetadata(update) => self.on_update_metadata(from, update, now),
            Asked::UpdateAudioTrack(update) => self.on_update_audio_track(from, update, now),
            Asked::UpdateVideoTrack(update) => {
                self.refuse_unknown(from, Request::UpdateVideoTrack(update));
            }
            Asked::PublishDataTrackRequest(request) => {
                let (reason, text) = (UNSUPPORTED.reason, UNSUPPORTED.text);
                self.respond(from, 0, reason, text, Request::PublishDataTrack(request));
            }
            Asked::UnpublishDataTrackRequest(request) => {
                self.refuse_unknown(from, Request::UnpublishDataTrack(request));
            }
            Asked::StoreDataBlobRequest(request) => self.refuse_blob(from, request.request_id),
            Asked::GetDataBlobRequest(request) => self.refuse_blob(from, request.request_id),
            // Deprecated, or about what this server does not carry.
            _ => {}
        }
    }

    fn on_leave(&mut self, from: &ParticipantSid, leave: &proto::LeaveRequest, now: Now) {
        let reason = match leave.reason() {
            honoured @ (DisconnectReason::UserUnavailable
            | DisconnectReason::UserRejected
            | DisconnectReason::AgentError) => honoured,
            _ => DisconnectReason::ClientInitiated,
        };
        self.remove(from, &Farewell::gone(reason), now);
    }

    /// A client's wishes about what to hear.
    pub(super) fn on_wishes(&mut self, from: &ParticipantSid, change: &Wishes<'_>, now: Now) {
        let named = change
            .sids
            .iter()
            .chain(change.of.iter().flat_map(|of| &of.track_sids));
        let named: Vec<String> = named.take(MAX_NAMED).cloned().collect();
        let _known = self
            .sfu
            .subscribe(from, &named, change.subscribe, now.instant);
        self.after_media(now);
    }

    fn on_track_setting(&mut self, from: &ParticipantSid, settings: &proto::UpdateTrackSettings) {
        for sid in settings.track_sids.iter().take(MAX_NAMED) {
            self.set_disabled(from, sid, settings.disabled);
        }
    }

    pub(super) fn set_disabled(&mut self, subscriber: &ParticipantSid, track: &str, off: bool) {
        self.sfu.set_paused(subscriber, track, off);
    }

    fn on_permit(
        &mut self,
        from: &ParticipantSid,
        permission: proto::SubscriptionPermission,
        now: Now,
    ) {
        let _known = self
            .sfu
            .set_audience(from, audience(permission), now.instant);
        self.after_media(now);
    }

    fn on_mute(&mut self, from: &ParticipantSid, mute: proto::MuteTrackRequest, now: Now) {
        if self.set_muted(from, &mute.sid, mute.muted, now).is_none() {
            self.refuse_unknown(from, Request::Mute(mute));
        }
    }

    /// Mutes or unmutes a track; `None` when it is not there.
    pub(super) fn set_muted(
        &mut self,
        publisher: &ParticipantSid,
        track: &str,
        muted: bool,
        now: Now,
    ) -> Option<proto::TrackInfo> {
        let known = self.sfu.mute(publisher, track, muted, now.instant);
        self.after_media(now);
        known
    }

    fn on_update_audio_track(
        &mut self,
        from: &ParticipantSid,
        update: proto::UpdateLocalAudioTrack,
        now: Now,
    ) {
        let features: Vec<_> = update.features().collect();
        if self
            .sfu
            .set_audio_features(from, &update.track_sid, &features)
            .is_none()
        {
            self.refuse_unknown(from, Request::UpdateAudioTrack(update));
        }
        self.after_media(now);
    }

    /// Answers a request, refused or (for clients that want to know) carried out.
    pub(super) fn respond(
        &mut self,
        to: &ParticipantSid,
        id: u32,
        reason: Reason,
        text: &str,
        request: Request,
    ) {
        let Some(participant) = self.participants.get(to) else {
            return;
        };
        let protocol = participant.protocol();
        let wanted = if reason == Reason::Ok {
            protocol.positive_responses()
        } else {
            protocol.request_response()
        };
        if wanted {
            self.tell(to, message::response(id, reason, text, request));
        }
    }

    pub(super) fn refuse_unknown(&mut self, to: &ParticipantSid, request: Request) {
        self.respond(to, 0, Reason::NotFound, "track not found", request);
    }

    fn refuse_blob(&mut self, to: &ParticipantSid, request_id: u32) {
        self.tell(
            to,
            message::wrap(Message::RequestResponse(proto::RequestResponse {
                request_id,
                reason: Reason::NotAllowed.into(),
                message: "data blobs are not enabled".to_owned(),
                request: None,
            })),
        );
    }
}

/// Which tracks to subscribe to, or to leave.
#[derive(Debug)]
pub(super) struct Wishes<'a> {
    pub(super) sids: &'a [String],
    pub(super) of: &'a [proto::ParticipantTracks],
    pub(super) subscribe: bool,
}

pub(super) fn audience(permission: proto::SubscriptionPermission) -> sfu::Audience {
    if permission.all_participants {
        return sfu::Audience::All;
    }
    // Whoever is not read is not let in.
    let entries = permission.track_permissions.into_iter().take(MAX_NAMED);
    sfu::Audience::Only(
        entries
            .map(|entry| sfu::Listener {
                name: if entry.participant_identity.is_empty() {
                    entry.participant_sid
                } else {
                    entry.participant_identity
                },
                all_tracks: entry.all_tracks,
                tracks: entry.track_sids,
            })
            .collect(),
    )
}

const UNSUPPORTED: Refusal = Refusal::new(Reason::UnsupportedType, "data tracks are not supported");

/// Tracks or participants named in one message: far above those of the largest room we admit.
const MAX_NAMED: usize = 1_024;
