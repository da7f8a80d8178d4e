//! The task of one room: carries requests and datagrams to its [`RoomState`] and what comes out
//! of it to sockets, the media port and the notices.

mod sessions;
mod tally;

use livekit_protocol as proto;
use proto::RoomEndReason;
use tokio::sync::{mpsc, watch};
use trunkline_service::metrics::{Counter, Timing, count, observe};
use trunkline_service::tasks::Stop;

use super::command::RoomCommand;
use super::error::JoinError;
use super::handle::{JoinParams, RoomNotice, Session};
use super::seats::Seats;
use super::state::{Admission, Entry, Fragment, Now, Output, RoomState};
use crate::udp::{Datagram, LaneReceiver, PortHandle, RouteChange};
use sessions::{Heard, Sessions};
use tally::Tally;

/// Everything the task needs besides the state.
#[derive(Debug)]
pub(crate) struct Shell {
    /// Number of this room at the media port; never used twice.
    pub(crate) key: u64,
    pub(crate) commands: mpsc::Receiver<RoomCommand>,
    pub(crate) datagrams: LaneReceiver<Datagram>,
    pub(crate) port: PortHandle,
    pub(crate) notices: mpsc::Sender<RoomNotice>,
    /// The room as it is listed without being asked.
    pub(crate) info: watch::Sender<proto::Room>,
    pub(crate) seats: Seats,
    pub(crate) stop: Stop,
}

/// The task.
#[derive(Debug)]
pub(crate) struct RoomTask {
    state: RoomState,
    sessions: Sessions,
    shell: Shell,
    batch: Vec<Datagram>,
    packets: u64,
    tally: Tally,
}

impl RoomTask {
    pub(crate) fn new(state: RoomState, shell: Shell) -> Self {
        let batch = Vec::with_capacity(BATCH);
        Self {
            state,
            sessions: Sessions::default(),
            shell,
            batch,
            packets: 0,
            tally: Tally::new(now().instant),
        }
    }

    /// Runs the room to its end.
    pub(crate) async fn run(mut self) {
        let started = tokio::time::Instant::now();
        let stop = self.shell.stop.clone();
        tracing::info!(room = %self.state.sid(), "a room has opened");
        count(Counter::RoomsStarted, 1, &[]);
        self.carry_out().await;
        while self.state.ended().is_none() {
            let wake = tokio::time::Instant::from_std(self.state.poll_timeout());
            tokio::select! {
                biased;
                () = stop.hurry() => self.state.close(RoomEndReason::RoomEndServerShutdown, now()),
                command = self.shell.commands.recv() => match command {
                    Some(command) => self.on_command(command).await,
                    None => self.state.close(RoomEndReason::RoomEndServerShutdown, now()),
                },
                heard = self.sessions.next(), if !self.sessions.is_empty() => self.on_heard(heard),
                () = self.shell.datagrams.recv_many(&mut self.batch, BATCH) => self.on_datagrams(),
                () = tokio::time::sleep_until(wake) => self.state.handle_timeout(now()),
            }
            self.carry_out().await;
        }
        self.finish(started.elapsed()).await;
    }

    async fn on_command(&mut self, command: RoomCommand) {
        match command {
            RoomCommand::Ask(ask) => self.state.on_ask(ask, now()),
            RoomCommand::Join {
                params,
                admission,
                answer,
            } => {
                let session = self.join(*params, admission).await;
                let _gone = answer.send(session);
            }
            RoomCommand::Close { answer } => {
                self.state
                    .close(RoomEndReason::RoomEndServerShutdown, now());
                let _gone = answer.send(());
            }
        }
    }

    async fn join(
        &mut self,
        params: JoinParams,
        admission: Admission,
    ) -> Result<Session, JoinError> {
        let entry = self.state.enter(params, admission, now())?;
        let session = match entry {
            Entry::Joined(sid) | Entry::Resumed(sid) => self.sessions.open(sid),
            Entry::Mismatch(sid, message) => Sessions::refusal(sid, *message),
        };
        // The first messages are in the session's queue before anyone can read it.
        self.carry_out().await;
        Ok(session)
    }

