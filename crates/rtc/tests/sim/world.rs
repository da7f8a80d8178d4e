//! The world: a server, clients, the link between them, and time.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use livekit_protocol as proto;
use livekit_protocol::TrackSource;
use livekit_protocol::data_packet::Value;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use trunkline_base::id::ParticipantSid;
use trunkline_rtc::participant::{
    AudioOut, DataOut, DialFailure, Event, LocalTrack, Participant, ParticipantConfig, Publish,
};
use trunkline_rtc::sfu::{Permissions, Topology};

use super::link::{Link, Shape};
use super::server::Server;
use crate::clock::start;

const SIGNAL_DELAY: Duration = Duration::from_millis(8);
const FRAME: Duration = Duration::from_millis(20);

pub(crate) type Name = &'static str;

pub(crate) struct Client {
    pub(crate) core: Participant,
    pub(crate) seen: Vec<Event>,
    /// Frames heard per speaker: the frame's number and the packet's sequence.
    pub(crate) heard: BTreeMap<Name, Vec<(u32, u64)>>,
    pub(crate) texts: Vec<String>,
    pub(crate) talking: Option<LocalTrack>,
    name: Name,
    permissions: Permissions,
    sid: Option<ParticipantSid>,
    /// Socket open; messages on their way each way.
    online: bool,
    inbox: VecDeque<(Instant, Response)>,
    outbox: VecDeque<(Instant, Request)>,
    dialing: Option<(Instant, Option<String>)>,
    frame: u32,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) server: Server,
    pub(crate) link: Link,
    pub(crate) clients: BTreeMap<Name, Client>,
    /// The server's signal socket cannot be reached.
    pub(crate) signal_down: bool,
    next_frame: Instant,
    joined: u8,
}

pub(crate) fn server_addr() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 7882))
}

impl World {
    pub(crate) fn new(shape: Shape, seed: u64) -> Self {
        let now = start();
        Self {
            now,
            server: Server::new(server_addr(), now),
            link: Link::new(shape, seed),
            clients: BTreeMap::new(),
            signal_down: false,
            next_frame: now,
            joined: 0,
        }
    }

    pub(crate) fn join(&mut self, name: Name) {
        self.join_with(name, Permissions::default());
    }

    pub(crate) fn join_with(&mut self, name: Name, permissions: Permissions) {
        self.joined += 1;
        let addr = |port| SocketAddr::from(([10, 0, 1, self.joined], port));
        let config = ParticipantConfig {
            local_candidates: vec![addr(5000), addr(5001)],
            auto_subscribe: true,
            reconnect: true,
            seed: [self.joined; 32],
        };
        let client = Client {
            core: Participant::new(config, self.now),
            seen: Vec::new(),
            heard: BTreeMap::new(),
            texts: Vec::new(),
            talking: None,
            name,
            permissions,
            sid: None,
            online: false,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            dialing: None,
            frame: 0,
        };
        self.clients.insert(name, client);
        self.flush();
    }

    /// Joins and starts to speak; a frame every 20 ms from now on.
    pub(crate) fn join_talking(&mut self, name: Name) {
        self.join(name);
        self.talk(name);
    }

    pub(crate) fn talk(&mut self, name: Name) {
        let now = self.now;
        let client = self.clients.get_mut(name).unwrap();
        let publish = Publish {
            name: "voice".into(),
            source: TrackSource::Microphone,
            stereo: false,
            disable_dtx: false,
            muted: false,
        };
        client.talking = Some(client.core.publish(publish, now));
    }

    pub(crate) fn client(&mut self, name: Name) -> &mut Client {
        self.clients.get_mut(name).unwrap()
    }

    pub(crate) fn core(&mut self, name: Name) -> (&mut Participant, Instant) {
        let now = self.now;
        (&mut self.client(name).core, now)
    }

    pub(crate) fn say(&mut self, name: Name, text: &str, reliable: bool) -> bool {
        let user = proto::UserPacket {
            payload: text.as_bytes().to_vec(),
            ..Default::default()
        };
        let packet = proto::DataPacket {
            value: Some(Value::User(user)),
            ..Default::default()
        };
        let (core, now) = self.core(name);
        let sent = core.send_data(DataOut { packet, reliable }, now);
        self.flush();
        sent
    }

    /// Cuts a client's signal socket.
    pub(crate) fn cut_signal(&mut self, name: Name) {
        let now = self.now;
        let client = self.client(name);
        client.online = false;
        client.inbox.clear();
        client.outbox.clear();
        client.core.signal_lost(now);
        self.flush();
    }

