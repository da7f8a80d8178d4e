//! AES in counter mode: the cipher of most suites, and what makes session keys in all of them.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;

/// AES in counter mode with that key.
pub(super) fn counter_key(key: &[u8]) -> Result<EncryptingKey, Unspecified> {
    let algorithm = match key.len() {
        16 => &AES_128,
        _ => &AES_256,
    };
    EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key)?)
}

pub(super) fn counter_mode(
    key: &EncryptingKey,
    iv: [u8; 16],
    data: &mut [u8],
) -> Result<(), Unspecified> {
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(data, context).map(drop)
}
