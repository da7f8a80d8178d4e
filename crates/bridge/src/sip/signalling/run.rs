//! The signalling task itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::{debug, warn};
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Stop;
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::{
    CallRequest, EndCause, Endpoint, Event, Fate, Flow, LegId, TransferNews, Transmit, Transport,
};
use trunkline_sip::message::Request;
use trunkline_sip::registration::Failure;
use trunkline_sip::routing::{Accepted, Question};

use super::super::clock::{now, until};
use super::super::datagrams::Datagrams;
use super::super::desk::Desk;
use super::super::load::{Admission, Setup};
use super::asked::{Asked, failure, keep_alive, tell};
use super::asking::Asking;
use super::capture::Tape;
use super::lane::{Receiver, Sender};
use super::owner::{Owner, line};
use super::stakes::Stakes;
use super::streams::Streams;
use super::{Command, Connections, Input, Keeping, LegEvent, Line, NoLine, TlsClients, Unreached};

/// A call that was let in.
pub(crate) struct Arrival {
    pub(crate) line: Line,
    /// Our tag: the call's LiveKit id.
    pub(crate) tag: String,
    pub(crate) invite: Box<Request>,
    pub(crate) flow: Flow,
    pub(crate) accepted: Box<Accepted>,
    /// Its caller is asked for a PIN first, which may change what was accepted.
    pub(crate) question: Option<Box<Question>>,
    /// It counts as being set up for as long.
    pub(crate) setup: Option<Setup>,
    pub(crate) at: Instant,
}

/// What signalling is made of.
pub(crate) struct Parts {
    pub(crate) endpoint: Endpoint,
    pub(crate) desk: Desk,
    pub(crate) asking: Asking,
    pub(crate) udp: Arc<Datagrams>,
    pub(crate) inputs: Receiver<Input>,
    /// Given to each connection we make.
    pub(crate) for_connections: Sender<Input>,
    pub(crate) connections: Connections,
    pub(crate) tls: Arc<TlsClients>,
    pub(crate) tasks: Tasks,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Given to each call.
    pub(crate) for_calls: mpsc::Sender<Command>,
    pub(crate) arrivals: mpsc::Sender<Arrival>,
    pub(crate) calls: watch::Sender<usize>,
    /// What goes to and fro in each call.
    pub(crate) tape: Tape,
    /// Whether the machine has room, and when to come again where it has none.
    pub(crate) admission: Admission,
    pub(crate) keeping: Keeping,
    /// Calls that were up before this process was.
    pub(crate) returned: Vec<(LegId, Owner)>,
    /// Who was dialled inside TLS before this process was, by where they are.
    pub(crate) names: Vec<(SocketAddr, String)>,
    /// Told of connections that are gone.
    pub(crate) closed: broadcast::Sender<Flow>,
    pub(crate) stop: Stop,
}

/// Owns the endpoint.
pub(crate) struct Signalling {
    pub(super) parts: Parts,
    pub(super) legs: BTreeMap<LegId, Owner>,
    pub(super) stakes: Stakes,
    streams: Streams,
    asked: Asked,
    draining: bool,
    hurried: bool,
}

impl Signalling {
    pub(crate) fn new(mut parts: Parts) -> Self {
        let mut streams = Streams::new(
            parts.for_connections.clone(),
            parts.connections.clone(),
            Arc::clone(&parts.tls),
            parts.tasks.clone(),
        );
        for (remote, domain) in std::mem::take(&mut parts.names) {
            streams.name(remote, &domain);
        }
        Self {
            legs: std::mem::take(&mut parts.returned).into_iter().collect(),
            stakes: Stakes::new(now()),
            streams,
            parts,
            asked: Asked::default(),
            draining: false,
            hurried: false,
        }
    }

