//! The one key that a peer's certificate has to have, however often it is renewed.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a public key (RFC 7469 2.4), written `sha256/…` in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// It is not written so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pin is sha256/ and 44 characters of base64")]
pub struct PinError;

impl Pin {
    /// Of a certificate's key; `None` for what is no certificate.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let read = ParsedCertificate::try_from(certificate).ok()?;
        let key = read.subject_public_key_info();
        Some(Self(Sha256::digest(key.as_ref()).into()))
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let text = text.trim();
        let bytes = STANDARD.decode(text.strip_prefix("sha256/").ok_or(PinError)?);
        let bytes: [u8; 32] = bytes.ok().and_then(|b| b.try_into().ok()).ok_or(PinError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_written_as_it_is_read() {
        let text = format!("sha256/{}", STANDARD.encode([7; 32]));
        assert_eq!(text.parse::<Pin>().map(|pin| pin.to_string()), Ok(text));
        for odd in ["", "sha256/", "sha1/AAAA", "sha256/AAAA", "BwcHBw=="] {
            assert_eq!(odd.parse::<Pin>(), Err(PinError), "{odd}");
        }
    }
}
