//! The engine behind a peer, and the one place that keeps its contract.
//!
//! Every mutation goes through [`Engine::mutate`], which drains all output before it returns and
//! contains a panic of the engine to this peer.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use str0m::channel::ChannelId;
use str0m::media::{KeyframeRequestKind, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, IceCreds, Input, Output, Reason, Rtc};

use super::channel::{Channels, LOW_WATER};
use super::codec::Codec;
use super::config::PeerConfig;
use super::event::{PeerEvent, RtpIn, SenderReport, Transmit};
use super::section::Mid;
use crate::never::NEVER;

/// Errors in a row after which an engine that keeps failing is given up.
const MAX_POLL_ERRORS: u32 = 8;
/// How often connectivity checks are looked at while a path is sought: the least RFC 8445
/// (section 14.2) allows. The engine itself looks every 50 ms, also to answer a check that came
/// before the description, so that a path over a link of no length took 100 ms and more.
const PACE: Duration = Duration::from_millis(5);
/// A path that is there is found in a round trip or two; after this long the engine's own pace
/// does, and a peer that cannot be reached costs little.
const SEEKING: Duration = Duration::from_secs(2);
/// Sources whose section is remembered. A peer that sends from more is looked up again.
const MAX_SOURCES: usize = 4_096;

/// What the engine produced.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) transmits: VecDeque<Transmit>,
    pub(super) events: VecDeque<PeerEvent>,
    pub(super) wake: (Instant, &'static str),
}

/// The engine and what must be known to translate its events.
#[derive(Debug)]
pub(super) struct Engine {
    rtc: Rtc,
    pub(super) out: Outbox,
    pub(super) channels: Channels,
    /// Section per source, learnt from packets.
    sources: BTreeMap<u32, Mid>,
    /// Codec per payload type, as negotiated.
    codecs: BTreeMap<u8, Codec>,
    now: Instant,
    connected: bool,
    has_path: bool,
    path_lost: bool,
    /// Until when a path is sought at [`PACE`].
    seeking: Option<Instant>,
    closed: bool,
}

impl Engine {
    pub(super) fn new(config: &PeerConfig, credentials: IceCreds, now: Instant) -> Self {
        let mut engine = Self {
            rtc: config.build(credentials, now),
            out: Outbox {
                transmits: VecDeque::new(),
                events: VecDeque::new(),
                wake: (now + NEVER, "nothing"),
            },
            channels: Channels::default(),
            sources: BTreeMap::new(),
            codecs: BTreeMap::new(),
            now,
            connected: false,
            has_path: false,
            path_lost: false,
            seeking: None,
            closed: false,
        };
        for addr in &config.local_candidates {
            engine.add_local_candidate(*addr);
        }
        engine
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.closed && self.rtc.is_alive()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected && !self.closed
    }

    pub(super) fn has_path(&self) -> bool {
        self.has_path && self.is_connected()
    }

