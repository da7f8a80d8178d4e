//! What the machine says happened.

use std::sync::Arc;

use livekit_protocol as proto;
use tokio::sync::watch;
use trunkline_base::id::{ParticipantIdentity, RoomName, RoomSid, TrackSid};
use trunkline_base::token::ParticipantKind;
use trunkline_rtc::participant::{End, Event, MediaPacket as CorePacket, TrackEnd};

use super::super::error::{PublishError, RequestError};
use super::super::event::Speaker;
use super::super::media::{MediaPacket, MediaReceiver, RemoteTrack, SenderReport};
use super::super::snapshot::{ConnectionState, DisconnectReason, RoomSnapshot};
use super::super::{RoomEvent, wire};
use super::{RoomTask, now};

impl RoomTask {
    pub(super) fn on_event(&mut self, event: Event) {
        match event {
            Event::Dial(dial) => self.dial(&dial),
            Event::CloseSignal => self.retire_signal(),
            Event::TokenRefreshed(token) => self.token.on_told(token),
            Event::Media { sid, packet } => self.remotes.push(&sid, media(packet)),
            Event::Data { packet, reliable } => self.on_data(packet, reliable),
            Event::Joined => self.on_joined(),
            Event::Connected => self.outlet.push(RoomEvent::Connected),
            Event::Quality(_) => {}
            Event::Reconnecting { resume } => {
                tracing::info!(resume, "connection lost, seeking it again");
                self.dirty = true;
                self.outlet.push(RoomEvent::Reconnecting);
            }
            Event::Reconnected { resume } => {
                tracing::info!(resume, "connection is back");
                self.dirty = true;
                self.outlet.push(RoomEvent::Reconnected);
            }
            Event::Disconnected(end) => {
                self.end.get_or_insert_with(|| reason(&end));
            }
            Event::RequestAnswered {
                request_id,
                reason,
                message,
            } => {
                self.on_answered(request_id, reason, message);
            }
            Event::Speakers(changed) => self.on_speakers(changed),
            other => self.on_people(other),
        }
    }

    /// Participants and tracks: everything that changes the snapshot.
    fn on_people(&mut self, event: Event) {
        self.dirty = true;
        let told = match event {
            Event::RoomUpdated => Some(RoomEvent::RoomUpdated),
            Event::ParticipantJoined(info) => {
                wire::participant(&info).map(RoomEvent::ParticipantJoined)
            }
            Event::ParticipantChanged { now, .. } => {
                wire::participant(&now).map(RoomEvent::ParticipantChanged)
            }
            Event::ParticipantLeft(info) => {
                self.speakers.remove(&info.sid);
                let reason = wire::reason_from_wire(info.disconnect_reason());
                wire::participant(&info).map(|info| RoomEvent::ParticipantLeft { info, reason })
            }
            Event::TrackPublished { by, track } => published(&by, &track),
            Event::TrackUnpublished { by, track } => unpublished(&by, &track),
            Event::TrackChanged { by, track } => self.muted(&by, &track),
            Event::TrackSubscribed { by, track } => self.subscribed(&by, &track),
            Event::TrackUnsubscribed { sid } => self.unsubscribed(&sid),
            Event::SubscriptionFailed { sid } => {
                tracing::warn!(track = %sid, "subscription refused");
                None
            }
            other => self.on_local_track(other),
        };
        if let Some(event) = told {
            self.outlet.push(event);
        }
    }

    fn on_local_track(&mut self, event: Event) -> Option<RoomEvent> {
        match event {
            Event::LocalTrackPublished { track, info } => {
                let sid = TrackSid::parse(info.sid).ok()?;
                if !self.locals.on_published(track, sid, info.muted) {
                    // Whoever wanted it has gone.
                    self.core.unpublish(track, now());
                }
                None
            }
            Event::LocalTrackEnded { track, reason } => {
                self.locals.on_ended(track, publish_error(reason));
                None
            }
            Event::LocalTrackSubscribed { track } => self
                .locals
                .change(track, |state| state.subscribed = true)
                .map(RoomEvent::LocalTrackSubscribed),
            Event::LocalTrackMuted { track, muted } => {
                let sid = self.locals.change(track, |state| state.muted = muted)?;
                let participant = self.snapshot_now()?.local.identity.clone();
                Some(RoomEvent::TrackMuted {
                    participant,
                    sid,
                    muted,
                })
            }
            _ => None,
        }
    }

    fn on_joined(&mut self) {
        self.dirty = false;
        self.dial_error = None;
        self.token.on_joined();
        let Some(snapshot) = self.snapshot() else {
            return;
        };
        let snapshot = Arc::new(snapshot);
        tracing::info!(
            room = snapshot.sid.as_ref().map(tracing::field::display),
            participant = %snapshot.local.sid,
            others = snapshot.participants.len(),
            "room joined"
        );
        if let Some(state) = &self.state {
            state.send_replace(snapshot);
            return;
        }
        let (sender, state) = watch::channel(snapshot);
        self.state = Some(sender);
        if let Some(ready) = self.ready.take()
            && ready.send(Ok(state)).is_err()
        {
            // Nobody waits for the room any more.
            self.on_command(None);
        }
    }

    fn on_answered(
        &mut self,
        request: u32,
        reason: proto::request_response::Reason,
        message: String,
    ) {
        let Some((answer, _)) = self.requests.remove(&request) else {
            return;
        };
        let result = if reason == proto::request_response::Reason::Ok {
            Ok(())
        } else {
            let word = reason.as_str_name().to_ascii_lowercase();
            let reason = if message.is_empty() {
                word
            } else {
                format!("{word}: {message}")
            };
            Err(RequestError::Refused { reason })
        };
        drop(answer.send(result));
    }

