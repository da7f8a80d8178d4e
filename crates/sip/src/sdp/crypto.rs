//! `a=crypto`: keys for encrypted media in the description itself (SDES, RFC 4568), offered in
//! `RTP/SAVP`, or beside plain `RTP/AVP` for those who can (RFC 8643).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::session::{Attribute, Media};
use crate::srtp::{Lifetime, MasterKey, Mki, Suite};

/// Whether media is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Never.
    Disable,
    /// Where the other side can.
    #[default]
    Allow,
    /// Or there is no call.
    Require,
}

impl Encryption {
    /// As it is configured.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Require => "require",
        }
    }
}

/// One line: the keys its writer sends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CryptoLine {
    /// What the answer calls it.
    pub tag: u32,
    /// All of one suite; one, or several that are named in packets.
    keys: Vec<MasterKey>,
}

/// The keys of both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// What we encrypt with.
    pub ours: MasterKey,
    /// What the other side does, never empty.
    pub theirs: Vec<MasterKey>,
}

/// Our side: what we allow, and a key for each suite, best first. An offer names the first
/// two of them; of what others offer each may be taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalCrypto {
    /// Whether.
    pub encryption: Encryption,
    /// With what.
    pub keys: Vec<MasterKey>,
}

/// Why a section and our side do not come together over encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Something else than RTP.
    #[error("not carried by rtp")]
    Protocol,
    /// Plain, and we want it encrypted.
    #[error("audio must be encrypted: offer RTP/SAVP with a=crypto")]
    Plain,
    /// Encrypted, and we do not want that.
    #[error("encrypted audio is switched off here: offer RTP/AVP")]
    Encrypted,
    /// Encrypted with something we do not have.
    #[error("no a=crypto line that is spoken here, such as AES_CM_128_HMAC_SHA1_80")]
    Suite,
    /// Keys from a DTLS handshake.
    #[error("DTLS-SRTP is not spoken here: offer RTP/SAVP with a=crypto")]
    Dtls,
}

/// What a section is carried by.
enum Profile {
    Plain,
    Encrypted,
    Dtls,
    Other,
}

impl Profile {
    fn of(media: &Media) -> Self {
        match media.protocol.to_ascii_uppercase().as_str() {
            "RTP/AVP" | "RTP/AVPF" => Self::Plain,
            "RTP/SAVP" | "RTP/SAVPF" => Self::Encrypted,
            "UDP/TLS/RTP/SAVP" | "UDP/TLS/RTP/SAVPF" => Self::Dtls,
            _ => Self::Other,
        }
    }
}

impl CryptoLine {
    /// A line of ours.
    pub fn new(tag: u32, key: MasterKey) -> Self {
        Self {
            tag,
            keys: vec![key],
        }
    }

    /// Its suite.
    pub fn suite(&self) -> Option<Suite> {
        self.keys.first().map(MasterKey::suite)
    }

    /// The keys its writer sends with.
    pub fn keys(&self) -> &[MasterKey] {
        &self.keys
    }

    /// Reads `1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4 WSH=64`. `None` for what cannot be used:
    /// another suite, another method, a key of the wrong length, or a parameter that changes what
    /// is encrypted (RFC 4568 6.3).
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_whitespace();
        let tag = words.next()?;
        let is_tag = (1..=9).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_digit());
        let tag = is_tag.then(|| tag.parse().ok())??;
        let suite = Suite::parse(words.next()?)?;
        // Spaces after the semicolons are nobody's right, and some write them.
        let mut keys = Vec::new();
        let mut rest = words.peekable();
        while let Some(word) = rest.next_if(|word| keys.is_empty() || is_key(word)) {
            for key in word.split(';').filter(|key| !key.is_empty()) {
                keys.push(parse_key(suite, key)?);
            }
        }
        let usable = one_length(&keys) && rest.all(is_harmless);
        usable.then_some(Self { tag, keys })
    }

    /// As it stands in a description, keys included: no `Display`, so that no log ever has it.
    pub(super) fn written(&self) -> String {
        let suite = self.suite().map_or("", Suite::name);
        let keys: Vec<String> = self.keys.iter().map(written_key).collect();
        format!("{} {suite} {}", self.tag, keys.join(";"))
    }
}

