//! Offers and answers.
//!
//! The engine's own descriptions are right about transport and codecs. What LiveKit needs on top
//! is decided here: which section carries which sender, under which ids, and that every section
//! that carries nothing says so.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use str0m::IceCreds;
use str0m::change::{SdpAnswer, SdpApi, SdpOffer};
use str0m::media::Direction as EngineDirection;
use str0m::media::MediaKind as EngineKind;

use crate::sdp::{self, Description, Direction, Kind, Msid, Section};

use super::Peer;
use super::error::SdpError;
use super::event::PeerEvent;
use super::pending::{Pending, PublishOptions, Shortage};
use super::role::{Role, Side};
use super::section::{MediaKind, Mid, Slot};
use super::sender::Sender;

impl Peer {
    /// Accepts an offer and answers it.
    ///
    /// # Errors
    /// The offer is unreadable or contradicts the session; the far end must start over.
    pub fn accept_offer(&mut self, sdp: &str, now: Instant) -> Result<String, SdpError> {
        sdp::check(sdp)?;
        let description = Description::parse(sdp);
        self.remote.admit(&description)?;
        let offer = SdpOffer::from_sdp_string(&self.for_engine(sdp))
            .map_err(|e| SdpError::Unreadable(e.to_string()))?;
        self.engine.advance(now);
        let accepted = self.engine.mutate(|rtc| rtc.sdp_api().accept_offer(offer));
        let answer = accepted.ok_or(SdpError::Closed)?;
        let answer = answer.map_err(|e| SdpError::Refused(e.to_string()))?;
        let mut text = Description::parse(&answer.to_sdp_string());
        // The engine stops reading where it does not understand, and says nothing of it.
        if text.sections().len() != description.sections().len() {
            return Err(SdpError::Refused("part of it cannot be read".to_owned()));
        }
        self.credentials.take_over(&mut self.engine);
        self.pending = None;
        self.learn(&description);
        self.place_on_remote_sections();
        let offered = description.by_mid();
        let senders = self.senders_by_mid();
        for section in text.sections_mut() {
            self.amend_answer(section, &offered, &senders);
        }
        self.open_wanted_channels();
        Ok(self.finish(text))
    }

    /// Writes an offer, or nothing if nothing changed.
    ///
    /// # Errors
    /// An offer is still open, or the connection has ended.
    pub fn create_offer(&mut self, now: Instant) -> Result<Option<String>, SdpError> {
        if self.pending.is_some() {
            return Err(SdpError::OfferOpen);
        }
        self.engine.advance(now);
        let mut plan = Plan::new(self);
        let created = self.engine.mutate(|rtc| {
            let mut api = rtc.sdp_api();
            plan.carry_out(&mut api);
            api.apply()
        });
        let created = created.ok_or(SdpError::Closed)?;
        self.restart = false;
        let Some((offer, pending)) = created else {
            return Ok(None);
        };
        let restart = plan
            .restarted
            .take()
            .map(|made| self.credentials.restart(made));
        for (slot, mid) in &plan.placed {
            if let Some(sender) = self.senders.get_mut(slot) {
                sender.mid = Some(*mid);
            }
        }
        let mut text = Description::parse(&offer.to_sdp_string());
        let senders = self.senders_by_mid();
        for section in text.sections_mut() {
            amend_offer(section, &senders);
        }
        let sections = text.sections().len();
        let text = self.finish(text);
        self.receive_sections = plan.receiving;
        self.pending = Some(Pending {
            offer: pending,
            text: text.clone(),
            placed: plan.placed,
            sections,
            restart,
        });
        Ok(Some(text))
    }

