//! One recording: one task that owns the room, the file in memory and the file on disk.
//!
//! ```text
//! STARTING ──first sound──► ACTIVE ──end──► ENDING ──► COMPLETE
//!     └── nothing was ever said ──► ABORTED      any ── disk, room ──► FAILED
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use livekit_protocol::EgressStatus;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use trunkline_base::class::{Class, Classified as _};
use trunkline_base::id::{EgressId, ParticipantIdentity, RoomName, TrackSid};
use trunkline_base::time::UnixTime;
use trunkline_base::token::ParticipantKind;
use trunkline_client::auth::{LiveKitAuthManager, Role, TokenSpec};
use trunkline_client::room::{
    ConnectError, MediaReceiver, RemoteTrack, Room, RoomEvent, RoomEvents, RoomOptions,
};
use trunkline_media::ogg::Side;
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Stop;
use trunkline_store::{RecordingEnd, Row, Store};

use super::assembly::{Assembly, Incoming};
use super::config::RecorderConfig;
use super::error::Failure;
use super::info::{FileFacts, Told};
use super::mixdown::TrackCodec;
use super::report::{Report, now};
use super::spool::Spool;

/// How often packets are collected. They carry their arrival, so this delays only the disk; a lane
/// holds more than a second.
const TICK: Duration = Duration::from_millis(100);
/// Packets taken from one track in one tick, so that a flood cannot hold the task.
const PER_TICK: usize = 256;
/// A room without anybody to record for this long is over. Long enough for a rejoin that is under way.
const EMPTY: Duration = Duration::from_secs(1);
/// The same for a room into which nobody has come yet.
const NOBODY: Duration = Duration::from_secs(60);
/// Attempts to join, a second apart: the room may be younger than the order to record it.
const JOINS: u32 = 3;
/// A polite goodbye takes no longer.
const GOODBYE: Duration = Duration::from_secs(2);

/// What to record.
pub(super) struct Order {
    pub(super) id: EgressId,
    pub(super) room: RoomName,
    pub(super) relative: PathBuf,
    pub(super) root: PathBuf,
    pub(super) serial: u32,
    pub(super) at: UnixTime,
    pub(super) asked: CancellationToken,
}

/// A recording.
pub(super) struct Recording {
    order: Order,
    config: Arc<RecorderConfig>,
    auth: LiveKitAuthManager,
    store: Store,
    reports: mpsc::Sender<Report>,
    told: Told,
    active: bool,
}

/// What runs while the room is joined.
struct Live {
    room: Room,
    events: RoomEvents,
    assembly: Assembly,
    spool: Spool,
    tracks: BTreeMap<TrackSid, MediaReceiver>,
    started: UnixTime,
    anybody: bool,
    empty_since: Option<Instant>,
}

impl Recording {
    pub(super) fn new(
        order: Order,
        config: Arc<RecorderConfig>,
        auth: LiveKitAuthManager,
        store: Store,
        reports: mpsc::Sender<Report>,
    ) -> Self {
        let told = Told::new(&order.id, &order.room, &order.relative, order.at);
        Self {
            order,
            config,
            auth,
            store,
            reports,
            told,
            active: false,
        }
    }

    /// Records until the end, whatever that is, and tells it.
    pub(super) async fn run(mut self, stop: Stop) {
        self.tell(EgressStatus::EgressStarting).await;
        let mut live = match self.begin().await {
            Ok(live) => live,
            Err(failure) => return self.close_failed(&failure, None).await,
        };
        let ended = self.record(&mut live, &stop).await;
        self.finish(live, ended).await;
    }

    /// Makes the file and joins the room.
    async fn begin(&mut self) -> Result<Live, Failure> {
        let spool = Spool::create(&self.order.root, &self.order.relative).await?;
        let (room, events) = match self.join().await {
            Ok(joined) => joined,
            Err(failure) => {
                discard(&spool).await;
                return Err(failure);
            }
        };
        if let Some(sid) = room.sid() {
            self.told.room_id(sid.as_str());
        }
        let epoch = Instant::now().into_std();
        Ok(Live {
            room,
            events,
            assembly: Assembly::new(self.order.serial, epoch),
            spool,
            tracks: BTreeMap::new(),
            started: now(),
            anybody: false,
            empty_since: None,
        })
    }

