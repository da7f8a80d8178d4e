//! Symmetric RTP with a lock: media goes to where media comes from, and while the one we know
//! sends, nobody can take it over.
//!
//! ```text
//!   nothing ──a packet from the SDP's address──────────────────────► locked there
//!      └──answered, and 5 in a row of one other source (a NAT)─────► locked there
//!   locked  ──a packet from the SDP's address──────────────────────► locked there
//!      ├──2 s of silence, and another source goes on with the same
//!      │  SSRC and the next numbers (the NAT has mapped it anew)───► locked there
//!      ├──2 s of silence since an offer, and 5 in a row of another─► locked there
//!      └──an offer that names another address──► nothing; the one we knew is still heard, and
//!                                                stays if nobody comes from the new address
//! ```
//! Packets from anywhere else are not played and do not move anything. A source that has nothing to
//! do with the signalling waits longer than one that shares its host. RTCP is taken from the host of
//! the locked source, under the SSRC of its voice, or from the address the SDP names.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::packet::Header;

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latched {
    /// It is from the right place.
    Accept,
    /// It is from a new place, which is the right one from now on.
    Moved,
    /// Drop it.
    Ignore,
}

/// Where media goes and whence it is taken.
#[derive(Debug)]
pub struct Latch {
    /// Whence the signalling comes: the phone's voice mostly comes from there too.
    host: Option<IpAddr>,
    signalled: Option<SocketAddr>,
    locked: Option<Source>,
    /// Who was locked before the latest offer named another address.
    former: Option<Source>,
    candidates: Vec<Candidate>,
    /// Since when strangers may be the phone: the answer, or a later offer.
    opened: Option<Instant>,
    /// The phone is expected to send; it is not on hold.
    expected: bool,
    /// There was an offer since the locked source was last heard.
    reopened: bool,
    rtcp: Option<SocketAddr>,
    moves: u32,
}

/// Someone whose packets were taken.
#[derive(Clone, Copy, Debug)]
struct Source {
    address: SocketAddr,
    ssrc: u32,
    sequence: u16,
    last: Instant,
}

#[derive(Debug)]
struct Candidate {
    address: SocketAddr,
    ssrc: u32,
    next: u16,
    packets: u8,
    last: Instant,
}

impl Latch {
    /// Nothing is known but the host that signals, if any.
    pub const fn new(host: Option<IpAddr>) -> Self {
        Self {
            host,
            signalled: None,
            locked: None,
            former: None,
            candidates: Vec::new(),
            opened: None,
            expected: true,
            reopened: false,
            rtcp: None,
            moves: 0,
        }
    }

    /// The signalling comes from there.
    pub const fn signals_from(&mut self, host: IpAddr) {
        self.host = Some(host);
    }

    /// Where to send.
    pub fn target(&self) -> Option<SocketAddr> {
        let locked = self.locked.as_ref().map(|locked| locked.address);
        locked.or(self.signalled)
    }

    /// Where to send reports, when the SDP names this address for them.
    pub fn rtcp_target(&self, signalled: Option<SocketAddr>) -> Option<SocketAddr> {
        let Some(locked) = self.locked.as_ref().map(|locked| locked.address) else {
            return signalled;
        };
        if self.rtcp.is_some() {
            return self.rtcp;
        }
        if Some(locked) == self.signalled {
            return signalled;
        }
        Some(SocketAddr::new(locked.ip(), locked.port().checked_add(1)?))
    }

    /// How many times the source changed after the first lock.
    pub const fn moves(&self) -> u32 {
        self.moves
    }

    /// The call is answered: from now on the phone may send from behind a NAT.
    pub fn open(&mut self, now: Instant) {
        self.opened.get_or_insert(now);
    }

    /// An offer or answer named an address (perhaps none, as on hold, or the same), and whether the
    /// phone will send.
    pub fn agree(&mut self, signalled: Option<SocketAddr>, expected: bool, now: Instant) {
        self.expected = expected;
        self.reopened = true;
        self.candidates.clear();
        if signalled.is_none() || signalled == self.signalled {
            return;
        }
        self.signalled = signalled;
        if self
            .locked
            .is_some_and(|locked| Some(locked.address) != signalled)
        {
            self.former = self.locked.take();
            self.rtcp = None;
        }
        if self.opened.is_some() {
            self.opened = Some(now);
        }
    }

    /// Judges a packet; `voice` says that it is one of the voice and not, say, of a key that has a
    /// stream of its own.
    pub fn on_packet(
        &mut self,
        source: SocketAddr,
        header: &Header,
        voice: bool,
        now: Instant,
    ) -> Latched {
        if let Some(locked) = self.locked.as_mut().filter(|l| l.address == source) {
            locked.heard(header, voice, now);
            self.reopened = false;
            return Latched::Accept;
        }
        if self.signalled == Some(source) {
            return self.lock(source, header, now);
        }
        let believed = match &self.locked {
            Some(locked) => {
                let quiet = now.saturating_duration_since(locked.last);
                let continues = locked.continues(header, quiet);
                let fresh = self.reopened && self.expected;
                let enough = if continues { CONTINUED } else { PROBATION };
                (continues || fresh)
                    && self.probation(source, header, now) >= enough
                    && quiet >= SILENCE
            }
            None => {
                if self.heard_former(source, header, voice, now) {
                    return Latched::Accept;
                }
                self.may_begin(source, header, now)
            }
        };
        if believed {
            self.lock(source, header, now)
        } else {
            Latched::Ignore
        }
    }

