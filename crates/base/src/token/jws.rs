//! The compact form of a signed token (RFC 7515), with HS256 and nothing else.
//!
//! Every LiveKit token has the same header, so it is written from a constant and read by
//! comparison; another spelling of the same header is parsed. The key's hash state is prepared
//! once, in [`Mac`], and copied for each token.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::claims::Claims;
use super::error::VerifyError;

/// Longest token read, in bytes, unless the caller says otherwise.
pub const TOKEN_LIMIT: usize = 8 * 1024;

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The other spellings that LiveKit's SDKs use: `typ` first, and no `typ`.
const KNOWN: [&str; 3] = [
    HEADER,
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJIUzI1NiJ9",
];

const ALGORITHM: &str = "HS256";

/// Characters of an encoded signature.
const SIGNATURE_LEN: usize = 43;

/// A prepared secret. There is none for an empty one, which would sign for anybody.
#[derive(Clone)]
pub(super) struct Mac(hmac::Key);

impl Mac {
    pub(super) fn new(secret: &[u8]) -> Option<Self> {
        (!secret.is_empty()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The token that carries `payload`.
    pub(super) fn seal(&self, payload: &[u8]) -> String {
        let encoded = payload.len().saturating_mul(4).div_ceil(3);
        let mut token = String::with_capacity(HEADER.len() + encoded + SIGNATURE_LEN + 2);
        token.push_str(HEADER);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let tag = hmac::sign(&self.0, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(tag, &mut token);
        token
    }

    /// Compares in constant time.
    pub(super) fn fits(&self, parts: &Parts<'_>) -> Result<(), VerifyError> {
        let mut tag = [0; 33];
        let len = URL_SAFE_NO_PAD
            .decode_slice(parts.signature, &mut tag)
            .map_err(|_| VerifyError::Signature)?;
        let tag = tag.get(..len).unwrap_or_default();
        hmac::verify(&self.0, parts.signed.as_bytes(), tag).map_err(|_| VerifyError::Signature)
    }
}

/// A token taken apart. Nothing of it is believed yet.
pub(super) struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    signed: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str, limit: usize) -> Result<Self, VerifyError> {
        if token.len() > limit {
            return Err(VerifyError::TooLong { limit });
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(VerifyError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(VerifyError::Malformed)?;
        Ok(Self {
            header,
            payload,
            signature,
            signed,
        })
    }

    /// The algorithm is pinned, and an extension that must be understood is not.
    pub(super) fn check_header(&self) -> Result<(), VerifyError> {
        if KNOWN.contains(&self.header) {
            return Ok(());
        }
        let header: Header = json(self.header)?;
        if header.crit.is_some() {
            return Err(VerifyError::Malformed);
        }
        (header.alg == ALGORITHM)
            .then_some(())
            .ok_or(VerifyError::Algorithm)
    }

    pub(super) fn claims<T: DeserializeOwned>(&self) -> Result<T, VerifyError> {
        json(self.payload)
    }
}

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    alg: String,
    crit: Option<IgnoredAny>,
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, VerifyError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| VerifyError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| VerifyError::Malformed)
}

/// What a token says of itself, with nothing checked: for showing to a person, never for trust.
#[derive(Clone, Debug, PartialEq)]
pub struct Unverified {
    /// The header as it stands.
    pub header: serde_json::Value,
    /// The claims as they stand, unknown ones included.
    pub raw: serde_json::Value,
    /// The claims as LiveKit reads them.
    pub claims: Claims,
}

impl Unverified {
    /// Reads a token without a key.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] when the text is not a token, [`VerifyError::TooLong`] when it is
    /// longer than [`TOKEN_LIMIT`].
    pub fn read(token: &str) -> Result<Self, VerifyError> {
        let parts = Parts::of(token, TOKEN_LIMIT)?;
        URL_SAFE_NO_PAD
            .decode(parts.signature)
            .map_err(|_| VerifyError::Malformed)?;
        Ok(Self {
            header: json(parts.header)?,
            raw: parts.claims()?,
            claims: parts.claims()?,
        })
    }

    /// The algorithm it names.
    pub fn algorithm(&self) -> &str {
        self.header
            .get("alg")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    }
}
