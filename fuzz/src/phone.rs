//! A telephone that says anything: whole calls over SIP, and packets of sound and keys, in virtual
//! time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline_media::SampleRate;
use trunkline_media::g711::Law;
use trunkline_media::playout::{Codec, Stream};
use trunkline_sip::dtmf::{self, KeyEvent};
use trunkline_sip::endpoint::{
    Endpoint, EndpointConfig, Event, Flow, Invitation, LegId, Limits, ReferRequest, Rejection,
    Standing, Transport,
};
use trunkline_sip::message::{Framed, Framer, MAX_MESSAGE, Message, Request, parse};
use trunkline_sip::rtp::{Latch, Latched, Reception, parse as parse_rtp, parse_rtcp, report};

/// What the owner of an endpoint does with those who call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    LetIn,
    TurnAway,
    LetWait,
}

/// Bytes as messages of one phone, whole over UDP or in pieces over TCP: nothing panics, whatever is
/// sent can be read, a stranger draws no more than he sends, tables stay small, and in the end
/// nothing is left. The first byte says how; a record separator parts datagrams. What a phone learns
/// from us stands in an input as `$TAG` and `$RSEQ`: our tag of its latest call, and the number of
/// what it has to confirm.
pub fn sip_call(data: &[u8]) {
    let Some((&mode, rest)) = data.split_first() else {
        return;
    };
    let policy = match (mode >> 2) & 3 {
        0 | 1 => Policy::LetIn,
        2 => Policy::TurnAway,
        _ => Policy::LetWait,
    };
    let mut world = World::new(mode & 1 != 0, mode & 2 != 0, policy);
    for message in world.messages(rest, 1 + usize::from(mode >> 4) * 7) {
        world.hear(&message);
    }
    world.end();
}

struct World {
    endpoint: Endpoint,
    flow: Flow,
    is_known: bool,
    policy: Policy,
    legs: Vec<LegId>,
    tag: String,
    number: String,
    now: Instant,
}

impl World {
    fn new(is_known: bool, is_stream: bool, policy: Policy) -> Self {
        let now = Instant::now();
        let config = EndpointConfig {
            limits: Limits {
                calls: CALLS,
                transactions: TRANSACTIONS,
                ..Limits::default()
            },
            ..EndpointConfig::new("fuzz")
        };
        let mut endpoint = Endpoint::new(config, [1; 32], now);
        if is_known {
            endpoint.know(vec!["192.0.2.0/24".parse().expect("a network")]);
        }
        let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let flow = Flow {
            transport: if is_stream {
                Transport::Tcp
            } else {
                Transport::Udp
            },
            local: at("192.0.2.1:5060"),
            remote: at("192.0.2.9:5070"),
        };
        Self {
            endpoint,
            flow,
            is_known,
            policy,
            legs: Vec::new(),
            tag: String::new(),
            number: String::new(),
            now,
        }
    }

    fn messages(&self, data: &[u8], piece: usize) -> Vec<Bytes> {
        if self.flow.transport == Transport::Udp {
            let parts = data.split(|byte| *byte == RECORD);
            return parts.map(Bytes::copy_from_slice).collect();
        }
        let mut framer = Framer::new();
        let mut found = Vec::new();
        for piece in data.chunks(piece) {
            framer.push(piece);
            while let Ok(Some(framed)) = framer.take() {
                found.push(framed);
            }
        }
        found.extend(framer.expire());
        let message = |framed| match framed {
            Framed::Message(bytes) => Some(bytes),
            Framed::Ping | Framed::Skipped => None,
        };
        found.into_iter().filter_map(message).collect()
    }

    fn hear(&mut self, message: &[u8]) {
        let message = filled(message, b"$TAG", self.tag.as_bytes());
        let message = &filled(&message, b"$RSEQ", self.number.as_bytes());
        self.endpoint.handle_input(self.flow, message, self.now);
        self.decide();
        let drawn = self.sent();
        let is_stranger = !self.is_known && self.flow.transport == Transport::Udp;
        if is_stranger && self.policy == Policy::TurnAway {
            assert!(drawn <= message.len(), "{drawn} for {}", message.len());
        }
        // Each call may have asked, be asked, and have said goodbye beyond that.
        assert!(self.endpoint.transactions() <= TRANSACTIONS + 4 * CALLS);
        self.now += Duration::from_millis(300);
        self.endpoint.handle_timeout(self.now);
        self.sent();
    }

