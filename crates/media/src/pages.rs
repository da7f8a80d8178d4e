//! Memory for payloads that go to somebody else, used again when they are done with it.
//!
//! A payload is a piece of a page. When a page is full the other one is begun, whose pieces have long
//! been sent or played; only where some are still in use is memory taken anew. A stream of packets
//! at an even pace takes none.

use bytes::{Bytes, BytesMut};

/// Two pages, one of which is written.
#[derive(Debug, Default)]
pub struct Pages {
    written: BytesMut,
    resting: BytesMut,
}

impl Pages {
    /// A copy of `payload`.
    pub fn keep(&mut self, payload: &[u8]) -> Bytes {
        if self.written.capacity() < payload.len() && !self.turn(payload.len()) {
            self.written = BytesMut::with_capacity(PAGE.max(payload.len()));
        }
        self.written.extend_from_slice(payload);
        self.written.split().freeze()
    }

    /// Begins the other page, or this one again. False if neither is free for so much.
    fn turn(&mut self, length: usize) -> bool {
        std::mem::swap(&mut self.written, &mut self.resting);
        self.written.try_reclaim(length)
    }
}

/// Half a second of G.711, or more of Opus.
const PAGE: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn what_is_kept_stays_as_it_was_however_long_it_is_held() {
        let mut pages = Pages::default();
        let held: Vec<Bytes> = (0..200_u8).map(|n| pages.keep(&[n; 160])).collect();
        for (n, payload) in (0..200_u8).zip(&held) {
            assert_eq!(payload[..], [n; 160]);
        }
        assert_eq!(pages.keep(&[7; 9_000])[..], [7; 9_000]);
        assert!(pages.keep(&[]).is_empty());
    }

    #[test]
    fn packets_that_are_soon_played_take_no_memory() {
        let mut pages = Pages::default();
        let mut waiting = VecDeque::with_capacity(8);
        let mut pass = |packets: usize| {
            for _ in 0..packets {
                if waiting.len() == 6 {
                    waiting.pop_front();
                }
                waiting.push_back(pages.keep(&[1; 160]));
            }
        };
        pass(100);
        let taken = allocation_counter::measure(|| pass(1_000));
        assert_eq!(taken.count_total, 0);
    }
}
