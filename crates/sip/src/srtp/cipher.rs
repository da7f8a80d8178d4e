//! The keyed work on one packet: encrypt, decrypt, and the tag.

use std::borrow::Cow;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;

use super::Suite;
use super::counter::{counter_key, counter_mode};
use super::derive::{Label, Protocol, derive};
use super::master::MasterKey;

/// The session keys of one protocol in one direction.
pub(super) struct Cipher {
    kind: Kind,
    salt: [u8; 14],
    tag: usize,
    protocol: Protocol,
}

#[expect(
    clippy::large_enum_variant,
    reason = "two to four of them in a call, which live as long as it"
)]
enum Kind {
    Counter {
        key: EncryptingKey,
        authentication: hmac::Key,
    },
    Gcm(LessSafeKey),
}

/// Where a packet stands: whose it is, and its index (48 bits for RTP, 31 for RTCP).
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    pub(super) index: u64,
}

/// A packet's three parts: what is sent in the clear, what is encrypted, and what is authenticated
/// behind it (the rollover counter, or the index of RTCP).
pub(super) struct Parts<'a> {
    pub(super) clear: &'a [u8],
    pub(super) behind: [u8; 4],
    /// Is anything encrypted at all?
    pub(super) encrypted: bool,
}

impl Cipher {
    pub(super) fn new(master: &MasterKey, protocol: Protocol) -> Result<Self, Unspecified> {
        let suite = master.suite();
        let of = |label, length| derive(master, protocol, label, length);
        let key = of(Label::Cipher, suite.key_length())?;
        let mut salt = [0; 14];
        let derived = of(Label::Salt, suite.salt_length())?;
        for (to, from) in salt.iter_mut().zip(derived.iter()) {
            *to = *from;
        }
        let authentication = of(Label::Authentication, AUTHENTICATION)?;
        Self::with((suite, protocol), &key, &authentication, salt)
    }

    /// Of session keys.
    pub(super) fn with(
        (suite, protocol): (Suite, Protocol),
        key: &[u8],
        authentication: &[u8],
        salt: [u8; 14],
    ) -> Result<Self, Unspecified> {
        let kind = if suite.is_aead() {
            let algorithm = match key.len() {
                16 => &AES_128_GCM,
                _ => &AES_256_GCM,
            };
            Kind::Gcm(LessSafeKey::new(UnboundKey::new(algorithm, key)?))
        } else {
            Kind::Counter {
                key: counter_key(key)?,
                authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication),
            }
        };
        Ok(Self {
            kind,
            salt,
            tag: match protocol {
                Protocol::Rtp => suite.rtp_tag(),
                Protocol::Rtcp => suite.rtcp_tag(),
            },
            protocol,
        })
    }

    /// Bytes of its tag.
    pub(super) const fn tag(&self) -> usize {
        self.tag
    }

    pub(super) const fn is_aead(&self) -> bool {
        matches!(self.kind, Kind::Gcm(_))
    }

    /// Encrypts in place what stands before the last bytes, and writes the tag into those.
    pub(super) fn seal(
        &self,
        place: Place,
        parts: &Parts<'_>,
        body_and_tag: &mut [u8],
    ) -> Result<(), Unspecified> {
        let (body, tag) = self.split(body_and_tag)?;
        match &self.kind {
            Kind::Counter {
                key,
                authentication,
            } => {
                if parts.encrypted {
                    counter_mode(key, self.counter(place), body)?;
                }
                copy(tag, authenticate(authentication, parts, body).as_ref());
            }
            Kind::Gcm(key) => {
                let (nonce, known) = (self.nonce(place), self.known(parts));
                let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(known), body)?;
                copy(tag, sealed.as_ref());
            }
        }
        Ok(())
    }

    /// Checks the tag at the end, then decrypts in place what stands before it. Where the tag does
    /// not hold, what is left is for nobody.
    pub(super) fn open(
        &self,
        place: Place,
        parts: &Parts<'_>,
        body_and_tag: &mut [u8],
    ) -> Result<(), Unspecified> {
        match &self.kind {
            Kind::Counter {
                key,
                authentication,
            } => {
                let (body, tag) = self.split(body_and_tag)?;
                let computed = authenticate(authentication, parts, body);
                let computed = computed.as_ref().get(..tag.len()).ok_or(Unspecified)?;
                verify_slices_are_equal(computed, tag)?;
                if parts.encrypted {
                    counter_mode(key, self.counter(place), body)?;
                }
                Ok(())
            }
            Kind::Gcm(key) => {
                let nonce = self.nonce(place);
                if parts.encrypted {
                    let known = Aad::from(self.known(parts));
                    return key.open_in_place(nonce, known, body_and_tag).map(drop);
                }
                // RFC 7714 9.3: nothing is encrypted, all is authenticated.
                let (body, tag) = self.split(body_and_tag)?;
                let known = [parts.clear, body, parts.behind.as_slice()].concat();
                key.open_in_place(nonce, Aad::from(known), tag).map(drop)
            }
        }
    }

    fn split<'a>(&self, whole: &'a mut [u8]) -> Result<(&'a mut [u8], &'a mut [u8]), Unspecified> {
        let at = whole.len().checked_sub(self.tag).ok_or(Unspecified)?;
        whole.split_at_mut_checked(at).ok_or(Unspecified)
    }

    /// What GCM authenticates beside what it encrypts. The counter of RTP is in the nonce already.
    fn known<'a>(&self, parts: &Parts<'a>) -> Cow<'a, [u8]> {
        if self.protocol == Protocol::Rtp {
            return Cow::Borrowed(parts.clear);
        }
        Cow::Owned([parts.clear, parts.behind.as_slice()].concat())
    }

    /// RFC 3711 4.1.1.
    fn counter(&self, place: Place) -> [u8; 16] {
        let salt = self.salt;
        let mut iv = [0; 16];
        copy(&mut iv, &salt);
        let number = (u128::from(place.ssrc) << 64) | (u128::from(place.index) << 16);
        for (to, from) in iv.iter_mut().zip(number.to_be_bytes()) {
            *to ^= from;
        }
        iv
    }

    /// RFC 7714 8.1 and 9.1: the same fields, closer together.
    fn nonce(&self, place: Place) -> Nonce {
        let index = match self.protocol {
            Protocol::Rtp => place.index & 0xffff_ffff_ffff,
            Protocol::Rtcp => place.index & u64::from(MAX_RTCP_INDEX),
        };
        let number = (u128::from(place.ssrc) << 48) | u128::from(index);
        let bytes = number.to_be_bytes();
        let mut iv = [0; 12];
        let low = bytes.iter().skip(bytes.len() - iv.len());
        for ((to, from), salt) in iv.iter_mut().zip(low).zip(&self.salt) {
            *to = from ^ salt;
        }
        Nonce::assume_unique_for_key(iv)
    }
}

fn authenticate(key: &hmac::Key, parts: &Parts<'_>, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(parts.clear);
    context.update(body);
    context.update(&parts.behind);
    context.sign()
}

fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Bytes of the key of HMAC-SHA1.
const AUTHENTICATION: usize = 20;

/// Of 31 bits.
pub(super) const MAX_RTCP_INDEX: u32 = 0x7fff_ffff;
