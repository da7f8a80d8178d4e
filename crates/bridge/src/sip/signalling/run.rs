//! The signalling task itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Stop;
use trunkline_sip::endpoint::{Endpoint, Event, Flow, LegId, Transmit, Transport};
use trunkline_sip::message::Request;
use trunkline_sip::routing::Accepted;

use super::super::desk::{Decision, Desk};
use super::asking::{Asking, Waiting};
use super::{Command, Input, LegEvent, Line};

/// A call that was let in.
pub(crate) struct Arrival {
    pub(crate) line: Line,
    /// Our tag: the call's LiveKit id.
    pub(crate) tag: String,
    pub(crate) invite: Box<Request>,
    pub(crate) flow: Flow,
    pub(crate) accepted: Box<Accepted>,
    pub(crate) at: Instant,
}

/// What signalling is made of.
pub(crate) struct Parts {
    pub(crate) endpoint: Endpoint,
    pub(crate) desk: Desk,
    pub(crate) asking: Asking,
    pub(crate) udp: Arc<UdpSocket>,
    pub(crate) inputs: mpsc::Receiver<Input>,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Given to each call.
    pub(crate) for_calls: mpsc::Sender<Command>,
    pub(crate) arrivals: mpsc::Sender<Arrival>,
    pub(crate) calls: watch::Sender<usize>,
    pub(crate) stop: Stop,
}

/// Owns the endpoint.
pub(crate) struct Signalling {
    parts: Parts,
    legs: BTreeMap<LegId, mpsc::Sender<LegEvent>>,
    streams: BTreeMap<SocketAddr, mpsc::Sender<Bytes>>,
    draining: bool,
    hurried: bool,
}

impl Signalling {
    pub(crate) const fn new(parts: Parts) -> Self {
        Self {
            parts,
            legs: BTreeMap::new(),
            streams: BTreeMap::new(),
            draining: false,
            hurried: false,
        }
    }