    /// Takes the answer to our open offer.
    ///
    /// # Errors
    /// There is no open offer, or the answer is unreadable or does not fit it.
    pub fn accept_answer(&mut self, sdp: &str, now: Instant) -> Result<(), SdpError> {
        let pending = self.pending.take().ok_or(SdpError::NoOfferOpen)?;
        sdp::check_answer(sdp, pending.sections)?;
        let description = Description::parse(sdp);
        self.remote.admit(&description)?;
        let answer = SdpAnswer::from_sdp_string(&self.for_engine(sdp))
            .map_err(|e| SdpError::Unreadable(e.to_string()))?;
        self.engine.advance(now);
        if pending.restart.is_none() {
            self.follow_restart(&description);
        }
        let offer = pending.offer;
        let accepted = self
            .engine
            .mutate(|rtc| rtc.sdp_api().accept_answer(offer, answer));
        let accepted = accepted.ok_or(SdpError::Closed)?;
        accepted.map_err(|e| SdpError::Refused(e.to_string()))?;
        if let Some(restart) = pending.restart {
            restart.complete(&mut self.engine);
        }
        self.learn(&description);
        let answered = description.by_mid();
        for (slot, mid) in pending.placed {
            self.assign(slot, mid, answered.get(mid.as_str()).copied());
        }
        Ok(())
    }

