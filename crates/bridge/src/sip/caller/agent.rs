//! The task of one outgoing call.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};
use trunkline_media::g711;
use trunkline_sip::digest::Login;
use trunkline_sip::endpoint::{
    CallRequest, EndCause, Endpoint, EndpointConfig, Event, Flow, LegId, Rejection, Transport,
};
use trunkline_sip::message::NameAddr;
use trunkline_sip::rtp::{Reception, bye, parse, report};
use trunkline_sip::sdp::{Agreement, Encryption};
use trunkline_sip::uri::Uri;

use super::super::call::{Negotiation, Proposal};
use super::super::config::CallerOptions;
use super::super::desk::wall_clock;
use super::super::media::{FRAME, Frame, Outgoing, Pair, law};
use super::super::signalling::{now, until};
use super::outcome::{CallError, CallSummary, HeardFrame};

pub(super) struct Setup {
    pub(super) options: CallerOptions,
    pub(super) target: Uri,
    pub(super) remote: SocketAddr,
    pub(super) socket: UdpSocket,
    pub(super) pair: Pair,
}

/// What the user of a call wants.
pub(super) enum Ask {
    Press(String),
    Hangup,
}

/// What is known once the other side answers.
pub(super) struct Answer {
    pub(super) answered_ms: u64,
    pub(super) placed_at: Instant,
    pub(super) call_id: String,
}

pub(super) struct Agent {
    endpoint: Endpoint,
    leg: LegId,
    socket: UdpSocket,
    pair: Pair,
    flow: Flow,
    negotiation: Negotiation,
    agreed: Option<Agreement>,
    outgoing: Outgoing,
    reception: Reception,
    placed_at: Instant,
    give_up_at: Option<Instant>,
    tick: Option<Instant>,
    report_at: Instant,
    heard: mpsc::Sender<HeardFrame>,
    tell_end: watch::Sender<Option<CallSummary>>,
    tell_answer: Option<oneshot::Sender<Result<Answer, CallError>>>,
    call_id: String,
    over: bool,
}

impl Agent {
    pub(super) fn new(
        setup: Setup,
        heard: mpsc::Sender<HeardFrame>,
        tell_end: watch::Sender<Option<CallSummary>>,
        tell_answer: oneshot::Sender<Result<Answer, CallError>>,
    ) -> Result<Self, CallError> {
        let Setup {
            options,
            target,
            remote,
            socket,
            pair,
        } = setup;
        let local_addr = socket.local_addr().map_err(CallError::Socket)?;
        let flow = Flow {
            transport: Transport::Udp,
            local: local_addr,
            remote,
        };
        let now = now();
        let mut rng = rand::rngs::StdRng::from_os_rng();
        let config = EndpointConfig::new(concat!("trunkline-caller/", env!("CARGO_PKG_VERSION")));
        let mut endpoint = Endpoint::new(config, rng.random(), now);
        let address = SocketAddr::new(local_addr.ip(), pair.port);
        let (codecs, session) = (vec![options.codec], rng.random_range(1..1 << 48));
        let mut negotiation = Negotiation::new(address, codecs, Encryption::Disable, session);
        let offer = negotiation.respond(b"").map_err(|_| CallError::Media)?;
        let login = options
            .login
            .map(|(username, password)| Login { username, password });
        let call = CallRequest {
            target,
            to: None,
            tag: None,
            from: NameAddr::new(Uri::sip(Some(&options.from), local_addr)),
            flow,
            routes: Vec::new(),
            sdp: offer.sdp,
            login,
            headers: Vec::new(),
        };
        let leg = endpoint.call(call, now).map_err(|_| CallError::NoAnswer)?;
        Ok(Self {
            endpoint,
            leg,
            socket,
            pair,
            flow,
            negotiation,
            agreed: None,
            outgoing: Outgoing::new(rng.random(), rng.random(), rng.random()),
            reception: Reception::new(8000, now),
            placed_at: now,
            give_up_at: Some(now + options.ring_limit),
            tick: None,
            report_at: now + REPORT,
            heard,
            tell_end,
            tell_answer: Some(tell_answer),
            call_id: String::new(),
            over: false,
        })
    }

