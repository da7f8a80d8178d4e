//! Offer and answer for one audio stream. Other sections are answered with port 0, never left out.

use std::net::{IpAddr, SocketAddr};

use super::codec::{Codec, OpusWishes, Preference, comfort_noise, keys, offered, preferred};
use super::crypto::{CryptoLine, Keys, LocalCrypto, Unfit, attribute};
use super::session::{Attribute, Direction, Media, Session};
use crate::host::{is_many, is_one};

/// Our side of a description.
#[derive(Clone, Debug)]
pub struct Local {
    /// Where we take media.
    pub address: SocketAddr,
    /// Codecs we allow, best first.
    pub codecs: Vec<Codec>,
    /// Identifies the session in `o=`.
    pub session_id: u64,
    /// Grows with every change.
    pub version: u64,
    /// Which way we want audio to flow.
    pub direction: Direction,
    /// Whether media is encrypted, and with which keys of ours.
    pub crypto: LocalCrypto,
}

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The codec.
    pub codec: Codec,
    /// Its payload type when we send.
    pub payload_type: u8,
    /// The payload type and clock rate of keys, if agreed.
    pub telephone_event: Option<(u8, u32)>,
    /// The payload type by which the other side may say that it is silent.
    pub comfort_noise: Option<u8>,
    /// What the other side wants of Opus.
    pub opus: OpusWishes,
    /// Where to send; `None` when the other side gave no usable address.
    pub remote: Option<SocketAddr>,
    /// Where to send reports.
    pub remote_rtcp: Option<SocketAddr>,
    /// Milliseconds in each packet we send.
    pub ptime: u8,
    /// Milliseconds that the other side takes in one packet at most.
    pub max_ptime: u8,
    /// Which way audio flows, seen from us.
    pub direction: Direction,
    /// What media is encrypted with, if it is.
    pub keys: Option<Box<Keys>>,
}

impl Agreement {
    /// Has the other side put us on hold?
    pub const fn on_hold(&self) -> bool {
        !self.direction.sends()
    }
}

/// Why an offer or answer does not fit: answer 488 with this warning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// No audio section we could use.
    #[error("no usable audio stream")]
    NoAudio,
    /// None of our codecs is offered.
    #[error("no codec in common: {} offered, {} taken", offered.join(", "), taken.join(", "))]
    NoCodec {
        /// What they speak.
        offered: Vec<String>,
        /// What we would.
        taken: Vec<&'static str>,
    },
    /// Its sound would go to many hosts at once.
    #[error("audio is sent to one host, never to a group or to all")]
    ForMany,
    /// Encryption does not come together.
    #[error(transparent)]
    Encryption(#[from] Unfit),
}

impl AnswerError {
    /// The code of a Warning header (RFC 3261 20.43).
    pub const fn warning(&self) -> u16 {
        match self {
            Self::NoAudio => 304,
            Self::NoCodec { .. } => 305,
            // Multicast is not to be had.
            Self::ForMany => 330,
            // Of transport protocols, as the encrypted ones are.
            Self::Encryption(_) => 302,
        }
    }
}

/// An offer of ours.
pub fn offer(local: &Local) -> Session {
    let mut session = describe(local);
    let mut formats: Vec<String> = local
        .codecs
        .iter()
        .map(|codec| codec.payload_type().to_string())
        .collect();
    let mut attributes: Vec<Attribute> = local
        .codecs
        .iter()
        .flat_map(|codec| codec.describe(codec.payload_type()))
        .collect();
    for (event, clock) in EVENT_TYPES {
        if local.codecs.iter().any(|codec| codec.clock_hz() == clock) {
            formats.push(event.to_string());
            attributes.extend(describe_keys(event, clock));
        }
    }
    attributes.push(Attribute::new("ptime", DEFAULT_PTIME.to_string()));
    attributes.push(Attribute::flag(local.direction.as_str()));
    attributes.extend(local.crypto.lines());
    session.media.push(Media {
        kind: "audio".to_owned(),
        port: local.address.port(),
        protocol: local.crypto.protocol().to_owned(),
        formats,
        connection: None,
        attributes,
    });
    session
}

/// Answers an offer: the first usable audio section is taken, an encrypted one before a plain one,
/// and everything else is refused in place. The codec is the one that we like best of those offered.
///
/// # Errors
/// [`AnswerError`] when nothing fits.
pub fn answer(offer: &Session, local: &Local) -> Result<(Session, Agreement), AnswerError> {
    let chosen = choose(offer, local)?;
    let mut session = describe(local);
    session.media = offer
        .media
        .iter()
        .enumerate()
        .map(|(at, media)| {
            if at == chosen.index {
                accepted(media, &chosen, local)
            } else {
                refused(media)
            }
        })
        .collect();
    Ok((session, chosen.agreement))
}