    /// LiveKit tells changes; readers get the whole.
    fn on_speakers(&mut self, changed: Vec<proto::SpeakerInfo>) {
        for speaker in changed {
            if speaker.active {
                self.speakers.insert(speaker.sid, speaker.level);
            } else {
                self.speakers.remove(&speaker.sid);
            }
        }
        let Some(snapshot) = self.snapshot_now() else {
            return;
        };
        let everybody = || snapshot.participants.values().chain(Some(&snapshot.local));
        let mut speakers: Vec<Speaker> = self
            .speakers
            .iter()
            .filter_map(|(sid, level)| {
                let who = everybody().find(|who| who.sid.as_str() == sid)?;
                Some(Speaker {
                    identity: who.identity.clone(),
                    level: *level,
                })
            })
            .collect();
        speakers.sort_by(|left, right| right.level.total_cmp(&left.level));
        self.outlet.push(RoomEvent::Speakers(speakers));
    }

    fn subscribed(
        &mut self,
        by: &proto::ParticipantInfo,
        track: &proto::TrackInfo,
    ) -> Option<RoomEvent> {
        let info = wire::track(track)?;
        let participant = ParticipantIdentity::parse(by.identity.as_str()).ok()?;
        let lane = self.remotes.add(&info.sid, participant.clone());
        Some(RoomEvent::TrackSubscribed(RemoteTrack {
            sid: info.sid,
            participant,
            participant_kind: ParticipantKind::from_wire(by.kind),
            name: info.name,
            source: info.source,
            mime_type: info.mime_type,
            packets: MediaReceiver { lane },
        }))
    }

    fn unsubscribed(&mut self, sid: &str) -> Option<RoomEvent> {
        let participant = self.remotes.remove(sid)?;
        let sid = TrackSid::parse(sid).ok()?;
        Some(RoomEvent::TrackUnsubscribed { participant, sid })
    }

    /// Only a change of muting is told; the rest is in the snapshot.
    fn muted(&self, by: &proto::ParticipantInfo, track: &proto::TrackInfo) -> Option<RoomEvent> {
        let info = wire::track(track)?;
        let snapshot = self.snapshot_now()?;
        let publisher = snapshot.participants.get(by.identity.as_str())?;
        let before = publisher
            .tracks
            .iter()
            .find(|known| known.sid == info.sid)?;
        (before.muted != info.muted).then(|| RoomEvent::TrackMuted {
            participant: publisher.identity.clone(),
            sid: info.sid,
            muted: info.muted,
        })
    }

    /// The last published snapshot.
    fn snapshot_now(&self) -> Option<Arc<RoomSnapshot>> {
        self.state.as_ref().map(|state| Arc::clone(&state.borrow()))
    }

    pub(super) fn publish_state(&mut self) {
        let Some(mut snapshot) = self.snapshot() else {
            return;
        };
        if let Some(reason) = self.end {
            snapshot.connection = ConnectionState::Disconnected(reason);
        }
        if let Some(state) = &self.state {
            state.send_replace(Arc::new(snapshot));
        }
    }

    fn snapshot(&self) -> Option<RoomSnapshot> {
        let room = self.core.room()?;
        let local = wire::participant(self.core.local()?)?;
        let connection = if self.core.is_reconnecting() {
            ConnectionState::Reconnecting
        } else {
            ConnectionState::Connected
        };
        Some(RoomSnapshot {
            name: RoomName::parse(room.name.as_str()).ok()?,
            sid: RoomSid::parse(room.sid.as_str()).ok(),
            metadata: room.metadata.clone(),
            recording: room.active_recording,
            connection,
            local,
            participants: self
                .core
                .participants()
                .filter_map(wire::participant)
                .map(|info| (info.identity.clone(), info))
                .collect(),
        })
    }
}

fn media(packet: CorePacket) -> MediaPacket {
    MediaPacket {
        seq: packet.seq,
        timestamp: packet.timestamp,
        marker: packet.marker,
        level: packet.level,
        payload: packet.payload,
        arrival: packet.arrival,
        sender_report: packet.report.map(|report| SenderReport {
            unix: report
                .at
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default(),
            timestamp: report.rtp,
        }),
    }
}

fn published(by: &proto::ParticipantInfo, track: &proto::TrackInfo) -> Option<RoomEvent> {
    let participant = ParticipantIdentity::parse(by.identity.as_str()).ok()?;
    Some(RoomEvent::TrackPublished {
        participant,
        track: wire::track(track)?,
    })
}

fn unpublished(by: &proto::ParticipantInfo, track: &proto::TrackInfo) -> Option<RoomEvent> {
    let participant = ParticipantIdentity::parse(by.identity.as_str()).ok()?;
    Some(RoomEvent::TrackUnpublished {
        participant,
        track: wire::track(track)?,
    })
}

fn publish_error(end: TrackEnd) -> PublishError {
    match end {
        TrackEnd::Refused(reason) => PublishError::Refused { reason },
        TrackEnd::TimedOut => PublishError::Timeout,
        TrackEnd::Revoked => PublishError::Refused {
            reason: "revoked".to_owned(),
        },
    }
}

const fn reason(end: &End) -> DisconnectReason {
    match end {
        End::Left => DisconnectReason::ClientInitiated,
        End::Server(reason) => wire::reason_from_wire(*reason),
        End::Refused(_) => DisconnectReason::JoinFailure,
        End::Unreachable(_) => DisconnectReason::SignalClose,
    }
}