    pub(crate) fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.now = self.next().max(self.now).min(end);
            self.step();
            if self.next() <= self.now {
                self.now += Duration::from_micros(100);
            }
        }
    }

    fn next(&self) -> Instant {
        let mut next = self.next_frame.min(self.server.sfu.poll_timeout().0);
        next = next.min(self.link.next().unwrap_or(next));
        for client in self.clients.values() {
            let fronts = [
                client.inbox.front().map(|(at, _)| *at),
                client.outbox.front().map(|(at, _)| *at),
                client.dialing.as_ref().map(|(at, _)| *at),
                Some(client.core.poll_timeout().0),
            ];
            next = fronts.into_iter().flatten().fold(next, Instant::min);
        }
        next
    }

    fn step(&mut self) {
        let now = self.now;
        if self.next_frame <= now {
            self.next_frame += FRAME;
            self.speak_frames();
        }
        while let Some(a) = self.link.arrive(now) {
            if a.to == server_addr() {
                self.server
                    .sfu
                    .handle_datagram(a.from, a.to, &a.bytes, now, now);
            } else if let Some(client) = self.clients.values_mut().find(|c| c.owns(a.to)) {
                client.core.handle_datagram(a.from, a.to, &a.bytes, now);
            }
        }
        self.deliver_signals();
        self.server.sfu.handle_timeout(now);
        for client in self.clients.values_mut() {
            client.core.handle_timeout(now);
        }
        self.flush();
    }

    fn speak_frames(&mut self) {
        for client in self.clients.values_mut() {
            let Some(track) = client.talking else {
                continue;
            };
            client.frame += 1;
            let mut payload = client.frame.to_be_bytes().to_vec();
            payload.extend(client.name.as_bytes());
            let payload = Bytes::from(payload);
            let audio = AudioOut {
                payload,
                duration_48k: 960,
                level: Some(25),
            };
            client.core.send_audio(track, audio, self.now);
        }
    }

    fn deliver_signals(&mut self) {
        let now = self.now;
        for name in self.clients.keys().copied().collect::<Vec<_>>() {
            self.answer_dial(name);
            let client = self.clients.get_mut(name).unwrap();
            while client.inbox.front().is_some_and(|(at, _)| *at <= now) {
                let (_, message) = client.inbox.pop_front().unwrap();
                let response = proto::SignalResponse {
                    message: Some(message),
                };
                client.core.handle_signal(response, now);
            }
            while client.outbox.front().is_some_and(|(at, _)| *at <= now) {
                let (_, request) = client.outbox.pop_front().unwrap();
                if let Some(sid) = &client.sid {
                    self.server.handle(sid, request, now);
                }
            }
        }
    }

    fn answer_dial(&mut self, name: Name) {
        let now = self.now;
        let client = self.clients.get_mut(name).unwrap();
        let due = client.dialing.as_ref().is_some_and(|(at, _)| *at <= now);
        let Some((_, resume)) = client.dialing.take_if(|_| due) else {
            return;
        };
        if self.signal_down {
            client
                .core
                .signal_failed(DialFailure::Unreachable("down".into()), now);
            return;
        }
        client.core.signal_opened(now);
        client.online = true;
        if let Some(sid) = resume.and_then(|s| ParticipantSid::parse(s).ok()) {
            if !self.server.resume(&sid, now) {
                let leave = proto::LeaveRequest {
                    action: proto::leave_request::Action::Reconnect as i32,
                    ..Default::default()
                };
                client
                    .inbox
                    .push_back((now + SIGNAL_DELAY, Response::Leave(leave)));
            }
            return;
        }
        let permissions = client.permissions.clone();
        let sid = self.server.join(name, Topology::Dual, permissions, now);
        client.sid = Some(sid);
    }

    /// Moves everything that was produced on its way.
    pub(crate) fn flush(&mut self) {
        let now = self.now;
        self.server.speak();
        while let Some(t) = self.server.sfu.poll_transmit() {
            self.link.send(t, now);
        }
        for (to, message) in std::mem::take(&mut self.server.outbox) {
            let receiver = self
                .clients
                .values_mut()
                .find(|c| c.sid.as_ref() == Some(&to));
            if let Some(client) = receiver.filter(|c| c.online) {
                client.inbox.push_back((now + SIGNAL_DELAY, message));
            }
        }
        for client in self.clients.values_mut() {
            while let Some(t) = client.core.poll_transmit() {
                self.link.send(t, now);
            }
            while let Some(request) = client.core.poll_signal() {
                if let (true, Some(message)) = (client.online, request.message) {
                    client.outbox.push_back((now + SIGNAL_DELAY, message));
                }
            }
            while let Some(event) = client.core.poll_event() {
                client.notice(event, now);
            }
        }
    }
}

impl Client {
    fn owns(&self, addr: SocketAddr) -> bool {
        // Clients are numbered in the order they joined; each owns one address.
        addr == self.addr(5000) || addr == self.addr(5001)
    }

    fn addr(&self, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 1, self.number()], port))
    }

    fn number(&self) -> u8 {
        self.core.config().seed[0]
    }

    fn notice(&mut self, event: Event, now: Instant) {
        match &event {
            Event::Dial(dial) => self.dialing = Some((now + SIGNAL_DELAY, dial.resume.clone())),
            Event::CloseSignal => {
                self.online = false;
                self.inbox.clear();
            }
            Event::Media { packet, .. } => {
                let (number, name) = packet.payload.split_at(4);
                let number = u32::from_be_bytes(number.try_into().unwrap());
                let name = ["ann", "bob", "cid", "dan"]
                    .into_iter()
                    .find(|n| n.as_bytes() == name);
                self.heard
                    .entry(name.unwrap())
                    .or_default()
                    .push((number, packet.seq));
                return;
            }
            Event::Data { packet, .. } => {
                if let Some(Value::User(user)) = &packet.value {
                    self.texts
                        .push(String::from_utf8(user.payload.clone()).unwrap());
                }
            }
            _ => {}
        }
        self.seen.push(event);
    }

    pub(crate) fn saw(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.seen.iter().any(wanted)
    }

    pub(crate) fn heard_from(&self, name: Name) -> &[(u32, u64)] {
        self.heard.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}