/// The section of an offer that is taken.
struct Chosen {
    index: usize,
    /// Our keys for it.
    line: Option<CryptoLine>,
    agreement: Agreement,
}

fn choose(offer: &Session, local: &Local) -> Result<Chosen, AnswerError> {
    let mut refusal = AnswerError::NoAudio;
    let mut plain = None;
    for (index, media) in offer.media.iter().enumerate() {
        if !is_audio(media) {
            continue;
        }
        let taken = match local.crypto.take(media) {
            Ok(taken) => taken,
            Err(Unfit::Protocol) => continue,
            Err(unfit) => {
                if refusal == AnswerError::NoAudio {
                    refusal = unfit.into();
                }
                continue;
            }
        };
        if goes_to_many(offer, media) {
            refusal = AnswerError::ForMany;
            continue;
        }
        let Some(mut agreement) = agree(offer, media, local, Preference::Ours) else {
            refusal = no_codec(media, local);
            continue;
        };
        let (line, keys) = taken.unzip();
        agreement.keys = keys.map(Box::new);
        let is_encrypted = line.is_some();
        let chosen = Chosen {
            index,
            line,
            agreement,
        };
        if is_encrypted {
            return Ok(chosen);
        }
        plain.get_or_insert(chosen);
    }
    plain.ok_or(refusal)
}

/// Has the other side turned its audio off, with port 0 in every section that could carry it? Some
/// phones hold a call that way (RFC 3264 8.2).
pub fn is_off(theirs: &Session) -> bool {
    let mut audio = theirs.media.iter().filter(|m| m.kind == "audio").peekable();
    audio.peek().is_some() && audio.all(|m| m.port == 0)
}

/// The answer that takes nothing of an offer.
pub fn decline(offer: &Session, local: &Local) -> Session {
    let mut session = describe(local);
    session.media = offer.media.iter().map(refused).collect();
    session
}

/// Reads the answer to an offer of ours.
///
/// # Errors
/// [`AnswerError`] when the other side took nothing we offered.
pub fn accept_answer(answer: &Session, local: &Local) -> Result<Agreement, AnswerError> {
    let media = answer
        .media
        .first()
        .filter(|m| is_audio(m))
        .ok_or(AnswerError::NoAudio)?;
    let keys = match local.crypto.taken(media) {
        Err(Unfit::Protocol) => return Err(AnswerError::NoAudio),
        keys => keys?,
    };
    if goes_to_many(answer, media) {
        return Err(AnswerError::ForMany);
    }
    let mut agreement =
        agree(answer, media, local, Preference::Theirs).ok_or_else(|| no_codec(media, local))?;
    agreement.keys = keys.map(Box::new);
    Ok(agreement)
}

fn no_codec(media: &Media, local: &Local) -> AnswerError {
    AnswerError::NoCodec {
        offered: offered(media),
        taken: local.codecs.iter().map(|codec| codec.name()).collect(),
    }
}

fn is_audio(media: &Media) -> bool {
    media.kind == "audio" && media.port != 0
}

fn agree(
    theirs: &Session,
    media: &Media,
    local: &Local,
    preference: Preference,
) -> Option<Agreement> {
    let (payload_type, codec) = preferred(media, &local.codecs, preference)?;
    let (ptime, max_ptime) = packet_times(theirs, media, codec);
    // Where our socket cannot send is as good as nowhere: the first packet will tell.
    let remote = theirs
        .address(media)
        .filter(|address| reaches(local, address.ip()));
    let theirs_to_us = theirs.direction(media).reversed();
    Some(Agreement {
        codec,
        payload_type,
        telephone_event: keys(media, codec),
        comfort_noise: comfort_noise(media, codec),
        opus: OpusWishes::of(media, payload_type),
        remote,
        remote_rtcp: remote.and_then(|remote| rtcp_address(media, remote, local)),
        ptime,
        max_ptime,
        direction: both(theirs_to_us, local.direction),
        keys: None,
    })
}