    /// A description as the engine gets it. A server leaves out the far end's candidates: the
    /// far end's checks reveal its address, and a server that checked what it is told to could
    /// be made to send anywhere.
    fn for_engine<'a>(&self, sdp: &'a str) -> Cow<'a, str> {
        match self.config.side {
            Side::Client => Cow::Borrowed(sdp),
            Side::Server => {
                let lines = sdp.split_inclusive('\n');
                let kept = lines.filter(|l| !l.starts_with("a=candidate:"));
                Cow::Owned(kept.collect())
            }
        }
    }

    /// Accepts that an answer brings ICE credentials other than those before, although we asked
    /// for no restart. The standard rules it out, but a client that gets a second offer before
    /// its transport has begun takes the first credentials it compares with for changed ones,
    /// and restarts.
    fn follow_restart(&mut self, answer: &Description) {
        let Some((ufrag, pass)) = answer.credentials() else {
            return;
        };
        let changed = |known: &(String, String)| known.0 != ufrag || known.1 != pass;
        if !self.remote.credentials().is_some_and(changed) {
            return;
        }
        tracing::debug!("the far end restarted ice within its answer");
        self.engine.set_remote_credentials(ufrag, pass);
    }

    /// The text of the offer that waits for its answer.
    #[must_use]
    pub fn open_offer(&self) -> Option<&str> {
        self.pending.as_ref().map(|p| p.text.as_str())
    }

    /// New ICE credentials with the next offer.
    pub fn restart_ice(&mut self) {
        self.restart = true;
    }

    /// Asks for sections to receive on with the next offer, as a browser pre-creates them.
    pub fn add_receivers(&mut self, kind: MediaKind, count: usize) {
        self.wanted_receivers
            .extend(std::iter::repeat_n(kind, count));
    }

    /// Tells a publisher how to encode what it sends on a section; used in answers.
    pub fn set_publish_options(&mut self, mid: Mid, options: PublishOptions) {
        self.publish_options.insert(mid, options);
    }

    /// True if the last descriptions no longer say what we send.
    #[must_use]
    pub fn needs_negotiation(&self) -> bool {
        let unplaced = self.senders.values().any(|s| s.mid.is_none());
        let channels = !self.wanted_channels.is_empty() && self.config.role == Role::Offerer;
        let ours = self.restart || channels || !self.wanted_receivers.is_empty();
        unplaced || !self.cooling.is_empty() || ours
    }

    /// Sections the offering far end must add so that all senders fit.
    #[must_use]
    pub fn shortage(&self) -> Shortage {
        let missing = |kind| {
            let waiting = self
                .senders
                .values()
                .filter(|s| s.kind == kind && s.mid.is_none());
            let mut used: BTreeSet<Mid> = self.senders.values().filter_map(|s| s.mid).collect();
            used.extend(&self.worn);
            let free = self
                .remote
                .receiving()
                .filter(|(m, k)| *k == kind && !used.contains(m));
            waiting.count().saturating_sub(free.count())
        };
        Shortage {
            audios: missing(MediaKind::Audio),
            videos: missing(MediaKind::Video),
        }
    }

    /// Track id per section we send on, complete, as LiveKit's `mid_to_track_id`.
    #[must_use]
    pub fn mid_to_track_id(&self) -> BTreeMap<String, String> {
        let placed = self
            .senders
            .values()
            .filter_map(|s| Some((s.mid?, &s.msid.track)));
        placed
            .map(|(mid, track)| (mid.to_string(), track.clone()))
            .collect()
    }

    fn learn(&mut self, description: &Description) {
        self.engine.negotiated();
        let changes = self.remote.update(description);
        self.engine.out.events.extend(changes);
    }

    /// Gives every waiting sender a section the far end offered to receive on, never one that
    /// carried another sender before.
    fn place_on_remote_sections(&mut self) {
        let offered: BTreeSet<Mid> = self.remote.receiving().map(|(mid, _)| mid).collect();
        for sender in self.senders.values_mut() {
            if sender.mid.is_some_and(|mid| !offered.contains(&mid)) {
                sender.mid = None;
                sender.live = false;
            }
        }
        let mut used: BTreeSet<Mid> = self.senders.values().filter_map(|s| s.mid).collect();
        used.extend(&self.worn);
        let free = |kind| {
            let sections = self.remote.receiving();
            let used = &used;
            sections.filter(move |(mid, k)| *k == kind && !used.contains(mid))
        };
        let mut audio = free(MediaKind::Audio);
        let mut video = free(MediaKind::Video);
        for sender in self.senders.values_mut().filter(|s| s.mid.is_none()) {
            let next = match sender.kind {
                MediaKind::Audio => audio.next(),
                MediaKind::Video => video.next(),
            };
            if let Some((mid, _)) = next {
                sender.mid = Some(mid);
                sender.live = true;
            }
        }
    }

    fn assign(&mut self, slot: Slot, mid: Mid, section: Option<&Section>) {
        let takes = |s: &Section| {
            !s.rejected() && matches!(s.direction(), Direction::RecvOnly | Direction::SendRecv)
        };
        let accepted = section.is_some_and(takes);
        let Some(sender) = self.senders.get_mut(&slot) else {
            return;
        };
        sender.mid = Some(mid);
        sender.live = accepted;
        if !accepted {
            self.engine
                .out
                .events
                .push_back(PeerEvent::SenderRefused(slot));
        }
    }

    fn senders_by_mid(&self) -> Placed<'_> {
        let senders = self.senders.values();
        senders.filter_map(|s| Some((s.mid?, s))).collect()
    }

    fn amend_answer(
        &self,
        section: &mut Section,
        offered: &BTreeMap<&str, &Section>,
        senders: &Placed<'_>,
    ) {
        let Some(mid) = section.mid().map(Mid::from) else {
            return;
        };
        let asked = offered.contains_key(mid.as_str());
        let media = matches!(section.kind(), Kind::Audio | Kind::Video);
        if !media || section.rejected() {
            return;
        }
        if self.remote.is_sending(mid) {
            section.set_direction(Direction::RecvOnly);
            section.remove_sources();
            self.add_publish_hints(section, mid);
        } else if let Some(sender) = senders.get(&mid).filter(|_| asked) {
            section.set_direction(Direction::SendOnly);
            section.set_msid(&sender.msid);
            if sender.stereo {
                section.add_fmtp("opus", "sprop-stereo=1");
            }
        } else {
            section.set_direction(Direction::Inactive);
            section.remove_sources();
        }
    }

    fn add_publish_hints(&self, section: &mut Section, mid: Mid) {
        if self.config.side == Side::Client {
            return;
        }
        let options = self.publish_options.get(&mid).copied().unwrap_or_default();
        if !options.disable_dtx {
            section.add_fmtp("opus", "usedtx=1");
        }
        if options.stereo {
            section.add_fmtp("opus", "stereo=1");
            section.add_fmtp("opus", "maxaveragebitrate=510000");
        }
    }

    /// The finished text; marks what it announces.
    fn finish(&mut self, mut text: Description) -> String {
        text.replace_session_line("a=msid-semantic", "a=msid-semantic: WMS *");
        let placed = self
            .senders
            .iter()
            .filter_map(|(slot, s)| Some((s.mid?, *slot)));
        self.announced = placed.collect();
        self.cooling.clear();
        self.credentials.written(text.to_string())
    }
}

