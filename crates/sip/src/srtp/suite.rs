//! Which ciphers there are, as SDES names them (RFC 4568 6.2, RFC 6188, RFC 7714).

/// A cipher and its authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// AES-GCM with a key of 256 bits.
    AeadAes256Gcm,
    /// AES-GCM with a key of 128 bits.
    AeadAes128Gcm,
    /// AES in counter mode, 256 bits, with a tag of 80 bits.
    Aes256CmSha1_80,
    /// The same with a tag of 32 bits on RTP.
    Aes256CmSha1_32,
    /// AES in counter mode, 128 bits, with a tag of 80 bits: what every phone has.
    Aes128CmSha1_80,
    /// The same with a tag of 32 bits on RTP.
    Aes128CmSha1_32,
}

impl Suite {
    /// All of them, strongest first.
    pub const ALL: [Self; 6] = [
        Self::AeadAes256Gcm,
        Self::AeadAes128Gcm,
        Self::Aes256CmSha1_80,
        Self::Aes256CmSha1_32,
        Self::Aes128CmSha1_80,
        Self::Aes128CmSha1_32,
    ];

    /// Its name in `a=crypto`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::Aes256CmSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::Aes256CmSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::Aes128CmSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128CmSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// The suite of that name, whatever its case. Drafts wrote the number of bits elsewhere, and
    /// there are phones that still do.
    pub fn parse(name: &str) -> Option<Self> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("AES_CM_256_HMAC_SHA1_80") {
            return Some(Self::Aes256CmSha1_80);
        }
        if is("AES_CM_256_HMAC_SHA1_32") {
            return Some(Self::Aes256CmSha1_32);
        }
        Self::ALL.into_iter().find(|suite| is(suite.name()))
    }

    /// Bytes of a master key, and of a session key.
    pub const fn key_length(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::Aes256CmSha1_80 | Self::Aes256CmSha1_32 => 32,
            Self::AeadAes128Gcm | Self::Aes128CmSha1_80 | Self::Aes128CmSha1_32 => 16,
        }
    }

    /// Bytes of a salt.
    pub const fn salt_length(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Bytes of the tag of an RTP packet.
    pub const fn rtp_tag(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16,
            Self::Aes256CmSha1_80 | Self::Aes128CmSha1_80 => 10,
            Self::Aes256CmSha1_32 | Self::Aes128CmSha1_32 => 4,
        }
    }

    /// Bytes of the tag of an RTCP packet, never the short one (RFC 4568 6.2.2).
    pub const fn rtcp_tag(self) -> usize {
        if self.is_aead() { 16 } else { 10 }
    }

    /// Is authentication part of the cipher?
    pub const fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes256Gcm | Self::AeadAes128Gcm)
    }
}