    /// Runs until the process hurries and no call is left: until then, who calls is refused in words.
    pub(crate) async fn run(mut self) {
        // A fresh socket refuses to send until the reactor has seen it once.
        let _ = self.parts.udp.writable().await;
        let returned = self.legs.iter();
        let returned: Vec<(LegId, Arc<str>)> = returned
            .map(|(leg, owner)| (*leg, Arc::clone(&owner.call)))
            .collect();
        for (leg, call) in returned {
            self.keep_messages(leg, &call);
        }
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            self.pump();
            if self.hurried && self.parts.endpoint.calls() == 0 {
                self.parts.desk.close();
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
                networks = self.parts.desk.networks() => {
                    self.parts.connections.list(networks.clone());
                    self.parts.endpoint.know(networks);
                }
                // The clock comes before what strangers send: a flood holds up no call's timers.
                () = until(deadline) => self.parts.endpoint.handle_timeout(now()),
                _ = sweep.tick() => {
                    self.hang_up_orphans();
                    self.parts.connections.carry_only(self.parts.endpoint.streams());
                    self.parts.desk.sweep(now());
                    self.parts.tape.sweep(now());
                    self.parts.endpoint.fill(self.parts.admission.full());
                    self.parts.keeping.look(&self.parts.endpoint, now());
                }
                Some(command) = self.parts.commands.recv() => self.on_command(command),
                answered = self.parts.asking.answered() => self.decide_again(answered),
                Some(input) = self.parts.inputs.recv() => self.on_input(input),
            }
        }
    }

    /// A call whose task is gone (a panic, mostly) must not stay up.
    fn hang_up_orphans(&mut self) {
        let orphans: Vec<LegId> = self
            .legs
            .iter()
            .filter(|(_, owner)| owner.lane.is_closed())
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
            Input::Message { flow, bytes, place } => {
                drop(place);
                self.parts.tape.heard(flow, &bytes);
                let fate = self.parts.endpoint.handle_input(flow, &bytes, now());
                tell_fate(fate, flow);
            }
            Input::Opened {
                flow,
                writer,
                verified,
            } => self.streams.opened(flow, writer, verified),
            Input::Closed { flow, unsent } => {
                self.streams.closed(flow);
                self.parts.endpoint.handle_gone(flow);
                // Nobody listens where no trunk registers.
                let _nobody = self.parts.closed.send(flow);
                // Requests of ours are repeated by the endpoint.
                for transmit in unsent.into_iter().filter(is_response) {
                    self.streams.send(transmit);
                }
            }
            Input::NotTaken { flow, why } => {
                self.parts.endpoint.handle_not_taken(flow);
                self.streams.not_taken(flow);
                self.tell_unreached(&why);
            }
            Input::Unreachable { flow, why } => {
                self.parts.endpoint.handle_shut(flow, now());
                self.tell_unreached(&why);
                self.streams.unreachable(flow);
            }
        }
    }

    /// Those for whom there is no connection hear why.
    fn tell_unreached(&mut self, why: &Unreached) {
        while let Some(event) = self.parts.endpoint.poll_event() {
            match event {
                Event::Unanswered { request } => self.asked.unanswered(request, failure(why)),
                Event::Ended {
                    leg,
                    cause: EndCause::Unreachable,
                } => {
                    if let Some(owner) = self.legs.get(&leg) {
                        // One that is behind ends all the same.
                        let _full = owner.lane.try_send(LegEvent::Unreached(why.clone()));
                    }
                    self.on_event(event);
                }
                other => self.on_event(other),
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        let command = match command {
            Command::Call {
                request,
                domain,
                line,
            } => return self.place(*request, domain.as_deref(), line),
            other => other,
        };
        if let Command::Reject { leg, .. } | Command::Hangup { leg, .. } = &command {
            // The call says goodbye and hears no more.
            self.legs.remove(leg);
        }
        if let Command::Accept { leg, .. } = &command {
            self.stakes.answered(*leg);
        }
        let changed = command.changes();
        let endpoint = &mut self.parts.endpoint;
        let now = now();
        let done = match command {
            Command::Ask {
                request,
                flow,
                domain,
                answer,
            } => {
                match expect(&mut self.streams, flow, domain.as_deref()) {
                    Ok(()) => self.asked.ask(endpoint, (*request, flow), answer, now),
                    Err(why) => tell(answer, Err(failure(&why))),
                }
                Ok(())
            }
            Command::KeepAlive(flow) => {
                self.transmit(keep_alive(flow));
                Ok(())
            }
            Command::Ring(leg) => endpoint.ring(leg, 180, None, now),
            Command::Accept { leg, sdp, headers } => endpoint.accept(leg, sdp, &headers, now),
            Command::Reject { leg, rejection } => endpoint.reject(leg, &rejection, now),
            Command::AnswerChange { leg, sdp } => endpoint.answer_change(leg, sdp, now),
            Command::RefuseChange { leg, rejection } => {
                endpoint.refuse_change(leg, &rejection, now)
            }
            Command::AcceptRefer(leg) => endpoint.accept_refer(leg, now),
            Command::Notify { leg, status } => endpoint.notify(leg, status, now),
            Command::RefuseRefer { leg, rejection } => endpoint.refuse_refer(leg, &rejection, now),
            Command::Refer { leg, refer, begun } => {
                // Whoever asked hears of it there.
                let _ = begun.send(endpoint.refer(leg, &refer, now));
                Ok(())
            }
            Command::Seat { leg, answer } => {
                let _ = answer.send(endpoint.seat(leg));
                Ok(())
            }
            Command::Hangup { leg, headers } => endpoint.hangup(leg, headers, now),
            Command::GoBy(config) => {
                endpoint.go_by(*config, now);
                Ok(())
            }
            Command::Drain => {
                endpoint.drain();
                Ok(())
            }
            Command::Call { .. } => Ok(()),
        };
        if let Err(error) = done {
            // The call crossed with an event that is on its way to it.
            debug!(%error, "command came too late");
        }
        if let Some(leg) = changed {
            self.parts.keeping.look_at(leg, &self.parts.endpoint, now);
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
        let Some(leg) = event.leg() else {
            match event {
                Event::Invited(invitation) => self.on_invited(invitation),
                Event::Responded { request, response } => self.asked.answered(request, response),
                Event::Unanswered { request } => {
                    self.asked.unanswered(request, Failure::Silence);
                }
                _ => {}
            }
            return;
        };
        self.parts.keeping.look_at(leg, &self.parts.endpoint, now());
        if matches!(event, Event::Confirmed { .. } | Event::Ended { .. }) {
            self.stakes.leave(leg);
        }
        let told = match event {
            Event::Invited(_) | Event::Responded { .. } | Event::Unanswered { .. } => return,
            Event::Confirmed { body, .. } => LegEvent::Confirmed(body),
            Event::Change { request, .. } => LegEvent::Change(request),
            Event::Info {
                content_type, body, ..
            } => LegEvent::Info { content_type, body },
            Event::Ended { cause, .. } => LegEvent::Ended(cause),
            Event::Progress { status, body, .. } => LegEvent::Progress { status, body },
            Event::Answered { headers, body, .. } => LegEvent::Answered { headers, body },
            Event::Declined {
                status,
                reason,
                headers,
                ..
            } => LegEvent::Declined {
                status,
                reason,
                headers,
            },
            Event::Changed {
                result: Ok(body), ..
            } => LegEvent::Changed(body),
            Event::Refer { referral, .. } => LegEvent::Refer(referral),
            Event::Transfer { news, .. } => LegEvent::Transfer(news),
            // We ask for no changes here yet; a redirection is declined, too.
            Event::Redirected { .. } | Event::Changed { .. } => return,
        };
        let over = matches!(told, LegEvent::Ended(_));
        // A key or a ring more or less is no reason to end a call; whoever sends so many hears it.
        let may_be_lost = matches!(
            told,
            LegEvent::Info { .. }
                | LegEvent::Progress { .. }
                | LegEvent::Transfer(TransferNews::Progress(_))
        );
        if let Some(owner) = self.legs.get(&leg)
            && owner.lane.try_send(told).is_err()
            && !over
        {
            if may_be_lost {
                count(Counter::SipDropped, 1, &[("reason", "call_busy")]);
                return;
            }
            warn!("a call does not take its events; hanging it up");
            let _ = self.parts.endpoint.hangup(leg, Vec::new(), now());
        }
        if over {
            self.parts.tape.over(leg, now());
            self.legs.remove(&leg);
        }
    }

    /// Sends an INVITE. Whoever asked for it and is gone by now has nobody to talk to.
    fn place(
        &mut self,
        request: CallRequest,
        domain: Option<&str>,
        taker: oneshot::Sender<Result<Line, NoLine>>,
    ) {
        let expected = expect(&mut self.streams, request.flow, domain).map_err(NoLine::Way);
        let placed = expected.and_then(|()| {
            let call: Arc<str> = request.tag.clone().unwrap_or_default().into();
            let leg = self.parts.endpoint.call(request, now());
            let leg = leg.map_err(NoLine::Command)?;
            self.keep_messages(leg, &call);
            if let Some(domain) = domain {
                self.parts.keeping.dialled(leg, domain);
            }
            self.parts.keeping.look_at(leg, &self.parts.endpoint, now());
            let (line, owner) = line(leg, (call, None), &self.parts.for_calls);
            self.legs.insert(leg, owner);
            Ok(line)
        });
        if let Err(Ok(line)) = taker.send(placed) {
            self.legs.remove(&line.leg);
            let _ = self.parts.endpoint.hangup(line.leg, Vec::new(), now());
        }
    }

    /// What is said from now on in this dialog is kept with the call.
    fn keep_messages(&mut self, leg: LegId, call: &str) {
        if let Some(id) = self
            .parts
            .endpoint
            .call_id(leg)
            .filter(|_| !call.is_empty())
        {
            self.parts.tape.begin(leg, call, id.as_bytes().to_vec());
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        self.parts.tape.sent(&transmit);
        match transmit.flow.transport {
            Transport::Tcp | Transport::Tls => self.streams.send(transmit),
            Transport::Udp => {
                let to = transmit.flow.remote;
                if self.parts.udp.try_send_to(&transmit.bytes, to).is_err() {
                    count(Counter::SipDropped, 1, &[("reason", "not_sent")]);
                }
            }
        }
    }
}

/// Says who must be at the other end, where that is to be known.
fn expect(streams: &mut Streams, flow: Flow, domain: Option<&str>) -> Result<(), Unreached> {
    match domain.filter(|_| flow.transport == Transport::Tls) {
        Some(domain) => streams.expect(flow.remote, domain),
        None => Ok(()),
    }
}

/// Counts what was refused or dropped, by reason; who it was is for those who debug.
pub(super) fn tell_fate(fate: Fate, flow: Flow) {
    match fate {
        // Who is turned away is counted where that is decided.
        Fate::Taken | Fate::TurnedAway => {}
        Fate::Refused(reason) => {
            debug!(reason, from = %flow.remote, "sip request refused");
            count(Counter::CallsRefused, 1, &[("reason", reason)]);
        }
        Fate::Dropped(reason) => {
            debug!(reason, from = %flow.remote, "sip message dropped");
            count(Counter::SipDropped, 1, &[("reason", reason)]);
        }
    }
}

fn is_response(transmit: &Transmit) -> bool {
    transmit.bytes.starts_with(b"SIP/")
}

/// How soon an orphan is noticed.
const SWEEP: Duration = Duration::from_secs(1);