impl LocalCrypto {
    /// Puts the key of this suite before all others.
    pub fn prefer(&mut self, suite: Suite) {
        self.keys.sort_by_key(|key| key.suite() != suite);
    }

    /// The lines of an offer of ours.
    pub(super) fn lines(&self) -> Vec<Attribute> {
        if self.encryption == Encryption::Disable {
            return Vec::new();
        }
        (1..)
            .zip(self.keys.iter().take(OFFERED))
            .map(|(tag, key)| attribute(&CryptoLine::new(tag, key.clone())))
            .collect()
    }

    /// What an offer of ours is carried by. One that allows both is plain with keys beside it
    /// (RFC 8643): who knows nothing of keys passes them over.
    pub(super) const fn protocol(&self) -> &'static str {
        match self.encryption {
            Encryption::Disable | Encryption::Allow => "RTP/AVP",
            Encryption::Require => "RTP/SAVP",
        }
    }

    /// What we take of a section that is offered: nothing for plain RTP, or our line for the answer
    /// and the keys of both. Of several lines the first that we can, as whoever offers wants it
    /// (RFC 4568 5.1.2).
    pub(super) fn take(&self, media: &Media) -> Result<Option<(CryptoLine, Keys)>, Unfit> {
        let profile = Profile::of(media);
        if self.encryption == Encryption::Disable {
            return self.without(&profile).map(|()| None);
        }
        let taken = || {
            lines_of(media).find_map(|line| {
                let suite = line.suite()?;
                let ours = self.keys.iter().find(|key| key.suite() == suite)?.clone();
                let keys = Keys {
                    ours: ours.clone(),
                    theirs: line.keys,
                };
                Some((CryptoLine::new(line.tag, ours), keys))
            })
        };
        match profile {
            Profile::Encrypted => taken().map(Some).ok_or(Unfit::Suite),
            Profile::Plain => match taken() {
                None if self.encryption == Encryption::Require => Err(Unfit::Plain),
                taken => Ok(taken),
            },
            Profile::Dtls | Profile::Other => self.without(&profile).map(|()| None),
        }
    }

    /// The keys that an answer to our offer chose, if it chose any. Its tag says which of our lines
    /// it took; one that takes no line of ours encrypts with nothing we know.
    pub(super) fn taken(&self, media: &Media) -> Result<Option<Keys>, Unfit> {
        let profile = Profile::of(media);
        if self.encryption == Encryption::Disable {
            return self.without(&profile).map(|()| None);
        }
        let is_keyed = media.attributes.iter().any(|a| a.name == NAME);
        match profile {
            Profile::Plain if !is_keyed => match self.encryption {
                Encryption::Require => Err(Unfit::Plain),
                Encryption::Allow | Encryption::Disable => Ok(None),
            },
            Profile::Plain | Profile::Encrypted => {
                let taken = lines_of(media).find_map(|line| {
                    let at = usize::try_from(line.tag).ok()?.checked_sub(1)?;
                    let ours = self.keys.iter().take(OFFERED).nth(at)?;
                    (Some(ours.suite()) == line.suite()).then(|| Keys {
                        ours: ours.clone(),
                        theirs: line.keys,
                    })
                });
                taken.map(Some).ok_or(Unfit::Suite)
            }
            Profile::Dtls | Profile::Other => self.without(&profile).map(|()| None),
        }
    }

    /// Is this section one that needs no keys?
    fn without(&self, profile: &Profile) -> Result<(), Unfit> {
        match profile {
            Profile::Plain => Ok(()),
            Profile::Encrypted => Err(Unfit::Encrypted),
            Profile::Dtls if self.encryption == Encryption::Disable => Err(Unfit::Encrypted),
            Profile::Dtls => Err(Unfit::Dtls),
            Profile::Other => Err(Unfit::Protocol),
        }
    }
}