/// What flows when one side wants this and the other that.
fn both(a: Direction, b: Direction) -> Direction {
    match (a.sends() && b.sends(), a.receives() && b.receives()) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

/// The packet length the other side wants, if we can make it, and how much it allows. Zero and what
/// no packet could hold are no wish.
fn packet_times(theirs: &Session, media: &Media, codec: Codec) -> (u8, u8) {
    let read = |name: &str| {
        let of_session = || {
            theirs
                .attributes
                .iter()
                .find(|a| a.name == name)?
                .value
                .as_deref()
        };
        let text = media.attribute(name).or_else(of_session)?;
        let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
        let wish: u16 = digits.parse().ok()?;
        (1..=ABSURD_PTIME)
            .contains(&wish)
            .then(|| u8::try_from(wish).unwrap_or(MAX_PTIME))
    };
    let wanted = read("ptime").unwrap_or(DEFAULT_PTIME);
    let allowed = read("maxptime")
        .unwrap_or(MAX_PTIME)
        .clamp(MIN_PTIME, MAX_PTIME);
    let usable = wanted.clamp(MIN_PTIME, allowed);
    let ptime = match (codec, usable / MIN_PTIME * MIN_PTIME) {
        // Frames of Opus last 10, 20, 40 or 60 ms.
        (Codec::Opus, odd @ (30 | 50)) => odd - MIN_PTIME,
        (_, even) => even,
    };
    (ptime, allowed)
}

/// Can our socket send there, and to one host only? A phone elsewhere that names the loopback means
/// its own, where we reach others.
fn reaches(local: &Local, ip: IpAddr) -> bool {
    let ours = local.address.ip();
    let is_theirs = ip.is_loopback() && !ours.is_loopback();
    is_one(ip) && !is_theirs && ip.is_ipv4() == ours.is_ipv4()
}

fn goes_to_many(theirs: &Session, media: &Media) -> bool {
    theirs
        .address(media)
        .is_some_and(|address| is_many(address.ip()))
}

fn rtcp_address(media: &Media, remote: SocketAddr, local: &Local) -> Option<SocketAddr> {
    let mut words = media
        .attribute("rtcp")
        .unwrap_or_default()
        .split_whitespace();
    match words.next().map(str::parse::<u16>) {
        Some(Ok(0)) => None,
        Some(Ok(port)) => {
            let ip = words.nth(2).and_then(|ip| ip.parse::<IpAddr>().ok());
            let ip = ip.filter(|ip| reaches(local, *ip));
            Some(SocketAddr::new(ip.unwrap_or_else(|| remote.ip()), port))
        }
        _ => remote
            .port()
            .checked_add(1)
            .map(|port| SocketAddr::new(remote.ip(), port)),
    }
}

fn describe(local: &Local) -> Session {
    let ip = local.address.ip();
    let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
    Session {
        origin: format!("- {} {} IN {family} {ip}", local.session_id, local.version),
        name: "-".to_owned(),
        connection: Some(format!("IN {family} {ip}")),
        time: "0 0".to_owned(),
        attributes: Vec::new(),
        media: Vec::new(),
    }
}

fn accepted(theirs: &Media, chosen: &Chosen, local: &Local) -> Media {
    let agreement = &chosen.agreement;
    let mut formats = vec![agreement.payload_type.to_string()];
    let mut attributes = agreement.codec.describe(agreement.payload_type);
    if let Some(noise) = agreement.comfort_noise {
        formats.push(noise.to_string());
        attributes.push(rtpmap(noise, "CN", 8000));
    }
    if let Some((event, clock)) = agreement.telephone_event {
        formats.push(event.to_string());
        attributes.extend(describe_keys(event, clock));
    }
    attributes.push(Attribute::new("ptime", agreement.ptime.to_string()));
    attributes.push(Attribute::flag(agreement.direction.as_str()));
    attributes.extend(chosen.line.as_ref().map(attribute));
    Media {
        kind: theirs.kind.clone(),
        port: local.address.port(),
        protocol: theirs.protocol.clone(),
        formats,
        connection: None,
        attributes,
    }
}

fn refused(theirs: &Media) -> Media {
    Media {
        kind: theirs.kind.clone(),
        port: 0,
        protocol: theirs.protocol.clone(),
        formats: theirs.formats.clone(),
        connection: None,
        attributes: Vec::new(),
    }
}

fn describe_keys(payload_type: u8, clock: u32) -> [Attribute; 2] {
    [
        rtpmap(payload_type, "telephone-event", clock),
        Attribute::new("fmtp", format!("{payload_type} 0-15")),
    ]
}

fn rtpmap(payload_type: u8, name: &str, clock: u32) -> Attribute {
    Attribute::new("rtpmap", format!("{payload_type} {name}/{clock}"))
}

/// The payload types everybody uses for keys, one for each clock of a voice.
const EVENT_TYPES: [(u8, u32); 2] = [(101, 8000), (102, 48_000)];

/// More milliseconds than this in a packet is a typing error, not a wish.
const ABSURD_PTIME: u16 = 200;

const DEFAULT_PTIME: u8 = 20;
const MIN_PTIME: u8 = 10;
const MAX_PTIME: u8 = 60;