    fn decide(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Invited(invitation) => match self.policy {
                    Policy::LetIn => self.let_in(&invitation),
                    Policy::TurnAway => {
                        self.endpoint
                            .turn_away(&invitation, &Rejection::status(403));
                    }
                    Policy::LetWait if self.endpoint.waiting().len() < 4 => {
                        self.endpoint.let_wait(invitation);
                    }
                    Policy::LetWait => self.let_in(&invitation),
                },
                // One of two changes is agreed to.
                Event::Change { leg, request } if request.body.len() % 2 == 0 => {
                    let _crossed = self.endpoint.answer_change(leg, SDP.into(), self.now);
                }
                Event::Change { leg, .. } => {
                    let refusal = Rejection::status(488);
                    let _crossed = self.endpoint.refuse_change(leg, &refusal, self.now);
                }
                Event::Confirmed { leg, .. } => {
                    let _crossed = self.endpoint.change(leg, SDP.into(), self.now);
                }
                Event::Ended { leg, .. } => self.legs.retain(|known| *known != leg),
                // One of two transfers is agreed to, and one of ours asked for.
                Event::Refer { leg, referral } if referral.replaces.is_none() => {
                    let _crossed = self.endpoint.accept_refer(leg, self.now);
                    let back = ReferRequest::to(referral.target.uri.clone());
                    let _crossed = self.endpoint.refer(leg, &back, self.now);
                    let _crossed = self.endpoint.notify(leg, 200, self.now);
                }
                Event::Refer { leg, .. } => {
                    let refusal = Rejection::status(603);
                    let _crossed = self.endpoint.refuse_refer(leg, &refusal, self.now);
                }
                Event::Info { .. }
                | Event::Progress { .. }
                | Event::Answered { .. }
                | Event::Redirected { .. }
                | Event::Transfer { .. }
                | Event::Responded { .. }
                | Event::Unanswered { .. }
                | Event::Changed { .. }
                | Event::Declined { .. } => {}
            }
        }
    }

    fn let_in(&mut self, invitation: &Invitation) {
        let standing = if self.is_known {
            Standing::Known
        } else {
            Standing::Stranger
        };
        let admitted = self.endpoint.admit(invitation, standing, self.now);
        if let Ok((leg, tag)) = admitted {
            self.legs.push(leg);
            self.tag = tag;
            let _crossed = self.endpoint.ring(leg, 180, None, self.now);
            let _crossed = self.endpoint.accept(leg, SDP.into(), &[], self.now);
        }
    }

    /// Bytes that went out, each message of which can be read, and a request of ours obeyed.
    fn sent(&mut self) -> usize {
        let mut all = 0;
        while let Some(transmit) = self.endpoint.poll_transmit() {
            let length = transmit.bytes.len();
            let is_read = match parse(&transmit.bytes) {
                Ok(Message::Request(request)) => is_sound(&request),
                Ok(Message::Response(response)) => {
                    if let Some(number) = response.headers.get("RSeq") {
                        number.clone_into(&mut self.number);
                    }
                    true
                }
                Err(_) => length > MAX_MESSAGE,
            };
            assert!(is_read, "{:?}", String::from_utf8_lossy(&transmit.bytes));
            all += length;
        }
        all
    }

    fn end(mut self) {
        for invitation in self.endpoint.take_waiting() {
            self.let_in(&invitation);
        }
        for leg in std::mem::take(&mut self.legs) {
            let _over = self.endpoint.hangup(leg, Vec::new(), self.now);
        }
        let end = self.now + Duration::from_secs(300);
        while let Some((at, _)) = self.endpoint.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
            self.decide();
            self.sent();
        }
        assert_eq!(self.endpoint.calls(), 0, "a call is left");
        assert_eq!(self.endpoint.transactions(), 0, "a transaction is left");
    }
}

/// A text with what stands for something replaced by that.
fn filled(text: &[u8], mark: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        if let Some(tail) = rest.strip_prefix(mark) {
            out.extend_from_slice(by);
            rest = tail;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

/// Can the other side tell where it goes, and which call it is about?
fn is_sound(request: &Request) -> bool {
    let headers = &request.headers;
    request.uri.known().is_some()
        && headers.via().is_ok_and(|via| !via.is_odd())
        && headers.from().is_ok()
        && headers.to().is_ok()
        && headers.call_id().is_ok()
        && headers
            .cseq()
            .is_ok_and(|cseq| cseq.method == request.method)
}

/// Bytes as packets at a call's two ports: nothing panics, keys go up as often as down, and our
/// reports can be read. Each packet has two bytes before it: where it comes from, how much later
/// and what it is, and its length.
pub fn phone_packets(data: &[u8]) {
    let start = Instant::now();
    let mut now = start;
    let at = |port: u16| SocketAddr::from(([192, 0, 2, 9], port));
    let mut latch = Latch::new(Some(at(0).ip()));
    latch.agree(Some(at(4000)), true, now);
    latch.open(now);
    let mut reception = Reception::new(8000, now);
    let mut keys = dtmf::Receiver::new();
    let mut voice = Stream::new(Codec::G711(Law::Mu), SampleRate::HZ_16000).expect("a usual rate");
    let mut pcm = vec![0; 320];
    let mut pressed = 0_i32;
    let count = |event: &KeyEvent| match event {
        KeyEvent::Down(_) => 1,
        KeyEvent::Up(..) => -1,
    };
    let mut rest = data;
    while let [how, length, tail @ ..] = rest {
        let (packet, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        now += Duration::from_millis(u64::from(how >> 3) * 5);
        let source = at(4000 + u16::from(how & 1) * 1000);
        if how & 4 != 0 {
            let _ = latch.on_rtcp(source, 7, Some(at(4001)), now);
            let _ = parse_rtcp(packet);
        } else if let Some((header, payload)) = parse_rtp(packet) {
            let is_key = header.payload_type == 101;
            if latch.on_packet(source, &header, !is_key, now) != Latched::Ignore {
                reception.on_packet(&header, now);
            }
            let place = (header.ssrc, header.sequence, header.timestamp);
            if is_key {
                let told = keys.on_packet(&header, payload, 8000, now);
                pressed += told.iter().map(count).sum::<i32>();
                voice.pass_over(header.ssrc, header.sequence);
            } else {
                voice.insert(place, Bytes::copy_from_slice(payload), now);
            }
        }
        voice.frame(now, &mut pcm);
        pressed += keys.handle_timeout(now).as_ref().map_or(0, count);
        assert!((0..=1).contains(&pressed), "{pressed} keys are down");
    }
    if let Some(block) = reception.report(now) {
        let sent = report(1, "fuzz", None, Some(&block));
        assert!(!parse_rtcp(&sent).is_empty());
    }
}

const CALLS: usize = 8;

const TRANSACTIONS: usize = 40;

/// Parts datagrams in an input.
const RECORD: u8 = 0x1e;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                   m=audio 10000 RTP/AVP 0\r\n";
