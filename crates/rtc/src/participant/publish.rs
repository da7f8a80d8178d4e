//! How our own tracks are announced, negotiated, muted and sent.

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Request;

use crate::peer::{Codec, RtpOut, Slot};

use super::Participant;
use super::config::{AudioOut, LocalTrack, Publish};
use super::event::{Event, TrackEnd};
use super::local::{Local, SendClock, Stage};

/// A server that has not accepted a track by then is not going to.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

impl Participant {
    /// Publishes an Opus track. It may be called at any time; the track is announced as soon as
    /// the session allows, and again after every full reconnection.
    pub fn publish(&mut self, wanted: Publish, now: Instant) -> LocalTrack {
        let track = LocalTrack(self.next_local);
        self.next_local += 1;
        let muted = wanted.muted;
        let local = Local {
            wanted,
            stage: Stage::Wanted,
            cid: String::new(),
            muted,
        };
        self.locals.insert(track, local);
        self.publish_due(now);
        track
    }

    /// Takes a track off the air.
    pub fn unpublish(&mut self, track: LocalTrack, now: Instant) {
        if let Some(local) = self.locals.remove(&track)
            && let Some(slot) = local.slot()
        {
            self.links.up.remove_sender(slot);
            self.links.touch(now);
        }
    }

    /// Mutes or unmutes a track. Nothing is sent while muted.
    pub fn set_muted(&mut self, track: LocalTrack, muted: bool, _now: Instant) {
        let Some(local) = self.locals.get_mut(&track) else {
            return;
        };
        if local.muted == muted {
            return;
        }
        local.muted = muted;
        if let Some(sid) = local.info().map(|i| i.sid.clone()) {
            self.request(Request::Mute(proto::MuteTrackRequest { sid, muted }));
        }
    }

    /// Sends one Opus packet; dropped while the track is muted or not on the air.
    pub fn send_audio(&mut self, track: LocalTrack, audio: AudioOut, now: Instant) {
        let Some(local) = self.locals.get_mut(&track).filter(|l| !l.muted) else {
            return;
        };
        let Stage::Published { slot, .. } = local.stage else {
            return;
        };
        if !self.links.up.sender_is_live(slot) {
            return;
        }
        let Some(mid) = self.links.up.sender_mid(slot) else {
            return;
        };
        let rng = &mut self.rng;
        let clock = self
            .links
            .clocks
            .entry(mid)
            .or_insert_with(|| SendClock::new(rng));
        let (seq, timestamp, marker) = clock.next(audio.duration_48k, now);
        let out = RtpOut {
            seq,
            timestamp,
            marker,
            level: audio.level,
            codec: Codec::Opus,
            payload: audio.payload.as_ref().into(),
        };
        if let Err(error) = self.links.up.send_rtp(slot, out, now) {
            tracing::trace!(%error, "audio packet dropped");
        }
        self.pump(now);
    }

    /// The server's name of a track, once it has one.
    #[must_use]
    pub fn local_track_info(&self, track: LocalTrack) -> Option<&proto::TrackInfo> {
        self.locals.get(&track).and_then(Local::info)
    }

    /// Announces what is wanted and gives up what the server ignored.
    pub(super) fn publish_due(&mut self, now: Instant) {
        if self.phase.may_speak() && !self.is_over() {
            self.announce_locals(now);
        }
        let late = self
            .locals
            .iter()
            .filter(|(_, l)| matches!(l.stage, Stage::Announced { deadline } if deadline <= now));
        for track in late.map(|(t, _)| *t).collect::<Vec<_>>() {
            self.end_local(track, TrackEnd::TimedOut);
        }
    }

    pub(super) fn publish_deadline(&self) -> Option<(Instant, &'static str)> {
        let deadlines = self.locals.values().filter_map(|l| match l.stage {
            Stage::Announced { deadline } => Some(deadline),
            Stage::Wanted | Stage::Accepted { .. } | Stage::Published { .. } => None,
        });
        deadlines.min().map(|at| (at, "publish timeout"))
    }

    fn announce_locals(&mut self, now: Instant) {
        let mut requests = Vec::new();
        for local in self.locals.values_mut() {
            if matches!(local.stage, Stage::Wanted) {
                local.cid = trunkline_base::id::guid("TR_", &mut self.rng);
                local.stage = Stage::Announced {
                    deadline: now + PUBLISH_TIMEOUT,
                };
                requests.push(Request::AddTrack(local.request()));
            }
        }
        for request in requests {
            self.request(request);
        }
    }

