//! Answering challenges, and being right before one is asked.

use rand::Rng;

use crate::digest::{Challenge, Login, answer};
use crate::message::{Headers, Response, name};

/// What is known of the login at a registrar, and at a proxy before it.
#[derive(Debug, Default)]
pub(super) struct Auth {
    registrar: Option<Known>,
    proxy: Option<Known>,
    /// Challenges since the last success.
    challenged: u8,
}

/// A challenge, and how often it was answered.
#[derive(Debug)]
struct Known {
    challenge: Challenge,
    count: u32,
    /// An answer to it was taken once.
    is_proven: bool,
}

/// What to do about a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Challenged {
    /// Ask again with credentials.
    Answer,
    /// They were refused.
    Wrong,
    /// There is none we can answer.
    Unreadable,
}

impl Auth {
    /// A 401 or 407.
    pub(super) fn challenged(&mut self, response: &Response) -> Challenged {
        if response.status == 401
            && let Some(proxy) = &mut self.proxy
        {
            // It let the request through to the registrar.
            proxy.is_proven = true;
        }
        let (header, known) = if response.status == 401 {
            (name::WWW_AUTHENTICATE, &mut self.registrar)
        } else {
            (name::PROXY_AUTHENTICATE, &mut self.proxy)
        };
        let mut challenges = response.headers.lines(header);
        let Some(challenge) = challenges.find_map(Challenge::parse) else {
            return Challenged::Unreadable;
        };
        // Credentials that were never taken are refused now, unless only the nonce was old. Those
        // that were taken before say nothing about the password: the nonce is another one today.
        let is_refused = |known: &Known| known.count > 0 && !known.is_proven;
        let refused = known.as_ref().is_some_and(is_refused);
        self.challenged = self.challenged.saturating_add(1);
        if (refused && !challenge.stale) || self.challenged > MAX_CHALLENGES {
            return Challenged::Wrong;
        }
        *known = Some(Known {
            challenge,
            count: 0,
            is_proven: false,
        });
        Challenged::Answer
    }

    /// The last request was taken: what answered its challenge will do for the next one too.
    pub(super) fn accepted(&mut self) {
        self.challenged = 0;
        for known in [&mut self.registrar, &mut self.proxy].into_iter().flatten() {
            known.is_proven = true;
        }
    }

    /// Another place has nonces of its own.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Adds credentials for what was asked so far.
    pub(super) fn sign(
        &mut self,
        headers: &mut Headers,
        login: &Login,
        (method, uri): (&str, &str),
        rng: &mut impl Rng,
    ) {
        let both = [
            (name::AUTHORIZATION, &mut self.registrar),
            (name::PROXY_AUTHORIZATION, &mut self.proxy),
        ];
        for (header, known) in both {
            let Some(known) = known else { continue };
            // Without counting a nonce is good once; a registrar that thinks so asks anew.
            known.count = known.count.saturating_add(1);
            let cnonce = format!("{:016x}", rng.random::<u64>());
            let counted = (known.count, cnonce.as_str());
            let credentials = answer(&known.challenge, login, method, uri, counted);
            headers.push(header, credentials.to_string());
        }
    }
}

/// Stale nonces in a row, of a registrar and a proxy together.
const MAX_CHALLENGES: u8 = 5;