    /// Runs until the process hurries and no call is left: until then, who calls is refused in words.
    pub(crate) async fn run(mut self) {
        // A fresh socket refuses to send until the reactor has seen it once.
        let _ = self.parts.udp.writable().await;
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            self.pump();
            if self.hurried && self.parts.endpoint.calls() == 0 {
                return;
            }
            let deadline = self.parts.endpoint.poll_timeout().map(|(at, _)| at);
            let stop = self.parts.stop.clone();
            tokio::select! {
                biased;
                () = stop.draining(), if !self.draining => {
                    self.draining = true;
                    self.parts.endpoint.drain();
                }
                () = stop.hurry(), if !self.hurried => self.hurried = true,
                Some(command) = self.parts.commands.recv() => self.on_command(command),
                () = self.parts.asking.answered() => self.decide_again(),
                Some(input) = self.parts.inputs.recv() => self.on_input(input),
                () = until(deadline) => self.parts.endpoint.handle_timeout(now()),
                _ = sweep.tick() => self.hang_up_orphans(),
            }
        }
    }

    /// A call whose task is gone (a panic, mostly) must not stay up.
    fn hang_up_orphans(&mut self) {
        let orphans: Vec<LegId> = self
            .legs
            .iter()
            .filter(|(_, lane)| lane.is_closed())
            .map(|(leg, _)| *leg)
            .collect();
        for leg in orphans {
            self.legs.remove(&leg);
            if self.parts.endpoint.hangup(leg, Vec::new(), now()).is_ok() {
                warn!("hung up a call that nobody owned");
            }
        }
    }

    fn on_input(&mut self, input: Input) {
        match input {
            Input::Message { flow, bytes } => {
                self.parts.endpoint.handle_input(flow, &bytes, now());
            }
            Input::Opened { flow, writer } => {
                self.streams.insert(flow.remote, writer);
            }
            Input::Closed { flow } => {
                self.streams.remove(&flow.remote);
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        if let Command::Reject { leg, .. } | Command::Hangup { leg, .. } = &command {
            // The call says goodbye and hears no more.
            self.legs.remove(leg);
        }
        let endpoint = &mut self.parts.endpoint;
        let now = now();
        let done = match command {
            Command::Ring(leg) => endpoint.ring(leg, 180, None, now),
            Command::Accept { leg, sdp, headers } => endpoint.accept(leg, sdp, &headers, now),
            Command::Reject { leg, rejection } => endpoint.reject(leg, &rejection, now),
            Command::AnswerChange { leg, sdp } => endpoint.answer_change(leg, sdp, now),
            Command::RefuseChange { leg, rejection } => {
                endpoint.refuse_change(leg, &rejection, now)
            }
            Command::Hangup { leg, headers } => endpoint.hangup(leg, headers, now),
            Command::Drain => {
                endpoint.drain();
                Ok(())
            }
        };
        if let Err(error) = done {
            // The call crossed with an event that is on its way to it.
            debug!(%error, "command came too late");
        }
    }

    fn pump(&mut self) {
        // Events first: deciding about an INVITE makes more to send.
        while let Some(event) = self.parts.endpoint.poll_event() {
            self.on_event(event);
        }
        while let Some(transmit) = self.parts.endpoint.poll_transmit() {
            self.transmit(transmit);
        }
        let calls = self.parts.endpoint.calls();
        self.parts
            .calls
            .send_if_modified(|known| std::mem::replace(known, calls) != calls);
    }

    fn on_event(&mut self, event: Event) {
        let leg = event.leg();
        let told = match event {
            Event::Incoming {
                leg,
                tag,
                request,
                flow,
            } => {
                self.on_incoming(leg, tag, request, flow);
                return;
            }
            Event::Confirmed { body, .. } => LegEvent::Confirmed(body),
            Event::Change { request, .. } => LegEvent::Change(request),
            Event::Info {
                content_type, body, ..
            } => LegEvent::Info { content_type, body },
            Event::Ended { cause, .. } => LegEvent::Ended(cause),
            // We place no calls here yet.
            Event::Progress { .. } | Event::Answered { .. } | Event::Changed { .. } => return,
        };
        let over = matches!(told, LegEvent::Ended(_));
        if let Some(lane) = self.legs.get(&leg)
            && lane.try_send(told).is_err()
            && !over
        {
            warn!("a call does not take its events; hanging it up");
            let _ = self.parts.endpoint.hangup(leg, Vec::new(), now());
        }
        if over {
            self.legs.remove(&leg);
            self.parts.asking.forget(leg);
        }
    }

    fn on_incoming(&mut self, leg: LegId, tag: String, invite: Box<Request>, flow: Flow) {
        let one = Waiting {
            leg,
            tag,
            invite,
            flow,
        };
        match self.parts.desk.decide(&one.invite, one.flow.remote.ip()) {
            Decision::Unknown(_)
                if self.parts.desk.may_ask() && self.parts.asking.has_room(&one.flow) =>
            {
                self.parts.asking.wait(one, now());
            }
            decision => self.carry_out(one, decision),
        }
    }

    /// The server has been asked again for those who wait.
    fn decide_again(&mut self) {
        for one in self.parts.asking.take(now()) {
            let decision = self.parts.desk.decide(&one.invite, one.flow.remote.ip());
            self.carry_out(one, decision);
        }
    }

    fn carry_out(&mut self, one: Waiting, decision: Decision) {
        let leg = one.leg;
        let rejection = match decision {
            Decision::Reject(rejection) => rejection,
            Decision::Unknown(note) => self.parts.desk.turn_away(*note),
            Decision::Admit(accepted) => {
                let (lane, events) = mpsc::channel(LEG_EVENTS);
                let line = Line {
                    leg,
                    commands: self.parts.for_calls.clone(),
                    events,
                };
                let arrival = Arrival {
                    line,
                    tag: one.tag,
                    invite: one.invite,
                    flow: one.flow,
                    accepted,
                    at: now(),
                };
                if self.parts.arrivals.try_send(arrival).is_ok() {
                    self.legs.insert(leg, lane);
                    return;
                }
                trunkline_sip::endpoint::Rejection::retry_after(std::time::Duration::from_secs(5))
            }
        };
        if self.parts.endpoint.reject(leg, &rejection, now()).is_err() {
            debug!("caller was gone before the refusal");
        }
    }

    fn transmit(&self, transmit: Transmit) {
        let Transmit { flow, bytes } = transmit;
        let sent = match flow.transport {
            Transport::Udp => self.parts.udp.try_send_to(&bytes, flow.remote).is_ok(),
            Transport::Tcp => self
                .streams
                .get(&flow.remote)
                .is_some_and(|writer| writer.try_send(bytes).is_ok()),
        };
        if !sent {
            count(Counter::SipDropped, 1, &[("reason", "not_sent")]);
        }
    }
}

/// Now, on the clock that tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits for a moment, or for ever.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// How soon an orphan is noticed.
const SWEEP: std::time::Duration = std::time::Duration::from_secs(1);

/// Events waiting for one call. Filling it means the call's task is stuck.
const LEG_EVENTS: usize = 32;
