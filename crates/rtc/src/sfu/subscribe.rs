//! Who hears what: wishes, permissions, and the senders that follow from them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use livekit_protocol::SubscriptionError;
use trunkline_base::id::ParticipantSid;

use crate::peer::{MediaKind, Slot};

use super::config::Audience;
use super::event::SfuEvent;
use super::ids::{MemberId, TrackId};
use super::member::{Desire, Member};
use super::{Sfu, UnknownParticipant};

/// How long a wish for an unknown track is kept before the subscriber is told.
const TRACK_NOT_FOUND_AFTER: Duration = Duration::from_secs(60);
/// Wishes kept per participant.
const MAX_DESIRES: usize = 1000;
/// No track of any server has a longer id; a wish for one is not kept.
const MAX_TRACK_ID: usize = 64;

impl Sfu {
    /// A participant wants or no longer wants tracks.
    ///
    /// # Errors
    /// The participant is not here.
    pub fn subscribe(
        &mut self,
        sid: &ParticipantSid,
        tracks: &[String],
        subscribe: bool,
        now: Instant,
    ) -> Result<(), UnknownParticipant> {
        let id = self.id(sid)?;
        let member = self.members.get_mut(&id).ok_or(UnknownParticipant)?;
        for track in tracks.iter().filter(|track| track.len() <= MAX_TRACK_ID) {
            if member.desires.len() < MAX_DESIRES || member.desires.contains_key(track) {
                let desire = Desire {
                    subscribe,
                    since: now,
                    reported: false,
                };
                member.desires.insert(track.clone(), desire);
            }
        }
        self.reconcile(id, now);
        self.drive(now);
        Ok(())
    }

    /// A participant stops or resumes the packets of a track without giving up its section.
    pub fn set_paused(&mut self, sid: &ParticipantSid, track: &str, paused: bool) {
        let Ok(id) = self.id(sid) else { return };
        let found = self.tracks.iter().find(|(_, t)| t.sid.as_str() == track);
        let Some(track) = found.map(|(track, _)| *track) else {
            return;
        };
        let member = self.members.get_mut(&id);
        let Some(subscription) = member.and_then(|m| m.subscriptions.get_mut(&track)) else {
            return;
        };
        if subscription.paused != paused {
            subscription.paused = paused;
            subscription.resumed += u32::from(!paused);
        }
    }

    /// A publisher says who may hear it.
    ///
    /// # Errors
    /// The participant is not here.
    pub fn set_audience(
        &mut self,
        sid: &ParticipantSid,
        audience: Audience,
        now: Instant,
    ) -> Result<(), UnknownParticipant> {
        let id = self.id(sid)?;
        self.members
            .get_mut(&id)
            .ok_or(UnknownParticipant)?
            .audience = audience.into();
        let own = self.tracks_owned_by(id);
        self.offer_tracks(id, &own, now);
        self.drive(now);
        Ok(())
    }

    /// Brings the senders towards one participant in line with what it should hear.
    pub(super) fn reconcile(&mut self, id: MemberId, now: Instant) {
        let audible = self
            .tracks
            .iter()
            .filter(|(_, t)| t.kind == MediaKind::Audio);
        let foreign: Vec<TrackId> = audible
            .filter(|(_, t)| t.owner != id)
            .map(|(track, _)| *track)
            .collect();
        for track in foreign {
            self.reconcile_track(id, track, now);
        }
    }

    /// Brings the senders of one owner's track, or of all its tracks, in line with who should hear
    /// them.
    pub(super) fn offer_tracks(&mut self, owner: MemberId, tracks: &[TrackId], now: Instant) {
        let audible = |t: &&TrackId| {
            let found = self.tracks.get(*t);
            found.is_some_and(|t| t.kind == MediaKind::Audio && t.owner == owner)
        };
        let tracks: Vec<TrackId> = tracks.iter().filter(audible).copied().collect();
        let listeners = self.members.keys().copied().filter(|id| *id != owner);
        for listener in listeners.collect::<Vec<_>>() {
            for track in &tracks {
                self.reconcile_track(listener, *track, now);
            }
        }
    }

    fn reconcile_track(&mut self, id: MemberId, track: TrackId, now: Instant) {
        self.resolve(id, track);
        if self.should_hear(id, track) {
            self.give(id, track, now);
        } else {
            self.unsubscribe(id, track, now);
        }
    }

    /// Decides whether a subscriber may have a track and tells it about a change.
    fn resolve(&mut self, id: MemberId, track: TrackId) {
        let Some(found) = self.tracks.get(&track) else {
            return;
        };
        let Some(owner) = self.members.get(&found.owner) else {
            return;
        };
        let Some(member) = self.members.get(&id) else {
            return;
        };
        let allowed = owner.audience.admits(member.names(), found.sid.as_str());
        let publisher = owner.sid.clone();
        let sid = found.sid.clone();
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let wanted = member.wants(found.sid.as_str());
        let subscription = member.subscriptions.entry(track).or_default();
        if subscription.told != Some(allowed) && (wanted || subscription.told.is_some()) {
            subscription.told = Some(allowed);
            let to = member.sid.clone();
            let event = SfuEvent::SubscriptionAllowed {
                to,
                publisher,
                track: sid,
                allowed,
            };
            self.events.push_back(event);
        }
    }

