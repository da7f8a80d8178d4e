//! The packet path: one publisher's packet to everybody who hears it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use trunkline_base::id::ParticipantSid;

use crate::peer::{RtpIn, RtpOut};

use super::Sfu;
use super::config::Target;
use super::event::SfuEvent;
use super::ids::{MemberId, TrackId};
use super::rewrite::{Origin, Outgoing};
use super::stats::DropReason;

/// A frame that waited this long between socket and forwarding missed its place.
const LATE: Duration = Duration::from_millis(20);

impl Sfu {
    pub(super) fn on_rtp(&mut self, from: MemberId, rtp: &RtpIn, now: Instant) {
        self.stats.packets_in += 1;
        self.stats.bytes_in += u64::try_from(rtp.payload.len()).unwrap_or_default();
        let Some(id) = self.sections.get(&(from, rtp.mid)).copied() else {
            self.stats.drop(DropReason::NotPublished);
            return;
        };
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        if track.info.muted {
            self.stats.drop(DropReason::Muted);
            return;
        }
        if let Some(level) = rtp.level {
            let clock = rtp.codec.clock_rate();
            track
                .meter
                .observe(&self.config.audio, level, rtp.timestamp, clock, now);
        }
        if now.saturating_duration_since(rtp.arrival) > LATE {
            self.stats.late_frames += 1;
        }
        let origin = Origin {
            track: id.0,
            ssrc: rtp.ssrc,
            epoch: track.epoch,
            codec: rtp.codec,
        };
        let listeners = std::mem::take(&mut track.listeners);
        for listener in &listeners {
            match self.forward(*listener, id, origin, rtp, now) {
                Ok(()) => {
                    self.openings.end(*listener, id);
                    self.stats.packets_out += 1;
                    self.stats.bytes_out += u64::try_from(rtp.payload.len()).unwrap_or_default();
                }
                Err(reason) => self.stats.drop(reason),
            }
        }
        if let Some(track) = self.tracks.get_mut(&id) {
            track.listeners = listeners;
        }
    }

    pub(super) fn forward(
        &mut self,
        to: MemberId,
        track: TrackId,
        origin: Origin,
        rtp: &RtpIn,
        now: Instant,
    ) -> Result<(), DropReason> {
        let member = self.members.get_mut(&to).ok_or(DropReason::NotConnected)?;
        let subscription = member
            .subscriptions
            .get(&track)
            .ok_or(DropReason::NotNegotiated)?;
        if subscription.paused {
            return Err(DropReason::Paused);
        }
        let slot = subscription.slot.ok_or(DropReason::NotNegotiated)?;
        // Both counts only grow, so that any change makes a new run.
        let origin = Origin {
            epoch: origin.epoch + subscription.resumed,
            ..origin
        };
        let peer = &member.media_link().peer;
        let mid = peer.sender_mid(slot).ok_or(DropReason::NotNegotiated)?;
        if !peer.sender_is_live(slot) {
            return Err(DropReason::NotConnected);
        }
        let rng = &mut self.rng;
        let outgoing = member
            .outgoing
            .entry(mid)
            .or_insert_with(|| Outgoing::new(rng));
        let stamped = outgoing.stamp(origin, rtp, now).ok_or(DropReason::TooOld)?;
        let out = RtpOut {
            seq: stamped.seq,
            timestamp: stamped.timestamp,
            marker: stamped.marker,
            level: rtp.level,
            codec: rtp.codec,
            payload: rtp.payload.clone(),
        };
        let sent = member.media_link().peer.send_rtp(slot, out, now);
        let target = member.downstream();
        self.pump(to, target);
        sent.map_err(DropReason::from)
    }

    /// Tells everybody concerned which speakers changed.
    pub(super) fn update_speakers(&mut self, now: Instant) {
        let config = self.config.audio;
        let mut levels: BTreeMap<String, f32> = BTreeMap::new();
        for track in self.tracks.values_mut() {
            let level = track.meter.level(&config, now);
            let Some(owner) = self.members.get(&track.owner) else {
                continue;
            };
            let entry = levels.entry(owner.sid.to_string()).or_default();
            *entry = entry.max(level);
        }
        let changed = self.board.update(levels);
        if changed.is_empty() {
            return;
        }
        let audible: Vec<_> = changed
            .iter()
            .map(|s| (s, self.who_hears(&s.sid)))
            .collect();
        for (id, member) in &self.members {
            let concerns = |hearers: &Option<BTreeSet<MemberId>>| {
                hearers.as_ref().is_none_or(|hearers| hearers.contains(id))
            };
            let speakers: Vec<_> = audible
                .iter()
                .filter(|(_, hearers)| concerns(hearers))
                .map(|(speaker, _)| (*speaker).clone())
                .collect();
            if !speakers.is_empty() {
                self.events.push_back(SfuEvent::Speakers {
                    to: member.sid.clone(),
                    speakers,
                });
            }
        }
    }

    /// Who hears a participant, itself among them; `None` when it has left, which is everybody's
    /// news.
    fn who_hears(&self, sid: &str) -> Option<BTreeSet<MemberId>> {
        let sid = ParticipantSid::parse(sid).ok()?;
        let id = self.by_sid.get(&sid)?;
        let own = self.tracks.values().filter(|t| t.owner == *id);
        let listeners = own.flat_map(|t| t.listeners.iter().copied());
        Some(listeners.chain([*id]).collect())
    }

    /// Moves what a peer produced into the room's queues.
    pub(super) fn pump(&mut self, id: MemberId, target: Target) {
        let Some(link) = self.members.get_mut(&id).and_then(|m| m.link(target)) else {
            return;
        };
        while let Some(transmit) = link.peer.poll_transmit() {
            link.life.went(&transmit.bytes);
            self.transmits.push_back(transmit);
        }
        let events = std::iter::from_fn(|| link.peer.poll_event());
        self.work.extend(events.map(|event| (id, target, event)));
    }
}