    /// The server accepted a track: describe it.
    pub(super) fn on_track_published(
        &mut self,
        response: proto::TrackPublishedResponse,
        now: Instant,
    ) {
        let Some(info) = response.track else { return };
        let found = self.locals.values_mut().find(|l| l.cid == response.cid);
        let Some(local) = found else { return };
        if !matches!(local.stage, Stage::Announced { .. }) {
            return;
        }
        let stream = self
            .roster
            .own
            .as_ref()
            .map(|o| o.sid.clone())
            .unwrap_or_default();
        let slot = self.links.up.add_audio_sender(&stream, &local.cid);
        self.links.up.set_sender_stereo(slot, local.wanted.stereo);
        let muted = local.muted;
        let (sid, accepted_muted) = (info.sid.clone(), info.muted);
        local.stage = Stage::Accepted { info, slot };
        self.links.touch(now);
        if accepted_muted != muted {
            self.request(Request::Mute(proto::MuteTrackRequest { sid, muted }));
        }
    }

    /// A description was agreed on: what it carried is on the air.
    pub(super) fn locals_negotiated(&mut self) {
        for (track, local) in &mut self.locals {
            let Stage::Accepted { info, slot } = &local.stage else {
                continue;
            };
            if self.links.up.sender_mid(*slot).is_none() {
                continue;
            }
            let (info, slot) = (info.clone(), *slot);
            local.stage = Stage::Published {
                info: info.clone(),
                slot,
            };
            self.events.push_back(Event::LocalTrackPublished {
                track: *track,
                info,
            });
        }
    }

    /// The server refused the request to publish a track.
    pub(super) fn on_track_refused(&mut self, cid: &str, message: &str) {
        let found = self
            .locals
            .iter()
            .find(|(_, l)| l.cid == cid)
            .map(|(t, _)| *t);
        if let Some(track) = found {
            self.end_local(track, TrackEnd::Refused(message.to_owned()));
        }
    }

    pub(super) fn sender_refused(&mut self, slot: Slot) {
        let found = self
            .locals
            .iter()
            .find(|(_, l)| l.slot() == Some(slot))
            .map(|(t, _)| *t);
        if let Some(track) = found {
            self.end_local(track, TrackEnd::Refused("section refused".to_owned()));
        }
    }

    /// The server took a track away.
    pub(super) fn on_track_unpublished(&mut self, sid: &str, now: Instant) {
        let Some(track) = self.local_by_sid(sid) else {
            return;
        };
        self.end_local(track, TrackEnd::Revoked);
        self.links.touch(now);
    }

    /// The server muted or unmuted a track.
    pub(super) fn on_mute(&mut self, mute: &proto::MuteTrackRequest, now: Instant) {
        let Some(track) = self.local_by_sid(&mute.sid) else {
            return;
        };
        self.set_muted(track, mute.muted, now);
        self.events.push_back(Event::LocalTrackMuted {
            track,
            muted: mute.muted,
        });
    }

    pub(super) fn on_track_heard(&mut self, sid: &str) {
        if let Some(track) = self.local_by_sid(sid) {
            self.events.push_back(Event::LocalTrackSubscribed { track });
        }
    }

    /// Tracks the server knows, for a resume.
    pub(super) fn published(&self) -> Vec<proto::TrackPublishedResponse> {
        let known = self
            .locals
            .values()
            .filter_map(|l| Some((l.cid.clone(), l.info()?.clone())));
        known
            .map(|(cid, info)| proto::TrackPublishedResponse {
                cid,
                track: Some(info),
            })
            .collect()
    }

    fn local_by_sid(&self, sid: &str) -> Option<LocalTrack> {
        let has = |l: &Local| l.info().is_some_and(|i| i.sid == sid);
        self.locals.iter().find(|(_, l)| has(l)).map(|(t, _)| *t)
    }

    fn end_local(&mut self, track: LocalTrack, reason: TrackEnd) {
        let Some(local) = self.locals.remove(&track) else {
            return;
        };
        if let Some(slot) = local.slot() {
            self.links.up.remove_sender(slot);
        }
        self.events
            .push_back(Event::LocalTrackEnded { track, reason });
    }
}