    fn should_hear(&self, id: MemberId, track: TrackId) -> bool {
        let Some(found) = self.tracks.get(&track) else {
            return false;
        };
        let Some(owner) = self.members.get(&found.owner) else {
            return false;
        };
        let Some(member) = self.members.get(&id) else {
            return false;
        };
        let refused = member.subscriptions.get(&track).is_some_and(|s| s.refused);
        member.permissions.can_subscribe
            && member.wants(found.sid.as_str())
            && owner.audience.admits(member.names(), found.sid.as_str())
            && !refused
    }

    fn give(&mut self, id: MemberId, track: TrackId, now: Instant) {
        let Some(found) = self.tracks.get_mut(&track) else {
            return;
        };
        let Some(publisher) = self.members.get(&found.owner).map(|m| m.sid.clone()) else {
            return;
        };
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let slot = member.subscriptions.entry(track).or_default().slot;
        if slot.is_some() {
            return;
        }
        let stream = format!("{publisher}|{}", found.sid);
        let stereo = super::track::options_of(&found.info).stereo;
        let link = member.media_link();
        let slot = link.peer.add_audio_sender(&stream, found.sid.as_str());
        link.peer.set_sender_stereo(slot, stereo);
        link.negotiation.touch(now);
        if let Some(subscription) = member.subscriptions.get_mut(&track) {
            subscription.slot = Some(slot);
        }
        found.listeners.push(id);
    }

    pub(super) fn unsubscribe(&mut self, id: MemberId, track: TrackId, now: Instant) {
        if let Some(found) = self.tracks.get_mut(&track) {
            found.listeners.retain(|l| *l != id);
        }
        self.openings.end(id, track);
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let Some(subscription) = member.subscriptions.get_mut(&track) else {
            return;
        };
        subscription.live = false;
        if let Some(slot) = subscription.slot.take() {
            let link = member.media_link();
            let mid = link.peer.sender_mid(slot);
            link.peer.remove_sender(slot);
            link.negotiation.touch(now);
            // Whatever the section carries next has a source, and so numbers, of its own.
            if let Some(mid) = mid {
                member.outgoing.remove(&mid);
            }
        }
    }

    /// The far end refused the section of a sender: it cannot play the codec.
    pub(super) fn sender_refused(&mut self, id: MemberId, slot: Slot, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let mut subscriptions = member.subscriptions.iter_mut();
        let found = subscriptions.find(|(_, s)| s.slot == Some(slot));
        let Some((track, subscription)) = found else {
            return;
        };
        let track = *track;
        subscription.refused = true;
        let to = member.sid.clone();
        if let Some(sid) = self.tracks.get(&track).map(|t| t.sid.to_string()) {
            let error = SubscriptionError::SeCodecUnsupported;
            self.events.push_back(SfuEvent::SubscriptionFailed {
                to,
                track: sid,
                error,
            });
        }
        self.unsubscribe(id, track, now);
    }

    /// Notices senders that became audible, and tells the publisher the first time.
    pub(super) fn check_live(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let hidden = member.permissions.hidden;
        let to = member.sid.clone();
        let slots: Vec<(TrackId, Slot)> = member
            .subscriptions
            .iter()
            .filter(|(_, s)| !s.live)
            .filter_map(|(track, s)| Some((*track, s.slot?)))
            .collect();
        for (track, slot) in slots {
            let Some(member) = self.members.get_mut(&id) else {
                return;
            };
            if !member.media_link().peer.sender_is_live(slot) {
                continue;
            }
            if let Some(subscription) = member.subscriptions.get_mut(&track) {
                subscription.live = true;
            }
            if member.opens_by_packet {
                self.openings.begin(id, track, now);
            }
            self.became_live(track, &to, hidden);
        }
    }

    fn became_live(&mut self, track: TrackId, to: &ParticipantSid, hidden: bool) {
        let Some(found) = self.tracks.get_mut(&track) else {
            return;
        };
        let Some(publisher) = self.members.get(&found.owner).map(|m| m.sid.clone()) else {
            return;
        };
        if let Some(speaker) = self.board.told(publisher.as_str()) {
            let speakers = vec![speaker];
            self.events.push_back(SfuEvent::Speakers {
                to: to.clone(),
                speakers,
            });
        }
        if !hidden && !found.heard {
            found.heard = true;
            let track = found.sid.clone();
            self.events
                .push_back(SfuEvent::TrackSubscribed { publisher, track });
        }
    }

    /// Reports wishes for tracks that never appeared.
    pub(super) fn report_missing(&mut self, now: Instant) {
        let known: BTreeMap<&str, ()> =
            self.tracks.values().map(|t| (t.sid.as_str(), ())).collect();
        for member in self.members.values_mut() {
            for (track, desire) in &mut member.desires {
                let waited = now.saturating_duration_since(desire.since);
                let missing = desire.subscribe && !known.contains_key(track.as_str());
                if missing && !desire.reported && waited >= TRACK_NOT_FOUND_AFTER {
                    desire.reported = true;
                    self.events.push_back(SfuEvent::SubscriptionFailed {
                        to: member.sid.clone(),
                        track: track.clone(),
                        error: SubscriptionError::SeTrackNotfound,
                    });
                }
            }
        }
    }
}

impl Member {
    fn wants(&self, track: &str) -> bool {
        self.desires
            .get(track)
            .map_or(self.auto_subscribe, |d| d.subscribe)
    }
}
