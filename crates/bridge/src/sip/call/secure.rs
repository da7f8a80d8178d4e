//! Whether a call's media is encrypted, and with which keys of ours.

use trunkline_sip::routing::Accepted;
use trunkline_sip::sdp::{Encryption, LocalCrypto};
use trunkline_sip::srtp::{MasterKey, Suite};

/// What a call's trunk and rule ask for, else what the gateway does. As with LiveKit a rule may ask
/// for more than its trunk and never for less: what a rule does not say reads as "disable" there.
pub(super) fn encryption(accepted: &Accepted, ours: Encryption) -> Encryption {
    let (rule, trunk) = (
        accepted.rule.media.encryption,
        accepted.trunk.media.encryption,
    );
    choose_encryption(rule, trunk, ours)
}

/// The same of a trunk and what is said besides, by a rule or by a request.
pub(super) fn choose_encryption(
    besides: Option<Encryption>,
    trunk: Option<Encryption>,
    ours: Encryption,
) -> Encryption {
    let says = |wish: Option<Encryption>| wish.filter(|wish| *wish != Encryption::Disable);
    says(besides).or(trunk).or(besides).unwrap_or(ours)
}

/// Fresh keys, one for each suite.
pub(super) fn fresh(encryption: Encryption) -> LocalCrypto {
    let suites: &[Suite] = match encryption {
        Encryption::Disable => &[],
        Encryption::Allow | Encryption::Require => &SUITES,
    };
    let keys = suites
        .iter()
        .map(|suite| MasterKey::generate(*suite, &mut rand::rng()));
    LocalCrypto {
        encryption,
        keys: keys.collect(),
    }
}

/// Offers name the first two: what every phone has before what is strongest, since some look at
/// nothing but the first line. Whoever offers any of them gets it.
const SUITES: [Suite; 6] = [
    Suite::Aes128CmSha1_80,
    Suite::AeadAes256Gcm,
    Suite::Aes128CmSha1_32,
    Suite::AeadAes128Gcm,
    Suite::Aes256CmSha1_80,
    Suite::Aes256CmSha1_32,
];