    async fn join(&self) -> Result<(Room, RoomEvents), Failure> {
        let identity = ParticipantIdentity::parse(self.order.id.as_str())
            .map_err(|_| Failure::Connect(ConnectError::Request))?;
        let spec = TokenSpec::new(Role::Recorder, identity).in_room(self.order.room.clone());
        let options = RoomOptions {
            media_ip: self.config.media_ip,
            wire: self.config.wire.clone(),
            ..RoomOptions::default()
        };
        let token = self.auth.keep(spec)?;
        let mut attempt = 1;
        loop {
            let server = (self.config.url.as_str(), &self.config.transport);
            match Box::pin(Room::connect(server, token.clone(), options.clone())).await {
                Ok(joined) => return Ok(joined),
                Err(error) if attempt < JOINS && may_pass(&error) => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The loop; returns why it ended.
    async fn record(&mut self, live: &mut Live, stop: &Stop) -> Result<&'static str, Failure> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let asked = self.order.asked.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.hurry() => return Ok("Process is ending"),
                () = asked.cancelled() => return Ok("StopEgress API"),
                written = live.spool.written(), if live.spool.is_busy() => written?,
                event = live.events.next() => {
                    if live.on_event(event) {
                        return Ok("Source closed");
                    }
                }
                at = tick.tick() => {
                    live.on_tick(at)?;
                    if !self.active && live.assembly.has_sound() {
                        self.active = true;
                        self.tell(EgressStatus::EgressActive).await;
                    }
                    if live.is_deserted(at) {
                        return Ok("Source closed");
                    }
                }
            }
        }
    }

    async fn finish(mut self, mut live: Live, ended: Result<&'static str, Failure>) {
        if let Ok(reason) = &ended {
            self.told.because(reason);
            self.tell(EgressStatus::EgressEnding).await;
        }
        let last = match &ended {
            Ok(_) => live.write_end().await,
            Err(_) => Ok(()),
        };
        let counts = live.assembly.counts();
        info!(
            egress = self.order.id.as_str(),
            seconds = live.assembly.played().as_secs(),
            bytes = live.spool.size(),
            untouched = counts.untouched,
            mixed = counts.mixed,
            late = counts.late,
            refused = counts.refused,
            "a recording ended"
        );
        let Live {
            room,
            assembly,
            spool,
            started,
            ..
        } = live;
        if timeout(GOODBYE, room.leave()).await.is_err() {
            warn!(
                egress = self.order.id.as_str(),
                "the room did not answer the recorder's goodbye"
            );
        }
        let facts = FileFacts {
            root: self.order.root.clone(),
            path: spool.path().to_owned(),
            started,
            ended: now(),
            duration: assembly.played(),
            size: spool.size(),
        };
        match ended.and(last) {
            Err(failure) => self.close_failed(&failure, Some(&facts)).await,
            Ok(()) if !self.active => {
                discard(&spool).await;
                self.told.aborted();
                self.close(EgressStatus::EgressAborted, "aborted", None)
                    .await;
            }
            Ok(()) => {
                self.close(EgressStatus::EgressComplete, "complete", Some(&facts))
                    .await
            }
        }
    }

    async fn close_failed(&mut self, failure: &Failure, facts: Option<&FileFacts>) {
        warn!(
            egress = self.order.id.as_str(),
            code = failure.code(),
            error = %failure,
            "a recording failed"
        );
        self.told.failed(failure);
        self.close(EgressStatus::EgressFailed, "failed", facts)
            .await;
    }

