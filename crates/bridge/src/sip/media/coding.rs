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

/// May the packets of a room go to that phone as they are?
pub(super) fn relays(agreement: &Agreement) -> bool {
    let fits = agreement
        .opus
        .max_bitrate
        .is_none_or(|bits| bits >= USUAL_BITRATE);
    agreement.codec == Codec::Opus && fits
}

/// Sound to payloads, for one codec after the other.
pub(super) struct Coder {
    made_for: (Codec, OpusWishes),
    inner: Inner,
}

enum Inner {
    G711(Law),
    G722(Box<Wide>),
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
            Inner::G722(wide) => wide.encode(pcm, out),
            Inner::Opus(encoder) => {
                if encoder.encode_to(pcm, out).is_err() {
                    out.extend_from_slice(OPUS_SILENCE);
                }
            }
            Inner::Silent => out.extend_from_slice(OPUS_SILENCE),
        }
    }

    /// Appends the payload of so many samples of silence, ready-made where it can be.
    pub(super) fn silence(&mut self, samples: usize, out: &mut Vec<u8>) {
        match &mut self.inner {
            Inner::G711(law) => out.resize(out.len() + samples, law.silence()),
            Inner::G722(wide) => wide.silence(samples, out),
            Inner::Opus(_) | Inner::Silent => out.extend_from_slice(OPUS_SILENCE),
        }
    }
}

/// G.722, whose silence depends on what was said before it, for a while: a predictor runs down. When
/// silence has made the same bytes in two packets, it has, and they are repeated.
#[derive(Default)]
struct Wide {
    encoder: g722::Encoder,
    /// What silence made last, and in how many packets.
    last: Vec<u8>,
    alike: u8,
    silence: Vec<i16>,
}

impl Wide {
    fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        self.alike = 0;
        self.encoder.encode(pcm, out);
    }

    fn silence(&mut self, samples: usize, out: &mut Vec<u8>) {
        let begin = out.len();
        if self.alike >= RUN_DOWN && self.last.len() == samples / 2 {
            return out.extend_from_slice(&self.last);
        }
        self.silence.resize(samples, 0);
        self.encoder.encode(&self.silence, out);
        let made = out.get(begin..).unwrap_or_default();
        if self.last == made {
            self.alike = self.alike.saturating_add(1);
        } else {
            self.alike = 1;
            self.last.clear();
            self.last.extend_from_slice(made);
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

/// Packets that have to be alike before they are taken for what silence will make for ever.
const RUN_DOWN: u8 = 3;

/// 20 ms of silence, ready-made (RFC 6716: full band, one frame in which nothing is coded).
pub(super) const OPUS_SILENCE: &[u8] = &[0xf8, 0xff, 0xfe];

/// Bits per second of a voice in a room. Whoever wants less gets a coding of its own.
const USUAL_BITRATE: u32 = 32_000;
