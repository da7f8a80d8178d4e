//! The task that owns a session: sockets and timers around the pure machine.
//!
//! Everything the machine wants to say is drained after every input, so the machine never holds
//! anything back while the task waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use trunkline_base::lane::{LaneReceiver, LaneSender};
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_rtc::participant::{AudioOut, Dial, DialFailure, Participant};

use super::command::{Answer, Command, OutgoingFrame};
use super::error::{ConnectError, RequestError};
use super::incoming::TextAssembly;
use super::media::OpusFrame;
use super::outlet::Outlet;
use super::signal::{Signal, SignalNews};
use super::snapshot::{DisconnectReason, RoomSnapshot};
use super::tracks::{LocalTracks, RemoteTracks};
use super::udp::MediaSockets;
use super::{RoomEvent, RoomOptions, RoomToken};
use crate::clock::now;
use crate::url::ServerUrl;

mod commands;
mod data;
mod events;

/// Datagrams taken in one go before the other lanes get their turn.
const DATAGRAM_BATCH: usize = 32;

/// Frames taken in one go before the other lanes get their turn.
const FRAME_BATCH: usize = 16;

/// For the server to answer a request about ourselves.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// For the last requests to go out when the room is over.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// What the task is made with.
pub(super) struct Setup {
    pub(super) url: ServerUrl,
    pub(super) token: RoomToken,
    pub(super) options: RoomOptions,
    pub(super) sockets: MediaSockets,
    pub(super) core: Participant,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) lane: (LaneSender<OutgoingFrame>, LaneReceiver<OutgoingFrame>),
    pub(super) events: mpsc::Sender<RoomEvent>,
    pub(super) ready: oneshot::Sender<Result<watch::Receiver<Arc<RoomSnapshot>>, ConnectError>>,
}

pub(super) struct RoomTask {
    url: ServerUrl,
    token: RoomToken,
    /// The one that the last dial used.
    used: Secret<String>,
    options: RoomOptions,
    core: Participant,
    sockets: MediaSockets,
    signal: Option<Signal>,
    /// The last signal socket we let go, while it says goodbye.
    retired: Option<JoinHandle<()>>,
    commands: mpsc::Receiver<Command>,
    outgoing: LaneReceiver<OutgoingFrame>,
    outlet: Outlet,
    state: Option<watch::Sender<Arc<RoomSnapshot>>>,
    dirty: bool,
    locals: LocalTracks,
    remotes: RemoteTracks,
    requests: BTreeMap<u32, (Answer<()>, Instant)>,
    texts: TextAssembly,
    /// Level by participant sid.
    speakers: BTreeMap<String, f32>,
    ready: Option<oneshot::Sender<Result<watch::Receiver<Arc<RoomSnapshot>>, ConnectError>>>,
    /// Why the last dial failed, for a connect that fails.
    dial_error: Option<ConnectError>,
    leaving: Vec<Answer<()>>,
    end: Option<DisconnectReason>,
}

impl RoomTask {
    pub(super) fn new(setup: Setup) -> Self {
        let (sender, outgoing) = setup.lane;
        Self {
            url: setup.url,
            token: setup.token,
            used: Secret::default(),
            options: setup.options,
            core: setup.core,
            sockets: setup.sockets,
            signal: None,
            retired: None,
            commands: setup.commands,
            outgoing,
            outlet: Outlet::new(setup.events),
            state: None,
            dirty: false,
            locals: LocalTracks::new(sender),
            remotes: RemoteTracks::default(),
            requests: BTreeMap::new(),
            texts: TextAssembly::default(),
            speakers: BTreeMap::new(),
            ready: Some(setup.ready),
            dial_error: None,
            leaving: Vec::new(),
            end: None,
        }
    }

    pub(super) async fn run(mut self) {
        self.drain();
        while self.end.is_none() {
            let wake = self.wake();
            tokio::select! {
                biased;
                command = self.commands.recv() => self.on_command(command),
                news = next_news(&mut self.signal) => self.on_signal(news),
                came = self.sockets.recv() => {
                    self.core.handle_datagram(came.from, came.to, came.bytes, came.at);
                    self.take_datagrams();
                    self.take_frames();
                }
                frame = self.outgoing.recv() => {
                    if let Some(frame) = frame {
                        self.on_frame(frame);
                        self.take_frames();
                    }
                }
                () = self.outlet.flush() => {}
                () = sleep_until(wake) => {}
            }
            // Not only in the last arm: a flood on an earlier one must not stop the clock.
            if wake <= Instant::now() {
                self.core.handle_timeout(now());
            }
            self.drain();
        }
        Box::pin(self.finish()).await;
    }

    /// Says everything there is to say, until nothing is left.
    fn drain(&mut self) {
        loop {
            while let Some(transmit) = self.core.poll_transmit() {
                self.sockets.send(transmit);
            }
            while let Some(request) = self.core.poll_signal() {
                let sent = self
                    .signal
                    .as_ref()
                    .is_some_and(|signal| signal.send(request));
                if !sent && self.signal.take().is_some() {
                    tracing::warn!("signal socket does not keep up, giving it up");
                    self.core.signal_lost(now());
                }
            }
            let Some(event) = self.core.poll_event() else {
                break;
            };
            self.on_event(event);
        }
        self.expire_requests();
        if std::mem::take(&mut self.dirty) {
            self.publish_state();
        }
    }

