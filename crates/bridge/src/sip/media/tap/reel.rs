use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::rtp::parse;

use super::super::super::clock::now;
use super::page::{Packet, Page};

/// What sees a call's packets. Without a reel it looks at none.
pub(crate) struct Tap {
    reel: Option<Box<Reel>>,
    /// Where we take RTP, as the phone was told; RTCP is at the next port.
    ours: SocketAddr,
    /// The payload type of keys.
    keys: Option<u8>,
}

/// Where packets of one call go.
pub(crate) struct Reel {
    page: Option<Page>,
    /// When the page was begun.
    begun: Instant,
    full: mpsc::Sender<Page>,
    empty: mpsc::Receiver<Page>,
    /// No packet is kept that comes later.
    until: Instant,
    /// How many bytes are still kept.
    left: usize,
}

/// Which of a call's two ports.
#[derive(Clone, Copy)]
enum Port {
    Rtp,
    Rtcp,
}

impl Tap {
    pub(crate) const fn new(ours: SocketAddr) -> Self {
        Self {
            reel: None,
            ours,
            keys: None,
        }
    }

    /// Packets are kept from now on.
    pub(crate) fn start(&mut self, reel: Box<Reel>) {
        self.reel = Some(reel);
    }

    /// Our address is another one from now on.
    pub(crate) const fn moved(&mut self, ours: SocketAddr) {
        self.ours = ours;
    }

    /// Keys are told from sound by this.
    pub(crate) const fn agree(&mut self, keys: Option<u8>) {
        self.keys = keys;
    }

    /// A packet came, and is the phone's.
    pub(crate) fn heard(&mut self, packet: &[u8], from: SocketAddr) {
        self.note(packet, (Port::Rtp, false), from);
    }

    /// A packet goes out.
    pub(crate) fn sent(&mut self, packet: &[u8], to: SocketAddr) {
        self.note(packet, (Port::Rtp, true), to);
    }

    /// The same of reports.
    pub(crate) fn heard_report(&mut self, packet: &[u8], from: SocketAddr) {
        self.note(packet, (Port::Rtcp, false), from);
    }

    pub(crate) fn sent_report(&mut self, packet: &[u8], to: SocketAddr) {
        self.note(packet, (Port::Rtcp, true), to);
    }

    fn note(&mut self, packet: &[u8], (port, sent): (Port, bool), remote: SocketAddr) {
        let Some(reel) = &mut self.reel else { return };
        let now = now();
        if now >= reel.until || reel.left < packet.len() {
            self.reel = None;
            return;
        }
        let mut local = self.ours;
        if matches!(port, Port::Rtcp) {
            local.set_port(local.port().saturating_add(1));
        }
        let about = Packet::now(sent, local, remote);
        let covered = parse(packet).filter(|(header, _)| Some(header.payload_type) == self.keys);
        reel.keep(now, packet.len(), |page| match covered {
            Some((header, payload)) => page.key(about, &header, payload),
            None => page.packet(about, packet),
        });
    }
}

impl Reel {
    /// Full pages go to `full`, and emptied ones come back.
    pub(super) fn new(
        (full, empty): (mpsc::Sender<Page>, mpsc::Receiver<Page>),
        time: Duration,
        left: usize,
    ) -> Self {
        let now = now();
        Self {
            page: None,
            begun: now,
            full,
            empty,
            until: now + time,
            left,
        }
    }

    /// Writes onto the page that there is, or a new one.
    fn keep(&mut self, now: Instant, length: usize, mut write: impl FnMut(&mut Page) -> bool) {
        if now.saturating_duration_since(self.begun) >= OLD {
            self.turn();
        }
        for _ in 0..2 {
            if self.page.is_none() {
                self.page = self.emptied();
                self.begun = now;
            }
            let Some(page) = &mut self.page else { break };
            if write(page) {
                self.left -= length;
                return;
            }
            self.turn();
        }
        count(Counter::CaptureDropped, 1, &[("reason", "sound")]);
    }

    /// A page that is empty, if there is one: asked once, since asking until it is sure may wait for
    /// whoever gives one back at this moment.
    fn emptied(&mut self) -> Option<Page> {
        let mut asked = Context::from_waker(Waker::noop());
        match self.empty.poll_recv(&mut asked) {
            Poll::Ready(page) => page,
            Poll::Pending => None,
        }
    }

    /// Gives the page away. Whoever writes has places for all there are.
    fn turn(&mut self) {
        if let Some(page) = self.page.take() {
            let _gone = self.full.try_send(page);
        }
    }
}

impl Drop for Reel {
    fn drop(&mut self) {
        self.turn();
    }
}

