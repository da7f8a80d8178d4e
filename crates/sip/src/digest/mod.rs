//! Digest authentication (RFC 7616, RFC 8760), both sides.
//!
//! A server's nonce is `time + keyed hash of time, source and realm`: nothing is stored to issue
//! one, a nonce caught on the way is worth nothing from elsewhere, and it ages. Only nonces that
//! were used are remembered, with their highest count, so that credentials cannot be replayed.

mod client;
mod server;
mod values;

pub use client::{Login, answer};
pub use server::{Verdict, Verifier};
pub use values::{Challenge, Credentials};

use md5::Md5;
use sha2::{Digest, Sha256};

/// Hash functions of digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// What every phone speaks.
    Md5,
    /// What newer ones speak too.
    Sha256,
}

impl Algorithm {
    /// As written in headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256]
            .into_iter()
            .find(|a| a.as_str().eq_ignore_ascii_case(text))
    }

    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Md5 => hex::encode(Md5::digest(text.as_bytes())),
            Self::Sha256 => hex::encode(Sha256::digest(text.as_bytes())),
        }
    }
}

/// The response both sides compute. `counted` is nonce count and client nonce under `qop=auth`.
struct Question<'a> {
    algorithm: Algorithm,
    username: &'a str,
    password: &'a str,
    realm: &'a str,
    nonce: &'a str,
    method: &'a str,
    uri: &'a str,
    counted: Option<(&'a str, &'a str)>,
}

impl Question<'_> {
    fn response(&self) -> String {
        let hash = |parts: &[&str]| self.algorithm.hash(parts);
        let ha1 = hash(&[self.username, self.realm, self.password]);
        let ha2 = hash(&[self.method, self.uri]);
        match self.counted {
            Some((nc, cnonce)) => hash(&[&ha1, self.nonce, nc, cnonce, "auth", &ha2]),
            None => hash(&[&ha1, self.nonce, &ha2]),
        }
    }
}

#[cfg(test)]
mod tests;