    fn wake(&self) -> Instant {
        let (core, _why) = self.core.poll_timeout();
        let requests = self.requests.values().map(|(_, until)| *until).min();
        let core = Instant::from_std(core);
        requests.map_or(core, |requests| requests.min(core))
    }

    fn take_datagrams(&mut self) {
        for _ in 1..DATAGRAM_BATCH {
            let Some(came) = self.sockets.try_recv() else {
                return;
            };
            self.core
                .handle_datagram(came.from, came.to, came.bytes, came.at);
        }
    }

    fn take_frames(&mut self) {
        for _ in 0..FRAME_BATCH {
            let Some(frame) = self.outgoing.try_recv() else {
                return;
            };
            self.on_frame(frame);
        }
    }

    fn on_frame(&mut self, OutgoingFrame { track, frame }: OutgoingFrame) {
        if let Some(local) = self.locals.find(track) {
            self.core.send_audio(local, audio_out(frame), now());
        }
    }

    fn on_signal(&mut self, news: Option<SignalNews>) {
        match news {
            Some(SignalNews::Opened) => self.core.signal_opened(now()),
            Some(SignalNews::Message(message)) => self.core.handle_signal(*message, now()),
            Some(SignalNews::Failed { error, server }) => {
                self.signal = None;
                tracing::debug!(%error, "signal socket did not open");
                let failure = self.dial_failure(&error, server);
                self.dial_error = Some(error);
                self.core.signal_failed(failure, now());
            }
            Some(SignalNews::Lost) | None => {
                self.signal = None;
                self.core.signal_lost(now());
            }
        }
    }

    fn dial(&mut self, dial: &Dial) {
        let mut path = format!("/rtc?{}", dial.query());
        if dial.resume.is_none()
            && !self.options.attributes.is_empty()
            && let Ok(json) = serde_json::to_vec(&self.options.attributes)
        {
            path.push_str("&attributes=");
            path.push_str(&URL_SAFE.encode(json).replace('=', "%3D"));
        }
        self.used = self.token.current();
        self.signal = Some(Signal::open(self.url.clone(), path, self.used.clone()));
    }

    /// Whether trying again may help.
    fn dial_failure(&self, error: &ConnectError, server: Option<UnixTime>) -> DialFailure {
        let refused = || DialFailure::Refused(error.to_string());
        match error {
            // Keys that are being changed reach the server and us at different moments; once in,
            // it is worth the wait until both have them.
            ConnectError::Refused { status: 401, .. } => {
                let is_cured = self.token.is_cured(&self.used, server);
                let may_pass = self.state.is_some() && self.token.is_kept();
                if is_cured || may_pass {
                    DialFailure::Unreachable(error.to_string())
                } else {
                    refused()
                }
            }
            ConnectError::Refused {
                status: 400..=428 | 430..=499,
                ..
            }
            | ConnectError::Url(_)
            | ConnectError::Request => refused(),
            _ => DialFailure::Unreachable(error.to_string()),
        }
    }

    fn expire_requests(&mut self) {
        let now = Instant::now();
        while let Some(id) = self
            .requests
            .iter()
            .find(|(_, (_, until))| *until <= now)
            .map(|(id, _)| *id)
        {
            if let Some((answer, _)) = self.requests.remove(&id) {
                drop(answer.send(Err(RequestError::Timeout)));
            }
        }
    }

    /// Lets the signal socket go; what was sent through it still goes out.
    fn retire_signal(&mut self) {
        if let Some(signal) = self.signal.take() {
            self.retired = Some(signal.retire());
        }
    }

    /// Says goodbye: the server has been told through the signal socket already.
    async fn finish(mut self) {
        let reason = self.end.unwrap_or(DisconnectReason::Unknown);
        if let Some(ready) = self.ready.take() {
            drop(ready.send(Err(
                self.dial_error.take().unwrap_or(ConnectError::Left(reason)),
            )));
        }
        self.retire_signal();
        if let Some(retired) = self.retired.take() {
            drop(timeout(GOODBYE_LIMIT, retired).await);
        }
        self.publish_state();
        let dropped = self.outgoing.dropped();
        let unsent = self.sockets.unsent;
        let missed = self.sockets.missed();
        tracing::info!(
            %reason,
            frames_dropped = dropped,
            datagrams_unsent = unsent,
            datagrams_missed = missed,
            "room over"
        );
        for answer in self.leaving.drain(..) {
            drop(answer.send(Ok(())));
        }
        self.outlet.close(RoomEvent::Disconnected { reason }).await;
    }
}

fn audio_out(frame: OpusFrame) -> AudioOut {
    AudioOut {
        payload: frame.payload,
        duration_48k: frame.duration_48k,
        level: frame
            .level
            .map(|level| i8::try_from(level.unsigned_abs()).unwrap_or(i8::MAX)),
    }
}

async fn next_news(signal: &mut Option<Signal>) -> Option<SignalNews> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}