pub(super) fn attribute(line: &CryptoLine) -> Attribute {
    Attribute::new(NAME, line.written())
}

fn lines_of(media: &Media) -> impl Iterator<Item = CryptoLine> {
    let named = media.attributes.iter().filter(|a| a.name == NAME);
    named
        .take(MAX_LINES)
        .filter_map(|a| CryptoLine::parse(a.value.as_deref()?))
}

fn is_key(word: &&str) -> bool {
    word.get(..INLINE.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(INLINE))
}

fn written_key(key: &MasterKey) -> String {
    let mut text = format!("{INLINE}{}", BASE64.encode(key.expose()));
    if let Some(Lifetime(packets)) = key.lifetime {
        let _ = write!(text, "|{packets}");
    }
    if let Some(Mki(bytes)) = &key.mki {
        let number = bytes
            .iter()
            .fold(0, |sum: u128, b| sum << 8 | u128::from(*b));
        let _ = write!(text, "|{number}:{}", bytes.len());
    }
    text
}

/// `inline:KEY|LIFETIME|MKI:LENGTH`, the latter two if they are there.
fn parse_key(suite: Suite, text: &str) -> Option<MasterKey> {
    let body = text.get(INLINE.len()..).filter(|_| is_key(&text))?;
    let mut parts = body.split('|');
    let mut key = MasterKey::new(suite, BASE64.decode(parts.next()?).ok()?)?;
    for part in parts {
        match part.split_once(':') {
            Some((number, length)) => key.mki = Some(parse_mki(number, length)?),
            None => key.lifetime = Some(parse_lifetime(part)?),
        }
    }
    Some(key)
}

fn parse_mki(number: &str, length: &str) -> Option<Mki> {
    let number: u128 = number.parse().ok()?;
    let length: usize = length.parse().ok()?;
    let bytes = number.to_be_bytes();
    let spare = bytes.len().checked_sub(length)?;
    let (zeros, kept) = bytes.split_at_checked(spare)?;
    // Of 128 bytes the standard would allow, a number in words of today needs sixteen.
    (length > 0 && zeros.iter().all(|b| *b == 0)).then(|| Mki(kept.to_vec()))
}

fn parse_lifetime(text: &str) -> Option<Lifetime> {
    let packets = match text.strip_prefix("2^") {
        Some(power) => 1_u64.checked_shl(power.parse().ok()?)?,
        None => text.parse().ok()?,
    };
    (packets > 0).then_some(Lifetime(packets))
}

/// Several keys need names, all of one length.
fn one_length(keys: &[MasterKey]) -> bool {
    let length = |key: &MasterKey| key.mki.as_ref().map_or(0, |mki| mki.0.len());
    let Some(first) = keys.first().map(length) else {
        return false;
    };
    (keys.len() == 1 || first > 0)
        && keys.len() <= MAX_KEYS
        && keys.iter().all(|key| length(key) == first)
}

/// Is this a parameter that can be passed over: a hint about the window, one that says so of
/// itself, or one that says what goes without saying?
fn is_harmless(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    name.eq_ignore_ascii_case("WSH") || word.starts_with('-') || word.eq_ignore_ascii_case("KDR=0")
}

/// Keys with their padding or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

const NAME: &str = "crypto";
const INLINE: &str = "inline:";

/// Lines in an offer of ours. All six make an INVITE that fits no packet, and fragments get lost.
const OFFERED: usize = 2;

/// Lines that are looked at: there are ten suites, and phones offer each once.
const MAX_LINES: usize = 32;

/// Keys in one line.
const MAX_KEYS: usize = 8;
