//! Nonces of user packets seen lately: a packet that comes a second time is dropped.

use std::collections::VecDeque;

/// The last nonces of a room.
#[derive(Debug, Default)]
pub(super) struct Nonces(VecDeque<[u8; 16]>);

impl Nonces {
    /// Remembers a nonce; `false` when it was there already. What is no nonce is always new.
    pub(super) fn is_new(&mut self, nonce: &[u8]) -> bool {
        let Ok(nonce) = <[u8; 16]>::try_from(nonce) else {
            return true;
        };
        if self.0.contains(&nonce) {
            return false;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(nonce);
        true
    }
}

/// As many as the official server remembers.
const KEPT: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(of: u8) -> [u8; 16] {
        [of; 16]
    }

    #[test]
    fn a_nonce_counts_once_until_a_hundred_others_came() {
        let mut nonces = Nonces::default();
        assert!(nonces.is_new(&nonce(0)));
        assert!(!nonces.is_new(&nonce(0)));
        for other in 1..100 {
            assert!(nonces.is_new(&nonce(other)));
        }
        assert!(!nonces.is_new(&nonce(0)), "the hundredth");
        assert!(nonces.is_new(&nonce(100)));
        assert!(nonces.is_new(&nonce(0)), "forgotten");
    }

    #[test]
    fn without_a_nonce_everything_is_new() {
        let mut nonces = Nonces::default();
        for _ in 0..2 {
            assert!(nonces.is_new(&[]));
            assert!(nonces.is_new(&[7; 15]));
        }
    }
}
