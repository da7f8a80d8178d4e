//! The codecs of the phone's side: their names, numbers and clocks, and which of an offer's is taken.

use super::session::{Attribute, Media};

/// Codecs we speak on the phone side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// What rooms speak: wide band, packets may pass as they are.
    Opus,
    /// Wide band over telephone lines.
    G722,
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl Codec {
    /// All of them, best first: what needs no transcoding, then the widest band.
    pub const ALL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcmu, Self::Pcma];

    /// Its name, as people write it in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "OPUS",
            Self::G722 => "G722",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// Its payload type in offers of ours: static, or what everybody uses for it.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Opus => 111,
            Self::G722 => 9,
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// Ticks of its RTP clock in a second. G.722 is counted at half its rate (RFC 3551 4.5.2).
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 | Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The codec of that name, whatever its case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// `a=rtpmap` and, where there is something to say, `a=fmtp`. Opus is always called stereo and
    /// tells otherwise of itself (RFC 7587 7).
    pub(super) fn describe(self, payload_type: u8) -> Vec<Attribute> {
        let clock = self.clock_hz();
        match self {
            Self::Opus => vec![
                Attribute::new("rtpmap", format!("{payload_type} opus/{clock}/2")),
                Attribute::new("fmtp", format!("{payload_type} {OPUS_WISHES}")),
            ],
            Self::G722 | Self::Pcmu | Self::Pcma => {
                let name = self.name();
                vec![Attribute::new(
                    "rtpmap",
                    format!("{payload_type} {name}/{clock}"),
                )]
            }
        }
    }

    const fn is_g711(self) -> bool {
        matches!(self, Self::Pcmu | Self::Pcma)
    }
}

/// Whose order of codecs counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preference {
    /// Ours, in answers of ours.
    Ours,
    /// Theirs, in answers of theirs.
    Theirs,
}

/// The codec of a section and its payload type, if one of `allowed` is there. The two laws of G.711
/// count as one in our order: none sounds better, and what the phone names first needs no conversion
/// on its way here.
pub(super) fn preferred(
    media: &Media,
    allowed: &[Codec],
    preference: Preference,
) -> Option<(u8, Codec)> {
    let place = |codec: Codec| {
        allowed
            .iter()
            .position(|one| *one == codec || one.is_g711() && codec.is_g711())
    };
    payload_types(media)
        .filter_map(|payload_type| {
            let (name, clock) = media.encoding(payload_type)?;
            let codec = Codec::parse(&name).filter(|codec| codec.clock_hz() == clock)?;
            allowed.contains(&codec).then_some((payload_type, codec))
        })
        .min_by_key(|(_, codec)| match preference {
            Preference::Ours => place(*codec),
            Preference::Theirs => None,
        })
}

/// The payload type of keys and their clock: the voice's before the telephone's before any other,
/// which some phones name although their voice has another.
pub(super) fn keys(media: &Media, codec: Codec) -> Option<(u8, u32)> {
    payload_types(media)
        .filter_map(|payload_type| {
            let (name, clock) = media.encoding(payload_type)?;
            let usable = name == "TELEPHONE-EVENT" && EVENT_CLOCKS.contains(&clock);
            usable.then_some((payload_type, clock))
        })
        .min_by_key(|(_, clock)| (*clock != codec.clock_hz(), *clock != 8000))
}

/// The payload type of comfort noise, where it is offered and belongs to the codec (RFC 3389 4).
pub(super) fn comfort_noise(media: &Media, codec: Codec) -> Option<u8> {
    payload_types(media)
        .find(|payload_type| media.encoding(*payload_type) == Some(("CN".to_owned(), 8000)))
        .filter(|_| codec.is_g711())
}

/// What the other side wants of Opus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpusWishes {
    /// It can use the copies of lost packets.
    pub fec: bool,
    /// Bits per second it takes on average at most.
    pub max_bitrate: Option<u32>,
}

impl OpusWishes {
    pub(super) fn of(media: &Media, payload_type: u8) -> Self {
        let mut wishes = Self::default();
        for (name, value) in media.parameters(payload_type) {
            match name.to_ascii_lowercase().as_str() {
                "useinbandfec" => wishes.fec = value == "1",
                "maxaveragebitrate" => wishes.max_bitrate = value.parse().ok(),
                _ => {}
            }
        }
        wishes
    }
}

/// What a section offers, for people: names, and numbers that mean nothing to us. What strangers
/// wrote is cut to letters and digits, since it goes into a header.
pub(super) fn offered(media: &Media) -> Vec<String> {
    payload_types(media)
        .map(|payload_type| match media.encoding(payload_type) {
            Some((name, _)) => name.chars().filter(char::is_ascii_alphanumeric).collect(),
            None => payload_type.to_string(),
        })
        .filter(|name: &String| !name.is_empty() && name.len() <= LONGEST_NAME)
        .filter(|name| name != "CN" && !name.starts_with("TELEPHONE"))
        .take(MOST_NAMES)
        .collect()
}

fn payload_types(media: &Media) -> impl Iterator<Item = u8> {
    media
        .formats
        .iter()
        .filter_map(|format| format.parse().ok())
        .filter(|number| is_usable(*number))
}

/// A payload type has seven bits. Those that look like RTCP beside RTP on one port are no codec's
/// (RFC 5761 4).
fn is_usable(payload_type: u8) -> bool {
    payload_type < 128 && !(72..=76).contains(&payload_type)
}

/// One voice; copies of lost packets are welcome.
const OPUS_WISHES: &str = "useinbandfec=1;stereo=0;sprop-stereo=0";

/// Clocks that keys are offered on.
const EVENT_CLOCKS: &[u32] = &[8000, 16_000, 24_000, 32_000, 48_000];

/// Longer names are none of any codec.
const LONGEST_NAME: usize = 16;

/// Enough to see what a phone speaks.
const MOST_NAMES: usize = 8;