/// The sender on each section.
type Placed<'a> = BTreeMap<Mid, &'a Sender>;

fn amend_offer(section: &mut Section, senders: &Placed<'_>) {
    let Some(mid) = section.mid().map(Mid::from) else {
        return;
    };
    let media = matches!(section.kind(), Kind::Audio | Kind::Video);
    if !media || section.rejected() {
        return;
    }
    match senders.get(&mid) {
        Some(sender) => {
            section.set_msid(&sender.msid);
            if sender.stereo {
                section.add_fmtp("opus", "sprop-stereo=1");
            }
        }
        None => section.remove_sources(),
    }
}

/// Changes one offer brings.
struct Plan {
    channels: Vec<str0m::channel::ChannelConfig>,
    receivers: Vec<MediaKind>,
    /// Sections offered for receiving. An answer may have made them inactive; every offer asks
    /// again, as a browser's transceiver does.
    receiving: Vec<Mid>,
    stop: BTreeMap<Mid, MediaKind>,
    reuse: Vec<(Slot, Mid)>,
    fresh: Vec<(Slot, MediaKind, Msid)>,
    restart: bool,
    /// The credentials the engine made up for the restart.
    restarted: Option<IceCreds>,
    placed: Vec<(Slot, Mid)>,
}

impl Plan {
    fn new(peer: &mut Peer) -> Self {
        let wanted = std::mem::take(&mut peer.wanted_channels);
        let mut plan = Self {
            channels: wanted
                .iter()
                .map(|(label, how)| how.config(label))
                .collect(),
            receivers: std::mem::take(&mut peer.wanted_receivers),
            receiving: peer.receive_sections.clone(),
            stop: peer.cooling.clone(),
            reuse: Vec::new(),
            fresh: Vec::new(),
            restart: peer.restart,
            restarted: None,
            placed: Vec::new(),
        };
        let engine = &peer.engine;
        peer.idle.retain(|mid| engine.section_is_usable(mid));
        for (slot, sender) in peer.senders.iter().filter(|(_, s)| s.mid.is_none()) {
            match peer.idle.take(sender.kind, &sender.msid.track) {
                Some(mid) => {
                    if peer.config.side == Side::Server {
                        peer.engine.renew_source(mid);
                    }
                    plan.reuse.push((*slot, mid));
                }
                None => plan.fresh.push((*slot, sender.kind, sender.msid.clone())),
            }
        }
        peer.idle
            .extend(plan.stop.iter().map(|(m, kind)| (*m, *kind)));
        plan
    }

    fn carry_out(&mut self, api: &mut SdpApi<'_>) {
        for config in self.channels.drain(..) {
            api.add_channel_with_config(config);
        }
        for mid in &self.receiving {
            api.set_direction(mid.0, EngineDirection::RecvOnly);
        }
        for kind in self.receivers.drain(..) {
            let recv = EngineDirection::RecvOnly;
            let mid = api.add_media(engine_kind(kind), recv, None, None, None);
            self.receiving.push(Mid(mid));
        }
        for mid in self.stop.keys() {
            api.set_direction(mid.0, EngineDirection::Inactive);
        }
        for (slot, mid) in self.reuse.drain(..) {
            api.set_direction(mid.0, EngineDirection::SendOnly);
            self.placed.push((slot, mid));
        }
        for (slot, kind, msid) in self.fresh.drain(..) {
            let (stream, track) = (Some(msid.stream), Some(msid.track));
            let kind = engine_kind(kind);
            let mid = api.add_media(kind, EngineDirection::SendOnly, stream, track, None);
            self.placed.push((slot, Mid(mid)));
        }
        if self.restart {
            self.restarted = Some(api.ice_restart(true));
        }
    }
}

fn engine_kind(kind: MediaKind) -> EngineKind {
    match kind {
        MediaKind::Audio => EngineKind::Audio,
        MediaKind::Video => EngineKind::Video,
    }
}
