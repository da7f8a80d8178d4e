//! Tracks coming, changing and going; who hears them.

use livekit_protocol as proto;
use proto::request_response::Request;
use proto::signal_response::Message;
use trunkline_base::id::{ParticipantSid, TrackSid};

use super::subscriptions::{Step, View};
use super::telling::Own;
use super::tracks::{Stage, Track};
use super::{Now, RoomState};
use crate::room::handle::RoomNotice;
use crate::signal::message;

impl RoomState {
    pub(super) fn on_add_track(&mut self, from: &ParticipantSid, request: proto::AddTrackRequest, now: Now) {
        let Some(participant) = self.participants.get_mut(from) else { return };
        let permission = participant.permission.clone();
        match participant.tracks.add(&request, &permission, &mut self.rng) {
            Ok(track) => {
                let (cid, info, fresh) = (request.cid, track.info.clone(), track.stage == Stage::Pending);
                if fresh {
                    self.plane.announce(from, track);
                }
                self.tell(from, message::track_published(cid, info));
                self.after_media(now);
            }
            Err(why) => self.refuse(from, 0, why, Request::AddTrack(request)),
        }
    }

    /// The media section of an announced track was negotiated: the room may know it.
    pub(super) fn on_live(&mut self, publisher: &ParticipantSid, track: &TrackSid, mid: &str, now: Now) {
        let Some(participant) = self.participants.get_mut(publisher) else { return };
        let Some(track) = participant.tracks.go_live(track, mid) else { return };
        let info = track.info.clone();
        let first = participant.become_publisher();
        self.tell_change(publisher, Own::Excluded);
        if first {
            self.counts_changed(now);
        }
        self.note_track(publisher, info, Some(first));
        self.reconcile_all(now);
    }

    /// The client stopped sending a track.
    pub(super) fn on_ended(&mut self, publisher: &ParticipantSid, track: &TrackSid, now: Now) {
        if self.unpublish(publisher, track, now) {
            self.tell_change(publisher, Own::Excluded);
        }
        let Some(participant) = self.participants.get_mut(publisher) else { return };
        if let Some(request) = participant.tracks.unqueue() {
            self.on_add_track(publisher, request, now);
        }
    }

    /// Takes a track out of the room without telling; `true` when others knew it.
    fn unpublish(&mut self, publisher: &ParticipantSid, track: &TrackSid, _now: Now) -> bool {
        let Some(participant) = self.participants.get_mut(publisher) else { return false };
        let Some(removed) = participant.tracks.remove(track) else { return false };
        self.plane.withdraw(publisher, track);
        for other in self.participants.values_mut() {
            other.subscriptions.forget(track);
        }
        let known = removed.stage == Stage::Live;
        if known {
            self.note_track(publisher, removed.info, None);
        }
        known
    }

    /// Everything of a participant that leaves.
    pub(super) fn unpublish_all(&mut self, publisher: &ParticipantSid, now: Now) {
        for track in self.track_sids(publisher) {
            self.unpublish(publisher, &track, now);
        }
    }

    /// Tracks a participant may no longer publish are taken from it.
    pub(super) fn revoke_tracks(&mut self, publisher: &ParticipantSid, now: Now) {
        let Some(participant) = self.participants.get(publisher) else { return };
        let told = participant.protocol().track_unpublished();
        let denied = |track: &&Track| !participant.permission.may_publish_source(track.info.source);
        let revoked: Vec<TrackSid> =
            participant.tracks.iter().filter(denied).map(|track| track.sid.clone()).collect();
        for track in revoked {
            self.unpublish(publisher, &track, now);
            if told {
                self.tell(publisher, message::track_unpublished(track.to_string()));
            }
        }
    }

    pub(super) fn on_mute(&mut self, from: &ParticipantSid, mute: proto::MuteTrackRequest, now: Now) {
        if self.set_muted(from, &mute.sid, mute.muted, now).is_none() {
            self.refuse_unknown(from, Request::Mute(mute));
        }
    }