    /// Judges an RTCP packet by its source and sender; learns where the phone's reports come from.
    pub fn on_rtcp(
        &mut self,
        source: SocketAddr,
        sender: u32,
        signalled: Option<SocketAddr>,
        now: Instant,
    ) -> bool {
        let known = self
            .locked
            .as_mut()
            .filter(|locked| locked.address.ip() == source.ip() && locked.ssrc == sender);
        let Some(locked) = known else {
            return signalled == Some(source);
        };
        locked.last = locked.last.max(now);
        self.rtcp = Some(source);
        true
    }

    fn lock(&mut self, address: SocketAddr, header: &Header, now: Instant) -> Latched {
        let source = Source {
            address,
            ssrc: header.ssrc,
            sequence: header.sequence,
            last: now,
        };
        let first = self.locked.replace(source).is_none() && self.former.take().is_none();
        self.candidates.clear();
        self.reopened = false;
        self.rtcp = None;
        if first && self.signalled == Some(address) {
            return Latched::Accept;
        }
        self.moves += u32::from(!first);
        Latched::Moved
    }

    /// After an offer with a new address the source we knew is heard on, and locked again if it
    /// just goes on.
    fn heard_former(
        &mut self,
        source: SocketAddr,
        header: &Header,
        voice: bool,
        now: Instant,
    ) -> bool {
        let Some(former) = self.former.as_mut().filter(|f| f.address == source) else {
            return false;
        };
        former.heard(header, voice, now);
        let since = self.opened.map(|at| now.saturating_duration_since(at));
        if since.is_some_and(|since| since >= STAYS) {
            self.locked = self.former.take();
            self.candidates.clear();
        }
        true
    }

    /// Nobody is locked: may this be the phone, from behind a NAT?
    fn may_begin(&mut self, source: SocketAddr, header: &Header, now: Instant) -> bool {
        let Some(opened) = self.opened.filter(|_| self.expected) else {
            return false;
        };
        let near = [self.host, self.signalled.map(|at| at.ip())].contains(&Some(source.ip()));
        let waited = now.saturating_duration_since(opened);
        let gone = |former: &Source| now.saturating_duration_since(former.last) >= GONE;
        self.probation(source, header, now) >= PROBATION
            && (near || waited >= ELSEWHERE)
            && self.former.as_ref().is_none_or(gone)
    }

    /// Counts packets in a row of one newcomer. A few newcomers at once do not disturb each other.
    fn probation(&mut self, address: SocketAddr, header: &Header, now: Instant) -> u8 {
        let next = header.sequence.wrapping_add(1);
        let known = self
            .candidates
            .iter_mut()
            .find(|c| c.address == address && c.ssrc == header.ssrc);
        if let Some(candidate) = known {
            let ahead = header.sequence.wrapping_sub(candidate.next);
            if ahead < 1 << 15 {
                // A lost packet is no reason to begin again, a jump is.
                let kept = if ahead <= LOST { candidate.packets } else { 0 };
                candidate.packets = kept.saturating_add(1);
                candidate.next = next;
            }
            candidate.last = now;
            return candidate.packets;
        }
        if self.candidates.len() >= MAX_CANDIDATES {
            let stale = self
                .candidates
                .iter()
                .position(|c| now.saturating_duration_since(c.last) >= GONE);
            let Some(stale) = stale else { return 0 };
            self.candidates.swap_remove(stale);
        }
        self.candidates.push(Candidate {
            address,
            ssrc: header.ssrc,
            next,
            packets: 1,
            last: now,
        });
        1
    }
}

impl Source {
    fn heard(&mut self, header: &Header, voice: bool, now: Instant) {
        self.last = now;
        if voice || header.ssrc == self.ssrc {
            self.ssrc = header.ssrc;
            self.sequence = header.sequence;
        }
    }

    /// Is this the next of the same stream, with what may have been lost meanwhile?
    fn continues(&self, header: &Header, quiet: Duration) -> bool {
        let step = header.sequence.wrapping_sub(self.sequence);
        let lost = quiet.as_millis() / SHORTEST_PACKET_MS + u128::from(LOST);
        header.ssrc == self.ssrc && step > 0 && u128::from(step) <= lost.min(FARTHEST)
    }
}

/// A locked source that is quiet this long may have moved.
const SILENCE: Duration = Duration::from_secs(2);

/// A source on a host that the signalling does not know waits this long after the answer, so that
/// whoever is nearer comes first. Longer would make callers behind odd networks unheard.
const ELSEWHERE: Duration = Duration::from_secs(2);

/// A source that still sends this long after an offer of a new address has not moved: longer than
/// what is on its way.
const STAYS: Duration = Duration::from_millis(200);

/// A source that has been quiet this long has stopped.
const GONE: Duration = Duration::from_millis(500);

/// Packets in a row that make a newcomer credible; at 20 ms this costs 100 ms of audio.
const PROBATION: u8 = 5;

/// The same for one who knows SSRC and numbers.
const CONTINUED: u8 = 2;

/// Packets that may be lost in a row during probation.
const LOST: u16 = 3;

/// Packets shorter than this are sent by nobody.
const SHORTEST_PACKET_MS: u128 = 10;

/// RFC 3550 A.1: what is farther ahead is another stream.
const FARTHEST: u128 = 3000;

/// Newcomers watched at the same time: a phone and the noise around it.
const MAX_CANDIDATES: usize = 8;
