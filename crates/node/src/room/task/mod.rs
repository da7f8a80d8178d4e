//! The task of one room: carries requests and datagrams to its [`RoomState`] and what comes out
//! of it to sockets, the media port and the notices.

mod sessions;
mod tally;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::RoomEndReason;
use tokio::sync::{mpsc, watch};
use trunkline_base::lane::LaneReceiver;
use trunkline_service::metrics::{Counter, Timing, count, observe};
use trunkline_service::tasks::Stop;

use super::command::{Admission, RoomCommand};
use super::error::JoinError;
use super::join::{JoinParams, Session};
use super::notice::RoomNotice;
use super::seats::Seats;
use super::state::{Entry, Now, Output, RoomState, Route};
use crate::clock;
use crate::udp::{Datagram, PortHandle, RouteChange};
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

/// What a turn of the loop is about.
enum Turn {
    End,
    Clock,
    Command(RoomCommand),
    Heard(Heard),
    Datagrams,
}

#[derive(Debug)]
pub(crate) struct RoomTask {
    state: RoomState,
    sessions: Sessions,
    shell: Shell,
    packets: u64,
    tally: Tally,
    /// Time worked since others on this thread had theirs.
    worked: Duration,
}

impl RoomTask {
    pub(crate) fn new(state: RoomState, shell: Shell) -> Self {
        Self {
            state,
            sessions: Sessions::default(),
            shell,
            packets: 0,
            tally: Tally::new(now().instant),
            worked: Duration::ZERO,
        }
    }

    /// Runs the room to its end.
    pub(crate) async fn run(mut self) {
        let started = tokio::time::Instant::now();
        let stop = self.shell.stop.clone();
        tracing::info!(room = %self.state.sid(), "a room has opened");
        count(Counter::RoomsStarted, 1, &[]);
        self.carry_out().await;
        let mut ticked = false;
        while self.state.ended().is_none() {
            let wake = tokio::time::Instant::from_std(self.state.poll_timeout());
            // The clock comes first, or a lane that never empties stops it; but not twice in a
            // row, so that a deadline that stays in the past stops nothing else.
            let turn = tokio::select! {
                biased;
                () = stop.hurry() => Turn::End,
                () = tokio::time::sleep_until(wake), if !ticked => Turn::Clock,
                command = self.shell.commands.recv() => command.map_or(Turn::End, Turn::Command),
                heard = self.sessions.next(), if !self.sessions.is_empty() => Turn::Heard(heard),
                () = self.shell.datagrams.ready() => Turn::Datagrams,
                () = tokio::time::sleep_until(wake) => Turn::Clock,
            };
            ticked = matches!(turn, Turn::Clock);
            let began = clock::instant();
            self.take(turn).await;
            // Whatever the turn was about, sound has a part in it.
            let more = self.on_datagrams(began);
            self.carry_out().await;
            self.make_way(began, more).await;
        }
        self.finish(started.elapsed()).await;
    }

    async fn take(&mut self, turn: Turn) {
        match turn {
            Turn::End => self
                .state
                .close(RoomEndReason::RoomEndServerShutdown, now()),
            Turn::Clock => self.state.handle_timeout(now()),
            Turn::Command(command) => self.on_command(command).await,
            Turn::Heard(heard) => self.on_heard(heard),
            Turn::Datagrams => {}
        }
    }

    /// Lets the other rooms of this thread work. Without it a room with enough to do is never
    /// left by the runtime, since none of its lanes makes it wait.
    async fn make_way(&mut self, began: Instant, more: bool) {
        self.worked += clock::instant().saturating_duration_since(began);
        if more || self.worked >= TURN {
            self.worked = Duration::ZERO;
            tokio::task::yield_now().await;
        }
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

    /// Takes what has come, one at a time, for as long as a turn that began then may take. True if
    /// it may have left something.
    fn on_datagrams(&mut self, began: Instant) -> bool {
        let now = now();
        let mut more = true;
        for _ in 0..BATCH {
            let Some(datagram) = self.shell.datagrams.try_recv() else {
                more = false;
                break;
            };
            self.packets += 1;
            self.state
                .on_datagram(datagram.from, &datagram.data, datagram.received, now);
            if self.state.has_route_change() {
                break;
            }
            self.send_out();
            if clock::instant().saturating_duration_since(began) >= TURN {
                break;
            }
        }
        self.tally.look(self.state.media_stats(), now.instant);
        more
    }

    fn send_out(&mut self) {
        while let Some(transmit) = self.state.poll_transmit() {
            if !self.shell.port.outlet.send(transmit) {
                count(Counter::PacketsDropped, 1, &[("reason", "socket_full")]);
            }
        }
    }

    /// Carries out all that the state has produced. Routes go first: a client must not know a
    /// user fragment, or that its check was answered, before the port does.
    async fn carry_out(&mut self) {
        while let Some(change) = self.state.poll_route_change() {
            let room = self.shell.key;
            let change = match change {
                Route::Fragment { peer, ufrag } => RouteChange::Add { room, peer, ufrag },
                Route::Retired { ufrag } => RouteChange::Retire { ufrag },
                Route::Checked { peer, from, at } => RouteChange::Checked {
                    room,
                    peer,
                    from,
                    at,
                },
            };
            // The reader of these is the port's task; it is gone only when the process ends.
            let _ending = self.shell.port.changes.send(change).await;
        }
        let mut spoken = false;
        while let Some(output) = self.state.poll_output() {
            spoken = true;
            self.carry(output);
        }
        self.send_out();
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

    async fn finish(mut self, lived: Duration) {
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

/// Both clocks.
pub(crate) fn now() -> Now {
    Now {
        instant: clock::instant(),
        unix: clock::now(),
    }
}

/// Datagrams taken from the lane at a time, so that signalling is heard in between.
const BATCH: usize = 64;

/// How long a room works before the others of its thread have their turn: a tenth of a frame. One
/// step may take longer, and each of those has bounds of its own.
const TURN: Duration = Duration::from_millis(2);
