//! What a client asks over its socket.

use livekit_protocol as proto;
use proto::DisconnectReason;
use proto::request_response::{Reason, Request};
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use trunkline_base::id::{ParticipantSid, TrackSid};

use super::exit::Farewell;
use super::telling::Own;
use super::{Now, RoomState};
use crate::signal::message::{self, Refusal};

impl RoomState {
    /// One request of one client. Nothing a client sends can end more than its own session.
    pub(crate) fn on_request(&mut self, from: &ParticipantSid, request: proto::SignalRequest, now: Now) {
        let Some(asked) = request.message else { return };
        if !self.participants.contains_key(from) {
            return;
        }
        match asked {
            Asked::Offer(offer) => self.on_offer(from, offer, now),
            Asked::Answer(answer) => self.on_answer(from, &answer, now),
            Asked::Trickle(trickle) => self.on_trickle(from, &trickle, now),
            Asked::AddTrack(request) => self.on_add_track(from, request, now),
            Asked::Mute(mute) => self.on_mute(from, mute, now),
            Asked::Subscription(update) => {
                let change = Wishes { sids: &update.track_sids, of: &update.participant_tracks, subscribe: update.subscribe };
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
            Asked::UpdateAudioTrack(update) => self.on_update_audio_track(from, update),
            Asked::UpdateVideoTrack(update) => {
                self.refuse_unknown(from, Request::UpdateVideoTrack(update));
            }
            Asked::PublishDataTrackRequest(request) => {
                self.refuse(from, 0, UNSUPPORTED, Request::PublishDataTrack(request));
            }
            Asked::UnpublishDataTrackRequest(request) => {
                self.refuse_unknown(from, Request::UnpublishDataTrack(request));
            }
            Asked::StoreDataBlobRequest(request) => self.refuse_blob(from, request.request_id),
            Asked::GetDataBlobRequest(request) => self.refuse_blob(from, request.request_id),
            Asked::UpdateLayers(_) | Asked::UpdateDataSubscription(_) => {}
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
        let named = change.sids.iter().chain(change.of.iter().flat_map(|of| &of.track_sids));
        for sid in named.filter_map(|sid| TrackSid::parse(sid.as_str()).ok()) {
            let exists = self.publisher_of(sid.as_str()).is_some();
            if let Some(participant) = self.participants.get_mut(from) {
                participant.subscriptions.wish(sid, change.subscribe, exists, now.instant);
            }
        }
        self.reconcile(from, now);
        self.after_media(now);
    }

    fn on_track_setting(&mut self, from: &ParticipantSid, settings: &proto::UpdateTrackSettings) {
        for sid in &settings.track_sids {
            self.set_disabled(from, sid, settings.disabled);
        }
    }

    pub(super) fn set_disabled(&mut self, subscriber: &ParticipantSid, track: &str, disabled: bool) {
        let Ok(track) = TrackSid::parse(track) else { return };
        let Some(participant) = self.participants.get_mut(subscriber) else { return };
        if participant.subscriptions.set_disabled(&track, disabled) {
            self.plane.set_paused(subscriber, &track, disabled);
        }
    }

    fn on_permit(&mut self, from: &ParticipantSid, permission: proto::SubscriptionPermission, now: Now) {
        if permission.track_permissions.len() > MAX_PERMISSIONS {
            return;
        }
        if let Some(participant) = self.participants.get_mut(from) {
            participant.tracks.permit(permission);
        }
        self.reconcile_all(now);
        self.after_media(now);
    }

    fn on_update_audio_track(&mut self, from: &ParticipantSid, update: proto::UpdateLocalAudioTrack) {
        let participant = self.participants.get_mut(from);
        let track = participant.and_then(|p| p.tracks.find_mut(&update.track_sid));
        let Some(track) = track else {
            return self.refuse_unknown(from, Request::UpdateAudioTrack(update));
        };
        track.info.audio_features = update.features;
        self.tell_change(from, Own::Excluded);
    }

    pub(super) fn refuse(&mut self, to: &ParticipantSid, id: u32, why: Refusal, request: Request) {
        let Some(participant) = self.participants.get(to) else { return };
        let protocol = participant.protocol();
        let wanted = if why.reason == Reason::Ok {
            protocol.positive_responses()
        } else {
            protocol.request_response()
        };
        if wanted {
            self.tell(to, message::response(id, why, request));
        }
    }

    pub(super) fn refuse_unknown(&mut self, to: &ParticipantSid, request: Request) {
        self.refuse(to, 0, Refusal::new(Reason::NotFound, "track not found"), request);
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

const UNSUPPORTED: Refusal = Refusal::new(Reason::UnsupportedType, "data tracks are not supported");

/// Entries of one permission message: one per participant of the largest room, and some.
const MAX_PERMISSIONS: usize = 1_024;
