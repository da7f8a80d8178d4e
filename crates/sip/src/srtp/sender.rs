//! What we send.

use std::collections::BTreeMap;

use super::cipher::{Cipher, MAX_RTCP_INDEX, Parts, Place};
use super::derive::Protocol;
use super::index::Rollover;
use super::master::MasterKey;
use crate::rtp::{header_length, is_rtcp};

/// Encrypts what goes out under one master key. Its streams begin at sequence numbers below 2^15, so
/// that a receiver who misses the first packets still counts right.
pub struct Sender {
    rtp: Cipher,
    rtcp: Cipher,
    streams: BTreeMap<u32, Rollover>,
    reports: u32,
    left: u64,
}

/// Why a packet was not encrypted; it must not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// The master key has encrypted as many packets as it may.
    #[error("the srtp key has served its time")]
    Lifetime,
    /// It is no packet.
    #[error("not an rtp packet")]
    Malformed,
}

impl Sender {
    /// Encrypts under a master key; `None` only where the machine cannot do the cipher.
    pub fn new(master: &MasterKey) -> Option<Self> {
        Some(Self {
            rtp: Cipher::new(master, Protocol::Rtp).ok()?,
            rtcp: Cipher::new(master, Protocol::Rtcp).ok()?,
            streams: BTreeMap::new(),
            reports: 0,
            left: master
                .lifetime
                .map_or(MAX_PACKETS, |told| told.0.min(MAX_PACKETS)),
        })
    }

    /// Goes on where another sender under this key stopped, or further on: with the packet of this
    /// number in this stream, and with this report. No number may have been used before.
    pub fn go_on(&mut self, ssrc: u32, index: u64, reports: u32) {
        if let Some(last) = index.checked_sub(1) {
            self.streams.entry(ssrc).or_default().advance(last);
        }
        self.reports = self.reports.max(reports);
        self.left = self.left.saturating_sub(index);
    }

    /// The number of the next report.
    pub const fn reports(&self) -> u32 {
        self.reports
    }

    /// Writes the encrypted packet into `out`, in place of what is there.
    ///
    /// # Errors
    /// [`Exhausted`]: nothing may be sent.
    pub fn rtp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Exhausted> {
        let clear = header_length(packet)
            .filter(|_| !is_rtcp(packet))
            .ok_or(Exhausted::Malformed)?;
        let sequence = number(packet, 2).ok_or(Exhausted::Malformed)?;
        let ssrc = long(packet, 8).ok_or(Exhausted::Malformed)?;
        self.left = self.left.checked_sub(1).ok_or(Exhausted::Lifetime)?;
        let stream = self.streams.entry(ssrc).or_default();
        let index = stream.index(sequence);
        stream.advance(index);
        let behind = u32::try_from(index >> 16).map_err(|_| Exhausted::Lifetime)?;
        let place = Place { ssrc, index };
        out.clear();
        out.extend_from_slice(packet);
        out.resize(packet.len() + self.rtp.tag(), 0);
        seal(&self.rtp, place, clear, behind, out)
    }

    /// The same for a compound packet of RTCP.
    ///
    /// # Errors
    /// [`Exhausted`]: nothing may be sent.
    pub fn rtcp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Exhausted> {
        let ssrc = long(packet, 4).ok_or(Exhausted::Malformed)?;
        if self.reports > MAX_RTCP_INDEX {
            return Err(Exhausted::Lifetime);
        }
        let place = Place {
            ssrc,
            index: u64::from(self.reports),
        };
        let word = self.reports | ENCRYPTED;
        self.reports += 1;
        out.clear();
        out.extend_from_slice(packet);
        out.resize(packet.len() + self.rtcp.tag(), 0);
        seal(&self.rtcp, place, RTCP_CLEAR, word, out)?;
        // GCM's tag ends what is encrypted, HMAC's ends the packet.
        let at = if self.rtcp.is_aead() {
            out.len()
        } else {
            packet.len()
        };
        out.splice(at..at, word.to_be_bytes());
        Ok(())
    }
}

/// `out` holds the packet and room for the tag.
fn seal(
    cipher: &Cipher,
    place: Place,
    clear: usize,
    behind: u32,
    out: &mut [u8],
) -> Result<(), Exhausted> {
    let (clear, body) = out
        .split_at_mut_checked(clear)
        .ok_or(Exhausted::Malformed)?;
    let parts = Parts {
        clear,
        behind: behind.to_be_bytes(),
        encrypted: true,
    };
    let sealed = cipher.seal(place, &parts, body);
    sealed.map_err(|_| Exhausted::Malformed)
}

pub(super) fn number(data: &[u8], at: usize) -> Option<u16> {
    crate::rtp::array(data, at).map(u16::from_be_bytes)
}

pub(super) fn long(data: &[u8], at: usize) -> Option<u32> {
    crate::rtp::array(data, at).map(u32::from_be_bytes)
}

/// RFC 3711 9.2.
const MAX_PACKETS: u64 = 1 << 48;

/// The first header of RTCP is in the clear.
pub(super) const RTCP_CLEAR: usize = 8;

/// The E bit.
pub(super) const ENCRYPTED: u32 = 1 << 31;