/// A page is given away after this long: it is what a killed process takes with it.
const OLD: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use trunkline_sip::capture::Captured;
    use trunkline_sip::rtp::Header;

    use super::*;

    const OURS: &str = "192.0.2.1:10000";
    const MINUTE: Duration = Duration::from_secs(60);

    /// What a writer has, that never empties a page.
    fn reel(pages: usize, left: usize) -> (Box<Reel>, mpsc::Receiver<Page>) {
        let (full, written) = mpsc::channel(8);
        let (give, empty) = mpsc::channel(8);
        for _ in 0..pages {
            assert!(give.try_send(Page::new()).is_ok());
        }
        let reel = Reel::new((full, empty), MINUTE, left);
        (Box::new(reel), written)
    }

    fn packet(payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            payload_type,
            marker: false,
            sequence,
            timestamp: 0,
            ssrc: 7,
        };
        header.write(payload).to_vec()
    }

    fn kept(written: &mut mpsc::Receiver<Page>) -> Vec<Captured> {
        let mut all = Vec::new();
        while let Ok(page) = written.try_recv() {
            all.extend(page.read());
        }
        all
    }

    #[test]
    fn both_ways_are_kept_with_their_ends_and_keys_are_covered() {
        let phone: SocketAddr = "198.51.100.7:4000".parse().unwrap();
        let mut tap = Tap::new(OURS.parse().unwrap());
        tap.heard(&packet(0, 1, &[1; 160]), phone);
        let (reel, mut written) = reel(2, 1 << 20);
        tap.start(reel);
        tap.agree(Some(101));
        tap.heard(&packet(0, 2, &[2; 160]), phone);
        tap.sent(&packet(0, 3, &[3; 160]), phone);
        // The digit 5, at its end, and what came before it beside it.
        tap.heard(&packet(101, 4, &[5, 0x8a, 3, 0x20, 5, 0x0a, 0, 0]), phone);
        tap.heard_report(&[0x80, 201, 0, 1, 0, 0, 0, 7], phone);
        drop(tap);
        let all = kept(&mut written);
        let told: Vec<(String, bool, usize)> = all
            .iter()
            .map(|one| (one.flow.local.to_string(), one.sent, one.bytes.len()))
            .collect();
        let rtp = OURS.to_owned();
        assert_eq!(
            told,
            [
                (rtp.clone(), false, 172),
                (rtp.clone(), true, 172),
                (rtp, false, 16),
                ("192.0.2.1:10001".to_owned(), false, 8),
            ]
        );
        let (header, payload) = parse(&all[2].bytes).unwrap();
        assert_eq!((header.payload_type, header.sequence), (101, 4));
        assert_eq!(payload, [255, 0x8a, 3, 0x20], "no digit");
        assert!(all.iter().all(|one| one.flow.remote == phone));
    }

    #[test]
    fn a_writer_that_is_behind_leaves_a_gap_and_nobody_waits() {
        let phone: SocketAddr = "198.51.100.7:4000".parse().unwrap();
        let mut tap = Tap::new(OURS.parse().unwrap());
        let (reel, mut written) = reel(1, 1 << 20);
        tap.start(reel);
        for sequence in 0..1_000 {
            tap.heard(&packet(0, sequence, &[0; 160]), phone);
        }
        drop(tap);
        let all = kept(&mut written);
        assert!((10..500).contains(&all.len()), "{}", all.len());
        let numbers = all.iter().map(|one| parse(&one.bytes).unwrap().0.sequence);
        assert!(numbers.eq(0..u16::try_from(all.len()).unwrap()));
    }

    #[test]
    fn a_call_has_so_many_bytes_and_no_more() {
        let phone: SocketAddr = "198.51.100.7:4000".parse().unwrap();
        let mut tap = Tap::new(OURS.parse().unwrap());
        let (reel, mut written) = reel(8, 1_000);
        tap.start(reel);
        for sequence in 0..100 {
            tap.heard(&packet(0, sequence, &[0; 160]), phone);
        }
        assert!(tap.reel.is_none());
        assert_eq!(kept(&mut written).len(), 5);
    }

    #[test]
    fn what_is_kept_takes_no_memory_on_its_way() {
        let phone: SocketAddr = "198.51.100.7:4000".parse().unwrap();
        let mut tap = Tap::new(OURS.parse().unwrap());
        let (full, mut written) = mpsc::channel(8);
        let (give, empty) = mpsc::channel(8);
        for _ in 0..2 {
            assert!(give.try_send(Page::new()).is_ok());
        }
        tap.start(Box::new(Reel::new((full, empty), MINUTE, usize::MAX)));
        let sound = packet(0, 1, &[0; 160]);
        let mut pass = |packets: usize| {
            for _ in 0..packets {
                tap.sent(&sound, phone);
                if let Ok(mut page) = written.try_recv() {
                    page.clear();
                    assert!(give.try_send(page).is_ok());
                }
            }
        };
        pass(10_000);
        let taken = allocation_counter::measure(|| pass(60));
        assert_eq!(taken.count_total, 0);
    }
}
