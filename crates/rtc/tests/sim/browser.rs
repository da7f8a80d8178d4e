//! A single-connection client as browsers are: it offers, pre-creates receive sections, and adds
//! more when it is asked to.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{AddTrackRequest, SessionDescription, TrackSource, TrackType};
use trunkline_base::id::ParticipantSid;
use trunkline_rtc::peer::{
    Codec, Delivery, LOSSY, MediaKind, Peer, PeerConfig, PeerEvent, PeerInput, RELIABLE, Role,
    RtpOut, Side, Slot,
};
use trunkline_rtc::sfu::{Permissions, SfuEvent, Topology};

use super::server::Server;
use super::world::server_addr;
use crate::clock::start;

struct Browser {
    peer: Peer,
    sid: ParticipantSid,
    addr: SocketAddr,
    offers: u32,
    asked: u32,
    last_map: usize,
    seen: Vec<PeerEvent>,
    slot: Option<Slot>,
}

struct Page {
    server: Server,
    browsers: Vec<Browser>,
    now: Instant,
    frame: u64,
}

impl Page {
    fn new() -> Self {
        let now = start();
        Self {
            server: Server::new(server_addr(), now),
            browsers: Vec::new(),
            now,
            frame: 0,
        }
    }

    fn join(&mut self, name: &str) -> usize {
        let now = self.now;
        let sid = self
            .server
            .join(name, Topology::Single, Permissions::default(), now);
        let number = u8::try_from(self.browsers.len()).unwrap() + 1;
        let addr = SocketAddr::from(([10, 0, 2, number], 6000));
        let config = PeerConfig {
            role: Role::Offerer,
            side: Side::Client,
            local_candidates: vec![addr],
            seed: [number; 32],
        };
        let mut peer = Peer::new(config, now);
        peer.open_channel(RELIABLE, Delivery::Reliable);
        peer.open_channel(LOSSY, Delivery::Lossy);
        peer.add_receivers(MediaKind::Audio, 1);
        let browser = Browser {
            peer,
            sid,
            addr,
            offers: 0,
            asked: 0,
            last_map: 0,
            seen: Vec::new(),
            slot: None,
        };
        self.browsers.push(browser);
        self.offer(self.browsers.len() - 1);
        self.browsers.len() - 1
    }

    fn publish(&mut self, who: usize) {
        let browser = &mut self.browsers[who];
        let add = AddTrackRequest {
            cid: format!("cid-{who}"),
            r#type: TrackType::Audio as i32,
            source: TrackSource::Microphone as i32,
            ..Default::default()
        };
        let sid = browser.sid.clone();
        browser.slot = Some(browser.peer.add_audio_sender("-", &add.cid));
        self.offer(who);
        self.server.handle(&sid, Request::AddTrack(add), self.now);
    }

    fn offer(&mut self, who: usize) {
        let browser = &mut self.browsers[who];
        if browser.peer.open_offer().is_some() {
            return;
        }
        if let Some(sdp) = browser.peer.create_offer(self.now).unwrap() {
            browser.offers += 1;
            let (r#type, id) = ("offer".to_owned(), browser.offers);
            let offer = SessionDescription {
                r#type,
                sdp,
                id,
                ..Default::default()
            };
            let sid = browser.sid.clone();
            self.server.handle(&sid, Request::Offer(offer), self.now);
        }
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.now += Duration::from_millis(2);
            self.server.sfu.handle_timeout(self.now);
            for browser in &mut self.browsers {
                browser.peer.handle_timeout(self.now);
            }
            self.frame += 1;
            if self.frame.is_multiple_of(10) {
                self.speak();
            }
            self.exchange();
            self.listen();
        }
    }

    fn speak(&mut self) {
        let seq = self.frame / 10;
        for browser in &mut self.browsers {
            let Some(slot) = browser.slot.filter(|s| browser.peer.sender_is_live(*s)) else {
                continue;
            };
            let out = RtpOut {
                seq,
                timestamp: u32::try_from(seq).unwrap() * 960,
                marker: false,
                level: None,
                codec: Codec::Opus,
                payload: vec![1; 20].into(),
            };
            browser.peer.send_rtp(slot, out, self.now).unwrap();
        }
    }

    fn exchange(&mut self) {
        for _ in 0..4 {
            for browser in &mut self.browsers {
                while let Some(t) = browser.peer.poll_transmit() {
                    let now = self.now;
                    self.server
                        .sfu
                        .handle_datagram(t.from, t.to, &t.bytes, now, now);
                }
                browser
                    .seen
                    .extend(std::iter::from_fn(|| browser.peer.poll_event()));
            }
            while let Some(t) = self.server.sfu.poll_transmit() {
                if let Some(b) = self.browsers.iter_mut().find(|b| b.addr == t.to) {
                    let input = PeerInput::Datagram {
                        from: t.from,
                        to: t.to,
                        data: &t.bytes,
                    };
                    b.peer.handle_input(input, self.now);
                }
            }
        }
    }

    fn listen(&mut self) {
        self.server.speak();
        for (to, message) in std::mem::take(&mut self.server.outbox) {
            let Some(who) = self.browsers.iter().position(|b| b.sid == to) else {
                continue;
            };
            match message {
                Response::Answer(answer) => {
                    let browser = &mut self.browsers[who];
                    assert_eq!(answer.id, browser.offers);
                    browser.last_map = answer.mid_to_track_id.len();
                    browser.peer.accept_answer(&answer.sdp, self.now).unwrap();
                    if browser.peer.needs_negotiation() {
                        self.offer(who);
                    }
                }
                Response::MediaSectionsRequirement(wanted) => {
                    let browser = &mut self.browsers[who];
                    browser.asked += 1;
                    let audios = wanted.num_audios as usize;
                    browser.peer.add_receivers(MediaKind::Audio, audios);
                    self.offer(who);
                }
                Response::Offer(_) => panic!("a single-connection client must never be offered"),
                _ => {}
            }
        }
    }

    fn heard(&self, who: usize) -> usize {
        self.browsers[who]
            .seen
            .iter()
            .filter(|e| matches!(e, PeerEvent::Rtp(_)))
            .count()
    }
}

#[test]
fn single_connection_clients_get_as_many_sections_as_they_need() {
    let mut page = Page::new();
    let listener = page.join("listener");
    page.run(500);
    for n in 0..3 {
        let who = page.join(["a", "b", "c"][n]);
        page.run(300);
        page.publish(who);
    }
    page.run(2000);
    assert_eq!(page.browsers[listener].last_map, 3);
    assert!(page.browsers[listener].asked >= 1);
    assert!(
        page.browsers[listener].asked < 12,
        "{}",
        page.browsers[listener].asked
    );
    assert!(page.heard(listener) > 150, "{}", page.heard(listener));
    assert!(
        page.server
            .saw(|e| matches!(e, SfuEvent::TrackSubscribed { .. }))
    );
    let added = page.browsers[listener].seen.iter().filter_map(|e| match e {
        PeerEvent::MediaAdded(m) => Some(m.stream_id.clone()),
        _ => None,
    });
    assert!(
        added
            .clone()
            .all(|s| s.starts_with("PA_") && s.contains("|TR_AM"))
    );
    assert_eq!(added.count(), 3);
}

#[test]
fn negotiation_comes_to_rest() {
    let mut page = Page::new();
    let listener = page.join("listener");
    let who = page.join("a");
    page.run(300);
    page.publish(who);
    page.run(1000);
    let offers = page.browsers[listener].offers;
    page.run(3000);
    assert_eq!(page.browsers[listener].offers, offers);
}
