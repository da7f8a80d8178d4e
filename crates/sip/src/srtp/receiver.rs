//! What comes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cipher::{Cipher, MAX_RTCP_INDEX, Parts, Place};
use super::derive::Protocol;
use super::index::{Rollover, Window};
use super::master::MasterKey;
use super::sender::{ENCRYPTED, RTCP_CLEAR, long, number};
use crate::rtp::{header_length, is_rtcp};

/// Decrypts what the other side sends.
pub struct Receiver {
    keys: Vec<Keyed>,
    /// Bytes of the key's name in each packet.
    mki: usize,
    streams: BTreeMap<u32, Stream>,
    reports: BTreeMap<u32, Window>,
}

struct Keyed {
    mki: Vec<u8>,
    rtp: Cipher,
    rtcp: Cipher,
}

#[derive(Clone, Copy, Default)]
struct Stream {
    rollover: Rollover,
    window: Window,
}

/// The latest number of each source. Without it nobody knows how often the 16 bits of a packet have
/// run over (RFC 3711 3.3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Of packets.
    pub rtp: Vec<(u32, u64)>,
    /// Of reports.
    pub rtcp: Vec<(u32, u64)>,
}

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unprotected {
    /// Not as much as a header and a tag.
    #[error("too short for an encrypted packet")]
    Malformed,
    /// Its tag does not hold: another key, damage, or a stranger.
    #[error("authentication failed")]
    Authentication,
    /// It was here before.
    #[error("replayed")]
    Replay,
    /// More sources than any phone has.
    #[error("too many sources")]
    Sources,
}

impl Unprotected {
    /// One word for counters.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Malformed => "srtp_malformed",
            Self::Authentication => "srtp_auth",
            Self::Replay => "srtp_replay",
            Self::Sources => "srtp_sources",
        }
    }
}

impl Receiver {
    /// Decrypts under the keys of one description, each of which has a name of the same length
    /// where there are several. `None` for no key, or where the machine cannot do the cipher.
    pub fn new(keys: &[MasterKey]) -> Option<Self> {
        let name = |key: &MasterKey| key.mki.as_ref().map_or(&[][..], |mki| &mki.0).to_vec();
        let mki = name(keys.first()?).len();
        let keyed = keys.iter().filter(|key| name(key).len() == mki);
        let keys = keyed.map(|key| {
            Some(Keyed {
                mki: name(key),
                rtp: Cipher::new(key, Protocol::Rtp).ok()?,
                rtcp: Cipher::new(key, Protocol::Rtcp).ok()?,
            })
        });
        Some(Self {
            keys: keys.collect::<Option<_>>()?,
            mki,
            streams: BTreeMap::new(),
            reports: BTreeMap::new(),
        })
    }

    /// How far each stream and each source of reports has come.
    pub fn heard(&self) -> Heard {
        let rtp = self.streams.iter();
        let rtp = rtp.filter_map(|(ssrc, stream)| Some((*ssrc, stream.rollover.highest()?)));
        let rtcp = self.reports.iter();
        let rtcp = rtcp.filter_map(|(ssrc, window)| Some((*ssrc, window.highest()?)));
        Heard {
            rtp: rtp.take(KEPT).collect(),
            rtcp: rtcp.take(KEPT).collect(),
        }
    }

    /// Goes on where another receiver under these keys stopped: what that has heard is not new.
    pub fn go_on(&mut self, heard: &Heard) {
        for (ssrc, index) in heard.rtp.iter().take(KEPT) {
            let stream = self.streams.entry(*ssrc).or_default();
            stream.rollover.advance(*index);
            stream.window = Window::after(*index);
        }
        for (ssrc, index) in heard.rtcp.iter().take(KEPT) {
            self.reports.insert(*ssrc, Window::after(*index));
        }
    }

    /// Writes the packet as it was before its encryption into `out`, in place of what is there.
    /// After an error nothing is left in `out`.
    ///
    /// # Errors
    /// [`Unprotected`].
    pub fn rtp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Unprotected> {
        out.clear();
        let clear = header_length(packet)
            .filter(|_| !is_rtcp(packet))
            .ok_or(Unprotected::Malformed)?;
        let sequence = number(packet, 2).ok_or(Unprotected::Malformed)?;
        let ssrc = long(packet, 8).ok_or(Unprotected::Malformed)?;
        let mut stream = match self.streams.get(&ssrc) {
            Some(stream) => *stream,
            None if self.streams.len() < SOURCES => Stream::default(),
            None => return Err(Unprotected::Sources),
        };
        let index = stream.rollover.index(sequence);
        if !stream.window.is_new(index) {
            return Err(Unprotected::Replay);
        }
        let behind = u32::try_from(index >> 16).map_err(|_| Unprotected::Replay)?;
        let tag = self.keys.first().map_or(0, |key| key.rtp.tag());
        let is_aead = self.keys.first().is_some_and(|key| key.rtp.is_aead());
        let cut = Cut::of(packet, clear, (tag, self.mki), is_aead)?;
        let key = self.key(cut.mki)?;
        let parts = Parts {
            clear: cut.clear,
            behind: behind.to_be_bytes(),
            encrypted: true,
        };
        let place = Place { ssrc, index };
        open(&key.rtp, place, &parts, [cut.body, cut.tag], out)?;
        stream.rollover.advance(index);
        stream.window.take(index);
        self.streams.insert(ssrc, stream);
        Ok(())
    }