    pub(super) async fn run(
        mut self,
        mut asks: mpsc::Receiver<Ask>,
        mut frames: mpsc::Receiver<Vec<i16>>,
    ) {
        // A fresh socket refuses to send until the reactor has seen it once.
        let _ = tokio::join!(self.socket.writable(), self.pair.rtp.writable());
        let _ = self.pair.rtcp.writable().await;
        let mut sip = vec![0; trunkline_sip::message::MAX_MESSAGE];
        let mut rtp = vec![0; 2048];
        while !self.over {
            self.pump();
            let deadline = self.endpoint.poll_timeout().map(|(at, _)| at);
            let wake = [deadline, self.tick, self.give_up_at]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                biased;
                () = until(wake) => self.on_clock(now(), &mut frames),
                Some(ask) = asks.recv() => self.on_ask(ask),
                Ok((length, from)) = self.socket.recv_from(&mut sip) => {
                    let flow = Flow { remote: from, ..self.flow };
                    self.endpoint.handle_input(flow, sip.get(..length).unwrap_or_default(), now());
                }
                Ok((length, _)) = self.pair.rtp.recv_from(&mut rtp) => {
                    self.on_rtp(rtp.get(..length).unwrap_or_default(), now());
                }
            }
        }
        self.pump();
    }

    fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Press(digits) => self.outgoing.keys.push(&digits),
            Ask::Hangup => {
                let _ = self.endpoint.hangup(self.leg, Vec::new(), now());
            }
        }
    }

    fn on_clock(&mut self, now: Instant, frames: &mut mpsc::Receiver<Vec<i16>>) {
        self.endpoint.handle_timeout(now);
        if self.give_up_at.is_some_and(|at| at <= now) {
            self.give_up_at = None;
            let _ = self.endpoint.hangup(self.leg, Vec::new(), now);
        }
        while let Some(tick) = self.tick.filter(|tick| *tick <= now) {
            self.speak(frames);
            self.tick = Some(tick + FRAME);
        }
        if self.report_at <= now {
            self.report_at = now + REPORT;
            let sender = self.outgoing.sender_info(wall_clock());
            let block = self.reception.report(now);
            let packet = report(self.outgoing.ssrc, CNAME, sender.as_ref(), block.as_ref());
            self.send_rtcp(&packet);
        }
    }

    fn speak(&mut self, frames: &mut mpsc::Receiver<Vec<i16>>) {
        let Some(agreed) = &self.agreed else { return };
        let mut frame = frames.try_recv().unwrap_or_default();
        frame.resize(160, 0);
        if let Some(packet) = self.outgoing.packet(Frame::Sound(&frame), agreed)
            && let Some(remote) = agreed.remote
        {
            let _ = self.pair.rtp.try_send_to(packet, remote);
        }
    }

    fn on_rtp(&mut self, data: &[u8], arrival: Instant) {
        let (Some((header, payload)), Some(agreed)) = (parse(data), &self.agreed) else {
            return;
        };
        if header.payload_type != agreed.payload_type {
            return;
        }
        let sequence = self.reception.on_packet(&header, arrival);
        let mut samples = Vec::with_capacity(payload.len());
        if let Some(law) = law(agreed.codec) {
            g711::decode(law, payload, &mut samples);
        }
        let frame = HeardFrame {
            arrival,
            sequence,
            timestamp: header.timestamp,
            samples,
        };
        // A user that does not listen loses sound, not the call.
        let _ = self.heard.try_send(frame);
    }

    fn pump(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            self.on_event(event);
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            if self.call_id.is_empty() {
                self.call_id = call_id_of(&transmit.bytes);
            }
            let _ = self
                .socket
                .try_send_to(&transmit.bytes, transmit.flow.remote);
        }
    }

    fn on_event(&mut self, event: Event) {
        let now = now();
        match event {
            Event::Answered { body, .. } => self.on_answer(&body, now),
            // What was offered in the answer to a change.
            Event::Confirmed { body, .. } if !body.is_empty() => {
                self.agreed = self
                    .negotiation
                    .accept(&body)
                    .or_else(|| self.agreed.take());
            }
            Event::Change { leg, request } => self.on_change(leg, &request.body, now),
            Event::Invited(invitation) => {
                self.endpoint
                    .turn_away(&invitation, &Rejection::status(486));
            }
            Event::Ended { leg, cause } if leg == self.leg => self.on_end(&cause),
            Event::Refer { leg, .. } => {
                let refusal = Rejection::status(603);
                let _over = self.endpoint.refuse_refer(leg, &refusal, now);
            }
            Event::Progress { .. }
            | Event::Redirected { .. }
            | Event::Transfer { .. }
            | Event::Confirmed { .. }
            | Event::Info { .. }
            | Event::Changed { .. }
            | Event::Declined { .. }
            | Event::Responded { .. }
            | Event::Unanswered { .. }
            | Event::Ended { .. } => {}
        }
    }

    fn on_answer(&mut self, body: &[u8], now: Instant) {
        self.give_up_at = None;
        let Some(agreed) = self.negotiation.accept(body) else {
            self.fail(CallError::Media);
            let _ = self.endpoint.hangup(self.leg, Vec::new(), now);
            return;
        };
        self.agreed = Some(agreed);
        self.tick = Some(now);
        let took = now.saturating_duration_since(self.placed_at).as_millis();
        let answer = Answer {
            answered_ms: u64::try_from(took).unwrap_or(u64::MAX),
            placed_at: self.placed_at,
            call_id: self.call_id.clone(),
        };
        if let Some(tell) = self.tell_answer.take() {
            let _ = tell.send(Ok(answer));
        }
    }

    fn on_change(&mut self, leg: LegId, body: &[u8], now: Instant) {
        let _ = match self.negotiation.respond(body) {
            Ok(Proposal { sdp, agreement }) => {
                self.agreed = agreement.or_else(|| self.agreed.take());
                self.endpoint.answer_change(leg, sdp, now)
            }
            Err(rejection) => self.endpoint.refuse_change(leg, &rejection, now),
        };
    }

    fn on_end(&mut self, cause: &EndCause) {
        self.over = true;
        if self.outgoing.packets > 0 {
            self.send_rtcp(&bye(self.outgoing.ssrc, CNAME));
        }
        let word = match cause {
            EndCause::RemoteBye { .. } => "remote".to_owned(),
            EndCause::Local => "local".to_owned(),
            EndCause::Refused(status) => format!("refused with {status}"),
            EndCause::Timeout => "no answer".to_owned(),
            other => format!("{other:?}"),
        };
        self.fail(match cause {
            EndCause::Refused(status) => CallError::Refused(*status),
            _ => CallError::NoAnswer,
        });
        let heard = self.reception.summary();
        self.tell_end.send_replace(Some(CallSummary {
            cause: word,
            received: heard.received,
            lost: heard.lost(),
            jitter_ms: heard.jitter_ms,
            sent: u64::from(self.outgoing.packets),
        }));
    }

    /// Tells whoever still waits for an answer.
    fn fail(&mut self, error: CallError) {
        if let Some(tell) = self.tell_answer.take() {
            let _ = tell.send(Err(error));
        }
    }

    fn send_rtcp(&self, packet: &[u8]) {
        if let Some(remote) = self.agreed.as_ref().and_then(|agreed| agreed.remote_rtcp) {
            let _ = self.pair.rtcp.try_send_to(packet, remote);
        }
    }
}

fn call_id_of(bytes: &[u8]) -> String {
    match trunkline_sip::message::parse(bytes) {
        Ok(message) => message.headers().call_id().unwrap_or_default().to_owned(),
        Err(_) => String::new(),
    }
}

const REPORT: Duration = Duration::from_secs(5);

const CNAME: &str = "caller";
