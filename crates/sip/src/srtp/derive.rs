//! Session keys from a master key (RFC 3711 4.3), once for the whole life of the master key: the
//! key derivation rate of SDES is zero unless it is agreed otherwise, and nobody does.

use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use super::counter::{counter_key, counter_mode};
use super::master::MasterKey;

/// What a session key is for.
#[derive(Clone, Copy)]
pub(super) enum Label {
    Cipher,
    Authentication,
    Salt,
}

/// Which of the two protocols.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Rtp,
    Rtcp,
}

/// So many bytes for that.
pub(super) fn derive(
    master: &MasterKey,
    protocol: Protocol,
    label: Label,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let (key, salt) = master.parts();
    // A salt of 96 bits has zeros behind it (RFC 7714 11).
    let mut iv = [0; 16];
    for (to, from) in iv.iter_mut().zip(salt) {
        *to = *from;
    }
    let first = match protocol {
        Protocol::Rtp => 0,
        Protocol::Rtcp => 3,
    };
    iv[LABEL_AT] ^= first
        + match label {
            Label::Cipher => 0,
            Label::Authentication => 1,
            Label::Salt => 2,
        };
    let mut out = Zeroizing::new(vec![0; length]);
    counter_mode(&counter_key(key)?, iv, &mut out)?;
    Ok(out)
}

/// The label stands before 48 bits of index, in the 112 bits of the salt.
const LABEL_AT: usize = 7;