    /// Mutes or unmutes a track and tells the others; the track as it is then.
    pub(super) fn set_muted(
        &mut self,
        publisher: &ParticipantSid,
        track: &str,
        muted: bool,
        now: Now,
    ) -> Option<proto::TrackInfo> {
        let participant = self.participants.get_mut(publisher)?;
        let track = participant.tracks.find_mut(track)?;
        let changed = track.info.muted != muted;
        track.info.muted = muted;
        let (sid, info, live) = (track.sid.clone(), track.info.clone(), track.stage == Stage::Live);
        if changed {
            self.plane.set_muted(&sid, muted, now.instant);
            if live {
                self.tell_change(publisher, Own::Excluded);
            }
            self.after_media(now);
        }
        Some(info)
    }

    /// Brings what everybody is given in line with what they want and may have.
    pub(super) fn reconcile_all(&mut self, now: Now) {
        for sid in self.sids() {
            self.reconcile(&sid, now);
        }
    }

    /// The same for one subscriber.
    pub(super) fn reconcile(&mut self, subscriber: &ParticipantSid, now: Now) {
        let Some(me) = self.participants.get(subscriber) else { return };
        let (may_subscribe, auto_subscribe) = (me.permission.subscribe, me.auto_subscribe);
        let recorder = me.permission.recorder;
        let mut steps = Vec::new();
        for publisher in self.participants.values().filter(|p| p.sid != *subscriber) {
            for track in publisher.tracks.live_sids() {
                let permitted = recorder
                    || publisher.tracks.permits(track, me.sid.as_str(), me.identity.as_str());
                let view = View { may_subscribe, auto_subscribe, permitted };
                steps.push((publisher.sid.clone(), track.clone(), view));
            }
        }
        for (publisher, track, view) in steps {
            self.reconcile_track(subscriber, &publisher, &track, view, now);
        }
    }

    fn reconcile_track(
        &mut self,
        subscriber: &ParticipantSid,
        publisher: &ParticipantSid,
        track: &TrackSid,
        view: View,
        now: Now,
    ) {
        let Some(me) = self.participants.get_mut(subscriber) else { return };
        let allowed = me.subscriptions.tell_allowed(track, view);
        let step = me.subscriptions.reconcile(track, view);
        let paused = me.subscriptions.is_disabled(track);
        match step {
            Some(Step::Subscribe) => {
                self.plane.subscribe(subscriber, publisher, track, now.instant);
                if paused {
                    self.plane.set_paused(subscriber, track, true);
                }
            }
            Some(Step::Unsubscribe) => self.plane.unsubscribe(subscriber, track, now.instant),
            None => {}
        }
        if let Some(allowed) = allowed {
            self.tell(
                subscriber,
                message::wrap(Message::SubscriptionPermissionUpdate(
                    proto::SubscriptionPermissionUpdate {
                        participant_sid: publisher.to_string(),
                        track_sid: track.to_string(),
                        allowed,
                    },
                )),
            );
        }
    }

    /// The first subscriber of a track has its media connected: agents wait to hear this before
    /// they speak.
    pub(super) fn on_bound(&mut self, subscriber: &ParticipantSid, track: &TrackSid) {
        if self.participants.get(subscriber).is_none_or(|p| p.permission.hidden) {
            return;
        }
        let Some(publisher) = self.publisher_of(track.as_str()) else { return };
        let participant = self.participants.get_mut(&publisher);
        let Some(track) = participant.and_then(|p| p.tracks.find_mut(track.as_str())) else { return };
        if !track.subscribed_told {
            track.subscribed_told = true;
            let sid = track.sid.to_string();
            self.tell(&publisher, message::track_subscribed(sid));
        }
    }

    pub(super) fn publisher_of(&self, track: &str) -> Option<ParticipantSid> {
        let has = |p: &&super::Participant| p.tracks.find(track).is_some();
        self.participants.values().find(has).map(|p| p.sid.clone())
    }

    fn track_sids(&self, publisher: &ParticipantSid) -> Vec<TrackSid> {
        let participant = self.participants.get(publisher);
        participant.into_iter().flat_map(|p| p.tracks.iter()).map(|t| t.sid.clone()).collect()
    }

    /// `Some(first)` for a published track, `None` for one that ended.
    fn note_track(&mut self, publisher: &ParticipantSid, track: proto::TrackInfo, published: Option<bool>) {
        let Some(participant) = self.participants.get(publisher) else { return };
        let (room, participant) = (self.info(), participant.info());
        self.notice(match published {
            Some(first) => RoomNotice::TrackPublished { room, participant, track, first },
            None => RoomNotice::TrackUnpublished { room, participant, track },
        });
    }
}
