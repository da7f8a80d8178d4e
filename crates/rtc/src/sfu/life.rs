//! Signs of life that only the peer itself can give.
//!
//! A datagram that bears a peer's address may come from anybody who writes that address on it. What
//! was decrypted is the peer's; so is a check of the path that our side found worth an answer (it
//! proves the password), and an answer to a check of ours, whose 96 random bits only the peer saw.

use std::collections::VecDeque;
use std::time::Instant;

use crate::demux::{REQUEST, SUCCESS, Transaction, binding};

/// When a peer last showed that it lives, and what would show it next.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Our checks that may still be answered.
    asked: VecDeque<Transaction>,
    /// A check that came, and when; our answer makes it a sign.
    question: Option<(Transaction, Instant)>,
    last: Option<Instant>,
}

impl Life {
    pub(super) const fn last(&self) -> Option<Instant> {
        self.last
    }

    /// Something that had to be decrypted was there.
    pub(super) fn sign(&mut self, at: Instant) {
        self.last = self.last.max(Some(at));
    }

    /// A datagram from the peer's address.
    pub(super) fn came(&mut self, datagram: &[u8], at: Instant) {
        match binding(datagram) {
            Some((REQUEST, transaction)) => self.question = Some((transaction, at)),
            Some((SUCCESS, transaction)) if self.asked.contains(&transaction) => self.sign(at),
            Some(_) | None => {}
        }
    }

    /// A datagram to the peer.
    pub(super) fn went(&mut self, datagram: &[u8]) {
        match binding(datagram) {
            Some((REQUEST, transaction)) => {
                if self.asked.len() >= ASKED {
                    self.asked.pop_front();
                }
                self.asked.push_back(transaction);
            }
            Some((SUCCESS, transaction)) => {
                if let Some((_, at)) = self.question.filter(|(asked, _)| *asked == transaction) {
                    self.sign(at);
                }
            }
            Some(_) | None => {}
        }
    }
}

/// A path is checked every few seconds, and a new one some twenty times.
const ASKED: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::start;

    fn stun(kind: u16, transaction: u8) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend(0x2112_a442_u32.to_be_bytes());
        bytes.extend([transaction; 12]);
        bytes
    }

    /// A stranger who wrote a killed agent's address on its datagrams kept it in the room.
    #[test]
    fn what_anybody_can_send_is_no_sign() {
        let at = start();
        let mut life = Life::default();
        let rtp = [0x80; 40];
        for datagram in [&rtp[..], &stun(REQUEST, 1), &stun(SUCCESS, 2), &[0, 1], &[]] {
            life.came(datagram, at);
        }
        life.went(&stun(SUCCESS, 9));
        assert_eq!(life.last(), None);
    }

    #[test]
    fn a_check_that_is_answered_is_a_sign_of_when_it_came() {
        let at = start();
        let mut life = Life::default();
        life.came(&stun(REQUEST, 1), at);
        life.went(&stun(SUCCESS, 1));
        assert_eq!(life.last(), Some(at));
        life.went(&stun(REQUEST, 7));
        let later = at + Duration::from_secs(2);
        life.came(&stun(SUCCESS, 7), later);
        assert_eq!(life.last(), Some(later));
        life.sign(at);
        assert_eq!(life.last(), Some(later));
    }
}
