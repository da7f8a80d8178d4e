//! The tracks of a session as the task keeps them: ours by key, theirs by sid.

use std::collections::BTreeMap;

use tokio::sync::watch;
use trunkline_base::id::{ParticipantIdentity, TrackSid};
use trunkline_base::lane::{LaneReceiver, LaneSender, lane};
use trunkline_rtc::participant::LocalTrack;

use super::command::{Answer, LocalTrackState, OutgoingFrame, Published, TrackKey};
use super::error::PublishError;
use super::media::MediaPacket;

/// Packets waiting for the reader of one track: over a second of voice. Filling it means the reader
/// does not keep up, and the oldest are dropped.
const INCOMING_DEPTH: usize = 64;

/// Tracks we publish.
#[derive(Debug)]
pub(super) struct LocalTracks {
    lane: LaneSender<OutgoingFrame>,
    tracks: BTreeMap<TrackKey, Local>,
    next: u32,
}

#[derive(Debug)]
struct Local {
    core: LocalTrack,
    /// Who waits for the server's word.
    answer: Option<Answer<Published, PublishError>>,
    state: Option<watch::Sender<LocalTrackState>>,
}

impl LocalTracks {
    pub(super) const fn new(lane: LaneSender<OutgoingFrame>) -> Self {
        Self {
            lane,
            tracks: BTreeMap::new(),
            next: 0,
        }
    }

    /// A track is being published.
    pub(super) fn add(&mut self, core: LocalTrack, answer: Answer<Published, PublishError>) {
        let key = TrackKey(self.next);
        self.next += 1;
        self.tracks.insert(
            key,
            Local {
                core,
                answer: Some(answer),
                state: None,
            },
        );
    }

    /// The machine's name of a track.
    pub(super) fn find(&self, key: TrackKey) -> Option<LocalTrack> {
        self.tracks.get(&key).map(|local| local.core)
    }

    /// The server took the track, for the first time or again after a reconnection. Returns the
    /// machine's name back when whoever wanted it is gone.
    pub(super) fn on_published(&mut self, core: LocalTrack, sid: TrackSid, muted: bool) -> bool {
        let lane = self.lane.clone();
        let Some((key, local)) = self.tracks.iter_mut().find(|(_, local)| local.core == core)
        else {
            return false;
        };
        let fresh = LocalTrackState {
            sid,
            subscribed: false,
            muted,
        };
        if let Some(state) = &local.state {
            state.send_replace(fresh);
            return true;
        }
        let (sender, state) = watch::channel(fresh);
        local.state = Some(sender);
        let track = Published {
            key: *key,
            lane,
            state,
        };
        local
            .answer
            .take()
            .is_some_and(|answer| answer.send(Ok(track)).is_ok())
    }

    /// The track is over, or never began.
    pub(super) fn on_ended(&mut self, core: LocalTrack, why: PublishError) {
        let key = self
            .tracks
            .iter()
            .find(|(_, local)| local.core == core)
            .map(|(key, _)| *key);
        let ended = key.and_then(|key| self.tracks.remove(&key));
        if let Some(answer) = ended.and_then(|local| local.answer) {
            drop(answer.send(Err(why)));
        }
    }

    /// Removes a track we withdraw.
    pub(super) fn remove(&mut self, key: TrackKey) -> Option<LocalTrack> {
        self.tracks.remove(&key).map(|local| local.core)
    }

    /// Changes what the handles see; returns the track's sid.
    pub(super) fn change(
        &mut self,
        core: LocalTrack,
        change: impl FnOnce(&mut LocalTrackState),
    ) -> Option<TrackSid> {
        let local = self.tracks.values().find(|local| local.core == core)?;
        let state = local.state.as_ref()?;
        state.send_modify(change);
        Some(state.borrow().sid.clone())
    }
}

/// Tracks we receive.
#[derive(Debug, Default)]
pub(super) struct RemoteTracks {
    tracks: BTreeMap<String, Remote>,
}

#[derive(Debug)]
struct Remote {
    publisher: ParticipantIdentity,
    lane: LaneSender<MediaPacket>,
}

impl RemoteTracks {
    /// Media of a track begins.
    pub(super) fn add(
        &mut self,
        sid: &TrackSid,
        publisher: ParticipantIdentity,
    ) -> LaneReceiver<MediaPacket> {
        let (lane, receiver) = lane(INCOMING_DEPTH);
        self.tracks
            .insert(sid.as_str().to_owned(), Remote { publisher, lane });
        receiver
    }

    /// A packet; nobody reading is no error.
    pub(super) fn push(&self, sid: &str, packet: MediaPacket) {
        if let Some(remote) = self.tracks.get(sid) {
            remote.lane.push(packet);
        }
    }

    /// Media of a track ends; its reader sees the end after what is queued. Returns whose it was.
    pub(super) fn remove(&mut self, sid: &str) -> Option<ParticipantIdentity> {
        self.tracks.remove(sid).map(|remote| remote.publisher)
    }
}