    /// The same for a compound packet of RTCP.
    ///
    /// # Errors
    /// [`Unprotected`].
    pub fn rtcp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Unprotected> {
        out.clear();
        let ssrc = long(packet, 4).ok_or(Unprotected::Malformed)?;
        let tag = self.keys.first().map_or(0, |key| key.rtcp.tag());
        let is_aead = self.keys.first().is_some_and(|key| key.rtcp.is_aead());
        // With GCM: tag, index, name. With HMAC: index, name, tag.
        let (cut, word) = if is_aead {
            let named = packet.len().checked_sub(self.mki + INDEX);
            let at = named.ok_or(Unprotected::Malformed)?;
            let word = long(packet, at).ok_or(Unprotected::Malformed)?;
            let rest = packet.get(..at).ok_or(Unprotected::Malformed)?;
            let mut cut = Cut::of(rest, RTCP_CLEAR, (tag, 0), true)?;
            cut.mki = packet.get(at + INDEX..).unwrap_or_default();
            (cut, word)
        } else {
            let mut cut = Cut::of(packet, RTCP_CLEAR, (tag, self.mki), false)?;
            let (body, word) = cut
                .body
                .split_last_chunk::<INDEX>()
                .ok_or(Unprotected::Malformed)?;
            cut.body = body;
            (cut, u32::from_be_bytes(*word))
        };
        let index = u64::from(word & MAX_RTCP_INDEX);
        let mut window = match self.reports.get(&ssrc) {
            Some(window) => *window,
            None if self.reports.len() < SOURCES => Window::default(),
            None => return Err(Unprotected::Sources),
        };
        if !window.is_new(index) {
            return Err(Unprotected::Replay);
        }
        let key = self.key(cut.mki)?;
        let parts = Parts {
            clear: cut.clear,
            behind: word.to_be_bytes(),
            encrypted: word & ENCRYPTED != 0,
        };
        let place = Place { ssrc, index };
        open(&key.rtcp, place, &parts, [cut.body, cut.tag], out)?;
        window.take(index);
        self.reports.insert(ssrc, window);
        Ok(())
    }

    fn key(&self, mki: &[u8]) -> Result<&Keyed, Unprotected> {
        let named = self.keys.iter().find(|key| key.mki == mki);
        named.ok_or(Unprotected::Authentication)
    }
}

/// The parts of a packet.
struct Cut<'a> {
    clear: &'a [u8],
    body: &'a [u8],
    mki: &'a [u8],
    tag: &'a [u8],
}

impl<'a> Cut<'a> {
    /// The name of the key stands before HMAC's tag, and behind GCM's.
    fn of(
        packet: &'a [u8],
        clear: usize,
        (tag, mki): (usize, usize),
        tag_first: bool,
    ) -> Result<Self, Unprotected> {
        let cut = || {
            let (clear, rest) = packet.split_at_checked(clear)?;
            let (body, end) = rest.split_at_checked(rest.len().checked_sub(tag + mki)?)?;
            let (first, second) = end.split_at_checked(if tag_first { tag } else { mki })?;
            let (mki, tag) = if tag_first {
                (second, first)
            } else {
                (first, second)
            };
            Some(Self {
                clear,
                body,
                mki,
                tag,
            })
        };
        cut().ok_or(Unprotected::Malformed)
    }
}

fn open(
    cipher: &Cipher,
    place: Place,
    parts: &Parts<'_>,
    [body, tag]: [&[u8]; 2],
    out: &mut Vec<u8>,
) -> Result<(), Unprotected> {
    for part in [parts.clear, body, tag] {
        out.extend_from_slice(part);
    }
    let opened = out
        .get_mut(parts.clear.len()..)
        .map(|sealed| cipher.open(place, parts, sealed));
    if matches!(opened, Some(Ok(()))) {
        out.truncate(parts.clear.len() + body.len());
        return Ok(());
    }
    out.clear();
    Err(Unprotected::Authentication)
}

/// Bytes of RTCP's index.
const INDEX: usize = 4;

/// Sources under one key. Each has shown that it knows the key, so filling it means a phone that
/// takes a new source for every few words; what it forgot could be played to us again.
const SOURCES: usize = 256;

/// Sources that are written down: a phone has one, and one more for its keys.
const KEPT: usize = 8;
