//! The phone's codecs as arithmetic: at which rate each is used, and how sound becomes packets.

use trunkline_media::SampleRate;
use trunkline_media::g711::{self, Law};
use trunkline_media::g722;
use trunkline_media::opus::{self, Voice};
use trunkline_media::playout;
use trunkline_sip::sdp::{Agreement, Codec, OpusWishes};

/// The companding law of a codec that is G.711.
pub(crate) const fn law(codec: Codec) -> Option<Law> {
    match codec {
        Codec::Pcmu => Some(Law::Mu),
        Codec::Pcma => Some(Law::A),
        Codec::G722 | Codec::Opus => None,
    }
}

/// The same codec as the media library names it.
pub(super) const fn playout(codec: Codec) -> playout::Codec {
    match codec {
        Codec::Pcmu => playout::Codec::G711(Law::Mu),
        Codec::Pcma => playout::Codec::G711(Law::A),
        Codec::G722 => playout::Codec::G722,
        Codec::Opus => playout::Codec::Opus,
    }
}

/// The rate of sound on its way to and from that codec: its own, so that a narrow band is coded as
/// one. Opus has none; several voices for it are mixed in the super-wide band of speech.
pub(super) const fn rate(codec: Codec) -> SampleRate {
    match codec {
        Codec::Pcmu | Codec::Pcma => SampleRate::HZ_8000,
        Codec::G722 => SampleRate::HZ_16000,
        Codec::Opus => SampleRate::HZ_24000,
    }
}

/// Sound to payloads, for one codec after the other.
pub(super) struct Coder {
    made_for: (Codec, OpusWishes),
    inner: Inner,
}

enum Inner {
    G711(Law),
    G722(Box<g722::Encoder>),
    Opus(opus::Encoder),
    /// libopus would not; its listener hears silence.
    Silent,
}

impl Coder {
    /// The coder for an agreement: the same one while nothing changes.
    pub(super) fn for_agreement<'a>(
        kept: &'a mut Option<Self>,
        agreed: &Agreement,
    ) -> &'a mut Self {
        let wanted = (agreed.codec, agreed.opus);
        if kept.as_ref().is_some_and(|coder| coder.made_for != wanted) {
            *kept = None;
        }
        kept.get_or_insert_with(|| Self {
            made_for: wanted,
            inner: Inner::new(agreed),
        })
    }

    /// Appends the payload of one packet.
    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        match &mut self.inner {
            Inner::G711(law) => g711::encode(*law, pcm, out),
            Inner::G722(encoder) => encoder.encode(pcm, out),
            Inner::Opus(encoder) => match encoder.encode(pcm) {
                Ok(packet) => out.extend_from_slice(&packet),
                Err(_) => out.extend_from_slice(OPUS_SILENCE),
            },
            Inner::Silent => out.extend_from_slice(OPUS_SILENCE),
        }
    }
}

impl Inner {
    fn new(agreed: &Agreement) -> Self {
        if let Some(law) = law(agreed.codec) {
            return Self::G711(law);
        }
        if agreed.codec == Codec::G722 {
            return Self::G722(Box::default());
        }
        let usual = Voice::default();
        let voice = Voice {
            fec: agreed.opus.fec,
            bitrate: usual
                .bitrate
                .map(|bits| bits.min(agreed.opus.max_bitrate.unwrap_or(bits))),
            ..usual
        };
        opus::Encoder::voice(rate(Codec::Opus), voice).map_or(Self::Silent, Self::Opus)
    }
}

/// 20 ms of silence, ready-made (RFC 6716: full band, one frame in which nothing is coded).
pub(super) const OPUS_SILENCE: &[u8] = &[0xf8, 0xff, 0xfe];