    /// Journals the end and tells it.
    async fn close(
        &mut self,
        status: EgressStatus,
        outcome: &'static str,
        facts: Option<&FileFacts>,
    ) {
        if let Some(facts) = facts {
            self.told.file(facts);
        }
        let end = RecordingEnd {
            at: now(),
            duration_ms: facts.map_or(0, |facts| {
                u64::try_from(facts.duration.as_millis()).unwrap_or(u64::MAX)
            }),
            bytes: facts.map_or(0, |facts| facts.size),
            outcome: outcome.to_owned(),
        };
        self.store
            .later(Row::RecordingEnded(self.order.id.clone(), end));
        count(Counter::RecordingsEnded, 1, &[("outcome", outcome)]);
        self.tell(status).await;
    }

    async fn tell(&mut self, status: EgressStatus) {
        let info = self.told.step(status, now());
        let _ = self.reports.send(Report::Changed(Box::new(info))).await;
    }
}

impl Live {
    /// Takes an event of the room and says whether it was the last.
    fn on_event(&mut self, event: Option<RoomEvent>) -> bool {
        match event {
            None | Some(RoomEvent::Disconnected { .. }) => return true,
            Some(RoomEvent::TrackSubscribed(track)) => self.on_track(track),
            Some(RoomEvent::TrackUnsubscribed { sid, .. }) => {
                self.collect(&sid);
                self.tracks.remove(&sid);
                self.assembly.remove_track(&sid);
            }
            Some(_) => {}
        }
        false
    }

    fn on_track(&mut self, track: RemoteTrack) {
        let Some(side) = side_of(track.participant_kind) else {
            return;
        };
        let Some(codec) = TrackCodec::of(&track.mime_type) else {
            return;
        };
        self.assembly.add_track(track.sid.clone(), side, codec);
        self.tracks.insert(track.sid, track.packets);
    }

    fn on_tick(&mut self, at: Instant) -> Result<(), Failure> {
        let all: Vec<TrackSid> = self.tracks.keys().cloned().collect();
        all.iter().for_each(|sid| self.collect(sid));
        let bytes = self.assembly.advance(at.into_std());
        self.spool.append(&bytes)
    }

    /// Moves what has arrived of a track into the file.
    fn collect(&mut self, sid: &TrackSid) {
        let Some(packets) = self.tracks.get_mut(sid) else {
            return;
        };
        for _ in 0..PER_TICK {
            let Some(packet) = packets.try_recv() else {
                return;
            };
            let incoming = Incoming {
                timestamp: packet.timestamp,
                level: packet.level,
                payload: packet.payload,
                arrival: packet.arrival,
            };
            self.assembly.packet(sid, &incoming);
        }
    }

    /// Whether everybody worth recording has been gone for a while.
    fn is_deserted(&mut self, at: Instant) -> bool {
        let snapshot = self.room.snapshot();
        let somebody = snapshot
            .participants
            .values()
            .any(|one| side_of(one.kind).is_some());
        if somebody {
            self.anybody = true;
            self.empty_since = None;
            return false;
        }
        let since = *self.empty_since.get_or_insert(at);
        at - since >= if self.anybody { EMPTY } else { NOBODY }
    }

    async fn write_end(&mut self) -> Result<(), Failure> {
        let all: Vec<TrackSid> = self.tracks.keys().cloned().collect();
        all.iter().for_each(|sid| self.collect(sid));
        let bytes = self.assembly.finish(Instant::now().into_std());
        self.spool.append(&bytes)?;
        self.spool.drain().await
    }
}

/// Agents are heard right, everybody else left, recorders nowhere.
fn side_of(kind: ParticipantKind) -> Option<Side> {
    match kind {
        ParticipantKind::Agent => Some(Side::Right),
        ParticipantKind::Egress => None,
        ParticipantKind::Standard
        | ParticipantKind::Sip
        | ParticipantKind::Ingress
        | ParticipantKind::Connector
        | ParticipantKind::Bridge => Some(Side::Left),
    }
}

/// Whether trying again may help.
fn may_pass(error: &ConnectError) -> bool {
    matches!(
        error.class(),
        Class::Unavailable | Class::Overloaded | Class::Missing
    )
}

/// Removes a file in which nothing was ever said.
async fn discard(spool: &Spool) {
    if let Err(error) = tokio::fs::remove_file(spool.path()).await {
        warn!(%error, "an empty recording could not be removed");
    }
}