    fn on_heard(&mut self, heard: Heard) {
        match heard {
            Heard::Request(from, request) => self.state.on_request(&from, *request, now()),
            Heard::Lost(from) => self.state.on_signal_lost(&from, now()),
            Heard::Nothing => {}
        }
    }

    fn on_datagrams(&mut self) {
        let now = now();
        self.packets += u64::try_from(self.batch.len()).unwrap_or(0);
        for datagram in self.batch.drain(..) {
            self.state
                .on_datagram(datagram.from, &datagram.data, datagram.received, now);
        }
        self.tally.look(self.state.media_stats(), now.instant);
    }

    /// Carries out all that the state has produced. Routes go first: a client must not know a
    /// user fragment before the port does.
    async fn carry_out(&mut self) {
        while let Some(change) = self.state.poll_fragment() {
            let change = match change {
                Fragment::Added(ufrag) => RouteChange::Add {
                    room: self.shell.key,
                    ufrag,
                },
                Fragment::Retired(ufrag) => RouteChange::Retire { ufrag },
            };
            // The reader of these is the port's task; it is gone only when the process ends.
            let _ending = self.shell.port.changes.send(change).await;
        }
        let mut spoken = false;
        while let Some(output) = self.state.poll_output() {
            spoken = true;
            self.carry(output);
        }
        while let Some(transmit) = self.state.poll_transmit() {
            if !self.shell.port.outlet.send(transmit.to, &transmit.bytes) {
                count(Counter::PacketsDropped, 1, &[("reason", "socket_full")]);
            }
        }
        // In an empty room a change is said to nobody, and is asked for all the same.
        if spoken || self.state.owes_replies() {
            self.publish();
        }
        self.state.give_replies();
    }

    fn carry(&mut self, output: Output) {
        match output {
            Output::Send(to, message) => {
                if self.sessions.send(&to, message).is_err() {
                    tracing::warn!(participant = %to, "a client does not read its messages");
                    self.sessions.close(&to);
                    self.state.on_signal_lost(&to, now());
                }
            }
            Output::CloseSignal(of) => self.sessions.close(&of),
            Output::Notice(notice) => self.note(*notice),
        }
    }

    fn note(&self, notice: RoomNotice) {
        match &notice {
            RoomNotice::ParticipantJoined { .. } => count(Counter::ParticipantsJoined, 1, &[]),
            RoomNotice::ParticipantLeft { .. } => count(Counter::ParticipantsLeft, 1, &[]),
            _ => {}
        }
        if self.shell.notices.try_send(notice).is_err() {
            tracing::warn!("a notice was lost: nobody takes them");
        }
    }

    fn publish(&mut self) {
        self.shell
            .seats
            .take(self.state.occupancy(), self.state.published());
        let info = self.state.info();
        self.shell.info.send_if_modified(|shown| {
            let changed = *shown != info;
            *shown = info;
            changed
        });
    }

    async fn finish(mut self, lived: std::time::Duration) {
        self.carry_out().await;
        let close = RouteChange::Close {
            room: self.shell.key,
        };
        let _ending = self.shell.port.changes.send(close).await;
        count(Counter::RoomsEnded, 1, &[]);
        self.tally.carry(self.state.media_stats());
        observe(Timing::RoomLength, lived, &[]);
        let dropped = self.shell.datagrams.dropped();
        if dropped > 0 {
            count(Counter::PacketsDropped, dropped, &[("reason", "room_busy")]);
        }
        tracing::info!(
            room = %self.state.sid(),
            seconds = lived.as_secs(),
            packets = self.packets,
            dropped,
            reason = ?self.state.ended(),
            "a room has ended"
        );
    }
}

/// Both clocks. The monotonic one is tokio's, so that a paused test clock drives the state.
pub(crate) fn now() -> Now {
    Now {
        instant: tokio::time::Instant::now().into_std(),
        unix: crate::clock::now(),
    }
}

/// Datagrams taken from the lane at a time, so that signalling is heard in between.
const BATCH: usize = 64;