    /// One mutation, then a full drain. `None` if the engine has ended, also by its own panic.
    pub(super) fn mutate<T>(&mut self, act: impl FnOnce(&mut Rtc) -> T) -> Option<T> {
        if self.closed {
            return None;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let value = act(&mut self.rtc);
            self.drain();
            value
        }));
        if outcome.is_err() {
            tracing::error!("webrtc engine failed and its connection was closed");
            self.end();
        }
        outcome.ok()
    }

    /// Brings the engine's time up to `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.mutate(|rtc| {
            if let Err(error) = rtc.handle_input(Input::Timeout(now)) {
                tracing::debug!(%error, "webrtc timeout failed");
            }
        });
    }

    pub(super) fn receive(&mut self, from: SocketAddr, to: SocketAddr, data: &[u8], now: Instant) {
        let Ok(receive) = Receive::new(Protocol::Udp, from, to, data) else {
            return;
        };
        self.now = self.now.max(now);
        self.mutate(|rtc| {
            if let Err(error) = rtc.handle_input(Input::Receive(now, receive)) {
                tracing::trace!(%error, "datagram ignored");
            }
        });
    }

    pub(super) fn accepts(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
        now: Instant,
    ) -> bool {
        let receive = Receive::new(Protocol::Udp, from, to, data);
        receive.is_ok_and(|r| self.rtc.accepts(&Input::Receive(now, r)))
    }

    pub(super) fn add_local_candidate(&mut self, addr: SocketAddr) {
        match Candidate::host(addr, "udp") {
            Ok(candidate) => {
                self.mutate(|rtc| rtc.add_local_candidate(candidate).is_some());
            }
            Err(error) => tracing::warn!(%error, "local address is not usable"),
        }
    }

    pub(super) fn local_credentials(&mut self) -> Option<IceCreds> {
        self.mutate(|rtc| rtc.direct_api().local_ice_credentials())
    }

    pub(super) fn set_local_credentials(&mut self, credentials: IceCreds) {
        self.mutate(|rtc| rtc.direct_api().set_local_ice_credentials(credentials));
    }

    pub(super) fn set_remote_credentials(&mut self, ufrag: &str, pass: &str) {
        let (ufrag, pass) = (ufrag.to_owned(), pass.to_owned());
        let credentials = IceCreds { ufrag, pass };
        self.mutate(|rtc| rtc.direct_api().set_remote_ice_credentials(credentials));
    }

    /// Forgets what a negotiation may have changed and learns the new payload types.
    pub(super) fn negotiated(&mut self) {
        if !self.has_path {
            self.seeking = Some(self.now + SEEKING);
            self.hurry();
        }
        self.sources.clear();
        let params = self.rtc.codec_config().params().iter();
        self.codecs = params
            .map(|p| (*p.pt(), Codec::from_engine(p.spec().codec)))
            .collect();
    }

    /// Payload type under which a section carries a codec.
    pub(super) fn payload_type(&self, mid: Mid, codec: Codec) -> Option<Pt> {
        let agreed = self.rtc.media(mid.0)?.remote_pts();
        let matches = |pt: &&Pt| self.codecs.get(&***pt) == Some(&codec);
        agreed.iter().find(matches).copied()
    }

    /// True if a section exists and was not refused for good.
    pub(super) fn section_is_usable(&self, mid: Mid) -> bool {
        self.rtc.media(mid.0).is_some_and(|m| !m.disabled())
    }

    /// A new source for a section that will carry another track. libwebrtc attaches a track's
    /// sinks anew only when the source changes: under the old one it decodes, but nobody hears.
    pub(super) fn renew_source(&mut self, mid: Mid) {
        self.mutate(|rtc| {
            let mut api = rtc.direct_api();
            let (ssrc, repair) = (api.new_ssrc(), api.new_ssrc());
            let repaired = api
                .stream_tx_by_mid(mid.0, None)
                .is_some_and(|s| s.rtx().is_some());
            api.reset_stream_tx(mid.0, None, ssrc, repaired.then_some(repair));
        });
    }

    pub(super) fn write_rtp(&mut self, mid: Mid, write: RtpWrite, now: Instant) -> Option<()> {
        let written = self.mutate(|rtc| {
            let mut api = rtc.direct_api();
            let stream = api.stream_tx_by_mid(mid.0, None)?;
            stream.write_rtp(write);
            Some(())
        });
        self.advance(now);
        written.flatten()
    }

    /// Bytes waiting on all channels.
    pub(super) fn buffered(&mut self) -> usize {
        let channels = std::mem::take(&mut self.channels);
        let waiting = self.mutate(|rtc| channels.buffered(rtc));
        self.channels = channels;
        waiting.unwrap_or_default()
    }

    pub(super) fn request_keyframe(&mut self, mid: Mid) {
        self.mutate(|rtc| {
            let mut api = rtc.direct_api();
            if let Some(stream) = api.stream_rx_by_mid(mid.0, None) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        });
    }

    pub(super) fn close(&mut self) {
        self.mutate(|rtc| {
            if let Err(error) = rtc.close() {
                tracing::debug!(%error, "closing failed");
            }
        });
        self.end();
    }

    fn end(&mut self) {
        if !self.closed {
            self.closed = true;
            self.connected = false;
            self.out.wake = (self.now + NEVER, "closed");
            self.out.events.push_back(PeerEvent::Closed);
        }
    }

    fn drain(&mut self) {
        let mut errors = 0;
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.out.wake = (at, reason(self.rtc.last_timeout_reason()));
                    self.hurry();
                    break;
                }
                Ok(Output::Transmit(t)) => self.on_transmit(Transmit {
                    from: t.source,
                    to: t.destination,
                    bytes: t.contents.into(),
                }),
                Ok(Output::Event(event)) => self.on_event(event),
                Err(error) => {
                    tracing::debug!(%error, "webrtc engine error");
                    errors += 1;
                    if errors >= MAX_POLL_ERRORS {
                        self.rtc.disconnect();
                        break;
                    }
                }
            }
        }
        if !self.rtc.is_alive() {
            self.end();
        }
    }

    /// The engine answers a check only when its integrity is right, so that an answer of ours
    /// says who has proved to know our password. Nothing else the engine tells says it.
    fn on_transmit(&mut self, transmit: Transmit) {
        if crate::demux::is_check_answered(&transmit.bytes) {
            let from = transmit.to;
            self.out.events.push_back(PeerEvent::Checked { from });
        }
        self.out.transmits.push_back(transmit);
    }

    /// Wakes earlier than the engine asks for while a path is sought.
    fn hurry(&mut self) {
        if self.has_path || self.seeking.is_some_and(|until| self.now >= until) {
            self.seeking = None;
        }
        let soon = self.now + PACE;
        if self.seeking.is_some() && soon < self.out.wake.0 {
            self.out.wake = (soon, "seeking a path");
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.out.events.push_back(PeerEvent::Connected);
            }
            Event::IceConnectionStateChange(state) => self.on_ice(state),
            Event::RtpPacket(packet) => self.on_rtp(packet),
            Event::ChannelOpen(id, label) => self.on_channel_open(id, label),
            Event::ChannelData(data) => {
                if let Some(label) = self.channels.label(data.id).map(str::to_owned) {
                    self.out.events.push_back(PeerEvent::Data {
                        label,
                        bytes: data.data,
                    });
                }
            }
            Event::ChannelClose(id) => {
                if let Some(label) = self.channels.closed(id) {
                    self.out
                        .events
                        .push_back(PeerEvent::ChannelClosed { label });
                }
            }
            Event::ChannelBufferedAmountLow(id) => {
                if let Some(label) = self.channels.label(id).map(str::to_owned) {
                    self.out
                        .events
                        .push_back(PeerEvent::ChannelDrained { label });
                }
            }
            Event::KeyframeRequest(request) => {
                self.out.events.push_back(PeerEvent::KeyframeRequest {
                    mid: Mid(request.mid),
                });
            }
            Event::Closed => self.end(),
            _ => {}
        }
    }

    fn on_channel_open(&mut self, id: ChannelId, label: String) {
        if !self.channels.opened(id, &label) {
            return;
        }
        if let Some(mut channel) = self.rtc.channel(id) {
            channel.set_buffered_amount_low_threshold(LOW_WATER);
        }
        self.out.events.push_back(PeerEvent::ChannelOpen { label });
    }

    fn on_ice(&mut self, state: IceConnectionState) {
        self.has_path = state.is_connected();
        if state.is_disconnected() && !self.path_lost {
            self.path_lost = true;
            self.out.events.push_back(PeerEvent::Disconnected);
        } else if state.is_connected() && self.path_lost {
            self.path_lost = false;
            self.out.events.push_back(PeerEvent::Reconnected);
        }
    }

    fn on_rtp(&mut self, packet: RtpPacket) {
        let ssrc = *packet.header.ssrc;
        let Some(mid) = self.section_of(&packet) else {
            return;
        };
        let codec = self.codecs.get(&*packet.header.payload_type).copied();
        let report = packet.last_sender_info.map(|info| SenderReport {
            at: info.ntp_time,
            rtp: low_bits(info.rtp_time.numer()),
        });
        self.out.events.push_back(PeerEvent::Rtp(RtpIn {
            mid,
            ssrc,
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            level: packet
                .header
                .ext_vals
                .audio_level
                .map(|l| l.saturating_neg().max(0)),
            codec: codec.unwrap_or(Codec::Other),
            payload: packet.payload,
            arrival: packet.timestamp,
            report,
        }));
    }

    /// The section of a packet. The header names it only until the first receiver report.
    fn section_of(&mut self, packet: &RtpPacket) -> Option<Mid> {
        let ssrc = *packet.header.ssrc;
        if let Some(mid) = self.sources.get(&ssrc) {
            return Some(*mid);
        }
        let mut api = self.rtc.direct_api();
        let mid = Mid(api.stream_rx(&packet.header.ssrc)?.mid());
        if self.sources.len() >= MAX_SOURCES {
            self.sources.clear();
        }
        self.sources.insert(ssrc, mid);
        Some(mid)
    }
}

fn low_bits(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default()
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NotHappening => "nothing",
        Reason::DTLS => "dtls",
        Reason::Ice => "ice",
        Reason::Sctp => "sctp",
        Reason::Channel => "data channel",
        Reason::Feedback => "rtcp report",
        Reason::Nack => "nack",
        Reason::Twcc => "transport feedback",
        Reason::SendStream => "rtp out",
        _ => "webrtc",
    }
}
